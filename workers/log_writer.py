"""Writes log lines from a thread of its own: a stalled reader never stalls the event loop."""

from __future__ import annotations

import io
import os
import select
import threading
from collections.abc import Callable
from queue import Empty, SimpleQueue
from typing import TextIO

MAX_WAITING = 20_000  # lines; what comes while so many wait is dropped and counted
_BATCH = 500
_PAUSE_S = 0.02
"""Between two writes. A thread that wakes for each line takes the interpreter from the event loop each
time: a tenth of a poll that ends in a 304."""


class LineWriter:
    """A bounded queue of lines and the daemon thread that writes them, many at once under load.

    ``write`` never blocks and never raises. A reader that has gone away (EPIPE) is ignored.

    Args:
        stream: where to; its file descriptor is used when it has one.
        dropped_line: makes the line that says how many were dropped.
    """

    def __init__(self, stream: TextIO, dropped_line: Callable[[int], bytes]) -> None:
        self._stream = stream
        self._dropped_line = dropped_line
        self._queue: SimpleQueue[bytes | threading.Event] = SimpleQueue()
        self._wanted = threading.Event()  # somebody waits until all is written
        self._dropped = 0
        try:
            self._fd: int | None = stream.fileno()
        except (OSError, ValueError, AttributeError, io.UnsupportedOperation):
            self._fd = None
        threading.Thread(target=self._run, name="log-writer", daemon=True).start()

    def write(self, line: bytes) -> None:
        """Queue one line, its newline included."""
        if self._queue.qsize() >= MAX_WAITING:
            self._dropped += 1
        else:
            self._queue.put(line)

    def flush(self, timeout: float) -> bool:
        """Wait until all lines so far are written; False when ``timeout`` seconds were too few."""
        done = threading.Event()
        self._queue.put(done)
        self._wanted.set()
        return done.wait(timeout)

    def _run(self) -> None:
        while True:
            items = [self._queue.get()]
            if isinstance(items[0], bytes):
                self._wanted.wait(_PAUSE_S)
            try:
                while len(items) < _BATCH:
                    items.append(self._queue.get_nowait())
            except Empty:
                pass
            self._put(b"".join(item for item in items if isinstance(item, bytes)))
            if self._dropped and self._queue.empty():
                dropped, self._dropped = self._dropped, 0
                self._put(self._dropped_line(dropped))
            for item in items:
                if isinstance(item, threading.Event):
                    self._wanted.clear()
                    item.set()

    def _put(self, data: bytes) -> None:
        try:
            if self._fd is None:
                self._stream.write(data.decode())
                self._stream.flush()
            else:
                _write_all(self._fd, data)
        except (OSError, ValueError):
            pass  # the reader is gone, or the disk is full: there is nobody left to tell


def _write_all(fd: int, data: bytes) -> None:
    rest = memoryview(data)
    while rest:
        try:
            rest = rest[os.write(fd, rest) :]
        except BlockingIOError:  # someone made the shared terminal non-blocking
            select.select([], [fd], [], 1.0)
