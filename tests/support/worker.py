"""A worker as its own process, as an operator runs it, with its log read line by line."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO, Any, Self

from tests.support.kafka_jars import ROOT
from tests.support.processes import kill_session, spawn

_LINES = 100_000
_WAIT_S = 30.0
_HELPERS_S = 10.0

FAST: dict[str, str] = {
    "NEWSWIRE_ALLOWED_NETWORKS": "127.0.0.0/8",
    "NEWSWIRE_MIN_INTERVAL": "500ms",
    "NEWSWIRE_MAX_INTERVAL": "1s",
    "NEWSWIRE_BACKFILL": "all",
    "NEWSWIRE_HOST_GAP": "0",
    "NEWSWIRE_HOST_CONCURRENCY": "100",
    "NEWSWIRE_FETCH_DEADLINE": "2s",
    "NEWSWIRE_CLAIM_LEASE": "4s",
    "NEWSWIRE_KAFKA_TRANSACTION_TIMEOUT": "3s",
    "NEWSWIRE_PUBLISHER_LEASE": "5s",
    "NEWSWIRE_RETRY_BACKOFF_MAX": "1s",
    "NEWSWIRE_FEEDS_RELOAD": "1s",
    "NEWSWIRE_KAFKA_PARTITIONS": "3",
    "NEWSWIRE_OPS_PORT": "0",
    "NEWSWIRE_LOG_FORMAT": "json",
    "NEWSWIRE_CONTACT": "https://example.org/about-us",
}
"""Settings that make minutes seconds: polling as fast as the world changes, short leases."""


class WorkerProcess:
    """``newswire run`` with the given settings (``NEWSWIRE_*`` and others) until it is ended.

    Nothing of the test's own ``NEWSWIRE_*`` environment is inherited. ``command`` is run instead of
    ``newswire run``, such as a worker without one of its guards, in ``folder``. Log lines are
    dictionaries; a line that is no JSON object is ``{"event": "", "raw": …}``.
    """

    def __init__(
        self,
        settings: Mapping[str, str],
        *,
        name: str = "worker",
        command: Sequence[str] = (sys.executable, "-m", "workers.cli", "run"),
        folder: Path = ROOT,
    ) -> None:
        self.name = name
        self.stderr: deque[str] = deque(maxlen=2_000)
        self._lines: list[dict[str, Any]] = []
        self._dropped = 0  # lines before the first of _lines
        self._changed = threading.Condition()
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("NEWSWIRE_")}
        self._process = spawn(
            command,
            cwd=folder,
            env={**inherited, "PYTHONUNBUFFERED": "1", **settings},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._readers = [
            threading.Thread(target=target, args=(stream,), daemon=True, name=f"{name}-log")
            for target, stream in (
                (self._read_log, self._process.stdout),
                (self._read_errors, self._process.stderr),
            )
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self) -> int:
        """The process."""
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative for a signal."""
        return self._process.poll()

    def lines(self, event: str | None = None, **fields: Any) -> list[dict[str, Any]]:
        """The log so far; of one event with these fields."""
        with self._changed:
            found = list(self._lines)
        return [line for line in found if _matches(line, event, fields)]

    def wait_for(
        self, event: str, *, timeout_s: float = _WAIT_S, after: int = 0, **fields: Any
    ) -> dict[str, Any]:
        """The first line of this event with these fields that follows ``after`` such lines.

        Raises TimeoutError with the log's end; also when the process ends without it.
        """
        deadline = time.monotonic() + timeout_s
        with self._changed:
            at = 0  # a line's number, counted from the first that was ever written
            while True:
                for line in self._lines[max(at - self._dropped, 0) :]:
                    if _matches(line, event, fields):
                        if not after:
                            return line
                        after -= 1
                at = self._dropped + len(self._lines)
                left = deadline - time.monotonic()
                ended = not any(reader.is_alive() for reader in self._readers)
                if left <= 0 or ended:
                    why = f"ended with {self.exit_code}" if ended else f"{timeout_s} s are over"
                    raise TimeoutError(f"{self.name}: no {event} {fields}: {why}\n{self.tail()}")
                self._changed.wait(min(left, 0.5))

    def tail(self, count: int = 25) -> str:
        """The end of the log and of stderr, for a failure's message."""
        with self._changed:
            lines = [json.dumps(line, ensure_ascii=False) for line in self._lines]
        return "\n".join([*lines[-count:], *list(self.stderr)[-count:]])

    def kill(self) -> None:
        """SIGKILL to the worker alone, as a crash; helpers that it started must end by themselves."""
        if self.exit_code is None:
            os.kill(self.pid, signal.SIGKILL)
        self._process.wait(_WAIT_S)

    def terminate(self) -> None:
        """SIGTERM; does not wait."""
        self._process.terminate()

    def interrupt(self) -> None:
        """SIGINT, as Ctrl-C; does not wait."""
        self._process.send_signal(signal.SIGINT)

    def freeze(self) -> None:
        """SIGSTOP: it keeps its connections and does nothing."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """SIGCONT."""
        os.kill(self.pid, signal.SIGCONT)

    def wait(self, timeout_s: float = _WAIT_S) -> int:
        """Wait for the end and the last line of the log; the exit code. Raises TimeoutError."""
        try:
            code = self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            raise TimeoutError(f"{self.name} runs on\n{self.tail()}") from None
        for reader in self._readers:
            reader.join(_WAIT_S)
        return code

    def stop(self, timeout_s: float = _WAIT_S) -> int:
        """SIGTERM and wait; the exit code."""
        self.terminate()
        return self.wait(timeout_s)

    def close(self) -> None:
        """Kill it with all that it started. Raises AssertionError when it ended before and a helper
        of it lives on: helpers hold its stdout, and must not outlive it."""
        if self.exit_code is None:
            kill_session(self._process)
        for reader in self._readers:
            reader.join(_HELPERS_S)
            assert not reader.is_alive(), f"{self.name} ended and left a process behind"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _read_log(self, stream: IO[bytes]) -> None:
        with stream:
            for raw in stream:
                line = _parse(raw)
                with self._changed:
                    self._lines.append(line)
                    if len(self._lines) > _LINES:
                        del self._lines[: _LINES // 2]
                        self._dropped += _LINES // 2
                    self._changed.notify_all()
        with self._changed:
            self._changed.notify_all()

    def _read_errors(self, stream: IO[bytes]) -> None:
        with stream:
            for raw in stream:
                self.stderr.append(raw.decode(errors="replace").rstrip("\n"))


def _parse(raw: bytes) -> dict[str, Any]:
    with contextlib.suppress(ValueError):
        line = json.loads(raw)
        if isinstance(line, dict):
            return line
    return {"event": "", "raw": raw.decode(errors="replace").rstrip("\n")}


def _matches(line: Mapping[str, Any], event: str | None, fields: Mapping[str, Any]) -> bool:
    return (event is None or line.get("event") == event) and all(
        line.get(name) == value for name, value in fields.items()
    )
