"""A copy of Redis's append-only folder, taken while all runs, and put back: the way of deploy/RUNBOOK.md."""

from __future__ import annotations

import shutil
from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import Names
from tests.integration.helpers import created, polled, settings, until
from tests.support.servers import ValkeyServer
from tests.support.static_site import StaticSite, rss
from tests.support.worker import WorkerProcess

FEEDS = 5


@pytest.mark.timeout(240)
def test_a_copy_is_restored(kafka: str, kafka_server: object, names: Names, tmp_path: Path) -> None:
    """What was published after the copy was taken is read back from the topic and not announced again;
    what is new is. Both are told in the log."""
    valkey = ValkeyServer(tmp_path / "valkey")
    folder, copy = valkey.directory / "appendonlydir", tmp_path / "copy"
    with closing(valkey), StaticSite() as site:
        valkey.start()
        feeds = tmp_path / "feeds.txt"
        feeds.write_text("".join(f"{site.base}/f{n}\n" for n in range(FEEDS)))

        def show(items: int) -> None:
            for n in range(FEEDS):
                site.pages[f"/f{n}"] = rss(site.base, f"n{n}", items)

        show(3)
        env = settings(names, kafka, valkey.url, feeds)
        with WorkerProcess(env) as worker:
            worker.wait_for("worker_started")
            until(lambda: len(created(kafka, names)) == 3 * FEEDS, 60, "the first articles")
            with valkey.client() as client:
                assert client.info("persistence")["aof_rewrite_in_progress"] == 0
            shutil.copytree(folder, copy)
            show(5)
            until(lambda: len(created(kafka, names)) == 5 * FEEDS, 60, "more articles")
            assert worker.stop() == 0, worker.tail()
        valkey.kill()
        shutil.rmtree(folder)
        shutil.copytree(copy, folder)
        valkey.start()
        show(6)
        with WorkerProcess(env) as worker:
            worker.wait_for("rollback_found", timeout_s=60)
            worker.wait_for("rollback_healed", timeout_s=60)
            until(lambda: len(created(kafka, names)) >= 6 * FEEDS, 60, "what is new")
            until(lambda: all(n > 2 for n in polled([worker]).values()), 60, "each polled again")
            assert worker.stop() == 0, worker.tail()
        ids = [r.ce_id for r in created(kafka, names)]
        assert len(ids) == len(set(ids)) == 6 * FEEDS
