"""The status page: what it shows and to whom, in a real browser and without one."""

from __future__ import annotations

import asyncio
import json
import subprocess
import urllib.request
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from tests.conftest import Names
from tests.contract.npm import node_modules
from tests.integration.helpers import settings, until
from tests.support.missing import program
from tests.support.static_site import StaticSite, rss
from tests.support.status_world import HOSTILE, SECRET, TROUBLE, StatusWorld, status_world
from tests.support.worker import WorkerProcess
from workers.model import FeedConfig
from workers.ops import pages, search
from workers.store.address import Address
from workers.store.client import AsyncClient
from workers.store.listing import put_feeds

pytestmark = pytest.mark.usefixtures("redis_hygiene")

PACKAGES = {"playwright-core": "1.65.1", "axe-core": "4.14.1"}


@pytest.fixture
async def world(valkey: str, names: Names) -> AsyncIterator[StatusWorld]:
    """An invented instance with its page."""
    async with status_world(names, valkey) as world:
        yield world


async def get(
    world: StatusWorld, path: str, method: str = "GET"
) -> tuple[int, str, dict[str, str]]:
    """Status, text and headers."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, world.url + path, allow_redirects=False) as response,
    ):
        return response.status, await response.text(), dict(response.headers)


async def _browse(
    world: StatusWorld, tmp_path: Path, views: list[dict[str, Any]], keys: str = ""
) -> Any:
    chromium = program(
        "chromium", "chromium-browser", "google-chrome",
        package="chromium", unproved="how the status page looks and behaves in a browser",
    )  # fmt: skip
    plan = tmp_path / "plan.json"
    plan.write_text(json.dumps({"base": world.url, "views": views, "keys": keys}))
    script = Path(__file__).with_name("status_page.mjs")
    command = ["node", str(script), str(node_modules(PACKAGES)), chromium, str(plan)]
    # In a thread: the page is served by this loop.
    done = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, timeout=300, check=False
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.timeout(400)
async def test_it_works_in_a_browser(world: StatusWorld, tmp_path: Path) -> None:
    """On a desk and on a phone, light and dark: nothing but the page is fetched, no script runs, nothing
    overflows 320 pixels, axe finds no fault, and a feed is found by keyboard alone."""
    views = [
        {"name": f"{path} {width}", "path": path, "width": width, "dark": dark, "axe": True}
        for width, dark in ((1200, False), (320, True))
        for path in ("/", "/feeds", "/feeds/failing1")
    ]
    views += [
        {"name": name, "path": f"/feeds/hostile-{name}", "width": 320, "dark": True}
        for name in HOSTILE
    ]
    shown = await _browse(world, tmp_path, views, keys="wobbly 2")
    for view in shown["views"]:
        assert view["status"] == 200
        assert view["title"] != "taken", view["name"]
        assert (view["scripts"], view["images"], view["handlers"]) == (0, 0, 0), view["name"]
        assert view["problems"] == []
        assert len(view["requests"]) == 1
        assert view["overflow"] <= 0, view["name"]
        if "rules" in view:
            assert view["violations"] == [], view["name"]
            assert view["rules"] > 20
    assert {view["background"] for view in shown["views"]} == {
        "rgb(251, 251, 250)",
        "rgb(21, 23, 26)",
    }
    assert TROUBLE in shown["views"][0]["text"]
    assert shown["byKeyboard"] == {
        "input": True,
        "outline": "solid",
        "searched": "/feeds?q=wobbly+2&state=",
        "link": True,
        "path": "/feeds/failing2",
        "heading": "The Wobbly Wire 2",
    }


@pytest.mark.timeout(400)
async def test_the_browser_would_see_it(
    world: StatusWorld, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without escaping, markup of others becomes part of the page; without alternatives axe finds faults."""
    loader = pages._environment.loader
    bare = pages.Environment(loader=loader, autoescape=False, trim_blocks=True, lstrip_blocks=True)
    bare.filters = pages._environment.filters
    monkeypatch.setattr(pages, "_environment", bare)
    bad = '"><img src="/x.png"><script>document.title="taken"</script>'
    views = [
        {
            "name": "bare",
            "path": "/feeds?q=" + bad.replace(" ", "%20"),
            "width": 800,
            "dark": False,
            "axe": True,
        }
    ]
    (view,) = (await _browse(world, tmp_path, views))["views"]
    assert view["images"] == 1
    assert view["problems"], "the policy of the page refuses what slipped through"
    assert view["title"] != "taken"
    assert [one for one in view["violations"] if one.startswith("image-alt")]


async def test_the_overview_tells_the_instance(world: StatusWorld) -> None:
    """Counts by state, why feeds fail, who is overdue, and all workers stand on the first page."""
    status, text, headers = await get(world, "/")
    assert status == 200
    for part in (
        "Overdue Observer", "w1-7-11:02:09", "in trouble", "lost within the last hour",
        "2 workers alive", "not_found", "tls_error", "<svg", "Polls a minute", "/feeds?state=failing",
    ):  # fmt: skip
        assert part in text
    assert "style-src 'sha256-" in headers["Content-Security-Policy"]
    assert "script" not in headers["Content-Security-Policy"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert headers["Cache-Control"] == "no-store"
    world.problems.append("Redis: down <b>")
    assert "Redis: down &lt;b&gt;" in (await get(world, "/"))[1]


async def test_a_search(world: StatusWorld) -> None:
    """All words must stand in name, address or id; the state narrows; what is masked cannot be found."""
    assert "1 feed found" in (await get(world, "/feeds?q=COURIER+northway"))[1]
    assert "4 feeds found" in (await get(world, "/feeds?state=failing"))[1]
    assert "1 feed found" in (await get(world, "/feeds?q=failing2.example&state=failing"))[1]
    assert "0 feeds found" in (await get(world, "/feeds?q=courier&state=failing"))[1]
    status, text, _ = await get(world, f"/feeds?q={SECRET}")
    assert (status, text.count(SECRET)) == (200, 1), "only what was asked for is said again"
    assert "0 feeds found" in text
    assert SECRET not in (await get(world, "/feeds"))[1]
    assert (await get(world, "/feeds?state=none"))[0] == 400


async def test_results_are_paged_and_bounded(
    world: StatusWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A page holds 50; of more than can be shown all are counted, and it is said."""
    monkeypatch.setattr(search, "KEPT", 120)
    feeds = [
        (FeedConfig(f"many{n:03}", f"https://many.example/{n}", name=f"Many {n:03}"), 9**9)
        for n in range(150)
    ]
    await put_feeds(world.store, feeds)
    first = (await get(world, "/feeds?q=many.example"))[1]
    assert "150 feeds found" in first
    assert "The first 120 can be shown" in first
    assert first.count('href="/feeds/many') == 50
    assert "page=2" in first
    last = (await get(world, "/feeds?q=many.example&page=99"))[1]
    assert last.count('href="/feeds/many') == 20
    assert "Page 3 of 3" in last


async def test_too_many_searches_are_refused(
    world: StatusWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only so many wait; the next is told to come later, in words."""
    monkeypatch.setattr(search, "MAX_WAITING", 0)
    status, text, _ = await get(world, "/feeds?q=anything")
    assert status == 503
    assert "Try again soon" in text


async def test_a_search_ends(world: StatusWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A search that takes too long shows what it has, and says how far it came."""
    monkeypatch.setattr(search, "LONGEST_S", -1.0)
    assert "The search was ended after" in (await get(world, "/feeds"))[1]


async def test_the_story_of_a_feed(world: StatusWorld) -> None:
    """One feed: state, why it is due when it is, its last polls with their meaning; no secrets."""
    text = (await get(world, "/feeds/failing1"))[1]
    for part in (
        "The Wobbly Wire 1",
        "failed 5 times in a row",
        "No whole answer within",
        "backoff",
    ):
        assert part in text
    hostile = (await get(world, "/feeds/hostile-lines"))[1]
    assert SECRET not in hostile
    assert not {"\x00", "\x1b", "\u202e"} & set(hostile)
    for path in ("/feeds/none", "/feeds/..%2F..%2Fx", "/feeds/" + "x" * 200):
        assert (await get(world, path))[0] == 404


@pytest.mark.parametrize("path", ["/", "/feeds", "/feeds/plain0"])
async def test_nothing_can_be_written(world: StatusWorld, path: str) -> None:
    """Only GET and HEAD are allowed, and no key but those of the page's own making changes."""
    for method in ("POST", "PUT", "DELETE", "PATCH"):
        assert (await get(world, path, method))[0] == 405
    assert (await get(world, path, "HEAD"))[0] == 200


async def test_refreshing_is_asked_for(world: StatusWorld) -> None:
    """The page stays as it is unless its reader wants it to refresh, and only at the one pace."""
    assert "http-equiv" not in (await get(world, "/"))[1]
    assert 'http-equiv="refresh" content="30"' in (await get(world, "/?refresh=30"))[1]
    assert "http-equiv" not in (await get(world, "/?refresh=0"))[1]


async def test_redis_away(world: StatusWorld) -> None:
    """Without Redis the pages still answer, and say that it is away."""
    await world.store.aclose()
    world.store.client = AsyncClient(Address("redis://127.0.0.1:1/0"))
    for path in ("/feeds", "/feeds/plain0"):
        status, text, _ = await get(world, path)
        assert status == 503
        assert "Redis cannot be used now" in text
    status, text, _ = await get(world, "/")
    assert status == 200
    assert "Something is wrong" in text
    assert "Redis: " in text


def test_a_worker_shows_itself(kafka: str, valkey: str, names: Names, tmp_path: Path) -> None:
    """A running worker serves the page, and the hour and the count of another are on it as well."""
    with StaticSite() as site:
        site.pages["/feed"] = rss(site.base, "harbour", 3)
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/feed\n{site.base}/missing\n")
        env = settings(names, kafka, valkey, feeds)
        with WorkerProcess(env, name="one") as one, WorkerProcess(env, name="two") as two:
            ports = [w.wait_for("ops_started")["server.port"] for w in (one, two)]
            for worker in (one, two):
                worker.wait_for("worker_started")

            def page(n: int, path: str = "/") -> str:
                with urllib.request.urlopen(
                    f"http://127.0.0.1:{ports[n]}{path}", timeout=10
                ) as answer:
                    text: str = answer.read().decode()
                    return text

            until(
                lambda: all("2 workers alive" in page(n) for n in (0, 1)), 40, "both workers seen"
            )
            until(lambda: "not_found" in page(0), 90, "the failing feed counted")
            assert "2 feeds found" in page(1, "/feeds")
            metrics = page(1, "/metrics")
            assert "newswire_workers 2.0" in metrics
            assert two.stop() == 0, two.tail()
            until(lambda: "1 worker alive" in page(0) and "stopped" in page(0), 10, "one is gone")
            assert one.stop() == 0, one.tail()
