"""Keeps one publishing session alive for each shard, and knows when one hangs."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Sequence

from workers.errors import NewswireError, StateRegressedError, StoreError
from workers.metrics import Failure
from workers.publisher.kafka_connection import FencedError
from workers.publisher.publish import Log, Session

REGRESSED_PAUSE_S = 5.0
STORE_PAUSE_S = 2.0
STUCK_S = 60.0
"""A step that is overdue by so much although an earlier one hangs already: the process needs a restart."""


class Publisher:
    """All shards' publishing sessions of this worker."""

    def __init__(
        self,
        shards: int,
        open_session: Callable[[int], Session],
        log: Log,
        *,
        backoff_max_ms: int,
        on_failure: Callable[[Failure], None],
    ) -> None:
        self._shards = shards
        self._open = open_session
        self._log = log
        self._backoff_max_s = backoff_max_ms / 1000
        self._on_failure = on_failure
        self._sessions: dict[int, Session] = {}
        self._abandoned: dict[int, Session] = {}
        self._failures: dict[int, int] = {}
        self._again_at: dict[int, float] = {}
        self.regressed: dict[int, str] = {}
        self._complained = False
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
            if now > session.overdue_at:
                self._give_up(shard, session)
            elif session.state in ("idle", "publishing", "standby"):
                self._recovered(shard)
            return
        if session is not None:
            self._note_end(shard, session, now)
            del self._sessions[shard]
        if now >= self._again_at.get(shard, 0.0):
            successor = self._sessions[shard] = self._open(shard)
            if (hung := self._abandoned.get(shard)) is not None and hung.is_alive():
                successor.token = hung.token  # it holds the lease, and will not use it again
            successor.start()

    def _recovered(self, shard: int) -> None:
        self.regressed.pop(shard, None)
        if self._failures.pop(shard, 0) and not self._failures and self._complained:
            self._complained = False
            self._log.info("publisher_recovered", shard=shard)

    def _note_end(self, shard: int, session: Session, now: float) -> None:
        error = session.error
        if error is None:
            return
        failures = self._failures[shard] = self._failures.get(shard, 0) + 1
        pause = min(self._backoff_max_s, 0.25 * 2 ** min(failures, 10))
        if isinstance(error, StateRegressedError):
            pause = min(pause, REGRESSED_PAUSE_S)
            if not self.regressed:  # one line for all shards: they share their Redis
                self._log.error("state_regressed", shard=shard, detail=str(error))
            self.regressed[shard] = str(error)
        elif isinstance(error, FencedError):
            self._log.warning("publisher_fenced", shard=shard, detail=str(error))
        elif isinstance(error, StoreError) and error.reason != "error":
            pause = min(pause, STORE_PAUSE_S)  # the polling half says so, once for all
        elif failures in (1, 5, 25) or failures % 100 == 0:
            self._complain(shard, error, failures, pause)
        self._on_failure(_kind(error))
        self._again_at[shard] = now + pause * random.uniform(0.5, 1.0)  # noqa: S311 - jitter

    def _complain(self, shard: int, error: NewswireError, failures: int, pause: float) -> None:
        """Say it for the shard that has failed longest alone: what fails is Kafka, for all of them."""
        if failures < max(self._failures.values()) or (failures == 1 and self._complained):
            return
        self._complained = True
        self._log.error(
            "publisher_failed",
            shard=shard,
            detail=str(error),
            attempt=failures,
            retry_s=round(pause, 1),
        )

    def _give_up(self, shard: int, session: Session) -> None:
        """Leave a hanging session to itself, and start another; but only one a shard may hang.

        Its thread ends when the broker answers, at the latest; until then it holds a producer.
        """
        previous = self._abandoned.get(shard)
        if previous is not None and previous.is_alive():
            return
        self._log.error("publisher_hung", shard=shard, state=session.state)
        self._on_failure("hung")
        session.abandoned = True
        self._abandoned[shard] = session
        self._failures[shard] = self._failures.get(shard, 0) + 1
        self._complained = True
        del self._sessions[shard]

    def states(self) -> list[str]:
        """What the publisher of each shard does, as in ``Session.state``."""
        sessions = (self._sessions.get(shard) for shard in range(self._shards))
        return ["ended" if session is None else session.state for session in sessions]

    def problems(self) -> list[str]:
        """What keeps this worker's shards from publishing, in words; empty when all is well."""
        found = [f"shard {s}: {text}" for s, text in self.regressed.items()]
        found += [f"shard {s}: {n} failures in a row" for s, n in self._failures.items() if n > 2]
        return found

    def threads_alive(self) -> bool:
        """False when a shard's publisher can do no more, for long: only a restart would help."""
        now = time.monotonic()
        return all(
            now < s.overdue_at + STUCK_S if s is not None else now < self._again_at[n] + STUCK_S
            for n in range(self._shards)
            if (s := self._sessions.get(n)) is not None or n in self._again_at
        )

    async def close(self, timeout_s: float) -> None:
        """Let open transactions end, give leases back, and stop; at most ``timeout_s``."""
        self._closing = True
        for session in self._sessions.values():
            session.stop_asked.set()
        await asyncio.to_thread(_join, list(self._sessions.values()), timeout_s)


def _kind(error: NewswireError) -> Failure:
    if isinstance(error, StateRegressedError):
        return "regressed"
    if isinstance(error, FencedError):
        return "fenced"
    return "store" if isinstance(error, StoreError) else "broker"


def _join(sessions: Sequence[Session], timeout_s: float) -> None:
    deadline = time.monotonic() + timeout_s
    for session in sessions:
        session.join(max(0.0, deadline - time.monotonic()))
