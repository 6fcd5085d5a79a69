"""Workers against the simulated web, through their documented interface alone; each run gives its figures."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import NamedTuple

from tests.bench.meter import resident
from tests.support.kafka_jars import ROOT
from tests.support.processes import LOOPBACK, free_port, kill_session, spawn
from tests.support.servers import KafkaServer, ValkeyServer
from tests.support.worker import FAST, WorkerProcess
from tests.web.ledger import (
    Asked,
    by_host,
    decode,
    most_at_once,
    most_within,
    pauses,
    share,
    too_early,
)
from tests.web.site import host

WINDOW_S = 5.0
GAP_S = 0.25
AT_ONCE = 2
MOST = int(WINDOW_S / GAP_S) + AT_ONCE
"""A permit is given each GAP_S; on the way to the host a request or two may be held up and come together."""


_numbers = itertools.count(1)


class Ground:
    """The servers that runs share. Each run has an instance of its own in them."""

    def __init__(self, directory: Path, kafka: KafkaServer, valkey: ValkeyServer) -> None:
        self.directory, self.kafka, self.valkey = directory, kafka, valkey

    def settings(self, paths: Sequence[str], **more: str) -> dict[str, str]:
        """A worker's settings for a list of these URLs."""
        name = f"web{os.getpid()}-{next(_numbers)}"
        feeds = self.directory / f"{name}.txt"
        feeds.write_text("\n".join(paths) + "\n")
        return {
            **FAST,
            "NEWSWIRE_INSTANCE": name,
            "NEWSWIRE_TOPIC_PREFIX": f"{name}.",
            "NEWSWIRE_KAFKA_BOOTSTRAP_SERVERS": self.kafka.bootstrap,
            "NEWSWIRE_REDIS_URL": self.valkey.url,
            "NEWSWIRE_FEEDS": str(feeds),
            **more,
        }


@contextmanager
def web(hosts: int) -> Iterator[int]:
    """The simulated web in its own process; yields its port."""
    port = free_port()
    command = [sys.executable, "-m", "tests.web.site", str(port), str(hosts)]
    process = spawn(command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, stderr=None)
    try:
        assert process.stdout and process.stdout.readline() == b"ready\n", "the web does not start"
        yield port
    finally:
        kill_session(process)
        if process.stdout:
            process.stdout.close()


def ledger(port: int) -> list[Asked]:
    """All requests so far."""
    with urllib.request.urlopen(f"http://{LOOPBACK}:{port}/_ledger", timeout=60) as response:
        return decode(response.read())


class Manners(NamedTuple):
    """How hosts were treated by three workers, one of them killed."""

    requests: int
    hosts: int
    most_within: int
    most_at_once: int
    refusals: int
    too_early: int


def manners(ground: Ground, seconds: float, *, polite: bool = True) -> Manners:
    """Thirty hosts with feeds that want far more polls than the bound, some by redirect, and ten that
    refuse and ask for rest; three workers, of which one is killed and replaced. Not ``polite``: the
    control, with a worker that keeps to no bound."""
    with ExitStack() as stack:
        port = stack.enter_context(web(40))
        urls = [f"http://{host(h)}:{port}/fine/{n}" for h in range(30) for n in range(4)]
        urls += [f"http://{host(h)}:{port}/hop/{n}" for h in range(0, 30, 3) for n in range(2)]
        urls += [f"http://{host(h)}:{port}/within/{n}" for h in range(1, 30, 3) for n in range(2)]
        urls += [f"http://{host(h)}:{port}/back/{n}" for h in range(2, 30, 3) for n in range(2)]
        kinds = ["429-seconds", "429-date", "503-seconds", "503-date"]
        urls += [f"http://{host(30 + h)}:{port}/refuse-{kinds[h % 4]}/0" for h in range(10)]
        urls += [f"http://{host(30 + h)}:{port}/fine/{n}" for h in range(10) for n in range(3)]
        bounds = {
            "NEWSWIRE_HOST_GAP": f"{GAP_S}",
            "NEWSWIRE_HOST_CONCURRENCY": str(AT_ONCE),
        }
        env = ground.settings(urls, **bounds)
        command = [sys.executable, "-m", "workers.cli", "run"]
        if not polite:
            command = [sys.executable, "-m", "tests.web.rude_worker"]
        workers = [
            stack.enter_context(WorkerProcess(env, name=f"w{n}", command=command)) for n in range(3)
        ]
        workers[0].wait_for("feed_polled")
        time.sleep(seconds / 2)
        workers[2].kill()
        stack.enter_context(WorkerProcess(env, name="w3", command=command))
        time.sleep(seconds / 2)
        hosts = by_host(ledger(port))
    return Manners(
        requests=sum(map(len, hosts.values())),
        hosts=len(hosts),
        most_within=max(most_within(h, WINDOW_S) for h in hosts.values()),
        most_at_once=max(most_at_once(h) for h in hosts.values()),
        refusals=sum(a.not_before_s > 0 for h in hosts.values() for a in h),
        too_early=sum(too_early(h) for h in hosts.values()),
    )


class Crowd(NamedTuple):
    """How hosts with one feed fare beside one with very many. Seconds between two polls of a feed."""

    alone_p50: float
    alone_p95: float
    beside_p50: float
    beside_p95: float
    crowd: int
    crowd_polled: int
    crowd_least: int
    crowd_most: int


def crowd(ground: Ground, singles: int, many: int, seconds: float) -> Crowd:
    """Poll hosts with one feed each, then the same beside one host with ``many`` feeds."""
    alone, _ = _crowd(ground, singles, 0, seconds)
    beside, counts = _crowd(ground, singles, many, seconds)
    return Crowd(
        share(alone, 0.5),
        share(alone, 0.95),
        share(beside, 0.5),
        share(beside, 0.95),
        many,
        len(counts),
        min(counts.values()) if len(counts) == many else 0,
        max(counts.values()),
    )


def _crowd(
    ground: Ground, singles: int, many: int, seconds: float, platforms: int = 1, gap: str = "20ms"
) -> tuple[list[float], dict[str, int]]:
    with ExitStack() as stack:
        port = stack.enter_context(web(singles + platforms))
        urls = [f"http://{host(n)}:{port}/fine/0" for n in range(singles)]
        urls += [
            f"http://{host(singles + p)}:{port}/fine/{n}"
            for n in range(many)
            for p in range(platforms)
        ]
        env = ground.settings(
            urls,
            NEWSWIRE_MIN_INTERVAL="4s",
            NEWSWIRE_MAX_INTERVAL="4s",
            NEWSWIRE_HOST_GAP=gap,
            NEWSWIRE_HOST_CONCURRENCY="4",
        )
        worker = stack.enter_context(WorkerProcess(env))
        worker.wait_for("feed_list_loaded", timeout_s=120)
        time.sleep(seconds)
        asked = ledger(port)
    big = {host(singles + p) for p in range(platforms)}
    counts: dict[str, int] = {}
    for one in asked:
        if one.host in big:
            counts[one.host + one.path] = counts.get(one.host + one.path, 0) + 1
    return pauses(a for a in asked if a.host not in big), counts


class Memory(NamedTuple):
    """The most memory of a worker with its helpers, in bytes, over ordinary feeds and over hostile ones."""

    ordinary: int
    hostile: int
    ordinary_polled: int


def memory(ground: Ground, seconds: float) -> Memory:
    """A hundred hosts at once that send bombs and drips, against a hundred that send feeds."""
    ordinary, _ = _memory(ground, ["/fine/0"], seconds)
    hostile, polled = _memory(ground, ["/bomb/0", "/drip/0"], seconds)
    return Memory(ordinary, hostile, polled)


def _memory(ground: Ground, paths: Sequence[str], seconds: float) -> tuple[int, int]:
    with ExitStack() as stack:
        port = stack.enter_context(web(110))
        urls = [f"http://{host(n)}:{port}{paths[n % len(paths)]}" for n in range(100)]
        urls += [f"http://{host(n)}:{port}/fine/0" for n in range(100, 110)]
        more = {
            "NEWSWIRE_FETCH_DEADLINE": "10s",
            "NEWSWIRE_CLAIM_LEASE": "20s",
            "NEWSWIRE_FETCH_CONCURRENCY": "200",
        }
        worker = stack.enter_context(WorkerProcess(ground.settings(urls, **more)))
        worker.wait_for("feed_list_loaded")
        most, end = 0, time.monotonic() + seconds
        while time.monotonic() < end:
            most = max(most, resident(worker.pid))
            threading.Event().wait(0.05)
        fine = {host(n) for n in range(100, 110)}
        polled = len({a.host for a in ledger(port) if a.host in fine})
    return most, polled
