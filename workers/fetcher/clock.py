"""Redis's time, carried between answers by the monotonic clock: all workers share one clock."""

from __future__ import annotations

import time


class Clock:
    """The time by Redis, epoch ms; before the first answer the machine's own."""

    def __init__(self) -> None:
        self._offset_ms = time.time() * 1000 - time.monotonic() * 1000

    def set(self, redis_ms: int) -> None:
        """Take over the time that Redis told just now."""
        self._offset_ms = redis_ms - time.monotonic() * 1000

    def now_ms(self) -> int:
        """Now by Redis's clock."""
        return int(time.monotonic() * 1000 + self._offset_ms)
