"""Notices when the event loop stands still: whatever blocks it delays every poll at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from structlog.typing import FilteringBoundLogger

from workers import logs

INTERVAL = 0.25  # seconds between two looks
BLOCKED = 0.05  # seconds of lag that are worth a line
REPEAT = 60.0


async def watch_loop(log: FilteringBoundLogger, on_lag: Callable[[float], None]) -> None:
    """Until cancelled, hand every measured lag (seconds) to ``on_lag`` and log long ones.

    ``loop_blocked`` is written at most once a minute, with the longest lag since the last line.
    """
    loop = asyncio.get_running_loop()
    worst = 0.0
    while True:
        before = loop.time()
        await asyncio.sleep(INTERVAL)
        lag = max(0.0, loop.time() - before - INTERVAL)
        on_lag(lag)
        worst = max(worst, lag)
        if lag > BLOCKED and (held := logs.once_per(REPEAT, "loop_blocked")) is not None:
            log.info("loop_blocked", ms=round(worst * 1000), suppressed=held)
            worst = 0.0
