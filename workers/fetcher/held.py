"""Edits that wait: for the end of a storm, or for proof that an earlier version is back to stay. Pure.

They are kept with the feed's memory, so that none needs its entry. The newest text of each is enough: it is
published when its time is over, also when the entry has left the feed by then, or the feed does not answer.
A text that is published twice changes nothing: the article's record holds its hash.
"""

from __future__ import annotations

import zlib
from typing import NamedTuple

import msgspec

from workers.fetcher.decide import Decision, Policy, said_key, waits_until
from workers.fetcher.dedupe import Identified
from workers.fetcher.identity import Candidate
from workers.fetcher.memory import (
    MINUTE_MS,
    NO_GUID,
    NO_RAW,
    NO_URL,
    TURNS,
    WENT_BACK,
    Held,
    Memory,
    Remembered,
)
from workers.model import Article

MAX_HELD = 1 << 20
"""Bytes of waiting texts of one feed. What has no room waits in its feed alone, and is lost if it leaves."""

_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Article).decode


class Waiting(NamedTuple):
    """Edits whose time is over, and those that wait on."""

    due: list[Identified]
    later: dict[bytes, Held]


def hold(
    memory: Memory, known: Remembered, text: Article, decision: Decision, policy: Policy
) -> None:
    """Let the text of an edit wait, in place of any before it.

    A document that went back in time takes back no edit that waits for the end of a storm; and the same
    earlier version again goes on waiting, where another begins anew.
    """
    before = memory.held.get(known.article)
    if decision.kind == "stale":
        if before is not None and not known.flags & WENT_BACK:
            return
        known.flags |= WENT_BACK
        if before is not None and said_key(_text(before), policy) == said_key(text, policy):
            return
    else:
        known.flags &= ~WENT_BACK
    packed = zlib.compress(_encode(text), 1)
    memory.held.pop(known.article, None)
    if sum(len(h.packed) for h in memory.held.values()) + len(packed) <= MAX_HELD:
        memory.held[known.article] = Held(waits_until(known, decision, policy), packed)


def let_go(memory: Memory, known: Remembered, decision: Decision) -> None:
    """Forget what waits of an article: something newer is shown, or the published version again."""
    before = memory.held.pop(known.article, None)
    if before is not None and known.flags & WENT_BACK and decision.kind == "seen":
        known.flags |= TURNS
    known.flags &= ~WENT_BACK


def _text(held: Held) -> Article:
    return _decode(zlib.decompress(held.packed))


def waiting(memory: Memory, now_ms: int) -> Waiting:
    """Sort what waits by whether its time is over; texts of entries that are forgotten go."""
    due: list[Identified] = []
    later: dict[bytes, Held] = {}
    for article, held in memory.held.items():
        known = memory.by_article.get(article)
        if known is None:
            continue
        if held.until_min > now_ms // MINUTE_MS:
            later[article] = held
            continue
        text = _text(held)
        # Without names: the entry may go by others now, and keeps those.
        one = Candidate(NO_RAW, NO_GUID, NO_URL, text)
        due.append(Identified(one, known, article, guid_ok=False, url_ok=False))
    return Waiting(due, later)


def due_ms(memory: Memory) -> int:
    """When the first may be published, epoch ms; 0 when nothing waits."""
    return min((h.until_min for h in memory.held.values()), default=0) * MINUTE_MS
