"""What the tests of whole workers share."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from pathlib import Path

from tests.conftest import Names
from tests.support.topic import Record, read_topic
from tests.support.worker import FAST, WorkerProcess


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
