"""Keeps one publishing session alive for each shard, and knows when one hangs."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable

from workers.errors import StateRegressedError
from workers.publisher.kafka import FencedError
from workers.publisher.publish import Log, Session

HANG_FACTOR = 4
"""A blocking step that takes this many transaction time-outs is given up (a commit was seen to hang 40 s)."""


class Publisher:
    """All shards' publishing sessions of this worker."""

    def __init__(
        self,
        shards: int,
        open_session: Callable[[int], Session],
        log: Log,
        *,
        transaction_timeout_ms: int,
        backoff_max_ms: int,
    ) -> None:
        self._shards = shards
        self._open = open_session
        self._log = log
        self._hang_s = transaction_timeout_ms * HANG_FACTOR / 1000
        self._backoff_max_s = backoff_max_ms / 1000
        self._sessions: dict[int, Session] = {}
        self._abandoned: dict[int, Session] = {}
        self._failures: dict[int, int] = {}
        self._again_at: dict[int, float] = {}
        self.regressed: dict[int, str] = {}
        self._closing = False

    async def run(self) -> None:
        """Supervise until cancelled or closed."""
        while not self._closing:
            for shard in range(self._shards):
                self._look_after(shard)
            await asyncio.sleep(0.2)

    def _look_after(self, shard: int) -> None:
        now = time.monotonic()
        session = self._sessions.get(shard)
        if session is not None and session.is_alive():
            if session.busy_since and now - session.busy_since > self._hang_s:
                self._give_up(shard, session)
            elif session.state in ("idle", "publishing"):
                if self._failures.pop(shard, 0):
                    self._log.info("publisher_recovered", shard=shard)
                self.regressed.pop(shard, None)
            return
        if session is not None:
            self._note_end(shard, session, now)
            del self._sessions[shard]
        previous = self._abandoned.get(shard)
        if previous is not None and previous.is_alive() and self._failures.get(shard, 0) > 1:
            return  # at most one hanging producer a shard may live; the next waits for its end
        if now >= self._again_at.get(shard, 0.0):
            self._sessions[shard] = self._open(shard)
            self._sessions[shard].start()

    def _note_end(self, shard: int, session: Session, now: float) -> None:
        failures = self._failures.get(shard, 0) + 1
        self._failures[shard] = failures
        pause = min(self._backoff_max_s, 0.25 * 2 ** min(failures, 10))
        self._again_at[shard] = now + pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter
        error = session.error
        if isinstance(error, StateRegressedError):
            if shard not in self.regressed:
                self._log.error("state_regressed", shard=shard, detail=str(error))
            self.regressed[shard] = str(error)
        elif isinstance(error, FencedError):
            self._log.warning("publisher_fenced", shard=shard, detail=str(error))
        elif error is not None and (failures in (1, 5, 25) or failures % 100 == 0):
            self._log.error(
                "publisher_failed",
                shard=shard,
                detail=str(error),
                attempt=failures,
                retry_s=round(pause, 1),
            )

    def _give_up(self, shard: int, session: Session) -> None:
        self._log.error("publisher_hung", shard=shard, state=session.state)
        session.abandoned = True
        self._abandoned[shard] = session
        self._failures[shard] = self._failures.get(shard, 0) + 1
        del self._sessions[shard]

    def problems(self) -> list[str]:
        """What keeps this worker's shards from publishing, in words; empty when all is well."""
        found = [f"shard {s}: {text}" for s, text in self.regressed.items()]
        found += [f"shard {s}: {n} failures in a row" for s, n in self._failures.items() if n > 2]
        return found

    def threads_alive(self) -> bool:
        """False when a session's thread died and none took its place for long."""
        now = time.monotonic()
        return all(
            s in self._sessions or self._again_at.get(s, now) > now - 60
            for s in range(self._shards)
        )

    async def close(self, timeout_s: float) -> None:
        """Let open transactions end, give leases back, and stop; at most ``timeout_s``."""
        self._closing = True
        for session in self._sessions.values():
            session.stop_asked.set()
        deadline = time.monotonic() + timeout_s
        while any(s.is_alive() for s in self._sessions.values()) and time.monotonic() < deadline:
            await asyncio.sleep(0.05)
