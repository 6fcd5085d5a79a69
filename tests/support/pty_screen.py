"""A program on a terminal of its own, whose screen can be read and whose keys can be pressed."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Self

import pyte

from tests.support.kafka_jars import ROOT

# Keys such as Ctrl-C become signals only on the terminal that a session is led from.
_LAUNCHER = """
import fcntl, os, sys, termios
fcntl.ioctl(0, termios.TIOCSCTTY, 0)
os.execvp(sys.argv[1], sys.argv[1:])
"""


class PtyProgram:
    """Runs a command on a pseudo-terminal until it ends or is closed.

    Attributes:
        raw: all that it wrote.
    """

    def __init__(
        self, command: Sequence[str], env: Mapping[str, str], *, columns: int = 100, rows: int = 30
    ) -> None:
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self.raw = b""
        self._master, slave = pty.openpty()
        self._size(columns, rows)
        self.modes = termios.tcgetattr(slave)
        self._slave = slave
        self._process = subprocess.Popen(
            [sys.executable, "-I", "-c", _LAUNCHER, *command],
            cwd=ROOT,
            env={**env, "TERM": "xterm"},
            stdin=slave,
            stdout=slave,
            stderr=slave,
            start_new_session=True,
        )

    def _size(self, columns: int, rows: int) -> None:
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, columns: int, rows: int) -> None:
        """Make the terminal another size, as a person does with a window."""
        self._screen.resize(rows, columns)
        self._size(columns, rows)

    def press(self, keys: bytes) -> None:
        """Press keys."""
        os.write(self._master, keys)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, as the terminal does for Ctrl-C."""
        self._process.send_signal(number)

    def shown(self) -> list[str]:
        """The lines on the screen now."""
        self._read(0)
        return [line.rstrip() for line in self._screen.display]

    def until(self, truth: Callable[[str], bool], timeout_s: float = 30) -> list[str]:
        """Wait until something is on the screen; the screen. Raises TimeoutError with it."""
        deadline = time.monotonic() + timeout_s
        while not truth("\n".join(self.shown())):
            if time.monotonic() > deadline:
                raise TimeoutError("\n".join(self.shown()))
            self._read(0.1)
        return self.shown()

    def wait(self, timeout_s: float = 30) -> int:
        """Wait for the end; the exit code. Raises TimeoutError."""
        deadline = time.monotonic() + timeout_s
        while (code := self._process.poll()) is None:
            if time.monotonic() > deadline:
                raise TimeoutError("\n".join(self.shown()))
            self._read(0.1)
        self._read(0)
        return code

    def modes_now(self) -> list[object]:
        """The terminal's modes (echo, whole lines, …)."""
        return list(termios.tcgetattr(self._slave))

    def _read(self, wait_s: float) -> None:
        while select.select([self._master], [], [], wait_s)[0]:
            with contextlib.suppress(OSError):
                data = os.read(self._master, 65_536)
                self.raw += data
                self._stream.feed(data)
            wait_s = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait(10)
        os.close(self._master)
        os.close(self._slave)
