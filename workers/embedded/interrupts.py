"""Signals of a program that owns children: the first ends it in order, the second at once."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from types import FrameType
from typing import Any

from workers.embedded.processes import kill_all

_SAME_S = 0.3
"""Signals this close are one wish: ``make`` passes on a SIGTERM that its whole group got."""


class Interrupts:
    """Turns SIGINT, SIGTERM and SIGHUP into the cancellation of one task.

    Handlers of the ``signal`` module, not of the loop: they work before there is a loop, and while
    it is stuck in a write to a terminal that stands still.
    """

    def __init__(self) -> None:
        self._first: float | None = None
        self._task: asyncio.Task[Any] | None = None
        self._loop: asyncio.AbstractEventLoop | None = None

    def install(self) -> None:
        """Take the three signals; for the main thread."""
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, self._handle)

    def attach(self) -> None:
        """Make the running task the one to cancel, at once when a signal came already."""
        self._task, self._loop = asyncio.current_task(), asyncio.get_running_loop()
        if self._first is not None:
            self._cancel()

    def stop(self) -> None:
        """As the first signal would."""
        if self._first is None:
            self._first = time.monotonic()
            self._cancel()

    def _handle(self, number: int, frame: FrameType | None) -> None:
        if self._first is None:
            self.stop()
        elif number != signal.SIGHUP and time.monotonic() - self._first > _SAME_S:
            kill_all()
            os._exit(128 + number)

    def _cancel(self) -> None:
        if self._task is not None and self._loop is not None and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._task.cancel)
