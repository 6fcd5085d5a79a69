"""Servers, workers and a feed list: all that the workers are told are settings and that list."""

from __future__ import annotations

import itertools
import json
import os
import sys
import urllib.request
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from tests.support.servers import Broker, ValkeyServer
from tests.support.worker import FAST, WorkerProcess

_numbers = itertools.count(1)


class Ground:
    """The servers that runs share. Each run has an instance of its own in them."""

    def __init__(self, directory: Path, kafka: Broker, valkey: ValkeyServer) -> None:
        self.directory, self.kafka, self.valkey = directory, kafka, valkey


class Stage:
    """One instance with its workers, which end with the block; ``settings`` go over the quick ones."""

    def __init__(self, ground: Ground, **settings: str) -> None:
        self.ground = ground
        self.instance = f"web{os.getpid()}-{next(_numbers)}"
        self.workers: list[WorkerProcess] = []
        self._folder = ground.directory / self.instance
        self._folder.mkdir(parents=True)
        self._list = self._folder / "feeds.yaml"
        self._names = self._folder / "names.json"
        self._running = ExitStack()
        self.settings = {
            **FAST,
            "NEWSWIRE_INSTANCE": self.instance,
            "NEWSWIRE_TOPIC_PREFIX": f"{self.instance}.",
            "NEWSWIRE_KAFKA_BOOTSTRAP_SERVERS": ground.kafka.bootstrap,
            "NEWSWIRE_REDIS_URL": ground.valkey.url,
            "NEWSWIRE_FEEDS": str(self._list),
            **settings,
        }
        self.feeds([])
        self.names({})

    def feeds(self, entries: Iterable[str | Mapping[str, object]]) -> None:
        """Write the feed list: URLs, or entries of the YAML form (which JSON is)."""
        whole = [{"url": e} if isinstance(e, str) else dict(e) for e in entries]
        self._list.write_text(json.dumps({"feeds": whole}))

    def names(self, names: Mapping[str, Sequence[Sequence[str]]]) -> None:
        """What names mean to workers that start from now on: the addresses of the first look-up, of the
        second, …; the last is repeated. No other name is known to them."""
        self._names.write_text(json.dumps(names))

    def start(self, *, without: str = "", **environment: str) -> WorkerProcess:
        """Start one more worker; ``without`` one of the guards, as a control."""
        name = f"worker-{len(self.workers) + 1}"
        watch = {
            "WATCH_DIALLED": str(self._folder / f"dialled-{name}"),
            "WATCH_NAMES": str(self._names),
        }
        command = [sys.executable, "-m", "tests.web.watched_worker", "--without", without]
        worker = WorkerProcess(
            {**self.settings, **watch, **environment}, name=name, command=command
        )
        self.workers.append(self._running.enter_context(worker))
        return worker

    def dialled(self) -> Counter[tuple[str, int]]:
        """How often each address and port was dialled, apart from Kafka's and Redis's."""
        servers = {self.ground.kafka.port, self.ground.valkey.port}
        found: Counter[tuple[str, int]] = Counter()
        for path in self._folder.glob("dialled-*"):
            for line in path.read_text().splitlines():
                host, _, port = line.rpartition(" ")
                if int(port) not in servers:
                    found[host, int(port)] += 1
        return found

    def polls(self, **fields: object) -> Counter[str]:
        """How many polls the log tells of, by feed id; with these fields."""
        lines = (line for w in self.workers for line in w.lines("feed_polled", **fields))
        return Counter(str(line["feed_id"]) for line in lines)

    def metrics(self) -> dict[str, float]:
        """What ``/metrics`` of a single worker says, whose port is set."""
        url = f"http://127.0.0.1:{self.settings['NEWSWIRE_OPS_PORT']}/metrics"
        with urllib.request.urlopen(url, timeout=60) as response:
            lines = response.read().decode().splitlines()
        rows = (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))
        return {name: float(value) for name, value in rows}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._running.close()
