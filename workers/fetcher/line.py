"""The lines before hosts that have more feeds than they bear: who goes to their end, many at a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import NamedTuple, TypeVar
from urllib.parse import urlsplit

from structlog.typing import FilteringBoundLogger

from workers.fetcher.clock import Clock
from workers.fetcher.search import target
from workers.fetcher.validators import for_config
from workers.http.net import host_key
from workers.model import Claim
from workers.store.hosts import SHORT_LINE_MS, HostRules
from workers.store.store import Store

FEW = 8
"""Polls of this worker that may wait for one host at once in any case."""
USUAL_MS = 200
"""What a fetch takes."""
LONG_LINE_MS = 60_000
SAY_AGAIN_MS = 3_600_000
KNOWN_MOST = 10_000
_V = TypeVar("_V")


class _Line(NamedTuple):
    end_ms: int
    rest_ms: int  # until when all leave the host alone


def may_wait(rules: HostRules) -> int:
    """How many polls of one worker may wait for one host: as many as it may be asked for in a second. More
    would keep others waiting."""
    second = 1_000 * rules.most // USUAL_MS
    return max(FEW, min(second, 1_000 // rules.gap_ms) if rules.gap_ms else second)


class HostLines:
    """What one worker knows of the lines, which are Redis's.

    It may be out of date, which costs a feed nothing but a place at the end of what the line really is.

    Attributes:
        rules: how hosts may be asked.
        waiting: polls of this worker that wait for a host's permit.
    """

    def __init__(
        self, store: Store, clock: Clock, log: FilteringBoundLogger, rules: HostRules
    ) -> None:
        self.rules = rules
        self.waiting: Counter[str] = Counter()
        self._store = store
        self._clock = clock
        self._log = log
        self._most = may_wait(rules)
        self._known: dict[str, _Line] = {}
        self._said: dict[str, int] = {}

    def crowded(self, host: str) -> bool:
        """True when as many polls of this worker wait for the host as may."""
        return self.waiting[host] >= self._most

    def learn(self, host: str, end_ms: int, rest_until_ms: int = 0) -> None:
        """Take note of where a line ends, and until when its host is left alone."""
        now_ms = self._clock.now_ms()
        _forget(self._known, lambda line: line.end_ms <= now_ms)
        self._known[host] = _Line(end_ms, rest_until_ms)

    def sift(self, claims: Iterable[Claim]) -> tuple[list[Claim], dict[str, list[Claim]]]:
        """Who may try for a permit now, and by host those who only have their places in its line to look
        forward to; the longest due come first."""
        now_ms = self._clock.now_ms()
        going: list[Claim] = []
        coming: Counter[str] = Counter()
        off: dict[str, list[Claim]] = {}
        for claim in sorted(claims, key=lambda c: c.due_ms):
            host = host_of(claim)
            full = self.waiting[host] + coming[host] >= self._most
            if full or self._stands(host, claim, now_ms):
                off.setdefault(host, []).append(claim)
            else:
                coming[host] += 1
                going.append(claim)
        return going, off

    def _stands(self, host: str, claim: Claim, now_ms: int) -> bool:
        """A line is there, and it is not the claim's turn in it."""
        line = self._known.get(host)
        if line is None:
            return False
        return line.rest_ms > now_ms or (not claim.placed and line.end_ms > now_ms + SHORT_LINE_MS)

    async def put_off(self, host: str, claims: Sequence[Claim]) -> None:
        """Hand claims back, each for its place at the end of the host's line.

        Raises:
            StoreError, StateRegressedError: some of them may still be held.
        """
        places = await self._store.hosts.take_places(host, len(claims), self.rules)
        now_ms = self._clock.now_ms()
        first_ms = now_ms + places.first_ms
        by_shard: dict[int, list[tuple[Claim, int]]] = {}
        for n, claim in enumerate(claims):
            row = (claim, int(first_ms + n * places.pace_ms))
            by_shard.setdefault(claim.shard, []).append(row)
        end_ms = int(first_ms + (len(claims) - 1) * places.pace_ms)
        self.learn(host, end_ms, now_ms + places.rest_ms)
        await asyncio.gather(*(self._store.release_placed(s, r) for s, r in by_shard.items()))
        if not places.rest_ms and end_ms > now_ms + LONG_LINE_MS:
            self._say(host, end_ms - now_ms, now_ms)

    def _say(self, host: str, wait_ms: int, now_ms: int) -> None:
        if now_ms < self._said.get(host, 0):
            return
        _forget(self._said, lambda until_ms: until_ms <= now_ms)
        self._said[host] = now_ms + SAY_AGAIN_MS
        self._log.info("host_crowded", host=host, wait_s=round(wait_ms / 1000))


def host_of(claim: Claim) -> str:
    """The host that a poll of the claimed feed asks first."""
    url = target(for_config(claim.state, claim.config), claim.config)
    return host_key(urlsplit(url).hostname or "")


def _forget(known: dict[str, _V], over: Callable[[_V], bool]) -> None:
    """Keep what is known of hosts within bounds."""
    if len(known) < KNOWN_MOST:
        return
    for host in [host for host, value in known.items() if over(value)]:
        del known[host]
    while len(known) >= KNOWN_MOST:
        del known[next(iter(known))]
