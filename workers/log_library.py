"""What libraries and crashing threads say, led into our log: redacted, and not a thousand times."""

from __future__ import annotations

import logging
import re
import sys
import threading
from collections.abc import Callable, Hashable
from typing import Any

from structlog.typing import FilteringBoundLogger

REPEAT = 60.0  # seconds between two lines of one kind
PER_LOGGER = 10  # kinds of lines of one logger in that time
# These report every failed connection as an error; whether an outage matters is ours to judge.
_ALARMIST = ("kafka", "redis", "httpx", "httpcore", "aiohttp", "opentelemetry")
_NUMBER = re.compile(r"0x[0-9a-f]+|\d+", re.IGNORECASE)

OncePer = Callable[[float, Hashable], int | None]


class LibraryHandler(logging.Handler):
    """Routes records of the standard library's logging, WARNING and above, to our logger."""

    def __init__(self, log: FilteringBoundLogger, once_per: OncePer) -> None:
        super().__init__(logging.WARNING)
        self._log = log
        self._once_per = once_per

    def emit(self, record: logging.LogRecord) -> None:
        """Write the record once a minute for each kind of message."""
        try:
            message = record.getMessage()
            # Some libraries format before they log: numbers are what differs between two alike.
            kind = _NUMBER.sub("0", str(record.msg))[:100]
            suppressed = self._once_per(REPEAT, ("library", record.name, kind))
            if suppressed is None or not self._admit(record.name):
                return
            fields: dict[str, Any] = {"logger": record.name, "message": message}
            if suppressed:
                fields["suppressed"] = suppressed
            if record.exc_info:
                fields["exc_info"] = record.exc_info
            alarmist = record.name.partition(".")[0] in _ALARMIST
            if record.levelno >= logging.ERROR and not alarmist:
                self._log.error("library_error", **fields)
            else:
                self._log.warning("library_warning", **fields)
        except Exception:
            self.handleError(record)

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802 - logging's name
        """Say that a record could not be formatted, not what it held."""
        self._log.warning("library_warning", logger=record.name, message="unreadable message")

    def _admit(self, name: str) -> bool:
        """At most PER_LOGGER lines in REPEAT seconds, by slots that are taken in turn."""
        return any(
            self._once_per(REPEAT, ("library slot", name, slot)) is not None
            for slot in range(PER_LOGGER)
        )


def capture(log: FilteringBoundLogger, once_per: OncePer) -> None:
    """Lead the standard library's logging, warnings and uncaught exceptions into ``log``."""
    root = logging.getLogger()
    root.handlers = [h for h in root.handlers if not isinstance(h, LibraryHandler)]
    root.addHandler(LibraryHandler(log, once_per))
    root.setLevel(logging.WARNING)
    logging.captureWarnings(True)

    def on_thread_error(args: threading.ExceptHookArgs) -> None:
        name = args.thread.name if args.thread else ""
        if not issubclass(args.exc_type, SystemExit):
            log.error("unhandled_error", exc_info=args.exc_value, thread=name)

    def on_unraisable(args: Any) -> None:
        log.warning(
            "library_warning",
            logger="python",
            message=str(args.err_msg or "ignored"),
            exc_info=args.exc_value,
        )

    def on_error(kind: type[BaseException], error: BaseException, _trace: Any) -> None:
        if not issubclass(kind, KeyboardInterrupt):
            log.error("unhandled_error", exc_info=error)

    threading.excepthook = on_thread_error
    sys.unraisablehook = on_unraisable
    sys.excepthook = on_error
