"""A web page in the list: its feed is looked for, found, kept, and sought anew; through the whole poll."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec
import pytest
from structlog.testing import capture_logs

from tests.unit.newsdesk import FakeStore
from workers import logs
from workers.explain import explain
from workers.feed_log import FeedLog
from workers.fetcher.clock import Clock
from workers.fetcher.gate import HostGate
from workers.fetcher.line import HostLines
from workers.fetcher.network import Network
from workers.fetcher.parse import Parser
from workers.fetcher.poll import Poller, PollSettings
from workers.fetcher.schedule import Bounds
from workers.fetcher.search import AGAIN_MS
from workers.fetcher.slots import Slots
from workers.http.fetch import Fetcher, OnHop
from workers.http.room import Place
from workers.model import Claim, FeedConfig, FeedState, Fetched, FetchRequest, OutboxEvent
from workers.store.store import HostRules, Store, Verdict

DAY_MS = 86_400_000
PAGE = "http://paper.example/"
RSS = (
    b"<rss version='2.0'><channel><title>Paper</title><item><title>Harbour reopens</title>"
    b"<link>http://paper.example/1</link><guid>1</guid></item></channel></rss>"
)
SITEMAP = (
    b"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9' "
    b"xmlns:news='http://www.google.com/schemas/sitemap-news/0.9'><url><loc>http://paper.example/1</loc>"
    b"<news:news><news:title>Harbour reopens</news:title></news:news></url></urlset>"
)


def page(*feeds: str) -> bytes:
    """A page that names feeds."""
    links = "".join(f'<link rel="alternate" type="application/rss+xml" href="{f}">' for f in feeds)
    return f"<!doctype html><html><head>{links}</head><body>News</body></html>".encode()


class _Store(FakeStore):
    """Redis as one poll after the other sees it."""

    lease_ms = 1

    def __init__(self) -> None:
        super().__init__()
        self.packed = b""
        self.state = FeedState()
        self.due_ms = 0

    async def memory(self, _: Claim) -> bytes:
        return self.packed

    async def horizon_ms(self) -> int:
        return 0

    async def permit(self, *_: Any, **__: Any) -> tuple[int, str]:
        return 0, ""

    async def permit_done(self, host: str, token: str, elapsed_ms: int, verdict: Verdict) -> None:
        pass

    async def commit(
        self,
        _: Claim,
        state: FeedState,
        memory: bytes | None,
        due_ms: int,
        events: Sequence[OutboxEvent],
    ) -> None:
        self.state = msgspec.msgpack.decode(msgspec.msgpack.encode(state), type=FeedState)
        self.packed = self.packed if memory is None else memory
        self.due_ms = due_ms


class _Clock(Clock):
    """Goes on as a test says."""

    now = 1_767_571_200_000

    def now_ms(self) -> int:
        return self.now


class Web:
    """Documents by URL, or statuses; and a feed of the list that is polled on them."""

    def __init__(self, url: str = PAGE, **pages: bytes | int) -> None:
        self.url = url
        self.pages: dict[str, bytes | int] = {}
        self.asked: list[str] = []
        self.store, self.clock = _Store(), _Clock()
        store = cast(Store, self.store)
        lines = HostLines(store, self.clock, logs.get(), HostRules(0, 1, 1))
        gate = HostGate(store, self.clock, lines, longest_ms=1)
        self._poller = Poller(
            settings=PollSettings("i", Bounds(300.0, 86_400.0), "all", "full", 14 * DAY_MS, 60),
            store=store,
            fetcher=cast(Fetcher, self),
            parser=Parser(),
            gate=gate,
            network=Network(logs.get()),
            clock=self.clock,
            credentials=str,
            on_bug=self._bug,
            on_committed=FeedLog(logs.get()).committed,
            stretch=lambda: 1.0,
            slots=Slots(1),
        )
        self.pages = {PAGE.rstrip("/") + path: body for path, body in pages.items()}

    def _bug(self, _: str, error: BaseException) -> None:
        raise error

    async def fetch(self, request: FetchRequest, *, on_hop: OnHop, place: Place) -> Fetched:
        """The fetcher's side."""
        self.asked.append(request.url)
        found = self.pages.get(request.url, 404)
        if found == 0:
            return Fetched("timeout", request.url)
        if isinstance(found, int):
            reason = {404: "not_found", 403: "forbidden", 429: "throttled"}.get(
                found, "server_error"
            )
            return Fetched(reason, request.url, found)
        kind = "text/html" if b"<html" in found else ""
        return Fetched("", request.url, 200, found, content_type=kind)

    async def poll(self) -> str:
        """One poll when it is due; its reason."""
        self.clock.now = max(self.clock.now, self.store.due_ms)
        config = FeedConfig("f", self.url)
        claim = Claim("f", 0, "t", 0, 0, config, self.store.state)
        return (await self._poller.poll(claim)).reason

    async def search(self) -> list[str]:
        """Polls until the search has an end; their reasons."""
        reasons = [await self.poll()]
        while reasons[-1] == "feed_sought":
            reasons.append(await self.poll())
        return reasons

    def explained(self) -> str:
        """What ``newswire explain`` says."""
        config = FeedConfig("f", self.url)
        bounds = Bounds(300.0, 86_400.0)
        return explain(config, self.store.state, self.store.due_ms, bounds, self.clock.now)


def web(**pages: bytes | int) -> Web:
    """A site by path, ``_`` for ``/`` and ``__`` for a dot; ``page`` is the page of the list."""
    paths = {"/" + name.replace("__", ".").replace("_", "/"): body for name, body in pages.items()}
    paths["/"] = paths.pop("/page", 404)
    return Web(**paths)


async def test_the_feed_that_a_page_names_is_polled() -> None:
    """Two polls: the page, and its feed, whose articles are announced; from then on the feed alone."""
    site = web(page=page("/feed.xml"), feed__xml=RSS)
    with capture_logs() as lines:
        assert await site.search() == ["feed_sought", "new"]
    (line,) = [line for line in lines if line["event"] == "feed_found"]
    assert (line["feed_id"], line["url"]) == ("f", "http://paper.example/feed.xml")
    assert "link" in line["detail"]
    assert len(site.store.events) == 1
    assert b"/feeds/f" in dict(site.store.events[0].headers)["ce_source"]
    assert "its feed was found at http://paper.example/feed.xml" in site.explained()
    assert await site.poll() == "unchanged"
    assert site.asked == [PAGE, *["http://paper.example/feed.xml"] * 2]


async def test_the_first_address_that_is_a_feed_is_taken() -> None:
    """Addresses that are none are passed over, a page among them, and each is asked once."""
    site = web(page=page("/gone", "/about", "/feed"), about=page("/x"), feed=RSS)
    assert await site.search() == ["feed_sought"] * 3 + ["new"]
    assert [url.rpartition("/")[2] for url in site.asked] == ["", "gone", "about", "feed"]
    assert site.store.state.url == "http://paper.example/feed"


async def test_common_addresses_are_asked_where_robots_txt_allows() -> None:
    """A page that names none: robots.txt is read first, and what it forbids is not asked."""
    robots = b"User-agent: *\nDisallow: /feed\nDisallow: /rss$\n"
    site = web(page=page(), robots__txt=robots, feed=RSS, feed__xml=RSS, atom__xml=RSS)
    assert (await site.search())[-1] == "new"
    assert [url.removeprefix(PAGE) for url in site.asked] == [
        "", "robots.txt", "rss.xml", "atom.xml"
    ]  # fmt: skip
    assert site.store.state.found_by == "path"


async def test_a_news_sitemap_that_robots_txt_names_is_a_feed() -> None:
    """The last resort of a site without feeds."""
    robots = b"Sitemap: http://paper.example/sitemap.xml\nSitemap: http://paper.example/news.xml"
    site = web(page=page(), robots__txt=robots, news__xml=SITEMAP)
    assert (await site.search())[-1] == "new"
    assert site.store.state.url == "http://paper.example/news.xml"
    assert "http://paper.example/sitemap.xml" not in site.asked


@pytest.mark.parametrize("robots", [500, 0, b"User-agent: *\nDisallow: /"])
async def test_without_the_leave_of_robots_txt_nothing_is_guessed(robots: bytes | int) -> None:
    """A robots.txt that forbids all, or is out of reach (RFC 9309), ends the search."""
    site = web(page=page(), robots__txt=robots, feed=RSS)
    assert await site.search() == ["feed_sought", "not_a_feed"]
    assert site.asked == [PAGE, "http://paper.example/robots.txt"]


async def test_without_a_robots_txt_all_may_be_asked() -> None:
    """4xx means that there are no rules; the guesses lie beside the page, not at the site's root."""
    site = Web("http://paper.example/blog/index.html", **{"/blog/index.html": page(),
               "/blog/index.xml": RSS, "/feed": RSS})  # fmt: skip
    assert (await site.search())[-1] == "new"
    assert site.store.state.url == "http://paper.example/blog/index.xml"
    assert "http://paper.example/feed" not in site.asked


async def test_a_search_in_vain_is_remembered() -> None:
    """What was no feed is not asked again for a week; a feed that the page newly names is, at once."""
    site = web(page=page("/old"))
    assert (await site.search())[-1] == "not_a_feed"
    first = len(site.asked)
    assert "a web page for which no feed was found" in site.explained()
    for _ in range(3):
        assert await site.poll() == "not_a_feed"
    assert site.asked[first:] == [PAGE] * 3
    site.pages |= {PAGE: page("/old", "/new"), "http://paper.example/new": RSS}
    assert await site.search() == ["feed_sought", "new"]
    assert site.asked[-1] == "http://paper.example/new"


async def test_after_a_week_all_is_tried_again() -> None:
    """A feed that came later, at an address that was none, is found in the end."""
    site = web(page=page())
    assert (await site.search())[-1] == "not_a_feed"
    site.pages["http://paper.example/feed"] = RSS
    ended = site.clock.now
    while (await site.search())[-1] != "new":
        assert site.clock.now - ended < AGAIN_MS + 2 * DAY_MS
    assert site.clock.now - ended > AGAIN_MS


async def test_an_outage_is_no_verdict() -> None:
    """A named feed that cannot answer today is asked again; nothing is guessed in its place."""
    site = web(page=page("/feed.xml"), feed__xml=503, feed=RSS)
    assert await site.search() == ["feed_sought", "server_error"]
    site.pages["http://paper.example/feed.xml"] = RSS
    assert await site.search() == ["feed_sought", "new"]
    assert "http://paper.example/robots.txt" not in site.asked


async def test_throttling_does_not_end_a_search() -> None:
    """A 429 is waited out, and the same address is asked again."""
    site = web(page=page("/feed"), feed=429)
    assert await site.search() == ["feed_sought", "throttled"]
    site.pages["http://paper.example/feed"] = RSS
    assert await site.poll() == "new"


async def test_a_found_feed_that_is_gone_is_sought_anew() -> None:
    """After three failures the page is asked again, and nothing that was announced is announced twice."""
    site = web(page=page("/a"), a=RSS)
    await site.search()
    del site.pages["http://paper.example/a"]
    site.pages |= {PAGE: page("/a", "/b"), "http://paper.example/b": RSS}
    assert [await site.poll() for _ in range(3)] == ["not_found"] * 3
    assert await site.search() == ["feed_sought", "feed_sought", "no_news"]
    assert site.store.state.url == "http://paper.example/b"
    assert len(site.store.events) == 1


async def test_a_page_in_place_of_a_feed_is_a_failure() -> None:
    """What was a feed and is a page now (a login, a parked domain) is not followed elsewhere."""
    site = web(page=RSS)
    assert await site.poll() == "new"
    site.pages |= {PAGE: page("/feed"), "http://paper.example/feed": RSS}
    assert [await site.poll() for _ in range(2)] == ["not_a_feed"] * 2
    assert site.asked == [PAGE] * 3


@pytest.mark.parametrize("name", ["feed.xml", "rss/world", "world?format=atom", "news_rss"])
async def test_a_page_in_place_of_what_is_named_like_a_feed(name: str) -> None:
    """The first answers of a new feed are the site's page for maintenance, which names another feed: it is
    not taken for the one wanted, which is read when it is back."""
    url = PAGE + name
    site = Web(url, **{f"/{name}": page("/main"), "/main": RSS})
    assert [await site.poll() for _ in range(3)] == ["not_a_feed"] * 3
    site.pages[url] = RSS
    assert await site.poll() == "new"
    assert site.asked == [url] * 4


async def test_a_page_that_is_named_like_a_feed_is_searched_in_the_end() -> None:
    """A page about a site's feeds at such an address names them still at the fourth poll."""
    url = PAGE + "rss/"
    site = Web(url, **{"/rss/": page("/main"), "/main": RSS})
    assert [await site.poll() for _ in range(3)] == ["not_a_feed"] * 3
    assert await site.search() == ["feed_sought", "new"]


async def test_a_page_under_the_id_of_a_feed() -> None:
    """A list that puts a page in the place of a feed's URL is followed, and the past is known."""
    site = web(page=page("/feed"), feed=RSS, old=RSS)
    site.url = "http://paper.example/old"
    assert await site.poll() == "new"
    site.url = PAGE
    assert await site.search() == ["feed_sought", "no_news"]
    assert len(site.store.events) == 1


async def test_hostile_pages_are_bounded() -> None:
    """A page of a thousand links to nothing costs eight of them, robots.txt, and the common addresses."""
    site = web(page=page(*(f"/{n}" for n in range(1_000))))
    reasons = await site.search()
    assert reasons[-1] == "not_a_feed"
    assert len(site.asked) == 1 + 8 + 1 + 6
