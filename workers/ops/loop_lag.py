"""Notices when the event loop stands still: whatever blocks it delays every poll at once."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import NamedTuple

from structlog.typing import FilteringBoundLogger

from workers import logs

LOOK = 0.01
"""Seconds between two looks at the clock. A stop is told too short by so much at most."""
REPORT = 0.25
"""Seconds of which the longest stop is handed on."""
BLOCKED = 0.05
"""Seconds that are worth a line."""
REPEAT = 60.0


class Stop(NamedTuple):
    """One time that the loop stood still, in seconds.

    ``loop_cpu`` is what its thread worked meanwhile, ``process_cpu`` what all threads did. All of the stop:
    it was the loop's own work. Only the second: another thread held the interpreter. Neither: this
    process did not run, since the machine was busy or the container had used up its share.
    """

    seconds: float
    loop_cpu: float
    process_cpu: float


NO_STOP = Stop(0.0, 0.0, 0.0)


class LoopWatch:
    """Looks at the clock every few milliseconds, and how late it comes to do so.

    ``on_lag`` is handed the longest delay of each quarter second. ``loop_blocked`` is written at most
    once a minute, with the longest since the last line.
    """

    def __init__(self, log: FilteringBoundLogger, on_lag: Callable[[float], None]) -> None:
        self._log = log
        self._on_lag = on_lag
        self._unsaid = NO_STOP

    async def run(self) -> None:
        """Until cancelled."""
        looker = _Looker()
        try:
            while True:
                await asyncio.sleep(REPORT)
                longest = looker.take()
                self._on_lag(longest.seconds)
                if longest.seconds > BLOCKED:
                    self._say(longest)
        finally:
            looker.stop()

    def _say(self, stop: Stop) -> None:
        self._unsaid = max(self._unsaid, stop)
        if (held := logs.once_per(REPEAT, "loop_blocked")) is None:
            return
        stop, self._unsaid = self._unsaid, NO_STOP
        self._log.info(
            "loop_blocked",
            ms=round(stop.seconds * 1000),
            loop_cpu_ms=round(stop.loop_cpu * 1000),
            process_cpu_ms=round(stop.process_cpu * 1000),
            suppressed=held,
        )


class _Looker:
    """A timer that starts itself anew, and the longest time that it came too late."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._longest = NO_STOP
        self._begin()

    def _begin(self) -> None:
        self._cpu = time.thread_time(), time.process_time()
        # The loop's own clock stands still between two turns of it: a timer set late in a turn fires early.
        self._due = time.monotonic() + LOOK
        self._timer = self._loop.call_later(LOOK, self._look)

    def _look(self) -> None:
        late = time.monotonic() - self._due
        if late > self._longest.seconds:
            thread, process = self._cpu
            cpu = time.thread_time() - thread, time.process_time() - process
            self._longest = Stop(late, *cpu)
        self._begin()

    def take(self) -> Stop:
        """The longest since the last call; one that is not over counts, as far as it has come."""
        if time.monotonic() > self._due:
            self._timer.cancel()
            self._look()
        longest, self._longest = self._longest, NO_STOP
        return longest

    def stop(self) -> None:
        """Look no more."""
        self._timer.cancel()
