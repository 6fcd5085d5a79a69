"""What one watches: articles and the worker's log on one stream, each line whole and harmless."""

from __future__ import annotations

import contextlib
import os
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TextIO

_UNPRINTABLE = re.compile(
    "[\x00-\x08\x0a-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
_RESET = "\x1b[0m"
_DIM = "\x1b[2m"
_BOLD = "\x1b[1m"
_SOURCE_WIDTH = 20


class Terminal:
    """The only writer to ``stream``; for one thread. Colours where it is a terminal.

    Args:
        on_lost: called once when nobody reads the stream any more; later lines are dropped.
    """

    def __init__(self, stream: TextIO, on_lost: Callable[[], None]) -> None:
        self._stream = stream
        self._on_lost = on_lost
        self._lost = False
        self._color = stream.isatty() and not os.environ.get("NO_COLOR")

    def article(self, timestamp_ms: int, source: str, headline: str, revision: int) -> None:
        """One article: when it was published to the topic (UTC), by whom, its headline."""
        at = datetime.fromtimestamp(timestamp_ms / 1000, UTC).strftime("%H:%M:%S")
        name = printable(source)[:_SOURCE_WIDTH]
        edited = f"  (revision {revision})" if revision > 1 else ""
        text = f"{name:<{_SOURCE_WIDTH}}  {printable(headline)}{edited}"
        self._write(f"{self._paint('●', _BOLD)} {at}  {self._paint(text, _BOLD)}")

    def log(self, line: str) -> None:
        """One line of the worker's log."""
        self._write(self._paint(f"  │ {printable(line)}", _DIM))

    def say(self, text: str) -> None:
        """Lines of our own."""
        for line in text.splitlines():
            self._write(line)

    def _paint(self, text: str, style: str) -> str:
        return f"{style}{text}{_RESET}" if self._color else text

    def _write(self, line: str) -> None:
        if self._lost:
            return
        try:
            self._stream.write(f"{line}\n")
            self._stream.flush()
        except OSError:  # a closed pipe, a terminal that hung up
            self._lost = True
            # What is buffered would be written again, and fail again, at the exit.
            with contextlib.suppress(OSError, ValueError):
                sink = os.open(os.devnull, os.O_WRONLY)
                os.dup2(sink, self._stream.fileno())
                os.close(sink)
            self._on_lost()


def printable(text: str) -> str:
    """``text`` on one line, without anything that a terminal would obey."""
    return _UNPRINTABLE.sub(" ", text)
