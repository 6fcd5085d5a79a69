"""What a worker did minute by minute in the last hour, and how the hours of several add up. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from contextlib import suppress

import msgspec

from workers.model import DEFERRED, SUCCESS, PollResult

MINUTES = 60
"""So many minutes are kept, the running one included."""
MINUTE_MS = 60_000
DELAYS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 3600)
"""Upper bounds in seconds of what publish delays are counted in; what is longer is counted beyond."""


class Minute(msgspec.Struct, array_like=True):
    """One minute of one worker, or of several. ``at`` is the epoch minute; ``delays`` counts published
    events by ``DELAYS``, with one place more for those beyond."""

    at: int
    polls: int = 0
    failed: int = 0
    new: int = 0
    updated: int = 0
    published: int = 0
    delays: list[int] = []

    def add(self, other: Minute) -> None:
        """Add another's counts."""
        self.polls += other.polls
        self.failed += other.failed
        self.new += other.new
        self.updated += other.updated
        self.published += other.published
        if other.delays:
            mine = self.delays or [0] * (len(DELAYS) + 1)
            self.delays = [a + b for a, b in zip(mine, other.delays, strict=True)]


class WorkerNote(msgspec.Struct, omit_defaults=True):
    """What a worker writes about itself for all to see, every few seconds. ``problem`` is why it cannot
    work now, in words; ``memory`` in bytes."""

    id: str
    version: str
    started_ms: int
    seen_ms: int
    problem: str = ""
    in_flight: int = 0
    memory: int = 0
    stopped: bool = False
    minutes: list[Minute] = []


_decoder = msgspec.msgpack.Decoder(WorkerNote)


def read_notes(raw: Iterable[bytes]) -> list[WorkerNote]:
    """What workers wrote of themselves; a note of a release that writes it otherwise is left out."""
    notes = []
    for note in raw:
        with suppress(msgspec.DecodeError):
            notes.append(_decoder.decode(note))
    return notes


class Ring:
    """The last hour of one worker. ``now_ms`` of every call is by Redis's clock, as all workers' are."""

    def __init__(self) -> None:
        self._minutes: dict[int, Minute] = {}

    def polled(self, now_ms: int, result: PollResult) -> None:
        """Count one poll."""
        minute = self._at(now_ms)
        minute.polls += 1
        minute.failed += result.reason not in SUCCESS and result.reason not in DEFERRED
        minute.new += result.new
        minute.updated += result.changed

    def published(self, now_ms: int, delays_s: Iterable[float]) -> None:
        """Count published events by the seconds from their admission to their commit."""
        minute = self._at(now_ms)
        for delay in delays_s:
            minute.published += 1
            if not minute.delays:
                minute.delays = [0] * (len(DELAYS) + 1)
            minute.delays[bisect_left(DELAYS, delay)] += 1

    def minutes(self, now_ms: int) -> list[Minute]:
        """Those of the last hour in which something was, in order."""
        first = now_ms // MINUTE_MS - MINUTES + 1
        return [m for at, m in sorted(self._minutes.items()) if at >= first]

    def _at(self, now_ms: int) -> Minute:
        at = now_ms // MINUTE_MS
        found = self._minutes.get(at)
        if found is None:
            for old in [a for a in self._minutes if a <= at - MINUTES]:
                del self._minutes[old]
            found = self._minutes[at] = Minute(at)
        return found


def hour(notes: Iterable[WorkerNote], now_ms: int) -> list[Minute]:
    """The last ``MINUTES`` minutes of all workers together, in order, none left out."""
    last = now_ms // MINUTE_MS
    found = {at: Minute(at) for at in range(last - MINUTES + 1, last + 1)}
    for note in notes:
        for minute in note.minutes:
            if minute.at in found:
                found[minute.at].add(minute)
    return list(found.values())


def quantile(delays: Sequence[int], share: float) -> float | None:
    """The delay in seconds that ``share`` of the counted stay within, as Prometheus estimates it: evenly
    spread within a bucket. None when nothing was counted."""
    total = sum(delays)
    if not total:
        return None
    rank, below = share * total, 0
    for index, count in enumerate(delays):
        if count and below + count >= rank:
            if index == len(DELAYS):
                break
            low = DELAYS[index - 1] if index else 0.0
            return low + (DELAYS[index] - low) * (rank - below) / count
        below += count
    return float(DELAYS[-1])
