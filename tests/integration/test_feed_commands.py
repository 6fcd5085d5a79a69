"""What is said of feeds: the lines of their course, ``newswire feeds`` and ``newswire explain``."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Names
from tests.integration.helpers import settings, until
from tests.support.kafka_jars import ROOT
from tests.support.static_site import Answer, StaticSite, rss
from tests.support.worker import WorkerProcess
from workers.feedlist.formats import parse_list

pytestmark = pytest.mark.usefixtures("redis_hygiene")


def newswire(env: dict[str, str], *words: str) -> subprocess.CompletedProcess[str]:
    """Run one command, with these settings and none of the shell's."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("NEWSWIRE_")}
    return subprocess.run(
        [sys.executable, "-m", "workers.cli", *words],
        env={**own, **env},
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )


def _gone(_: Any) -> Answer:
    return 410, {}, b""


def _moved(_: Any) -> Answer:
    return 301, {"Location": "/new"}, b""


def test_the_course_of_feeds_is_told(kafka: str, valkey: str, names: Names, tmp_path: Path) -> None:
    """A moved and a retired feed have their lines, and both commands say what is known."""
    with StaticSite() as site:
        site.pages |= {"/new": rss(site.base, "harbour", 3), "/old": _moved, "/gone": _gone}
        site.pages["/good"] = rss(site.base, "good", 2)
        feeds = tmp_path / "feeds.txt"
        feeds.write_text("".join(f"{site.base}{p}\n" for p in ("/old", "/gone", "/good")))
        env = settings(names, kafka, valkey, feeds)
        with WorkerProcess(env) as worker:
            moved = worker.wait_for("feed_moved")
            assert moved["url.full"] == f"{site.base}/new"
            asked = site.requests["/old"]
            retired = worker.wait_for("feed_retired")
            assert site.requests["/gone"] >= 3
            until(lambda: site.requests["/new"] > asked + 3, 15, "the new URL asked directly")
            assert site.requests["/old"] == asked
            table = newswire(env, "feeds", "--state", "gone")
            assert [line.split()[:2] for line in table.stdout.splitlines()] == [
                ["ID", "STATE"],
                [retired["feed_id"], "gone"],
            ]
            assert len(newswire(env, "feeds").stdout.splitlines()) == 4
            for name in (f"{site.base}/old", f"{site.base}/new", moved["feed_id"]):
                told = newswire(env, "explain", name)
                assert told.returncode == 0
                assert f"followed to {site.base}/new" in told.stdout
                assert "healthy" in told.stdout
            unknown = newswire(env, "explain", "nothing")
            assert unknown.returncode == 78
            assert "no feed of instance" in unknown.stderr
            assert worker.stop() == 0, worker.tail()


def test_a_new_url_of_a_feed_forgets_the_old_redirect(
    kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """A feed with an id of its own that gets another URL is asked there, and retired no more; the list that
    `newswire feeds --opml` writes has the new one."""
    with StaticSite() as site:
        site.pages |= {"/new": rss(site.base, "harbour", 3), "/gone": _gone}
        feeds = tmp_path / "feeds.yaml"
        feeds.write_text(f"feeds:\n  - id: harbour\n    url: {site.base}/gone\n")
        env = settings(names, kafka, valkey, feeds)
        with WorkerProcess(env) as worker:
            worker.wait_for("feed_retired")
            feeds.write_text(f"feeds:\n  - id: harbour\n    url: {site.base}/new\n")
            assert worker.wait_for("feed_recovered")["feed_id"] == "harbour"
            assert worker.lines("feed_polled", reason="new")
            exported = parse_list(newswire(env, "feeds", "--opml").stdout.encode(), name="export")
            assert [feed.url for feed in exported.feeds] == [f"{site.base}/new"]
            assert worker.stop() == 0, worker.tail()
