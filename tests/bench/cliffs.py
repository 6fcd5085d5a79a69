"""``make cliffs``: what one bad neighbour or a slow server costs all other feeds of one worker.

For each cliff one worker polls the rest alone for so long, and then beside the cliff. Most cliffs are about
delay, so the rest asks for a fixed number of polls a second, well under what a core can do; ``kafka`` and
``redis`` are about throughput: there the rest is polled as fast as can be, alone and with the cliff by turns.
"""

from __future__ import annotations

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import ExitStack, closing
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple

import msgspec

from tests.bench.__main__ import machine
from tests.bench.distance import Distance
from tests.bench.meter import cpu_s, resident
from tests.bench.paths import Ground, environment
from tests.bench.site import host
from tests.fault.results import commit
from tests.support.kafka_jars import ROOT, KafkaMissingError
from tests.support.processes import LOOPBACK, kill_session
from tests.support.proxy import Proxy
from workers.model import DEFERRED

REST = 300
"""Feeds beside the cliff, each of its own host: three of four polls a 304, one of ten with news."""
PACED_S, FAST_S = 2.0, 0.1
"""Seconds between two polls of a feed; with the second the worker never rests."""
SLOW_HOSTS = 1_000
CROWD = 10_000
KAFKA_DELAY_S = 0.25
REDIS_DELAY_S = 0.005
"""One way, in addition to what it takes on this machine."""
LEAST_RATIO, BLOCKED_MS = 0.8, 50.0
_WARM_S = 180.0


class Phase(msgspec.Struct, kw_only=True):
    """The rest for a while: its polls a second, seconds from due to polled, the longest stop of the event
    loop and the longest that was the worker's own work (ms), MB of memory at most, part of a core used."""

    polls_per_s: float
    p50_s: float
    p99_s: float
    stop_ms: float
    own_ms: float
    memory_mb: float
    cpu: float


class Found(msgspec.Struct, kw_only=True):
    """One cliff, measured. ``cliff_polls`` ended well of the cliff's own feeds, ``failed`` of all."""

    cliff: str
    alone: list[Phase]
    beside: list[Phase]
    cliff_polls: int
    failed: int

    @property
    def ratio(self) -> float:
        """The rest's polls beside the cliff to those without."""
        alone = sum(p.polls_per_s for p in self.alone) / len(self.alone)
        return sum(p.polls_per_s for p in self.beside) / len(self.beside) / alone

    @property
    def own_ms(self) -> float:
        """The longest that the worker's own work held the loop beside the cliff."""
        return max(p.own_ms for p in self.beside)


class Scene(NamedTuple):
    """What a cliff can be made of: the site, and the ways to the servers; ``rest`` feeds are beside it."""

    rest: int
    ground: Ground
    redis: Distance
    kafka: Proxy


class Cliff(NamedTuple):
    """``urls`` of feeds come into the list beside the rest, or ``turn`` (on or off) makes it."""

    what: str
    urls: Callable[[Ground], list[str]] = lambda _: []
    turn: Callable[[Scene, bool], None] | None = None
    options: tuple[str, ...] = ()
    rounds: int = 1


def _of_hosts(kind: str, first: int, count: int) -> Callable[[Ground], list[str]]:
    return lambda g: [f"http://{host(first + n)}:{g.port}/{kind}/{n}" for n in range(count)]


def _kafka(scene: Scene, on: bool) -> None:
    scene.kafka.delay_s = KAFKA_DELAY_S * on


def _redis(scene: Scene, on: bool) -> None:
    scene.redis.delay_s = REDIS_DELAY_S * on


CLIFFS = {
    "large": Cliff("a 2 MB feed, changed at each poll", _of_hosts("large", REST, 1)),
    "many": Cliff("a feed of 10,000 entries, one new at each poll", _of_hosts("many", REST, 1)),
    "crowd": Cliff(
        "a host with 10,000 feeds",
        lambda g: [f"http://{host(REST)}:{g.port}/mix/{n}" for n in range(CROWD)],
    ),
    "slow": Cliff(
        "1,000 hosts that answer after 20 s", _of_hosts("slow", REST, SLOW_HOSTS), rounds=1
    ),
    "kafka": Cliff("each request of Kafka takes 0.5 s more", turn=_kafka, rounds=2),
    "redis": Cliff("Redis 5 ms away, each way", turn=_redis, rounds=2),
    "control": Cliff(
        "control: a poll holds the loop for 200 ms", _of_hosts("block", REST, 1), options=("--block",)
    ),
}  # fmt: skip


class Run:
    """One worker beside one cliff."""

    def __init__(self, scene: Scene, name: str, options: tuple[str, ...]) -> None:
        self._scene, self._cliff = scene, CLIFFS[name]
        ground = scene.ground
        self._interval_s = FAST_S if self._cliff.turn else PACED_S
        self._folder = ground.directory / f"{name}-{time.monotonic_ns()}"
        self._folder.mkdir()
        self._feeds = self._folder / "feeds.yaml"
        self._rest = [
            f"http://{host(n)}:{ground.port}/mix/{self._folder.name}" for n in range(scene.rest)
        ]
        self._list([])
        self._log = self._folder / "log"
        env = environment(ground, self._folder.name, self._feeds) | {
            "NEWSWIRE_MIN_INTERVAL": str(self._interval_s),
            "NEWSWIRE_MAX_INTERVAL": str(self._interval_s),
            "NEWSWIRE_HOST_GAP": "0" if self._cliff.turn else "1s",
            "NEWSWIRE_HOST_CONCURRENCY": "2",
            "NEWSWIRE_FEEDS_RELOAD": "1s",
            "NEWSWIRE_BACKFILL": "all",
        }
        if self._cliff.turn:
            env["NEWSWIRE_REDIS_URL"] = f"redis://{LOOPBACK}:{scene.redis.port}/0"
            env["NEWSWIRE_KAFKA_BOOTSTRAP_SERVERS"] = scene.kafka.address
        command = (sys.executable, "-m", "tests.bench.cliff_worker", *self._cliff.options, *options)
        self._worker = ground.pinned(*command, env=env, out=self._log)

    def _list(self, urls: list[str]) -> None:
        rows = [("rest", n, url) for n, url in enumerate(self._rest)]
        rows += [("cliff", n, url) for n, url in enumerate(urls)]
        new = self._feeds.with_suffix(".new")
        new.write_text("".join(f"- {{id: {kind}-{n}, url: '{url}'}}\n" for kind, n, url in rows))
        new.replace(self._feeds)

    def measure(self, name: str, seconds: float) -> Found:
        """The rest alone, and beside the cliff."""
        try:
            self._warm()
            alone, beside = [], []
            for number in range(self._cliff.rounds):
                if number:
                    self._turn(on=False)
                    time.sleep(3)  # what was begun under the other rule ends
                alone.append(self._phase(seconds))
                self._turn(on=True)
                beside.append(self._phase(seconds))
        finally:
            self._turn(on=False)
            self._end()
        lines = list(_lines(self._log, "feed_polled"))
        cliff = sum(_is_polled(line) and line["feed_id"].startswith("cliff") for line in lines)
        failed = sum(line["level"] != "INFO" for line in lines)
        return Found(cliff=name, alone=alone, beside=beside, cliff_polls=cliff, failed=failed)

    def _turn(self, *, on: bool) -> None:
        if self._cliff.turn:
            self._cliff.turn(self._scene, on)
        elif on:
            urls = self._cliff.urls(self._scene.ground)
            self._list(urls)

    def _warm(self) -> None:
        end = time.monotonic() + _WARM_S
        while sum(1 for line in _lines(self._log, "feed_polled") if _is_polled(line)) < 3 * len(
            self._rest
        ):
            if time.monotonic() > end or self._worker.poll() is not None:
                raise TimeoutError(f"the worker is not warm: {self._log.read_text()[-3_000:]}")
            time.sleep(0.5)

    def _phase(self, seconds: float) -> Phase:
        peak, over = [0.0], threading.Event()

        def look() -> None:
            while not over.wait(0.3):
                peak[0] = max(peak[0], resident(self._worker.pid) / 1e6)

        looking = threading.Thread(target=look)
        looking.start()
        began, cpu = time.time(), cpu_s(self._worker.pid)
        time.sleep(seconds)
        ended, cpu = time.time(), cpu_s(self._worker.pid) - cpu
        over.set()
        looking.join()
        time.sleep(0.5)  # the last lines are written
        delays = sorted(self._delays(began, ended))
        stops = [
            s for s in _lines(self._log, "loop_blocked") if began <= _epoch(s["time"]) <= ended
        ]
        if not delays:
            raise RuntimeError(f"nothing was polled: {self._log.read_text()[-3_000:]}")
        return Phase(
            polls_per_s=len(delays) / (ended - began),
            p50_s=delays[len(delays) // 2],
            p99_s=delays[len(delays) * 99 // 100],
            stop_ms=max([s["ms"] for s in stops], default=0),
            own_ms=max([min(s["ms"], s["process_cpu_ms"]) for s in stops], default=0),
            memory_mb=peak[0],
            cpu=cpu / (ended - began),
        )

    def _delays(self, began: float, ended: float) -> list[float]:
        """Seconds from due to polled, of each poll of the rest that ended well in a stretch of time."""
        due: dict[str, float] = defaultdict(float)
        found = []
        for line in _lines(self._log, "feed_polled"):
            feed, at = line["feed_id"], _epoch(line["time"])
            if feed.startswith("rest") and _is_polled(line):
                if due[feed] and began <= at <= ended:
                    found.append(at - due[feed])
                due[feed] = _epoch(line["next_due"])
        return found

    def _end(self) -> None:
        self._worker.terminate()
        try:
            self._worker.wait(60)
        except subprocess.TimeoutExpired:
            print(f"the worker did not end: {self._log.read_text()[-500:]}", file=sys.stderr)
        finally:
            kill_session(self._worker)


def _lines(log: Path, event: str) -> list[dict[str, Any]]:
    wanted = f'"event":"{event}"'
    text = log.read_text()
    return [
        json.loads(line) for line in text[: text.rfind("\n") + 1].splitlines() if wanted in line
    ]


def _is_polled(line: dict[str, Any]) -> bool:
    return line["level"] == "INFO" and line["reason"] not in DEFERRED and "next_due" in line


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def table(found: list[Found]) -> str:
    """The figures for people."""
    lines = [
        f"| cliff | polls/s of the rest: alone, beside | ratio (≥ {LEAST_RATIO}) | due to polled, s "
        "(p50, p99): alone | beside | longest stop of the loop, ms: alone | beside | of it own work "
        f"(≤ {BLOCKED_MS:.0f}) | memory MB | core |",
        "| --- " * 10 + "|",
    ]
    for f in found:
        for n, (a, b) in enumerate(zip(f.alone, f.beside, strict=True)):
            what = "again" if n else CLIFFS[f.cliff].what
            lines.append(
                f"| {what} | {a.polls_per_s:.0f}, {b.polls_per_s:.0f} | "
                f"{b.polls_per_s / a.polls_per_s:.2f} | {a.p50_s:.2f}, {a.p99_s:.2f} | "
                f"{b.p50_s:.2f}, {b.p99_s:.2f} | {a.stop_ms:.0f} | {b.stop_ms:.0f} | {b.own_ms:.0f} | "
                f"{a.memory_mb:.0f} → {b.memory_mb:.0f} | {a.cpu:.2f} → {b.cpu:.2f} |"
            )
    return "\n".join(lines)


def _judge(found: list[Found]) -> list[str]:
    """What is not as it should be; of the control, that nothing was seen."""
    wrong = []
    for f in found:
        if f.cliff == "control":
            if f.own_ms < BLOCKED_MS:
                wrong.append("control: a loop that was blocked for 200 ms was not seen")
            continue
        if f.ratio < LEAST_RATIO:
            wrong.append(f"{f.cliff}: the rest has {f.ratio:.2f} of its polls")
        if f.own_ms > BLOCKED_MS:
            wrong.append(f"{f.cliff}: the loop was held for {f.own_ms:.0f} ms")
    return wrong


def _run(
    names: list[str], seconds: float, options: tuple[str, ...], logs: Path | None, rest: int
) -> list[Found]:
    base = ROOT / ".run" / "bench"
    base.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=base))
    found = []
    try:
        with ExitStack() as stack:
            kafka = stack.enter_context(Proxy(protocol="kafka"))
            ground = Ground(directory, hosts=REST + SLOW_HOSTS, kafka_port=kafka.port)
            stack.callback(ground.close)
            kafka.target = (LOOPBACK, ground.kafka.proxied_port)
            redis = stack.enter_context(closing(Distance(ground.valkey.port)))
            for name in names:
                run = Run(Scene(rest, ground, redis, kafka), name, options)
                found.append(run.measure(name, seconds))
                print("\n".join(table(found[-1:]).splitlines()[2:]), flush=True)
    finally:
        if logs:
            for log in directory.glob("*/log"):
                shutil.copy(log, logs / f"{log.parent.name}.log")
        shutil.rmtree(directory, ignore_errors=True)
    return found


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=[*CLIFFS], default=[])
    parser.add_argument("--seconds", type=float, default=25.0, help="of each stretch")
    parser.add_argument("--rest", type=int, default=REST, help="feeds beside the cliff")
    parser.add_argument("--stacks", action="store_true", help="log what code holds the loop")
    parser.add_argument("--logs", type=Path, help="a folder to leave the workers' logs in")
    parser.add_argument("--json", type=Path, help="write the figures here")
    chosen = parser.parse_args()
    options = ("--stacks",) if chosen.stacks else ()
    try:
        found = _run(chosen.only or [*CLIFFS], chosen.seconds, options, chosen.logs, chosen.rest)
    except KafkaMissingError as missing:
        print(f"The benchmark needs Apache Kafka: {missing}", file=sys.stderr)
        return 1
    print(f"\n{machine()}; commit {commit()}\n\n{table(found)}\n")
    if chosen.json:
        figures = {"machine": machine(), "commit": commit(), "cliffs": found}
        chosen.json.write_bytes(msgspec.json.format(msgspec.json.encode(figures)) + b"\n")
    for line in (wrong := _judge(found)):
        print(line)
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(_main())
