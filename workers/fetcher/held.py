"""Edits that wait for the end of a storm: kept with the feed's memory, so that none needs its entry. Pure.

The newest text of each is enough: it is published when its window ends, also when the entry has left the
feed by then, or the feed does not answer. A text that is published twice changes nothing: the article's
record holds its hash.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

import msgspec

from workers.fetcher.dedupe import Identified
from workers.fetcher.identity import Candidate
from workers.fetcher.memory import MINUTE_MS, NO_GUID, NO_RAW, NO_URL, Held, Memory
from workers.model import Article

MAX_HELD = 1 << 20
"""Bytes of waiting texts of one feed. What has no room waits in its feed alone, and is lost if it leaves."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Article).decode


class Waiting(NamedTuple):
    """Edits whose windows are over, and those that wait on."""

    due: list[Identified]
    later: dict[bytes, Held]


def hold(memory: Memory, article: bytes, text: Article, until_min: int) -> None:
    """Let the newest text of an article wait until a minute since the epoch, in place of any before it."""
    packed = zlib.compress(_encode(text), 1)
    memory.held.pop(article, None)
    if sum(len(h.packed) for h in memory.held.values()) + len(packed) <= MAX_HELD:
        memory.held[article] = Held(until_min, packed)


def waiting(memory: Memory, now_ms: int) -> Waiting:
    """Sort what waits by whether its window is over; texts of entries that are forgotten go."""
    due: list[Identified] = []
    later: dict[bytes, Held] = {}
    for article, held in memory.held.items():
        known = memory.by_article.get(article)
        if known is None:
            continue
        if held.until_min > now_ms // MINUTE_MS:
            later[article] = held
            continue
        text = _decode(zlib.decompress(held.packed))
        # Without names: the entry may go by others now, and keeps those.
        one = Candidate(NO_RAW, NO_GUID, NO_URL, text)
        due.append(Identified(one, known, article, guid_ok=False, url_ok=False))
    return Waiting(due, later)


def due_ms(memory: Memory) -> int:
    """When the first window ends, epoch ms; 0 when nothing waits."""
    return min((h.until_min for h in memory.held.values()), default=0) * MINUTE_MS
