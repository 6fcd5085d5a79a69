"""``newswire top``: from settings to a screen that is drawn anew every other second."""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import sys
import termios
import tty
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime

from workers.errors import EXIT_OK, ConfigError
from workers.parts import open_store
from workers.settings import Loaded, Settings
from workers.top.look import Looker, addresses
from workers.top.sample import History
from workers.top.view import Line, Part, paint, screen

TICK_S = 2.0
SNAPSHOT_WIDTH, SNAPSHOT_HEIGHT = 200, 200
_ENTER, _LEAVE = "\x1b[?1049h\x1b[?25l", "\x1b[?25h\x1b[?1049l"
_HOME, _END_OF_LINE, _BELOW = "\x1b[H", "\x1b[K", "\x1b[J"


def add_top(parser: argparse.ArgumentParser) -> None:
    """The options of ``newswire top``."""
    parser.add_argument(
        "workers",
        nargs="*",
        metavar="HOST:PORT",
        help="where workers serve their metrics; a name with several addresses is several workers "
        "(default: NEWSWIRE_OPS_HOST and NEWSWIRE_OPS_PORT)",
    )


async def run_top(loaded: Loaded, args: argparse.Namespace) -> int:
    """Show the workers until q or Ctrl-C; where there is no terminal, once. Returns the exit code."""
    s = loaded.settings
    if not (args.workers or s.ops_port):
        raise ConfigError(
            "NEWSWIRE_OPS_PORT is 0, any free port: name each worker as host:port, which ops_started in its "
            "log has"
        )
    named = addresses(args.workers or [f"{s.ops_host}:{s.ops_port}"])
    store = open_store(s)
    history, looker = History(), Looker(store, named)
    try:
        history.add(await looker.look())
        if not (sys.stdin.isatty() and sys.stdout.isatty()):
            await asyncio.sleep(TICK_S)  # rates need two looks
            history.add(await looker.look())
            lines = paint(_lines(s, history), SNAPSHOT_WIDTH, SNAPSHOT_HEIGHT, color=False)
            sys.stdout.write("\n".join(line.rstrip() for line in lines) + "\n")
            return EXIT_OK
        with _terminal(sys.stdin.fileno()), _asked_to_stop() as stop:
            await _show(s, history, looker, stop, color=not loaded.no_color)
    finally:
        await store.aclose()
    return EXIT_OK


async def _show(
    s: Settings, history: History, looker: Looker, stop: asyncio.Event, *, color: bool
) -> None:
    while not stop.is_set():
        _draw(_lines(s, history), color=color)
        with suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), TICK_S)
        if not stop.is_set():
            look = asyncio.ensure_future(looker.look())
            waiting = asyncio.ensure_future(stop.wait())
            # Whoever presses q does not wait for a server that does not answer.
            await asyncio.wait({look, waiting}, return_when=asyncio.FIRST_COMPLETED)
            waiting.cancel()
            if look.done():
                history.add(look.result())
            else:
                look.cancel()


def _lines(s: Settings, history: History) -> list[Line]:
    return list(screen(history, s.instance, datetime.now(UTC).strftime("%H:%M:%S UTC")))


def _draw(lines: list[Line], *, color: bool) -> None:
    # Not COLUMNS and LINES of the environment: a window that is resized does not change them.
    size = os.get_terminal_size(sys.stdout.fileno())
    # A terminal that is just being made has neither.
    width, height = size.columns or 80, size.lines or 24
    shown = lines[: height - 1]
    if len(lines) < height:
        shown = [*lines, [Part("")]][: height - 1]
    rows = paint([*shown, [Part("q: end", "\x1b[2m")]], width, height, color=color)
    # One write, over what is there: nothing flickers. The last row has no newline: nothing scrolls.
    text = _HOME + f"{_END_OF_LINE}\r\n".join(rows) + _END_OF_LINE + _BELOW
    sys.stdout.write(text)
    sys.stdout.flush()


@contextmanager
def _terminal(stdin: int) -> Iterator[None]:
    """A screen of its own and keys without Enter; all is as before at the end, whatever happens."""
    before = termios.tcgetattr(stdin)
    try:
        tty.setcbreak(stdin)
        sys.stdout.write(_ENTER)
        sys.stdout.flush()
        yield
    finally:
        with suppress(OSError, termios.error):  # the terminal may be gone
            sys.stdout.write(_LEAVE)
            sys.stdout.flush()
            termios.tcsetattr(stdin, termios.TCSADRAIN, before)


@contextmanager
def _asked_to_stop() -> Iterator[asyncio.Event]:
    """Set by q, Ctrl-C, Ctrl-D, a signal, or when the terminal goes away."""
    stop, loop, stdin = asyncio.Event(), asyncio.get_running_loop(), sys.stdin.fileno()

    def key() -> None:
        try:
            pressed = os.read(stdin, 64)
        except OSError:
            pressed = b""
        if not pressed or set(pressed) & set(b"qQ\x03\x04"):
            loop.remove_reader(stdin)
            stop.set()

    signals = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    for number in signals:
        loop.add_signal_handler(number, stop.set)
    loop.add_reader(stdin, key)
    try:
        yield stop
    finally:
        loop.remove_reader(stdin)
        for number in signals:
            loop.remove_signal_handler(number)
