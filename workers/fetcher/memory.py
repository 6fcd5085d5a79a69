"""What a feed has shown: packed records, read and written whole by the holder of the feed's claim.

One string a feed instead of a key an entry: a poll reads it with one GET, the fence of the claim makes
read-modify-write safe, and an entry costs 64 bytes with its guid, URL, article id and field hashes.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from workers.parsing.pieces import PRINT_BYTES

VERSION = 1
FOREIGN = 1
"""Flag: another feed owns the article; this one only shows it too."""
LISTED = 2
"""Flag: the entry stood in the last document that was read."""
GUID_WEAK = 4
"""Flag: the guid is remembered, but several entries go by it, or it changes by itself."""
URL_WEAK = 8
"""Flag: the URL is remembered, but several entries lead to it."""
GUID_RENEWED = 16
"""Flag: the entry has got another guid once, as when a CMS moves; a second time it is no name at all."""
WENT_BACK = 32
"""Flag: the feed shows an earlier version of the entry than was published, and that waits."""
TURNS = 64
"""Flag: an earlier version came and went again: caches of unlike age take turns."""
REDATED = 128
"""Flag: the last edit was of the date alone."""
MOST_ENTRIES = 40_000
"""So many entries of one feed are remembered at most, the last seen: a feed may invent them without end."""

_HEAD = struct.Struct("<BI")
_RECORD = struct.Struct("<8s8s10s10s4s4s4s6sIIBB")
"""raw, guid, url, article, headline, body, date, previous, seen min, edited min, edits, flags"""

NO_RAW = bytes(8)
NO_GUID = bytes(8)
NO_URL = bytes(10)
MINUTE_MS = 60_000
_HELD, _PRINTS = b"held", b"prints"
"""Stand among the learned blocks, whose names have 8 bytes, so that a release before this reads on."""
_CHECK_BYTES = 4
_NO_PRINT = bytes(PRINT_BYTES)
_learned = msgspec.msgpack.Decoder(dict[bytes, bytes])


class Held(NamedTuple):
    """An edit that waits: until which minute since the epoch, and its text as ``held`` packs it."""

    until_min: int
    packed: bytes


_held = msgspec.msgpack.Decoder(dict[bytes, Held])


@dataclass(slots=True)
class Remembered:
    """One entry as its feed last showed it. Hashes as in ``workers.model.Article``.

    ``raw`` is the hash of the raw entry in the last document, ``previous`` holds the first two bytes of
    each of the three versions before the last edit, the latest first. ``seen_min`` and ``edited_min``
    are minutes since the epoch; ``edits`` counts the revisions within the current window.
    """

    raw: bytes
    guid: bytes
    url: bytes
    article: bytes
    headline: bytes
    body: bytes
    date: bytes
    previous: bytes = bytes(6)
    seen_min: int = 0
    edited_min: int = 0
    edits: int = 0
    flags: int = LISTED

    def said(self, version: bytes) -> bool:
        """True when this version key is that of one of the last versions before the present one."""
        before = self.previous
        return any(before[n : n + 2] == version[:2] for n in range(0, len(before), 2))

    @property
    def foreign(self) -> bool:
        """True when another feed owns the article."""
        return bool(self.flags & FOREIGN)

    @property
    def listed(self) -> bool:
        """True when the entry stood in the last document."""
        return bool(self.flags & LISTED)

    @property
    def guid_name(self) -> bytes:
        """The guid where it identifies the entry, else ``NO_GUID``."""
        return NO_GUID if self.flags & GUID_WEAK else self.guid

    @property
    def url_name(self) -> bytes:
        """The URL where it identifies the entry, else ``NO_URL``."""
        return NO_URL if self.flags & URL_WEAK else self.url


@dataclass(slots=True)
class Memory:
    """All that one feed has shown within the window, with the indexes a comparison needs.

    ``shared`` are guids and URLs that several entries have gone by: they name none from then on.
    """

    entries: list[Remembered] = field(default_factory=list)
    by_raw: dict[bytes, Remembered] = field(default_factory=dict)
    by_guid: dict[bytes, Remembered] = field(default_factory=dict)
    by_url: dict[bytes, Remembered] = field(default_factory=dict)
    by_article: dict[bytes, Remembered] = field(default_factory=dict)
    by_headline: dict[bytes, list[Remembered]] = field(default_factory=dict)
    shared: set[bytes] = field(default_factory=set)
    learned: Mapping[bytes, bytes] = field(default_factory=dict)  # blocks that the source repeats
    held: dict[bytes, Held] = field(default_factory=dict)  # edits that wait, by article
    prints: bytes = b""  # of the listed entries, as ``pack_prints`` has them
    _seen: set[bytes] = field(default_factory=set)

    def add(self, entry: Remembered) -> None:
        """Remember one more entry."""
        self.entries.append(entry)
        self.index(entry)

    def index(self, entry: Remembered) -> None:
        """Make an entry findable under all its keys; later entries win."""
        raw, guid, url, seen = entry.raw, entry.guid, entry.url, self._seen
        if raw != NO_RAW:
            self.by_raw[raw] = entry
        # Not by the properties: this is done for each entry of each document that brings news. Guids and
        # URLs are of different length, so never the same.
        strong = NO_GUID if entry.flags & GUID_WEAK else guid
        if strong != NO_GUID:
            self.by_guid[guid] = entry
        if guid in seen or guid != strong:
            self.shared.add(guid)
        seen.add(guid)
        strong = NO_URL if entry.flags & URL_WEAK else url
        if strong != NO_URL:
            self.by_url[url] = entry
        if url in seen or url != strong:
            self.shared.add(url)
        seen.add(url)
        self.by_article[entry.article] = entry
        self.by_headline.setdefault(entry.headline, []).append(entry)


def unpack(raw: bytes) -> Memory:
    """Read a stored memory. Raises ValueError when it is of a later version or damaged."""
    memory = Memory()
    if not raw:
        return memory
    if raw[0] != VERSION:
        raise ValueError(f"entry memory of version {raw[0]}; this release knows {VERSION}")
    size = _HEAD.unpack_from(raw)[1]
    start = _HEAD.size + size
    if size:
        learned = _learned.decode(raw[_HEAD.size : start])
        if held := learned.pop(_HELD, b""):
            memory.held = _held.decode(held)
        memory.prints = learned.pop(_PRINTS, b"")
        memory.learned = learned
    for row in _RECORD.iter_unpack(memoryview(raw)[start:]):
        memory.add(Remembered(*row))
    return memory


def pack(
    entries: Iterable[Remembered],
    learned: Mapping[bytes, bytes],
    held: Mapping[bytes, Held] | None = None,
    prints: bytes = b"",
) -> bytes:
    """The stored form of a memory."""
    rows = [
        _RECORD.pack(
            e.raw, e.guid, e.url, e.article, e.headline, e.body, e.date, e.previous,
            e.seen_min, e.edited_min, min(e.edits, 255), e.flags,
        )
        for e in entries
    ]  # fmt: skip
    if held:
        learned = {**learned, _HELD: msgspec.msgpack.encode(held)}
    if prints:
        learned = {**learned, _PRINTS: prints}
    blocks = msgspec.msgpack.encode(learned) if learned else b""
    return _HEAD.pack(VERSION, len(blocks)) + blocks + b"".join(rows)


def pack_prints(entries: Iterable[Remembered], prints: Mapping[bytes, bytes], key: bytes) -> bytes:
    """What the bytes of the listed entries are known by (``pieces.print_of``), by the hashes of the raw
    entries; in the order of the entries, behind a check that they, and the ``key``, are still the same."""
    raws = [e.raw for e in entries if e.raw != NO_RAW]
    return _check(raws, key) + b"".join([prints.get(raw, _NO_PRINT) for raw in raws])


def unpack_prints(memory: Memory, key: bytes) -> dict[bytes, bytes]:
    """The hashes of the raw entries by their prints; none when the memory has changed since."""
    raws = [e.raw for e in memory.entries if e.raw != NO_RAW]
    stored = memory.prints
    if not stored or stored[:_CHECK_BYTES] != _check(raws, key):
        return {}
    names = range(_CHECK_BYTES, len(stored), PRINT_BYTES)
    found = {stored[at : at + PRINT_BYTES]: raw for at, raw in zip(names, raws, strict=True)}
    found.pop(_NO_PRINT, None)
    return found


def _check(raws: Iterable[bytes], key: bytes) -> bytes:
    return blake2b(b"".join([key, *raws]), digest_size=_CHECK_BYTES).digest()


def keep(
    memory: Memory, listed: set[int], now_ms: int, last_read_ms: int, window_ms: int
) -> list[Remembered]:
    """What to store after a document was read.

    Entries of this document (``listed`` holds their ``id()``) were seen now; those of the document
    before were shown until ``last_read_ms`` (a 304 shows them too); older ones are forgotten a
    window after they were last shown.
    """
    now_min, last_min = now_ms // MINUTE_MS, last_read_ms // MINUTE_MS
    oldest = now_min - window_ms // MINUTE_MS
    kept = []
    for entry in memory.entries:
        if id(entry) in listed:
            entry.flags |= LISTED
            entry.seen_min = now_min
        elif entry.listed:
            entry.flags &= ~LISTED
            entry.raw = NO_RAW
            entry.seen_min = max(entry.seen_min, last_min)
        if entry.seen_min >= oldest or entry.article in memory.held:
            kept.append(entry)
    if len(kept) > MOST_ENTRIES:
        kept.sort(key=lambda e: e.seen_min)
        del kept[:-MOST_ENTRIES]
    return kept
