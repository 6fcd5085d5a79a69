"""How soon a committed reader has what a poll found: from the moment the feed was due, at a given load."""

from __future__ import annotations

import bisect
import json
import sys
import time
from collections import defaultdict
from datetime import datetime
from pathlib import Path

import msgspec
from confluent_kafka import Consumer

from tests.bench.paths import Ground, environment
from tests.support.kafka_jars import ROOT
from tests.support.processes import kill_session

FEEDS = 200
LOAD = 0.7
P50_S, P99_S = 0.5, 2.0
_WARM_S = 15.0


class Delay(msgspec.Struct, kw_only=True):
    """Seconds from due to read, of so many events, at a load of so many polls a second."""

    polls_per_s: float
    events: int
    p50_s: float
    p99_s: float


def measure_delay(ground: Ground, poll_ms: float, seconds: float) -> Delay:
    """Poll feeds with one new article each time, at ``LOAD`` of what a core does at ``poll_ms`` each."""
    rate = LOAD * 1000 / poll_ms
    interval_s = FEEDS / rate
    folder = ground.directory / "delay"
    folder.mkdir()
    feeds = folder / "feeds.txt"
    feeds.write_text("".join(f"{ground.base}/one-new/delay-{n}\n" for n in range(FEEDS)))
    env = environment(ground, "delay", feeds) | {
        "NEWSWIRE_MIN_INTERVAL": f"{interval_s:.3f}",
        "NEWSWIRE_MAX_INTERVAL": f"{interval_s:.3f}",
        "NEWSWIRE_LOG_POLLS": "all",
    }
    log = folder / "log"
    worker = ground.pinned(sys.executable, "-m", "workers.cli", "run", env=env, out=log, cwd=ROOT)
    try:
        warm = time.time() + 2 * interval_s + _WARM_S
        read = _read(ground.kafka.bootstrap, "bench-delay.articles", warm, warm + seconds)
    finally:
        worker.terminate()
        try:
            worker.wait(30)
        finally:
            kill_session(worker)
    due = _due_times(log)
    delays = sorted(
        seen - due[feed][at - 1]
        for feed, admitted, seen in read
        if feed in due and (at := bisect.bisect_right(due[feed], admitted))
    )
    if not delays:
        raise RuntimeError(f"no event was read: {log.read_text()[-2_000:]}")
    return Delay(
        polls_per_s=len(delays) / seconds,
        events=len(delays),
        p50_s=delays[len(delays) // 2],
        p99_s=delays[len(delays) * 99 // 100],
    )


def _read(bootstrap: str, topic: str, start: float, end: float) -> list[tuple[str, float, float]]:
    """Events read between two times: feed, when it was admitted, when it was read."""
    consumer = Consumer({
        "bootstrap.servers": bootstrap, "group.id": "delay", "isolation.level": "read_committed",
        "auto.offset.reset": "earliest", "fetch.wait.max.ms": 50, "enable.auto.commit": False,
        "topic.metadata.refresh.interval.ms": 500,
    })  # fmt: skip
    consumer.subscribe([topic])
    found = []
    try:
        while (now := time.time()) < end:
            message = consumer.poll(0.1)
            if message is None or message.error() or now < start:
                continue
            headers = dict(message.headers() or [])
            feed = headers["ce_source"].decode().rpartition("/")[2]
            found.append((feed, _epoch(headers["ce_time"].decode()), time.time()))
    finally:
        consumer.close()
    return found


def _due_times(log: Path) -> dict[str, list[float]]:
    """When each feed was due, from the lines of its polls."""
    due: dict[str, list[float]] = defaultdict(list)
    for line in log.read_text().splitlines():
        if '"event":"feed_polled"' in line:
            fields = json.loads(line)
            if "next_due" in fields:
                due[fields["feed_id"]].append(_epoch(fields["next_due"]))
    return due


def _epoch(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
