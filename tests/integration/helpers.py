"""What the tests of whole workers share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.conftest import Names
from tests.support.judge import Verdict, wait_complete
from tests.support.topic import Record, read_topic
from tests.support.worker import FAST, WorkerProcess
from tests.support.world_process import WorldProcess

SHOWN_FOR_S = 8.0


def settings(names: Names, kafka: str, valkey: str, feeds: Path, **more: str) -> dict[str, str]:
    """A worker's environment for one test."""
    return {
        **FAST,
        "NEWSWIRE_INSTANCE": names.instance,
        "NEWSWIRE_TOPIC_PREFIX": names.topic_prefix,
        "NEWSWIRE_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "NEWSWIRE_REDIS_URL": valkey,
        "NEWSWIRE_FEEDS": str(feeds),
        **more,
    }


def until(truth: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Wait for something to become true; fails with ``what`` when it does not."""
    deadline = time.monotonic() + timeout_s
    while not truth():
        assert time.monotonic() < deadline, f"not within {timeout_s} s: {what}"
        time.sleep(0.05)


def polled(workers: Iterable[WorkerProcess]) -> dict[str, int]:
    """How often each feed was polled with success, by feed id."""
    counts: dict[str, int] = {}
    for worker in workers:
        for line in worker.lines("feed_polled"):
            if line["reason"] in ("new", "updated", "no_news", "unchanged", "not_modified"):
                counts[line["feed_id"]] = counts.get(line["feed_id"], 0) + 1
    return counts


def created(kafka: str, names: Names) -> list[Record]:
    """All first announcements on the topic."""
    records = read_topic(kafka, names.articles)
    return [r for r in records if r.headers["ce_type"] == "news.article.created"]


def judged(world: WorldProcess, kafka: str, names: Names, since_s: float) -> Verdict:
    """The world stands still until all that it shows was shown for long enough to be required; then what
    was published of it is counted, from ``since_s`` on, when workers were at work."""
    world.freeze()
    frozen_s = world.now_s()
    until(lambda: world.now_s() > frozen_s + SHOWN_FOR_S + 1, SHOWN_FOR_S + 20, "time passes")
    expected = world.expected(SHOWN_FOR_S, since_s)
    assert sum(article.required for article in expected) > len(world.urls())
    return wait_complete(kafka, names.articles, expected, timeout_s=90)
