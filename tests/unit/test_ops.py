"""Health, metrics and the watch over the event loop."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Callable
from typing import Any, get_args

import aiohttp
import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from workers import logs
from workers.metrics import MetricName, Metrics, PublisherState
from workers.model import PollResult
from workers.ops import loop_lag
from workers.ops.loop_lag import BLOCKED, LOOK, LoopWatch
from workers.ops.server import OpsServer
from workers.publisher.publish import Session


class World:
    """A running ops server whose probes the test controls."""

    def __init__(self) -> None:
        self.live: Callable[[], list[str]] = list
        self.ready: Callable[[], list[str]] = list
        self.metrics = Metrics()
        self.log: Any = structlog.get_logger()
        self.server = self.another(0)

    def another(self, port: int) -> OpsServer:
        """A server on the same host."""
        return OpsServer(
            "127.0.0.1",
            port,
            live=lambda: list(self.live()),
            ready=lambda: list(self.ready()),
            metrics=self.metrics.render,
            log=self.log,
        )

    async def request(self, method: str, path: str) -> tuple[int, str, dict[str, str]]:
        """Status, body and headers."""
        url = f"http://127.0.0.1:{self.server.port}{path}"
        async with aiohttp.ClientSession() as session, session.request(method, url) as response:
            return response.status, await response.text(), dict(response.headers)


@pytest.fixture
async def world() -> AsyncIterator[World]:
    """A server on a free port."""
    with structlog.testing.capture_logs():
        world = World()
        await world.server.start()
        yield world
        await world.server.stop()


async def test_a_healthy_worker_is_live_and_ready(world: World) -> None:
    """Without problems both probes answer 200."""
    for path in ("/livez", "/readyz"):
        status, body, headers = await world.request("GET", path)
        assert (status, body) == (200, '{"status":"ok"}\n')
        assert headers["Cache-Control"] == "no-store"
        assert headers["Server"] == "newswire"


async def test_problems_are_said_and_cleaned(world: World) -> None:
    """A problem is 503 with its words, without secrets or control characters; the probes differ."""
    world.ready = lambda: ["no way to redis://:hunter2@host\x1b[2J"]
    status, body, _ = await world.request("GET", "/readyz")
    assert status == 503
    assert "redis://***@host" in body
    assert "hunter2" not in body
    assert "u001b" not in body
    assert (await world.request("GET", "/livez"))[0] == 200


async def test_a_probe_that_raises_is_a_problem(world: World) -> None:
    """A failing probe answers 503 and shows no inside."""

    def broken() -> list[str]:
        raise RuntimeError("hunter2")

    world.live = broken
    status, body, _ = await world.request("GET", "/livez")
    assert status == 503
    assert "RuntimeError" in body
    assert "hunter2" not in body


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
async def test_nothing_can_be_written(world: World, method: str) -> None:
    """Only GET and HEAD are allowed."""
    assert (await world.request(method, "/livez"))[0] == 405
    assert (await world.request("HEAD", "/livez"))[0] == 200
    assert (await world.request("GET", "/elsewhere"))[0] == 404


async def test_a_busy_port_is_an_error_line_and_no_end(world: World) -> None:
    """The second worker on a machine goes on without its ops server."""
    with structlog.testing.capture_logs() as captured:
        second = world.another(world.server.port)
        await second.start()
        await second.stop()
    assert [(line["event"], line["log_level"]) for line in captured] == [("ops_port_busy", "error")]
    assert second.port == 0
    assert (await world.request("GET", "/livez"))[0] == 200


def samples(text: str) -> dict[tuple[str, str], float]:
    """Samples by name and value of their one label."""
    return {
        (s.name, next(iter(s.labels.values()), "")): s.value
        for family in text_string_to_metric_families(text)
        for s in family.samples
    }


async def test_metrics_are_served(world: World) -> None:
    """What was counted is what a scrape shows; a reason that never came is there with 0."""
    world.metrics.polled(PollResult("new", bytes=10, new=2, changed=1, elapsed_ms=1500))
    world.metrics.published("articles", [0.2, 0.3])
    world.metrics.transaction()
    world.metrics.store_error("down")
    world.metrics.store_error("never heard of")
    world.metrics.lagged(0.02)
    world.metrics.instance({"outbox_events": 4, "oldest_due_seconds": 1.5})
    world.metrics.publisher_failed("hung")
    world.metrics.publishers(["idle", "idle", "standby"])
    world.metrics.rested("strict")
    world.metrics.census({"healthy": 3, "failing": 2}, {"timeout": 2})
    world.metrics.census({"healthy": 4, "failing": 1}, {"dns_error": 1})
    status, body, _ = await world.request("GET", "/metrics")
    found = samples(body)
    assert status == 200
    assert found["newswire_polls_total", "new"] == 1
    assert found["newswire_polls_total", "timeout"] == 0
    assert found["newswire_articles_total", "new"] == 2
    assert found["newswire_articles_total", "updated"] == 1
    assert found["newswire_fetched_bytes_total", ""] == 10
    assert found["newswire_poll_seconds_sum", ""] == 1.5
    assert found["newswire_published_total", "articles"] == 2
    assert found["newswire_publish_delay_seconds_count", ""] == 2
    assert found["newswire_transactions_total", ""] == 1
    assert found["newswire_store_errors_total", "down"] == 1
    assert found["newswire_store_errors_total", "error"] == 1
    assert found["newswire_loop_lag_seconds_count", ""] == 1
    assert found["newswire_outbox_events", ""] == 4
    assert found["newswire_publisher_failures_total", "hung"] == 1
    assert found["newswire_publishers", "idle"] == 2
    assert found["newswire_publishers", "undurable"] == 0
    assert found["newswire_host_rests_total", "strict"] == 1
    assert found["newswire_feeds_in_state", "healthy"] == 4
    assert found["newswire_feeds_failing", "dns_error"] == 1
    assert found["newswire_feeds_failing", "timeout"] == 0
    assert found["newswire_oldest_due_seconds", ""] == 1.5


def test_metric_names_are_documented() -> None:
    """The documented names are those that exist, and none more."""
    found = {
        family.name + ("_total" if family.type == "counter" else "")
        for family in text_string_to_metric_families(Metrics().render().decode())
    }
    assert {name for name in found if name.startswith("newswire_")} == set(get_args(MetricName))


class Clocks:
    """What the watch over the loop looks at, set by hand; seconds."""

    def __init__(self) -> None:
        self.now = self.thread = self.process = 0.0

    def pass_by(self, seconds: float, *, thread: float, process: float) -> None:
        """The loop stands still, while its thread and all threads work for so long."""
        self.now += seconds
        self.thread += thread
        self.process += process

    def monotonic(self) -> float:
        """As in ``time``."""
        return self.now

    def thread_time(self) -> float:
        """As in ``time``."""
        return self.thread

    def process_time(self) -> float:
        """As in ``time``."""
        return self.process


@pytest.mark.parametrize(
    ("seconds", "line"),
    [(0.2, True), (BLOCKED + 1.1 * LOOK, True), (BLOCKED, False)],
)
async def test_a_blocked_loop_is_noticed(
    monkeypatch: pytest.MonkeyPatch, seconds: float, line: bool
) -> None:
    """A stop longer than BLOCKED and a look is told wherever it falls, in one line that says who worked."""
    clocks = Clocks()
    monkeypatch.setattr(loop_lag, "time", clocks)
    monkeypatch.setattr(logs, "_state", logs._State())
    lags: list[float] = []
    told = asyncio.Event()

    def on_lag(seconds: float) -> None:
        lags.append(seconds)
        told.set()

    with structlog.testing.capture_logs() as captured:
        task = asyncio.create_task(LoopWatch(structlog.get_logger(), on_lag).run())
        await asyncio.sleep(0)
        clocks.pass_by(seconds, thread=0.02, process=0.03)
        for _ in range(2):  # the second comes after the line of the first
            await asyncio.wait_for(told.wait(), 30)
            told.clear()
        task.cancel()
    assert max(lags) == pytest.approx(seconds - LOOK)
    said = [(c["event"], c["ms"], c["loop_cpu_ms"], c["process_cpu_ms"]) for c in captured]
    assert said == ([("loop_blocked", round(1000 * (seconds - LOOK)), 20, 30)] if line else [])


def test_labels_come_from_closed_sets() -> None:
    """A worker has all its series from the start, few of them, and what it meets adds none."""
    metrics = Metrics()
    before = len(metrics.render().splitlines())
    metrics.polled(PollResult("new", new=1))
    metrics.store_error("never heard of")
    metrics.publishers(["never heard of"])
    metrics.census({"never heard of": 1}, {"never heard of": 1})
    assert len(metrics.render().splitlines()) == before
    series = [
        line for line in metrics.render().decode().splitlines() if line.startswith("newswire_")
    ]
    assert len(series) < 250


def test_states_are_those_that_exist() -> None:
    """The labels of publishers are the states that these can be in."""
    told = re.findall(
        r"``(\w+)``", (Session.__doc__ or "").partition("state:")[2].partition("overdue_at")[0]
    )
    assert set(get_args(PublisherState)) == set(told)
