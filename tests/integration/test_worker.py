"""A whole worker against real servers: its list, its bad days, its start and its end."""

from __future__ import annotations

import gzip
import os
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Names
from tests.integration.helpers import created, polled, settings, until
from tests.support.kafka_jars import ROOT
from tests.support.processes import free_port
from tests.support.static_site import Answer, StaticSite, rss
from tests.support.topic import read_topic
from tests.support.worker import WorkerProcess
from workers.feedlist.identity import feed_id

pytestmark = pytest.mark.usefixtures("redis_hygiene")


def _reasons(worker: WorkerProcess, base: str) -> dict[str, str]:
    """The last reason of each feed's polls by the path of its URL."""
    return {
        str(line.get("url.full", "")).removeprefix(base): line["reason"]
        for line in worker.lines("feed_polled")
        if line.get("url.full")
    }


def test_an_article_arrives_whole(kafka: str, valkey: str, names: Names, tmp_path: Path) -> None:
    """What a feed shows stands on the topic under the article's key, with CloudEvents headers."""
    with StaticSite() as site:
        site.pages["/feed"] = rss(site.base, "harbour", 3)
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/feed\n")
        with WorkerProcess(settings(names, kafka, valkey, feeds)) as worker:
            worker.wait_for("feed_polled", reason="new")
            until(lambda: len(created(kafka, names)) == 3, 20, "three articles")
            assert worker.stop() == 0, worker.tail()
    record = created(kafka, names)[0]
    headers = dict(record.headers)
    assert headers["ce_specversion"] == "1.0"
    assert headers["ce_subject"] == record.key
    assert headers["content-type"] == "application/json"


def test_an_edit_is_the_next_revision(
    kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """An edited headline is an update of the same article that names the field; nothing else is."""
    with StaticSite() as site:
        first = rss(site.base, "harbour", 3)
        site.pages["/feed"] = first
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/feed\n")
        with WorkerProcess(settings(names, kafka, valkey, feeds)) as worker:
            worker.wait_for("feed_polled", reason="new")
            site.pages["/feed"] = first.replace(b"harbour story 1", b"harbour story one")
            worker.wait_for("feed_polled", reason="updated")
            until(lambda: len(read_topic(kafka, names.articles)) >= 4, 20, "the update")
            assert worker.stop() == 0, worker.tail()
    records = read_topic(kafka, names.articles)
    updates = [r for r in records if r.headers["ce_type"] == "news.article.updated"]
    assert len(records) == 4
    assert len(updates) == 1
    assert updates[0].key in {r.key for r in created(kafka, names)}
    value = updates[0].value or {}
    assert (value["revision"], value["changedFields"]) == (2, ["headline"])


def test_a_web_page_in_the_list_is_polled_as_its_feed(
    kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """The article of the feed that a page names arrives under the id that the page's address gives."""
    with StaticSite() as site:
        link = b'<link rel="alternate" type="application/rss+xml" href="/feed">'
        site.pages |= {"/": b"<!doctype html><html><head>" + link, "/feed": rss(site.base, "a", 1)}
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/\n")
        with WorkerProcess(settings(names, kafka, valkey, feeds)) as worker:
            worker.wait_for("feed_found")
            until(lambda: len(created(kafka, names)) == 1, 20, "the article")
            assert worker.stop() == 0, worker.tail()
        (found,) = worker.lines("feed_found")
    assert found["url.full"] == f"{site.base}/feed"
    assert found["feed_id"] == feed_id(f"{site.base}/")
    (record,) = created(kafka, names)
    assert record.headers["ce_source"].endswith(f"/feeds/{found['feed_id']}")


def test_two_thousand_feeds(kafka: str, valkey: str, names: Names, tmp_path: Path) -> None:
    """Polling begins within 5 s; a changed list is taken over; a removed feed is polled no more."""
    with StaticSite() as site:
        for n in range(2_000):
            site.pages[f"/f{n}"] = rss(site.base, f"n{n}", 1)
        feeds = tmp_path / "feeds.txt"
        feeds.write_text("".join(f"{site.base}/f{n}\n" for n in range(2_000)))
        env = settings(
            names, kafka, valkey, feeds, NEWSWIRE_MIN_INTERVAL="20s", NEWSWIRE_MAX_INTERVAL="20s"
        )
        with WorkerProcess(env) as worker:
            worker.wait_for("worker_started")
            until(lambda: bool(site.requests), 5, "the first poll")
            until(lambda: len(site.requests) == 2_000, 60, "every feed polled once")
            site.pages["/fresh"] = rss(site.base, "fresh", 1)
            kept = [f"{site.base}/f{n}\n" for n in range(1_990)]
            feeds.write_text("".join([*kept, f"{site.base}/fresh\n"]))
            loaded = worker.wait_for("feed_list_loaded", added=1)
            assert loaded["removed"] == 10
            until(lambda: site.requests["/fresh"] > 0, 10, "the new feed polled")
            before = {n: site.requests[f"/f{n}"] for n in range(1_990, 2_000)}
            until(lambda: site.requests["/f0"] >= 2, 60, "a second round")
            assert before == {n: site.requests[f"/f{n}"] for n in range(1_990, 2_000)}
            assert worker.stop() == 0, worker.tail()
    tombstones = [r for r in read_topic(kafka, f"{names.topic_prefix}feeds") if not r.value]
    assert len(tombstones) == 10


def test_a_feed_that_comes_back_announces_nothing_old(
    kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """Removed from the list and listed again, a feed announces only what is new since."""
    with StaticSite() as site:
        site.pages["/a"], site.pages["/b"] = rss(site.base, "a", 2), rss(site.base, "b", 2)
        feeds = tmp_path / "feeds.txt"
        both = f"{site.base}/a\n{site.base}/b\n"
        feeds.write_text(both)
        with WorkerProcess(settings(names, kafka, valkey, feeds)) as worker:
            until(lambda: len(polled([worker])) == 2, 20, "both feeds polled")
            feeds.write_text(f"{site.base}/a\n")
            worker.wait_for("feed_list_loaded", removed=1)
            site.pages["/b"] = rss(site.base, "b", 3)
            feeds.write_text(both)
            worker.wait_for("feed_list_loaded", added=1)
            worker.wait_for("feed_polled", reason="new", new=1)
            until(lambda: len(created(kafka, names)) >= 5, 20, "the new article")
            assert worker.stop() == 0, worker.tail()
    assert len(created(kafka, names)) == 5


def _hang(_: Any) -> Answer:
    time.sleep(8)
    return 200, {}, b""


def _loop(_: Any) -> Answer:
    return 302, {"Location": "/loop"}, b""


def _bomb(_: Any) -> Answer:
    return 200, {"Content-Encoding": "gzip"}, gzip.compress(b" " * (64 << 20))


def test_bad_answers_each_have_their_reason(
    kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """HTML, emptiness, 404, a hang, a loop and a bomb are told apart, and the good feed goes on."""
    with StaticSite() as site:
        site.pages |= {
            "/good": rss(site.base, "good", 2),
            "/html": b"<!doctype html><html><body><h1>Not a feed</h1></body></html>",
            "/empty": b"",
            "/hang": _hang,
            "/loop": _loop,
            "/bomb": _bomb,
        }
        wanted = {
            "/html": "not_a_feed",
            "/empty": "empty_body",
            "/missing": "not_found",
            "/hang": "timeout",
            "/loop": "redirect_loop",
            "/bomb": "too_large",
        }
        feeds = tmp_path / "feeds.txt"
        feeds.write_text("".join(f"{site.base}{p}\n" for p in ["/good", *wanted]))
        env = settings(
            names, kafka, valkey, feeds, NEWSWIRE_FETCH_DEADLINE="5s", NEWSWIRE_CLAIM_LEASE="15s"
        )
        with WorkerProcess(env) as worker:
            until(lambda: _reasons(worker, site.base).items() >= wanted.items(), 60, "all reasons")
            until(lambda: len(created(kafka, names)) >= 2, 20, "the good feed's articles")
            assert worker.stop() == 0, worker.tail()
    assert len(created(kafka, names)) == 2


def test_a_private_address_is_not_dialled(
    kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """Without NEWSWIRE_ALLOWED_NETWORKS a loopback feed is refused and gets no request."""
    with StaticSite() as site:
        site.pages["/feed"] = rss(site.base, "secret", 1)
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/feed\n")
        env = settings(names, kafka, valkey, feeds, NEWSWIRE_ALLOWED_NETWORKS="")
        with WorkerProcess(env) as worker:
            worker.wait_for("feed_polled", reason="address_forbidden")
            assert worker.stop() == 0, worker.tail()
        assert not site.requests


def test_a_list_that_is_no_list_changes_nothing(
    kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """A broken list is an ERROR that says where, and the feeds of the good one are polled on."""
    with StaticSite() as site:
        site.pages["/feed"] = rss(site.base, "harbour", 1)
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/feed\n{site.base}/feed\n")
        with WorkerProcess(settings(names, kafka, valkey, feeds)) as worker:
            assert worker.wait_for("feed_list_loaded")["feeds"] == 1
            worker.wait_for("feed_polled", reason="new")
            feeds.write_text("<html><body>500 Internal Server Error</body></html>")
            assert worker.wait_for("feed_list_failed")["level"] == "ERROR"
            before = site.requests["/feed"]
            until(lambda: site.requests["/feed"] > before + 2, 15, "polling goes on")
            assert worker.stop() == 0, worker.tail()


@pytest.mark.parametrize("dead", ["NEWSWIRE_REDIS_URL", "NEWSWIRE_KAFKA_BOOTSTRAP_SERVERS"])
def test_a_dead_dependency_is_75(
    dead: str, kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """A Redis or Kafka that is not there at the start ends the worker with 75, and says which."""
    feeds = tmp_path / "feeds.txt"
    feeds.write_text("http://127.0.0.1:9/feed\n")
    address = f"127.0.0.1:{free_port()}"
    value = f"redis://{address}/0" if "REDIS" in dead else address
    env = settings(names, kafka, valkey, feeds) | {dead: value, "NEWSWIRE_CONNECT_WAIT": "2s"}
    with WorkerProcess(env) as worker:
        assert worker.wait(30) == 75
        line = worker.lines("startup_failed")[-1]
    assert "within 2 s" in line["error.message"]
    assert ("Redis" in line["error.message"]) == ("REDIS" in dead)


def test_a_missing_list_setting_is_78(
    kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """Without NEWSWIRE_FEEDS the worker ends with 78 and names the setting."""
    env = settings(names, kafka, valkey, tmp_path)
    del env["NEWSWIRE_FEEDS"]
    with WorkerProcess(env) as worker:
        assert worker.wait(30) == 78
        assert "NEWSWIRE_FEEDS" in worker.lines("startup_failed")[-1]["error.message"]


def test_a_second_interrupt_ends_at_once(
    kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """The first Ctrl-C waits for polls that hang, the second does not."""
    with StaticSite() as site:
        site.pages["/hang"] = _hang
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/hang\n")
        env = settings(
            names, kafka, valkey, feeds, NEWSWIRE_FETCH_DEADLINE="3s", NEWSWIRE_GRACE="60s"
        )
        with WorkerProcess(env) as worker:
            until(lambda: site.requests["/hang"] > 0, 20, "the hanging poll")
            worker.interrupt()
            worker.wait_for("worker_stopping")
            worker.interrupt()
            assert worker.wait(10) == 130


def test_shards_are_fixed_at_the_first_start(
    kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """Another shard count than the instance was started with is 78 and names the right one."""
    feeds = tmp_path / "feeds.txt"
    feeds.write_text("http://127.0.0.1:9/feed\n")
    env = settings(names, kafka, valkey, feeds)
    with WorkerProcess(env) as worker:
        worker.wait_for("worker_started")
        assert worker.stop() == 0, worker.tail()
    with WorkerProcess(env | {"NEWSWIRE_SHARDS": "8"}) as worker:
        assert worker.wait(30) == 78
        assert "NEWSWIRE_SHARDS=4" in worker.lines("startup_failed")[-1]["error.message"]


def test_a_list_that_shrinks_waits_for_force(
    kafka: str, valkey: str, names: Names, tmp_path: Path
) -> None:
    """A list that loses most of its feeds changes nothing until 'newswire feeds apply --force'."""
    with StaticSite() as site:
        for n in range(30):
            site.pages[f"/f{n}"] = rss(site.base, f"n{n}", 1)
        feeds = tmp_path / "feeds.txt"
        feeds.write_text("".join(f"{site.base}/f{n}\n" for n in range(30)))
        env = settings(names, kafka, valkey, feeds)
        with WorkerProcess(env) as worker:
            until(lambda: len(site.requests) == 30, 20, "every feed polled")
            feeds.write_text(f"{site.base}/f0\n")
            assert worker.wait_for("feed_list_refused")["level"] == "ERROR"
            before = site.requests["/f29"]
            until(lambda: site.requests["/f29"] > before, 15, "the old list in force")
            command = [sys.executable, "-m", "workers.cli", "feeds", "apply"]
            refused = subprocess.run(command, env={**os.environ, **env}, cwd=ROOT, check=False)
            assert refused.returncode == 78
            forced = subprocess.run(
                [*command, "--force"],
                env={**os.environ, **env},
                cwd=ROOT,
                check=True,
                capture_output=True,
                text=True,
            )
            assert "29 removed" in forced.stdout
            assert worker.stop() == 0, worker.tail()
