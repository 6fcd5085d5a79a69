"""What all test servers have in common: a process that can be crashed, frozen and brought back."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from abc import ABC, abstractmethod
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.support.processes import free_port, kill_session, spawn

_ATTEMPTS = 5
READY_S = 60.0


class ServerError(Exception):
    """A server did not start, or ended by itself; holds the end of its log."""


class Server(ABC):
    """One server process with its data in ``directory`` (made when absent).

    Attributes:
        directory: data, configuration and ``server.log``.
        port: where clients connect, chosen when the object is made and kept for its life.
    """

    name: str

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.log = directory / "server.log"
        self.port = free_port()
        self._process: subprocess.Popen[bytes] | None = None
        self._started_once = False
        directory.mkdir(parents=True, exist_ok=True)

    def start(self) -> None:
        """Start and wait until it truly serves. The first start takes other ports when raced.

        Raises ServerError when it ends or is not ready within 60 s.
        """
        if self.alive:
            raise ServerError(f"{self.name} runs already")
        for left in reversed(range(1 if self._started_once else _ATTEMPTS)):
            self._prepare()
            with self.log.open("ab") as log:
                mark = log.tell()
                self._process = spawn(
                    self._command(), cwd=self.directory, env=self._env(), stdout=log
                )
            try:
                self._wait_ready()
            except ServerError:
                self.kill()
                if not left or b"in use" not in self.log.read_bytes()[mark:]:
                    raise
                self._choose_ports()
            else:
                self._started_once = True
                return

    @property
    def alive(self) -> bool:
        """Whether the process exists (paused or not)."""
        return self._process is not None and self._process.poll() is None

    @property
    def pid(self) -> int:
        """The process. Raises ServerError when there is none."""
        if self._process is None or not self.alive:
            raise ServerError(f"{self.name} is not running")
        return self._process.pid

    def stop(self, grace_s: float = 20.0) -> None:
        """End it in its orderly way (SIGTERM); SIGKILL after ``grace_s`` seconds."""
        if self._process is None:
            return
        self.resume()
        self._process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(grace_s)
        self.kill()

    def kill(self) -> None:
        """SIGKILL, as a crash would; the data stays."""
        if self._process is not None:
            kill_session(self._process)
            self._process = None

    def restart(self) -> None:
        """Crash it and bring it back with the same data and port."""
        self.kill()
        self.start()

    def pause(self) -> None:
        """SIGSTOP: connections stay open, nothing answers."""
        os.kill(self.pid, signal.SIGSTOP)

    def resume(self) -> None:
        """SIGCONT; nothing happens when it is not paused."""
        if self.alive:
            os.kill(self.pid, signal.SIGCONT)

    def close(self) -> None:
        """Kill it and remove its data."""
        self.kill()
        shutil.rmtree(self.directory, ignore_errors=True)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _wait_ready(self) -> None:
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            if not self.alive:
                raise ServerError(f"{self.name} ended while starting:\n{self._log_tail()}")
            if self._ready():
                return
            time.sleep(0.02)
        raise ServerError(f"{self.name} is not ready after {READY_S:.0f} s:\n{self._log_tail()}")

    def _log_tail(self) -> str:
        return self.log.read_text(errors="replace")[-4000:]

    def _choose_ports(self) -> None:
        self.port = free_port()

    def _prepare(self) -> None:  # noqa: B027 - most have nothing to write
        """Write what the process reads at its start."""

    def _env(self) -> dict[str, str]:
        # Nothing else inherited: servers read settings from it (JAVA_OPTS, telemetry).
        return {"PATH": os.environ.get("PATH", os.defpath), "HOME": str(self.directory)}

    @abstractmethod
    def _command(self) -> Sequence[str | Path]: ...

    @abstractmethod
    def _ready(self) -> bool: ...
