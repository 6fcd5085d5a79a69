"""The stored forms of a feed's state and of its entry memory, by the version of the state; pure.

Version 1 is what msgspec and ``fetcher/memory.py`` make. Version 2 says the same in two fifths and in two
thirds of the bytes: what is known of a feed is written in microseconds, and waits in Redis for hours.
"""

from __future__ import annotations

import calendar
import re
import struct
import zlib
from collections.abc import Callable, Sequence
from email.utils import formatdate
from functools import cache
from itertools import chain
from typing import Any

import msgspec

from workers.model import FeedConfig, FeedState, Search

_TWO = 2
_ONE, _MARK = b"\x01", b"\x02"
_MAPS = 0x80
"""How a memory of version 1 begins, and what is of version 2. Maps of msgpack begin with ``_MAPS`` or
more, addresses with less."""

_state_decoder = msgspec.msgpack.Decoder(FeedState)
_config_decoder = msgspec.msgpack.Decoder(FeedConfig)
_values_decoder = msgspec.msgpack.Decoder(list[Any])
_encoder = msgspec.msgpack.Encoder()

# In version 2 a field is known by its place: new ones go to the end, none that was in a release goes away.
_FIELDS = FeedState.__struct_fields__
_DEFAULTS = msgspec.structs.astuple(FeedState())
_AT = {name: n for n, name in enumerate(_FIELDS)}
_BITS = tuple(1 << n for n in range(len(_FIELDS)))
_LAST, _HISTORY, _SEARCH = _AT["last_polled_ms"], _AT["history"], _AT["search"]
_CONFIGURED, _LINK, _MODIFIED = _AT["config_url"], _AT["link"], _AT["last_modified"]
_TUPLES = tuple(n for n, default in enumerate(_DEFAULTS) if default == () and n != _HISTORY)
_FLOATS = tuple(n for n, default in enumerate(_DEFAULTS) if isinstance(default, float))
_MOMENTS = tuple(
    n for n, name in enumerate(_FIELDS)
    if name.endswith("_ms") and name not in ("last_polled_ms", "update_base_ms")
)  # fmt: skip
"""Times that are written as ms before the last poll: many are the same or shortly before."""
_ANOTHER = "another:"
"""In the place of the URL that a state was learned from, where the feed has since got another in the list."""
_SPOKEN = _AT["status"], _AT["due_why"]
_SECOND_MS = 1_000
_MOST = 1 << 31
# Words that most states say; part of version 2: others may only be added at the end.
_WORDS = (
    "not_modified", "unchanged", "no_news", "new", "updated", "healthy", "failing", "silent",
    "cadence", "learning", "interval", "backoff", "asked_by_feed", "turnover", "skipped_hours", "throttled",
    "server_error", "timeout", "dns_error", "not_found", "forbidden", "connect_refused", "tls_error",
)  # fmt: skip
_CODES: dict[str, Any] = {word: n for n, word in enumerate(_WORDS)}
_DATE = re.compile(r"\w{3}, (\d\d) (\w{3}) ((?:19|20)\d\d) (\d\d):(\d\d):(\d\d) GMT", re.ASCII)
_MONTHS = ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]

_HEAD = struct.Struct("<BI")
_ROW = struct.Struct("26s10s12s16s")
"""Of a record: raw, guid and url; the article; three hashes; and what is alike in all records of a feed."""
_KEPT, _ALIKE = 38, 16
_LEVEL, _WINDOW_BITS = 6, -12  # no header, and little is set up for so little


class _Version(msgspec.Struct):
    version: int


@cache
def version_of(marker: str) -> int:
    """The version of the state that a marker's text names."""
    return msgspec.json.decode(marker, type=_Version).version


def pack_state(state: FeedState, version: int, url: str) -> bytes:
    """A feed's state in its stored form. ``url``: that of its configuration."""
    if version < _TWO:
        return _encoder.encode(state)
    values = list(msgspec.structs.astuple(state))
    there = [n for n, value in enumerate(values) if value != _DEFAULTS[n]]
    last = values[_LAST]
    for n in _MOMENTS:
        values[n] = last - values[n]
    for n in _FLOATS:
        if -_MOST < values[n] < _MOST and float(values[n]).is_integer():
            values[n] = int(values[n])  # in one to five bytes instead of nine
    for n in _SPOKEN:
        values[n] = _CODES.get(values[n], values[n])
    values[_HISTORY] = _pack_history(state.history, last)
    values[_MODIFIED] = _seconds(state.last_modified)
    if state.config_url == url:
        values[_CONFIGURED] = zlib.crc32(url.encode())
    if state.config_url == url and (site := _site(url)) and state.link.startswith(site):
        values[_LINK] = [state.link[len(site) :]]
    mask = sum([_BITS[n] for n in there])
    return _MARK + _encoder.encode([mask, *[values[n] for n in there]])


def unpack_state(stored: bytes, url: str) -> FeedState:
    """A feed's state from its stored form, of whichever version; a new one when there is none.

    Raises ValueError (also msgspec's errors) when it is damaged.
    """
    if not stored:
        return FeedState()
    if stored[:1] != _MARK:
        return _state_decoder.decode(stored)
    values = _values_decoder.decode(memoryview(stored)[1:])
    mask = values[0]
    there = [n for n, bit in enumerate(_BITS) if mask & bit]
    found: dict[int, Any] = dict(zip(there, values[1:], strict=False))  # a later release has more
    _restore(found, url)
    return FeedState(**{_FIELDS[n]: value for n, value in found.items()})


def _restore(found: dict[int, Any], url: str) -> None:
    """Make what was found in a state what it was before it was packed."""
    last = found.get(_LAST, 0)
    for kind, fields in _KINDS:
        for n in fields:
            if n in found:
                found[n] = kind(found[n])
    for n in _MOMENTS:
        if n in found:
            found[n] = last - found[n]
    configured, link = found.get(_CONFIGURED, ""), found.get(_LINK, "")
    is_same = configured == zlib.crc32(url.encode())
    if isinstance(configured, int):
        found[_CONFIGURED] = url if is_same else _ANOTHER
    if isinstance(link, list):
        found[_LINK] = _site(url) + link[0] if is_same else ""
    if _HISTORY in found:
        found[_HISTORY] = _unpack_history(found[_HISTORY], last)


def _pack_history(history: Sequence[tuple[int, str, int]], last: int) -> list[Any]:
    """When the newest was (ms before the last poll), the outcomes that there are, and of each poll, newest
    first, whole seconds before the one after it, and its outcome."""
    if not history:
        return []
    outcomes: dict[tuple[str, int], int] = {}
    packed: list[Any] = [last - history[-1][0], outcomes]
    seconds = history[-1][0] // _SECOND_MS
    for at_ms, reason, status in reversed(history):
        packed += (
            seconds - at_ms // _SECOND_MS,
            outcomes.setdefault((reason, status), len(outcomes)),
        )
        seconds = at_ms // _SECOND_MS
    packed[1] = [
        part for reason, status in outcomes for part in (_CODES.get(reason, reason), status)
    ]
    return packed


def _unpack_history(packed: list[Any], last: int) -> tuple[tuple[int, str, int], ...]:
    newest, outcomes = last - packed[0], packed[1]
    seconds, found = newest // _SECOND_MS, []
    for before, which in zip(packed[2::2], packed[3::2], strict=True):
        seconds -= before
        reason, status = _word(outcomes[2 * which]), outcomes[2 * which + 1]
        found.append((seconds * _SECOND_MS, reason, status))
    found[0] = newest, *found[0][1:]
    return tuple(reversed(found))


def _word(packed: Any) -> str:
    return packed if isinstance(packed, str) else _WORDS[packed]


def _search(packed: Any) -> Search:
    return msgspec.convert(packed, Search)


def _site(url: str) -> str:
    return url[: url.find("/", len("https://")) + 1]


def _seconds(date: str) -> Any:
    """A date of HTTP as seconds since the epoch, where exactly it comes of them."""
    found = _DATE.fullmatch(date)
    if found is None or found[2] not in _MONTHS:
        return date
    day, _, *numbers = found.groups()
    month, (year, hour, minute, second) = _MONTHS.index(found[2]) + 1, map(int, numbers)
    at = calendar.timegm((year, month, int(day), hour, minute, second))
    return at if _date(at) == date else date


def _date(packed: Any) -> str:
    return packed if isinstance(packed, str) else formatdate(packed, usegmt=True)


_KINDS: tuple[tuple[Callable[[Any], Any], tuple[int, ...]], ...] = (
    (float, _FLOATS),
    (tuple, _TUPLES),
    (_word, _SPOKEN),
    (_date, (_MODIFIED,)),
    (_search, (_SEARCH,)),
)
"""How fields are made again what they were."""


def pack_config(config: FeedConfig, version: int) -> bytes:
    """A feed's configuration in its stored form. Version 2 leaves out the id, by which it is found, and is
    the URL alone where the list says no more."""
    if version < _TWO:
        return _encoder.encode(config)
    if config == FeedConfig(config.id, config.url):
        return config.url.encode()
    return _encoder.encode(msgspec.structs.replace(config, id=""))


def unpack_config(stored: bytes, feed_id: str) -> FeedConfig:
    """A feed's configuration from its stored form, of whichever version."""
    if stored[0] < _MAPS:
        return FeedConfig(feed_id, stored.decode())
    config = _config_decoder.decode(stored)
    return config if config.id else msgspec.structs.replace(config, id=feed_id)


def pack_memory(memory: bytes, version: int) -> bytes:
    """An entry memory, given in version 1, in its stored form; what is none is left as it is.

    Hashes stay as they are. Of an article's id what it has not in common with the URL's hash, and what is
    alike in most records, is written column by column and deflated to next to nothing.
    """
    if version < _TWO or memory[:1] != _ONE:
        return memory
    _, size = _HEAD.unpack_from(memory)
    start = _HEAD.size + size
    rows = list(_ROW.iter_unpack(memoryview(memory)[start:]))
    kept = b"".join(chain.from_iterable((names, hashes) for names, _, hashes, _ in rows))
    urls = b"".join(names[16:] for names, *_ in rows)
    alike = b"".join(row[3] for row in rows)
    columns = b"".join(alike[n::_ALIKE] for n in range(_ALIKE))
    other = _xor(urls, b"".join(row[1] for row in rows))
    packed = zlib.compress(other + columns, _LEVEL, _WINDOW_BITS)
    head = _MARK + _HEAD.pack(1, len(rows)) + _HEAD.pack(1, size)
    return b"".join((head, memory[_HEAD.size : start], kept, packed))


def unpack_memory(stored: bytes) -> bytes:
    """An entry memory in version 1, from its stored form of whichever version; empty when there is none."""
    if stored[:1] != _MARK:
        return stored
    _, count = _HEAD.unpack_from(stored, 1)
    _, size = _HEAD.unpack_from(stored, 1 + _HEAD.size)
    blocks = 1 + 2 * _HEAD.size
    start = blocks + size
    kept, end = stored[start : start + count * _KEPT], start + count * _KEPT
    rest = zlib.decompress(stored[end:], _WINDOW_BITS)
    columns, alike = rest[count * 10 :], bytearray(count * _ALIKE)
    for n in range(_ALIKE):
        alike[n::_ALIKE] = columns[n * count : (n + 1) * count]
    urls = b"".join(kept[at + 16 : at + 26] for at in range(0, len(kept), _KEPT))
    articles = _xor(urls, rest[: count * 10])
    rows = [
        kept[n * 38 : n * 38 + 26]
        + articles[n * 10 : n * 10 + 10]
        + kept[n * 38 + 26 : n * 38 + 38]
        + alike[n * 16 : n * 16 + 16]
        for n in range(count)
    ]
    return _HEAD.pack(1, size) + stored[blocks:start] + b"".join(rows)


def _xor(one: bytes, other: bytes) -> bytes:
    return (int.from_bytes(one, "big") ^ int.from_bytes(other, "big")).to_bytes(len(one), "big")
