"""The log: one line an event, safe to show whatever a feed, a server or a library says.

Usage in any module: ``log = logs.get()``, then ``log.info("event_name", field=value)``. Names and
fields stand in ``workers/log_events.py``; a test holds the two together.
"""

from __future__ import annotations

import atexit
import sys
import threading
import time
from collections.abc import Callable, Hashable, Iterable, MutableMapping
from datetime import UTC, datetime
from pathlib import PurePath
from types import TracebackType
from typing import Any, TextIO, cast

import orjson
import structlog
from structlog.typing import FilteringBoundLogger

from workers import log_library
from workers.log_clean import Cleaner
from workers.log_fields import FIELD_NAMES
from workers.log_view import render_text
from workers.log_writer import LineWriter

LEVELS = {"debug": 10, "info": 20, "warning": 30, "error": 40}
_SEVERITY = {
    "debug": "DEBUG",
    "info": "INFO",
    "warning": "WARN",
    "error": "ERROR",
    "exception": "ERROR",
    "critical": "FATAL",
}
"""Method to severity text as OpenTelemetry writes it."""

_MAX_KEYS = 4096


class _Renderer:
    """The only structlog processor: an event dictionary to the bytes of one line."""

    def __init__(self, fmt: str, color: bool, cleaner: Cleaner, base: dict[str, str]) -> None:
        self._text = fmt == "text"
        self._color = color
        self._cleaner = cleaner
        self._base = base

    def __call__(self, _logger: Any, method: str, event: MutableMapping[str, Any]) -> bytes:
        try:
            return self._line(method, event)
        except Exception as error:  # a log call must never be what breaks a poll
            fallback = {"log_error": type(error).__name__, "of": str(event.get("event"))[:100]}
            return self._line("error", {"event": "log_failed", **fallback})

    def _line(self, method: str, event: MutableMapping[str, Any]) -> bytes:
        name = event.pop("event", "")
        if exc_info := event.pop("exc_info", None):
            event.update(_exception(exc_info))
        fields: dict[str, Any] = {
            "time": now_text(),
            "level": _SEVERITY.get(method, "INFO"),
            "event": self._cleaner.text(str(name)),
            **self._base,
        }
        for key, value in event.items():
            fields.setdefault(FIELD_NAMES.get(key, key), self._cleaner.field(key, value))
        if self._text:
            return (render_text(fields, color=self._color) + "\n").encode("utf-8", "replace")
        return orjson.dumps(fields, option=orjson.OPT_APPEND_NEWLINE)


class _Output:
    """What structlog hands a rendered line to."""

    def __init__(self, writer: LineWriter) -> None:
        self.msg = writer.write

    debug = info = warning = error = critical = exception = property(lambda self: self.msg)


class _State:
    """What is one per process."""

    def __init__(self) -> None:
        self.writer: LineWriter | None = None
        self.once: dict[Hashable, tuple[float, int]] = {}
        self.lock = threading.Lock()


_state = _State()


def configure(
    *,
    fmt: str,
    level: str,
    instance: str,
    worker_id: str,
    stream: TextIO | None = None,
    secrets: Iterable[str] = (),
    no_color: bool = False,
) -> None:
    """Set up the log of this process, the log of its libraries and the reports of its crashes.

    Args:
        fmt: ``json``, ``text`` or ``auto`` (text on a terminal).
        level: the least level written, a key of ``LEVELS``.
        instance: the deployment, in every line.
        worker_id: this process within it, in every line.
        stream: standard output when left out.
        secrets: values never to be written.
        no_color: text without colours, even on a terminal.
    """
    stream = stream or sys.stdout
    terminal = stream.isatty()
    fmt = ("text" if terminal else "json") if fmt == "auto" else fmt
    base = {"instance": instance, "worker": worker_id}
    render = _Renderer(fmt, terminal and not no_color, Cleaner(secrets), base)
    if _state.writer:
        flush()
    _state.writer = writer = LineWriter(
        stream, lambda n: render(None, "warning", {"event": "log_lines_dropped", "count": n})
    )
    structlog.configure(
        processors=[render],
        wrapper_class=structlog.make_filtering_bound_logger(LEVELS[level]),
        logger_factory=lambda *_: _Output(writer),
        cache_logger_on_first_use=False,  # loggers made before this call must follow it
    )
    log_library.capture(get(), once_per)
    atexit.unregister(flush)
    atexit.register(flush)


def get() -> FilteringBoundLogger:
    """The logger. May be called before ``configure``, at the top of a module."""
    return cast(FilteringBoundLogger, structlog.get_logger())


def warnings_for(say: Callable[[str], None]) -> FilteringBoundLogger:
    """A logger for commands: what its warnings say goes to ``say``, all else nowhere."""

    def tell(_: Any, method: str, fields: MutableMapping[str, Any]) -> str:
        if method == "warning":
            say(str(fields.get("detail", "")))
        raise structlog.DropEvent

    return cast(FilteringBoundLogger, structlog.wrap_logger(None, processors=[tell]))


def flush(timeout: float = 2.0) -> bool:
    """Wait until every line so far is written; False when ``timeout`` seconds were too few."""
    return _state.writer is None or _state.writer.flush(timeout)


def once_per(seconds: float, key: Hashable) -> int | None:
    """Whether to say something now that is said at most once in so many seconds.

    Returns:
        How often it was held back since it was last said; None to hold it back now.
    """
    now = time.monotonic()
    with _state.lock:
        said = _state.once.pop(key, None)
        if said and now - said[0] < seconds:
            _state.once[key] = (said[0], said[1] + 1)
            return None
        while len(_state.once) >= _MAX_KEYS:
            del _state.once[next(iter(_state.once))]
        _state.once[key] = (now, 0)
        return said[1] if said else 0


def now_text() -> str:
    """Now in RFC 3339, UTC, milliseconds."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _exception(exc_info: Any) -> dict[str, str]:
    """The OpenTelemetry fields of an exception; the stack on one line, innermost call last."""
    error: BaseException | None = None
    if isinstance(exc_info, BaseException):
        error = exc_info
    elif isinstance(exc_info, tuple):
        error = exc_info[1]
    else:
        error = sys.exc_info()[1]
    if error is None:
        return {}
    return {
        "exception.type": type(error).__qualname__,
        "exception.message": str(error),
        "exception.stacktrace": " > ".join(_frames(error.__traceback__)),
    }


def _frames(trace: TracebackType | None) -> list[str]:
    found = []
    while trace is not None:
        code = trace.tb_frame.f_code
        found.append(f"{PurePath(code.co_filename).name}:{trace.tb_lineno} {code.co_name}")
        trace = trace.tb_next
    return found[-20:]
