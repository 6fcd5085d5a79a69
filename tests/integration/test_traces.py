"""Traces: one from a poll to the record on the topic, over the outbox, and nothing of it when off."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Names
from tests.integration.helpers import created, settings, until
from tests.support.collector import Collector, Span
from tests.support.kafka_jars import ROOT
from tests.support.servers import KafkaServer
from tests.support.static_site import StaticSite, rss
from tests.support.topic import read_topic
from tests.support.worker import WorkerProcess

pytestmark = pytest.mark.usefixtures("redis_hygiene")


def traced(env: dict[str, str], collector: Collector) -> dict[str, str]:
    """The environment with traces on, exported soon."""
    return {
        **env,
        "NEWSWIRE_TRACES": "true",
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_BSP_SCHEDULE_DELAY": "200",
    }


def _of(collector: Collector, poll: Span) -> dict[str, Span]:
    """The spans of a poll's trace by name."""
    return {span.name: span for span in collector.spans() if span.trace == poll.trace}


def test_one_trace_from_poll_to_kafka(
    kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """A poll with news is one trace: fetch, parse, commit and the sending are its parts, and its records
    carry it. A failed poll is an error, and no address is in any span."""
    with StaticSite() as site, Collector() as collector:
        site.pages["/feed"] = rss(site.base, "harbour", 3)
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/feed?token=hunter2\n{site.base}/missing\n")
        site.pages["/feed?token=hunter2"] = site.pages["/feed"]
        with WorkerProcess(traced(settings(names, kafka, valkey, feeds), collector)) as worker:
            line = worker.wait_for("feed_polled", reason="new")
            topic = f"send {names.articles}"
            until(lambda: bool(collector.spans(topic)), 30, "the sending")
            worker.wait_for("feed_polled", reason="not_found")
            assert worker.stop() == 0, worker.tail()
        records = created(kafka, names)
    (poll,) = [s for s in collector.spans("poll") if s.attributes["newswire.reason"] == "new"]
    assert poll.parent == ""
    assert poll.attributes["newswire.feed.id"] == line["feed_id"]
    assert poll.attributes["newswire.articles.new"] == 3
    assert poll.attributes["http.response.status_code"] == 200
    parts = _of(collector, poll)
    assert set(parts) == {"poll", "fetch", "parse", "commit", topic}
    assert all(parts[n].parent == poll.id for n in ("fetch", "parse", "commit"))
    # One for each shard that its articles fell into.
    sendings = [s for s in collector.spans(topic) if s.trace == poll.trace]
    assert sum(s.attributes["messaging.batch.message_count"] for s in sendings) == 3
    assert all(s.parent == poll.id and s.start >= parts["commit"].start for s in sendings)
    contexts = {r.headers["ce_traceparent"].rpartition("-")[0] for r in records}
    assert contexts == {f"00-{poll.trace}-{poll.id}"}
    failed = [s for s in collector.spans("poll") if s.attributes["newswire.reason"] == "not_found"]
    assert failed
    assert all(s.failed and s.attributes["error.type"] == "not_found" for s in failed)
    assert not any("hunter2" in str(span) for span in collector.spans())


def test_a_trace_outlives_its_worker(
    kafka_server: KafkaServer, kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """A worker that is killed between commit and publication leaves its trace in the outbox; the worker that
    publishes the events goes on with it."""
    with StaticSite() as site, Collector() as collector:
        site.pages["/feed"] = rss(site.base, "harbour", 2)
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/feed\n")
        env = traced(settings(names, kafka, valkey, feeds), collector)
        with WorkerProcess(env, name="first") as first:
            first.wait_for("feed_polled", reason="new")
            until(lambda: bool(created(kafka, names)), 30, "publishing works")
            kafka_server.pause()
            site.pages["/feed"] = rss(site.base, "harbour", 5)
            first.wait_for("feed_polled", reason="new", new=3)
            until(
                lambda: any(
                    s.attributes.get("newswire.articles.new") == 3 for s in collector.spans("poll")
                ),
                30,
                "the poll exported",
            )
            first.kill()
        kafka_server.resume()
        with WorkerProcess(env, name="second") as second:
            until(lambda: len(created(kafka, names)) == 5, 60, "the others published")
            assert second.stop() == 0, second.tail()
    (poll,) = [s for s in collector.spans("poll") if s.attributes.get("newswire.articles.new") == 3]
    sending = _of(collector, poll)[f"send {names.articles}"]
    assert sending.worker != poll.worker
    assert sending.parent == poll.id


def test_a_share_is_taken_by_opentelemetrys_own_variables(
    kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """What the sampler leaves out is not exported, and its records say so to who comes after."""
    with StaticSite() as site, Collector() as collector:
        site.pages["/feed"] = rss(site.base, "harbour", 2)
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/feed\n")
        env = traced(settings(names, kafka, valkey, feeds), collector)
        env["OTEL_TRACES_SAMPLER"] = "parentbased_always_off"
        with WorkerProcess(env) as worker:
            worker.wait_for("feed_polled", reason="new")
            until(lambda: len(created(kafka, names)) == 2, 30, "two articles")
            assert worker.stop() == 0, worker.tail()
        assert collector.spans() == []
        flags = [int(r.headers["ce_traceparent"][-2:], 16) for r in created(kafka, names)]
        assert [flag & 1 for flag in flags] == [0, 0]


def test_a_collector_that_is_away_costs_nothing_but_spans(
    kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """Without a collector the worker polls, publishes and stops as ever; no line is an ERROR."""
    with StaticSite() as site:
        site.pages["/feed"] = rss(site.base, "harbour", 2)
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/feed\n")
        env = settings(names, kafka, valkey, feeds) | {
            "NEWSWIRE_TRACES": "true",
            "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9",
            "OTEL_EXPORTER_OTLP_TIMEOUT": "1",
            "OTEL_BSP_SCHEDULE_DELAY": "200",
        }
        with WorkerProcess(env) as worker:
            worker.wait_for("feed_polled", reason="new")
            until(lambda: len(created(kafka, names)) == 2, 30, "two articles")
            until(lambda: bool(_complaints(worker)), 30, "the exporter's complaint")
            assert worker.stop() == 0, worker.tail()
            assert [line for line in worker.lines() if line.get("level") == "ERROR"] == []


def _complaints(worker: WorkerProcess) -> list[dict[str, Any]]:
    lines = worker.lines("library_warning")
    return [line for line in lines if line["otel.scope.name"].startswith("opentelemetry")]


def test_off_is_free(kafka: str, valkey: str, names: Names, tmp_path: Path) -> None:
    """By default records have no trace, and nothing that makes or exports spans is loaded."""
    with StaticSite() as site:
        site.pages["/feed"] = rss(site.base, "harbour", 1)
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/feed\n")
        with WorkerProcess(settings(names, kafka, valkey, feeds)) as worker:
            worker.wait_for("feed_polled", reason="new")
            until(lambda: len(created(kafka, names)) == 1, 30, "an article")
            assert worker.stop() == 0, worker.tail()
    (record,) = read_topic(kafka, names.articles)
    assert "ce_traceparent" not in record.headers
    # redis-py loads OpenTelemetry's metrics by itself where they are installed.
    of_ours = ("opentelemetry.sdk.trace", "opentelemetry.exporter", "workers.tracing_otel")
    program = f"import sys, workers.cli; print([m for m in sys.modules if m.startswith({of_ours})])"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def test_without_the_packages_it_says_what_to_install(tmp_path: Path) -> None:
    """Traces that are asked for and cannot be had are exit 78 with the way out."""
    blocker = tmp_path / "opentelemetry.py"
    blocker.write_text("raise ImportError('none', name='opentelemetry')\n")
    feeds = tmp_path / "feeds.txt"
    feeds.write_text("https://example.org/feed\n")
    env = {**os.environ, "PYTHONPATH": f"{tmp_path}:{ROOT}", "NEWSWIRE_TRACES": "true"}
    env |= {"NEWSWIRE_FEEDS": str(feeds), "NEWSWIRE_OPS_PORT": "0"}
    command = [sys.executable, "-m", "workers.cli", "run"]
    done = subprocess.run(
        command, env=env, cwd=tmp_path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 78
    assert "pip install '.[otel]'" in done.stdout
