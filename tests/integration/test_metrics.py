"""What a worker's metrics say on its bad days: each fault shows where the alerts look for it."""

from __future__ import annotations

import urllib.request
from pathlib import Path
from typing import Any

import pytest
from prometheus_client.parser import text_string_to_metric_families

from tests.conftest import Names
from tests.integration.helpers import settings, until
from tests.support.servers import KafkaServer, ValkeyServer
from tests.support.static_site import Answer, StaticSite, rss
from tests.support.worker import WorkerProcess

pytestmark = pytest.mark.usefixtures("redis_hygiene")


class Scrape:
    """The metrics of one worker, read anew at each question."""

    def __init__(self, worker: WorkerProcess) -> None:
        self._url = f"http://127.0.0.1:{worker.wait_for('ops_started')['server.port']}/metrics"

    def __call__(self, name: str, label: str = "") -> float:
        """The value of a sample by name and its one label's value."""
        with urllib.request.urlopen(self._url, timeout=10) as answer:
            text = answer.read().decode()
        return next(
            s.value
            for family in text_string_to_metric_families(text)
            for s in family.samples
            if s.name == name and next(iter(s.labels.values()), "") == label
        )


def _throttled(_: Any) -> Answer:
    return 429, {"Retry-After": "3600"}, b""


def test_faults_show(
    kafka_server: KafkaServer,
    valkey_server: ValkeyServer,
    kafka: str,
    valkey: str,
    names: Names,
    tmp_path: Path,
) -> None:
    """A host that refuses, a Kafka that is gone and a Redis that is gone each have their metric; with Kafka
    gone what is found waits in the outbox and ages, and the worker stays ready."""
    with StaticSite() as site, StaticSite() as other:
        site.pages["/feed"] = rss(site.base, "harbour", 2)
        other.pages["/busy"] = _throttled
        feeds = tmp_path / "feeds.txt"
        # Two names, so that the refusal of one host leaves the other alone.
        busy = other.base.replace("127.0.0.1", "localhost")
        feeds.write_text(f"{site.base}/feed\n{busy}/busy\n")
        with WorkerProcess(settings(names, kafka, valkey, feeds)) as worker:
            scrape = Scrape(worker)
            worker.wait_for("feed_polled", reason="throttled")
            assert scrape("newswire_host_rests_total", "strict") >= 1
            until(lambda: scrape("newswire_transactions_total") > 0, 30, "a transaction")
            until(lambda: scrape("newswire_publishers", "idle") == 4, 30, "four shards published")
            assert scrape("newswire_ready") == 1
            kafka_server.kill()
            site.pages["/feed"] = rss(site.base, "harbour", 4)
            until(
                lambda: scrape("newswire_publisher_failures_total", "broker") > 0, 60, "a failure"
            )
            until(lambda: scrape("newswire_outbox_age_seconds") > 1, 60, "events that wait")
            assert scrape("newswire_outbox_events") >= 2
            assert 0 < scrape("newswire_outbox_bytes") < scrape("newswire_outbox_limit_bytes")
            assert scrape("newswire_ready") == 1
            kafka_server.start()
            until(lambda: scrape("newswire_outbox_events") == 0, 60, "the outbox drained")
            valkey_server.kill()
            until(lambda: scrape("newswire_store_errors_total", "down") > 0, 30, "refused calls")
            assert scrape("newswire_ready") == 0
            valkey_server.start()
            until(lambda: scrape("newswire_ready") == 1, 30, "ready again")
            assert worker.stop() == 0, worker.tail()
