"""A worker whose network is away, as it looks from outside."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Names
from tests.integration.helpers import settings, until
from tests.support.processes import free_port
from tests.support.worker import WorkerProcess
from tests.web.runs import web
from tests.web.site import host
from workers.fetcher.network import HOSTS

pytestmark = pytest.mark.usefixtures("redis_hygiene")


def answered(worker: WorkerProcess) -> int:
    """Feeds that were answered."""
    lines = worker.lines("feed_polled")
    return len({n["feed_id"] for n in lines if n.get("http.response.status_code") == 200})


def test_an_outage_of_the_network_is_no_failure_of_the_feeds(
    kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """While no host can be reached, feeds are put off again and again and do not count as failing; when hosts
    are back, all of them are polled."""
    port, count = free_port(), 2 * HOSTS
    feeds = tmp_path / "feeds.txt"
    feeds.write_text("".join(f"http://{host(n)}:{port}/fine/0\n" for n in range(count)))
    with WorkerProcess(settings(names, kafka, valkey, feeds)) as worker:
        assert worker.wait_for("network_down")["reason"] == "connect_refused"
        worker.wait_for("feed_polled", after=3 * count, reason="network_down")
        failed = worker.lines("feed_polled", reason="connect_refused")
        assert len(failed) < HOSTS
        with web(count, port):
            worker.wait_for("network_recovered")
            until(lambda: answered(worker) == count, 30, "all feeds are polled")
            assert worker.stop() == 0, worker.tail()
