"""The world as a process of its own, so that its work is not the test's (see tests.support.world)."""

from __future__ import annotations

import json
import subprocess
import sys
import urllib.parse
import urllib.request
from typing import Any, Self

import msgspec

from tests.support.kafka_jars import ROOT
from tests.support.processes import kill_session, spawn
from tests.support.world import Asked
from tests.support.world_model import Expected, FaultKind

# Never through a proxy that the environment names: the world is on loopback.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


class WorldProcess:
    """Starts ``python -m tests.support.world``; ``options`` are its flags (``feeds=100, seed=7``)."""

    def __init__(self, **options: float) -> None:
        flags = [f"--{name}={value}" for name, value in options.items()]
        self._process = spawn(
            [sys.executable, "-m", "tests.support.world", *flags],
            cwd=ROOT,
            env={"PYTHONPATH": str(ROOT)},
            stdout=subprocess.PIPE,
            stderr=None,
        )
        assert self._process.stdout
        line = self._process.stdout.readline()
        if not line:
            raise RuntimeError("the world did not start; its error is on stderr")
        self._control: str = json.loads(line)["control"]

    def urls(self) -> list[str]:
        """The URLs of all feeds."""
        return msgspec.json.decode(self._call("feeds"), type=list[str])

    def freeze(self) -> None:
        """From now on nothing new happens; what is shown stays."""
        self._call("freeze")

    def inject(self, feed: int, kind: FaultKind, for_s: float) -> None:
        """A fault of one feed from now on."""
        self._call("fault", feed=feed, kind=kind, for_s=for_s)

    def expected(self, shown_for_s: float, since_s: float = 0.0) -> list[Expected]:
        """What was to be seen until now; required when shown for ``shown_for_s`` on end after
        ``since_s``, when the reader began (see ``World.expected``)."""
        answer = self._call("expected", shown_for_s=shown_for_s, since_s=since_s)
        return msgspec.json.decode(answer, type=list[Expected])

    def requests(self, since_s: float = 0.0) -> list[Asked]:
        """The ledger from a time of the world on."""
        return msgspec.json.decode(self._call("requests", since_s=since_s), type=list[Asked])

    def now_s(self) -> float:
        """The world's time."""
        return float(self.state()["now_s"])

    def state(self) -> dict[str, Any]:
        """``now_s``, ``epoch_ms``, ``requests``, ``statuses``, ``served`` (articles)."""
        state: dict[str, Any] = json.loads(self._call("state"))
        return state

    def close(self) -> None:
        """End it."""
        kill_session(self._process)
        if self._process.stdout:
            self._process.stdout.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _call(self, name: str, **query: float | str) -> bytes:
        if (code := self._process.poll()) is not None:
            raise RuntimeError(f"the world ended with {code}")
        url = f"{self._control}{name}?{urllib.parse.urlencode(query)}"
        with _opener.open(url, timeout=60) as response:
            body: bytes = response.read()
        return body
