"""One path of a poll, measured: a worker pinned to a core, and the baseline on the same feeds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import msgspec
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic

from tests.bench.meter import cpu_s, first_thread_cpu_s, redis_load, resident
from tests.bench.profile import record
from tests.support.kafka_jars import ROOT
from tests.support.processes import LOOPBACK, free_port, kill_session, spawn
from tests.support.servers import KafkaServer, ValkeyServer
from tests.support.worker import FAST

FEEDS = {
    "not-modified": 400,
    "unchanged": 250,
    "no-news": 150,
    "one-new": 150,
    "all-new": 60,
    "mix": 300,
}
"""So many feeds that the worker is never idle, and each is polled several times while it is measured."""
BASELINE_FEEDS = {
    "not-modified": 400,
    "unchanged": 40,
    "no-news": 40,
    "one-new": 40,
    "all-new": 40,
    "mix": 100,
}
_WARM_S = 300.0


class Cost(msgspec.Struct, kw_only=True):
    """What one poll of one kind costs. ``ms`` are of CPU, of the process with its helpers; ``loop_ms`` is
    what the thread of the event loop has of it."""

    kind: str
    polls: int
    worker_ms: float
    loop_ms: float = 0.0
    polls_per_s: float
    resident_mb: float
    redis_ms: float
    redis_commands: float
    baseline_ms: float = 0.0

    @property
    def ratio(self) -> float:
        """The worker's CPU to that of the baseline."""
        return self.worker_ms / self.baseline_ms if self.baseline_ms else 0.0


class Ground:
    """The servers of a run. All but the worker under test and the baseline keep off the first core.

    ``hosts`` addresses has the site beside 127.0.0.1; ``kafka_port`` is what the broker says it listens on.
    """

    def __init__(self, directory: Path, *, hosts: int = 0, kafka_port: int | None = None) -> None:
        self.directory = directory
        cores = sorted(os.sched_getaffinity(0))
        self.core = {cores[0]}
        os.sched_setaffinity(0, set(cores[1:]) or self.core)
        self.valkey = ValkeyServer(directory / "valkey")
        self.kafka = KafkaServer(directory / "kafka", advertised_port=kafka_port)
        self.valkey.start()
        self.kafka.start()
        self.port = free_port()
        command = [sys.executable, "-m", "tests.bench.site", str(self.port), str(hosts)]
        self._site = spawn(command, cwd=ROOT, env=os.environ, stdout=subprocess.PIPE, stderr=None)
        assert self._site.stdout and self._site.stdout.readline() == b"ready\n"

    @property
    def base(self) -> str:
        """Where the feeds are."""
        return f"http://{LOOPBACK}:{self.port}"

    def counts(self) -> dict[str, int]:
        """How often the site was asked, by kind."""
        with urllib.request.urlopen(f"{self.base}/_counts", timeout=30) as response:
            counts: dict[str, int] = json.load(response)
        return counts

    def pinned(
        self, *command: str, env: dict[str, str], out: Path, cwd: Path = ROOT
    ) -> subprocess.Popen[bytes]:
        """A process on the core that is measured."""
        own = os.sched_getaffinity(0)
        os.sched_setaffinity(0, self.core)
        try:
            with out.open("wb") as file:
                # Not the suite's spawn(): its thread has another affinity.
                return subprocess.Popen(
                    command, cwd=cwd, env=env, stdout=file, stderr=subprocess.STDOUT,
                    start_new_session=True,
                )  # fmt: skip
        finally:
            os.sched_setaffinity(0, own)

    def close(self) -> None:
        """End all of it."""
        kill_session(self._site)
        if self._site.stdout:
            self._site.stdout.close()
        self.kafka.close()
        self.valkey.close()


def environment(ground: Ground, name: str, feeds: Path) -> dict[str, str]:
    """What a worker of an instance of this name is started with; it polls as often as it can."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("NEWSWIRE_")}
    return inherited | FAST | {
        "NEWSWIRE_INSTANCE": f"bench-{name}",
        "NEWSWIRE_TOPIC_PREFIX": f"bench-{name}.",
        "NEWSWIRE_REDIS_URL": ground.valkey.url,
        "NEWSWIRE_KAFKA_BOOTSTRAP_SERVERS": ground.kafka.bootstrap,
        "NEWSWIRE_FEEDS": str(feeds),
        "NEWSWIRE_CLAIM_LEASE": "90s",
        "NEWSWIRE_FETCH_DEADLINE": "30s",
        "NEWSWIRE_KAFKA_TRANSACTION_TIMEOUT": "15s",
        "NEWSWIRE_PUBLISHER_LEASE": "30s",
        "NEWSWIRE_KAFKA_PARTITIONS": "12",
        "NEWSWIRE_HOST_CONCURRENCY": "1000",
        "NEWSWIRE_FEEDS_RELOAD": "10m",
        "NEWSWIRE_MIN_INTERVAL": "100ms",
        "NEWSWIRE_MAX_INTERVAL": "100ms",
    }  # fmt: skip


def measure(
    ground: Ground, kind: str, seconds: float, *, profiler: str = "", tree: Path = ROOT
) -> Cost:
    """Run a worker over feeds of one kind until it is warm, then for so long.

    ``profiler``: a py-spy that writes ``<kind>.stacks`` meanwhile; the costs are then a little high.
    ``tree``: the checkout whose worker is run.
    """
    name = f"{kind}-{len(list(ground.directory.glob(f'{kind}-*')))}"
    folder = ground.directory / name
    folder.mkdir()
    feeds = folder / "feeds.txt"
    feeds.write_text("".join(f"{ground.base}/{kind}/{name}-{n}\n" for n in range(FEEDS[kind])))
    env = environment(ground, name, feeds)
    command = (sys.executable, "-m", "workers.cli", "run")
    before = ground.counts()
    worker = ground.pinned(*command, env=env, out=folder / "log", cwd=tree)
    try:
        return _measured(ground, kind, worker.pid, seconds, profiler, before)
    except TimeoutError as error:
        raise TimeoutError(f"{error}\n{(folder / 'log').read_text()[-3_000:]}") from None
    finally:
        worker.terminate()
        try:
            worker.wait(30)
        finally:
            kill_session(worker)


def _measured(
    ground: Ground, kind: str, pid: int, seconds: float, profiler: str, before: dict[str, int]
) -> Cost:
    end = time.monotonic() + _WARM_S
    # Asked for the third time, a feed has its first document behind it; those of others may wait for long.
    thrice = f"{kind} feeds asked thrice"
    while (counts := ground.counts()).get(thrice, 0) < before.get(thrice, 0) + FEEDS[kind]:
        if time.monotonic() > end:
            raise TimeoutError(f"{kind}: {counts} after {_WARM_S} s")
        time.sleep(0.2)
    with ground.valkey.client() as client:
        load, began = redis_load(client), time.monotonic()
        polls, cpu, loop = ground.counts()[kind], cpu_s(pid), first_thread_cpu_s(pid)
        if profiler:
            record(profiler, pid, seconds, ground.directory.parent / f"{kind}.stacks").wait()
        else:
            time.sleep(seconds)
        cpu, loop = cpu_s(pid) - cpu, first_thread_cpu_s(pid) - loop
        polls = ground.counts()[kind] - polls
        took, after = time.monotonic() - began, redis_load(client)
    return Cost(
        kind=kind,
        polls=polls,
        worker_ms=cpu / polls * 1000,
        loop_ms=loop / polls * 1000,
        polls_per_s=polls / took,
        resident_mb=resident(pid) / 1e6,
        redis_ms=(after.cpu_s - load.cpu_s) / polls * 1000,
        redis_commands=(after.calls - load.calls) / polls,
    )


def baseline_ms(ground: Ground, kind: str, seconds: float) -> float:
    """CPU ms per poll of the baseline."""
    topic = NewTopic(f"baseline-{kind}", 12, 1)
    admin = AdminClient({"bootstrap.servers": ground.kafka.bootstrap})
    admin.create_topics([topic])[topic.topic].result()
    out = ground.directory / f"{kind}-baseline"
    process = ground.pinned(
        sys.executable, "-m", "tests.bench.baseline", ground.base, kind, str(BASELINE_FEEDS[kind]),
        str(seconds), ground.valkey.url, ground.kafka.bootstrap, env=dict(os.environ), out=out,
    )  # fmt: skip
    try:
        process.wait(120 + seconds)
    finally:
        kill_session(process)
    line = out.read_text().strip().splitlines()[-1]
    try:
        found = json.loads(line)
        return float(found["cpu_s"]) / int(found["polls"]) * 1000
    except (ValueError, TypeError):
        raise RuntimeError(f"the baseline failed: {out.read_text()[-3_000:]}") from None
