"""Another number of shards: the way that deploy/RUNBOOK.md gives."""

from __future__ import annotations

import email.utils
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import Names
from tests.integration.helpers import created, polled, settings, until
from tests.support.hygiene import forget
from tests.support.kafka_jars import ROOT
from tests.support.proxy import Proxy
from tests.support.servers import ValkeyServer
from tests.support.static_site import StaticSite, rss
from tests.support.worker import WorkerProcess

FEEDS = 10


def _newswire(env: dict[str, str], *words: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "workers.cli", *words],
        cwd=ROOT,
        env=env,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


BROKEN = """
import sys
import workers.worker
from workers.cli import main
from workers.publisher.supervisor import Publisher

async def broken(_):
    raise AttributeError("no such thing")

async def waiting(_):
    return 1, 1, 1

Publisher.run = broken
workers.worker.outbox_totals = waiting
sys.exit(main(["run", "--drain"]))
"""
"""A worker whose publisher has a bug, while events wait."""


def test_a_drain_that_breaks_does_not_end_well(
    kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """Whoever replaces Kafka or Redis when it has ended with 0 would lose what was not published."""
    env = settings(names, kafka, valkey, tmp_path / "feeds.txt")
    with WorkerProcess(env, command=[sys.executable, "-c", BROKEN]) as worker:
        assert worker.wait() == 1
        assert worker.lines("unhandled_error")


@pytest.mark.timeout(240)
def test_the_number_of_shards_is_changed(
    kafka_proxy: Proxy, kafka: str, valkey_server: ValkeyServer, valkey: str, names: Names,
    tmp_path: Path,
) -> None:  # fmt: skip
    """Drained, emptied and rebuilt from the topic with six shards instead of four: what had waited is
    published, nothing that was shown before comes again, and what is dated later comes once."""
    with StaticSite() as site:
        feeds = tmp_path / "feeds.txt"
        feeds.write_text("".join(f"{site.base}/f{n}\n" for n in range(FEEDS)))
        for n in range(FEEDS):
            site.pages[f"/f{n}"] = rss(site.base, f"n{n}", 3)
        env = settings(names, kafka_proxy.address, valkey, feeds, NEWSWIRE_GRACE="4s")
        with WorkerProcess(env) as worker:
            worker.wait_for("worker_started")
            until(lambda: len(created(kafka, names)) == 3 * FEEDS, 60, "the first articles")
            kafka_proxy.stall()
            for n in range(FEEDS):
                site.pages[f"/f{n}"] = rss(site.base, f"n{n}", 4)
            until(lambda: "\n0 events" not in _newswire(env, "state"), 60, "events wait")
            before = polled([worker])
            until(
                lambda: all(polled([worker])[f] > k + 1 for f, k in before.items()), 60, "all seen"
            )
            worker.stop()
        kafka_proxy.reset()
        assert f"\n{FEEDS} events" in _newswire(env, "state")
        with WorkerProcess(
            env, command=[sys.executable, "-m", "workers.cli", "run", "--drain"]
        ) as last:
            assert last.wait(60) == 0, last.tail()
            assert not last.lines("feed_polled")
        assert "\n0 events" in _newswire(env, "state")
        assert len(created(kafka, names)) == 4 * FEEDS

        with valkey_server.client() as client:
            forget(client, names.instance)
        six = env | {"NEWSWIRE_SHARDS": "6"}
        assert f"{4 * FEEDS} events read" in _newswire(six, "rebuild")
        now = f"<pubDate>{email.utils.formatdate()}</pubDate></item>".encode()
        for n in range(FEEDS):
            site.pages[f"/f{n}"] = rss(site.base, f"n{n}", 6).replace(b"</item>", now)
        with WorkerProcess(six) as worker:
            until(lambda: len(created(kafka, names)) >= 6 * FEEDS, 60, "what is new")
            until(lambda: all(n > 2 for n in polled([worker]).values()), 60, "each polled again")
            assert worker.stop() == 0, worker.tail()
        assert ", 6 shards," in _newswire(six, "state")
        ids = [r.ce_id for r in created(kafka, names)]
        assert len(ids) == len(set(ids)) == 6 * FEEDS
