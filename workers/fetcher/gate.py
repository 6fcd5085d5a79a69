"""A permit for each host before it is dialled, shared by all workers, and rest for those that ask for it."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import NamedTuple, cast

from workers.errors import NewswireError
from workers.fetcher.clock import Clock
from workers.fetcher.line import HostLines
from workers.fetcher.wishes import retry_after_s
from workers.http.fetch import HostBusy
from workers.metrics import RestKind
from workers.model import Fetched
from workers.store.store import NO_VERDICT, Store, Verdict

PATIENCE_S = 3.0
"""So long a poll waits for its permit with the claim in hand; then it takes a place in the line."""
STRICT_MS = (60_000, 3_600_000)
BUSY_MS = (10_000, 900_000)
"""The first and the longest rest of a host that refuses (429, or 503) and does not say for how long. A 503
may be the trouble of one feed alone, whose neighbours need not wait long for it."""
PAUSE_JITTER = 0.25
LastPoll = tuple[int, str, int]
"""As in the history of a feed: when, reason, status."""


class _Unheard(NamedTuple):
    """A refusal that Redis was not there to hear; ``end_ms`` is when the rest is over that the host named."""

    verdict: Verdict
    elapsed_ms: int
    end_ms: int


class HostGate:
    """Hands out permits of Redis to the polls of this worker.

    ``longest_ms`` bounds the rest of a host that names no time; ``on_rest`` is told of each refusal that
    gives a host rest, ``strict`` or ``busy``.
    """

    def __init__(
        self,
        store: Store,
        clock: Clock,
        lines: HostLines,
        *,
        longest_ms: int,
        on_rest: Callable[[RestKind], None] = lambda _kind: None,
    ) -> None:
        self._store = store
        self._clock = clock
        self._lines = lines
        self._longest_ms = longest_ms
        self._on_rest = on_rest
        self._unheard: dict[str, _Unheard] = {}

    async def enter(self, host: str, token: str, *, placed: bool) -> bool:
        """Wait for a permit for a short while; ``placed``: it is our turn in a line.

        Returns True when the host has lately refused requests as too many.

        Raises:
            HostBusy: with the time of a place in the line.
        """
        await self._say_again()
        deadline = time.monotonic() + PATIENCE_S
        waiting = self._lines.waiting
        crowded = self._lines.crowded(host)
        waiting[host] += 1
        try:
            while True:
                in_line = crowded or time.monotonic() > deadline
                wait_ms, why = await self._permit(host, token, in_line=in_line, placed=placed)
                if not wait_ms:
                    return why == "strict"
                if in_line or why in ("pause", "queue"):
                    await self._learn(host, wait_ms, why)
                    raise HostBusy(wait_ms)
                await asyncio.sleep(min(max(wait_ms, 5), 1_000) / 1000)
        finally:
            waiting[host] -= 1
            if not waiting[host]:
                del waiting[host]

    async def _learn(self, host: str, wait_ms: int, why: str) -> None:
        """Others of the host need not ask what this poll was told."""
        end_ms = self._clock.now_ms() + wait_ms
        rest_ms = await self._store.rests_until_ms(host) if why == "pause" else 0
        self._lines.learn(host, end_ms, rest_ms)

    async def again(self, host: str, token: str) -> None:
        """Wait for the next turn at a host that has led us on within it, ``PATIENCE_S`` at most: a longer
        gap is kept on the average, by who comes next.

        Raises:
            HostBusy: the host is to be left alone meanwhile.
        """
        wait_ms, why = await self._permit(host, token, in_line=True, placed=False)
        if why in ("pause", "queue"):  # queue: the permit has run out
            raise HostBusy(wait_ms)
        if wait_ms:
            await asyncio.sleep(min(wait_ms / 1000, PATIENCE_S))
            rest_ms = await self._store.rests_until_ms(host) - self._clock.now_ms()
            if rest_ms > 0:
                raise HostBusy(rest_ms)

    async def _permit(
        self, host: str, token: str, *, in_line: bool, placed: bool
    ) -> tuple[int, str]:
        rules = self._lines.rules
        return await self._store.permit(host, token, rules, in_line=in_line, placed=placed)

    async def leave(
        self,
        host: str,
        token: str,
        elapsed_ms: int,
        answer: Fetched | None,
        now_ms: int,
        last: LastPoll | None,
    ) -> None:
        """Give a permit back; ``answer`` is the host's, if it has given one. A refusal gives it rest.

        ``last`` is what the feed's poll before this one came to. A refusal that Redis cannot be told of
        now is told before the next permit is asked for.

        Raises:
            StoreError: Redis cannot be used now.
        """
        jitter = random.random()  # noqa: S311 - not for secrets
        verdict = NO_VERDICT
        if answer:
            verdict = verdict_of(answer, now_ms, self._longest_ms, jitter, last)
        if verdict.kind in ("strict", "busy"):
            self._on_rest(cast(RestKind, verdict.kind))
        try:
            await self._store.permit_done(host, token, elapsed_ms, verdict)
        except NewswireError:
            if verdict.kind in ("strict", "busy"):
                self._unheard[host] = _Unheard(verdict, elapsed_ms, now_ms + verdict.pause_ms)
            raise

    async def _say_again(self) -> None:
        while self._unheard:
            host, refusal = self._unheard.popitem()
            verdict, elapsed_ms, end_ms = refusal
            if verdict.pause_ms:
                left_ms = end_ms - self._clock.now_ms()
                if left_ms <= 0:
                    continue
                verdict = verdict._replace(pause_ms=left_ms)
            try:
                await self._store.permit_done(host, "", elapsed_ms, verdict)
            except NewswireError:
                self._unheard.setdefault(host, refusal)
                raise


def verdict_of(
    answer: Fetched, now_ms: int, longest_ms: int, jitter: float, last: LastPoll | None = None
) -> Verdict:
    """What an answer says of how its host bears being asked; ``jitter`` in [0, 1).

    A host that names a time is heard. A 503 that names none may be said of one feed, whose last poll tells.
    """
    if answer.reason == "throttled":
        kind, (first_ms, most_ms) = "strict", STRICT_MS
    elif answer.status == 503:
        kind, (first_ms, most_ms) = "busy", BUSY_MS
    else:
        return Verdict("well") if answer.status else NO_VERDICT
    pause_ms = int(retry_after_s(answer, now_ms) * 1000)
    stretch = 1 + PAUSE_JITTER * jitter
    first, most = (int(min(ms, longest_ms) * stretch) for ms in (first_ms, most_ms))
    again = last is not None and answer.status == last[2] == 503 and not pause_ms
    return Verdict(kind, pause_ms, first, most, last[0] if last and again else 0)
