"""Workers by the hundred: forked from one process that has loaded everything (worker_under_test)."""

from __future__ import annotations

import itertools
import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from tests.support.kafka_jars import ROOT
from tests.support.processes import kill_session, spawn

_WAIT_S = 30.0


class Child:
    """One worker process.

    Attributes:
        pid: the process.
        exit_code: None while it runs; negative for a signal.
        stopped: it has met SIGSTOP, and was not told to go on since.
    """

    def __init__(self, nursery: Nursery) -> None:
        self.pid = 0
        self.exit_code: int | None = None
        self.stopped = False
        self._nursery = nursery
        self.born = threading.Event()
        self.ended = threading.Event()

    def kill(self) -> None:
        """SIGKILL; does not wait."""
        self._nursery.signal(self, signal.SIGKILL)

    def terminate(self) -> None:
        """SIGTERM; does not wait."""
        self._nursery.signal(self, signal.SIGTERM)

    def thaw(self) -> None:
        """SIGCONT."""
        self.stopped = False
        self._nursery.signal(self, signal.SIGCONT)

    def wait(self, timeout_s: float = _WAIT_S) -> int:
        """Wait for its end. Raises TimeoutError."""
        if not self.ended.wait(timeout_s):
            raise TimeoutError(f"worker {self.pid} runs on after {timeout_s} s")
        assert self.exit_code is not None
        return self.exit_code


class Nursery:
    """Starts workers, signals them and knows how each ended; ``close`` kills those that are left."""

    def __init__(self) -> None:
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("NEWSWIRE_")}
        self._process = spawn(
            [sys.executable, "-m", "tests.fault.worker_under_test", "--nursery"],
            cwd=ROOT,
            env={**inherited, "PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=None,
            stdin=subprocess.PIPE,
        )
        self._ids = itertools.count()
        self._unborn: dict[int, Child] = {}
        self._children: dict[int, Child] = {}
        self._lock = threading.Lock()
        self._reader = threading.Thread(target=self._listen, daemon=True, name="nursery")
        self._reader.start()

    def start(
        self,
        env: Mapping[str, str],
        log: Path,
        *,
        kill_at: str = "",
        freeze_at: str = "",
        without: str = "",
    ) -> Child:
        """Start a worker with these settings; its output is appended to ``log``."""
        child = Child(self)
        ident = next(self._ids)
        with self._lock:
            self._unborn[ident] = child
        self._order(
            id=ident,
            env=dict(env),
            log=str(log),
            kill_at=kill_at,
            freeze_at=freeze_at,
            without=without,
        )
        deadline = time.monotonic() + _WAIT_S
        while not child.born.wait(0.5):
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError("the nursery does not answer; its error is on stderr")
        return child

    def signal(self, child: Child, number: signal.Signals) -> None:
        """Send a signal to a worker, if it still lives."""
        self._order(pid=child.pid, signal=int(number))

    def close(self) -> None:
        """Kill everything."""
        kill_session(self._process)
        for stream in (self._process.stdin, self._process.stdout):
            if stream:
                stream.close()
        self._reader.join(_WAIT_S)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _order(self, **order: Any) -> None:
        assert self._process.stdin
        with self._lock:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            self._process.stdin.flush()

    def _listen(self) -> None:
        assert self._process.stdout
        try:
            for line in self._process.stdout:
                self._hear(json.loads(line))
        except ValueError:
            return  # closed while reading

    def _hear(self, answer: dict[str, Any]) -> None:
        pid = answer["pid"]
        if "id" in answer:
            with self._lock:
                child = self._unborn.pop(answer["id"])
            child.pid = pid
            self._children[pid] = child
            child.born.set()
        elif "stopped" in answer:
            self._children[pid].stopped = True
        else:
            child = self._children.pop(pid)
            child.exit_code = answer["status"]
            child.ended.set()
