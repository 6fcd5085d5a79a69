"""A Kafka that has lost everything, under a Redis that has not."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Names
from tests.integration.helpers import created, polled, settings, until
from tests.support.static_site import StaticSite, rss
from tests.support.topic import admin
from tests.support.worker import WorkerProcess

FEEDS = 5
TOPICS = ("articles", "feeds", "dead-letters", "positions")


@pytest.mark.timeout(240)
def test_a_new_kafka_gets_what_is_new(
    kafka: str, kafka_server: object, valkey: str, names: Names, tmp_path: Path
) -> None:
    """All topics are gone: started again, a worker makes them, says so, and publishes what is new, once,
    and nothing that it had published before."""
    with StaticSite() as site:
        feeds = tmp_path / "feeds.txt"
        feeds.write_text("".join(f"{site.base}/f{n}\n" for n in range(FEEDS)))
        for n in range(FEEDS):
            site.pages[f"/f{n}"] = rss(site.base, f"n{n}", 3)
        env = settings(names, kafka, valkey, feeds)
        with WorkerProcess(env) as worker:
            worker.wait_for("worker_started")
            until(lambda: len(created(kafka, names)) == 3 * FEEDS, 60, "the first articles")
            assert worker.stop() == 0, worker.tail()
        gone = [f"{names.topic_prefix}{topic}" for topic in TOPICS]
        for deleted in admin(kafka).delete_topics(gone, request_timeout=20).values():
            deleted.result()
        until(lambda: not set(gone) & set(admin(kafka).list_topics(timeout=10).topics), 60, "gone")
        for n in range(FEEDS):
            site.pages[f"/f{n}"] = rss(site.base, f"n{n}", 5)
        with WorkerProcess(env) as worker:
            worker.wait_for("worker_started")
            assert len(worker.lines("topic_created")) == len(TOPICS)
            until(lambda: len(created(kafka, names)) >= 2 * FEEDS, 60, "what is new")
            until(lambda: all(n > 2 for n in polled([worker]).values()), 60, "each polled again")
            assert worker.lines("position_missing")
            assert worker.stop() == 0, worker.tail()
        assert len(created(kafka, names)) == 2 * FEEDS
