"""Neighbours that hold nobody up: the short form of ``make cliffs``, in order instead of in time."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.conftest import Names
from tests.integration.helpers import created, settings, until
from tests.support.silent import SilentServer
from tests.support.static_site import StaticSite, rss
from tests.support.worker import WorkerProcess

pytestmark = pytest.mark.usefixtures("redis_hygiene")
PATIENT = {
    "NEWSWIRE_FETCH_DEADLINE": "60s",
    "NEWSWIRE_CLAIM_LEASE": "120s",
    "NEWSWIRE_GRACE": "2s",
}
"""So long that no poll of a silent server ends within a test."""


def test_slow_servers_hold_nobody_up(kafka: str, valkey: str, names: Names, tmp_path: Path) -> None:
    """With places for three polls, feeds are polled again and again beside twelve whose servers are silent,
    and each of the twelve is under way meanwhile."""
    with SilentServer() as silent, StaticSite() as site:
        site.pages = {f"/f{n}": rss(site.base, f"n{n}", 2) for n in range(3)}
        feeds = tmp_path / "feeds.txt"
        slow = "".join(f"http://{silent.address}/{n}\n" for n in range(12))
        feeds.write_text(slow + "".join(f"{site.base}{path}\n" for path in site.pages))
        env = settings(names, kafka, valkey, feeds, NEWSWIRE_FETCH_CONCURRENCY="3", **PATIENT)
        with WorkerProcess(env) as worker:
            until(lambda: silent.connections == 12, 40, "all silent servers are asked")
            before = dict(site.requests)
            until(
                lambda: all(site.requests[p] > before.get(p, 0) + 2 for p in site.pages),
                40,
                "the others are polled again",
            )
            assert not [x for x in worker.lines("feed_polled") if x["level"] != "INFO"]
            worker.stop()


def test_a_feed_of_ten_thousand_entries(
    kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """Its articles are all announced, once, and other feeds are polled before it is done."""
    with StaticSite() as site:
        site.pages = {"/f": rss(site.base, "small", 2), "/many": rss(site.base, "many", 10_000)}
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/many\n{site.base}/f\n")
        with WorkerProcess(settings(names, kafka, valkey, feeds, **PATIENT)) as worker:
            many = worker.wait_for("feed_polled", entries=10_000, timeout_s=120)
            first = worker.lines("feed_polled", reason="new", entries=2)[0]
            assert (many["reason"], many["new"]) == ("new", 10_000)
            assert first["time"] < many["time"]
            until(lambda: len(created(kafka, names)) >= 10_002, 120, "all are published")
            assert worker.stop() == 0, worker.tail()
    ids = [r.key for r in created(kafka, names)]
    assert len(ids) == len(set(ids)) == 10_002
