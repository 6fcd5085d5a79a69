"""The search for the feed of a web page that the list names, one address a poll. Pure.

First what the page links, in its order of likelihood; then, where robots.txt allows them, addresses at
which feeds often are, and the news sitemaps that it names. What is found is kept like a stored redirect,
and sought anew when it fails again and again.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple
from urllib.parse import urljoin, urlsplit

import msgspec

from workers.fetcher.page_links import MAX_URL
from workers.fetcher.robots import Robots
from workers.fetcher.validators import without_validators
from workers.model import FeedConfig, FeedState, Fetched, Search
from workers.urls import redact_url

PATHS = ("feed", "rss", "rss.xml", "feed.xml", "atom.xml", "index.xml")
"""Where feeds often are, beside or below the page: what WordPress, Ghost, Jekyll, Hugo and others write."""
SITEMAPS = 2
DAY_MS = 86_400_000
AGAIN_MS = 7 * DAY_MS
"""So long a search that found nothing is not made again, nor an address that was no feed asked again."""
KNOWN_MOST = 24
PAGES = 3
"""So many failures in a row before a page is believed that came in place of what is named like a feed."""
_FEED_NAME = re.compile(r"(?i)(?<![a-z])(rss|atom|rdf|feeds?|xml|json)(?![a-z])")
OUTAGES = frozenset(
    {"timeout", "dns_error", "connect_refused", "connect_error", "connection_reset", "server_error"}
    | {"truncated", "internal_error", "credentials_missing"}
)
"""What may be otherwise tomorrow; all else an address is remembered for as no feed."""

HOW: dict[str, str] = {
    "link": "the page names it with <link rel=alternate>",
    "path": "it is where feeds often are, or a news sitemap that robots.txt names",
}
"""Step of a search to how it found a feed."""


class Step(NamedTuple):
    """The state after one more poll of a search, the reason of that poll, and what to tell people."""

    state: FeedState
    reason: str
    detail: str


def target(state: FeedState, config: FeedConfig) -> str:
    """The URL to ask for now."""
    return state.search.queue[0] if state.search else state.url or config.url


def may_search(state: FeedState, config: FeedConfig) -> bool:
    """True when a web page at the configured URL is no feed's accident: none was ever read from there.

    A URL that is named like a feed must have shown pages for a while: its first answer may be a site's
    page for maintenance or for everything missing, which names the site's feed and not this one.
    """
    unread = state.unread or not state.first_polled_ms
    if state.search is not None or state.url or not (unread or state.found_by):
        return False
    return bool(state.found_by) or state.failures >= PAGES or not _FEED_NAME.search(config.url)


def after_page(state: FeedState, page: str, links: Sequence[str], now_ms: int) -> Step:
    """Begin with what a page links, but for what was no feed lately."""
    again = now_ms - state.searched_ms > AGAIN_MS
    known = () if again else state.no_feeds
    searched_ms = 0 if again else state.searched_ms
    state = msgspec.structs.replace(
        without_validators(state), no_feeds=known, searched_ms=searched_ms
    )
    queue = tuple(url for url in links if _name(url) not in known)
    if queue:
        search = Search("link", queue, page, tried=0)
        detail = f"a web page that names {_feeds(len(links))}; {redact_url(queue[0])} is asked next"
        return Step(msgspec.structs.replace(state, search=search), "feed_sought", detail)
    if again:
        return _ask_robots(state, page, 0)
    return Step(state, "not_a_feed", "a web page, and no feed was found for it")


def after_robots(
    state: FeedState, search: Search, config: FeedConfig, fetched: Fetched, now_ms: int
) -> Step:
    """Go on with the addresses that robots.txt allows: without one all, and none while it is out of reach."""
    if fetched.reason and not (400 <= fetched.status < 500 or fetched.reason == "empty_body"):
        detail = f"robots.txt of the page's site cannot be read: {fetched.reason}"
        return _end(state, detail, now_ms - AGAIN_MS + DAY_MS)
    robots = Robots(fetched.body, config.user_agent)
    news = [u for u in robots.sitemaps() if "news" in u.lower() and _usable(u)][:SITEMAPS]
    urls = [url for url in (*_common(search.page), *news) if _name(url) not in state.no_feeds]
    queue = tuple(robots.allowed(urls))
    if not queue:
        return _end(state, "robots.txt of the page's site allows no guess", now_ms)
    further = Search("path", queue, search.page, search.tried)
    detail = (
        f"robots.txt allows {len(queue)} of {len(urls)} guesses; {redact_url(queue[0])} is next"
    )
    return Step(msgspec.structs.replace(state, search=further), "feed_sought", detail)


def after_failure(state: FeedState, search: Search, reason: str, now_ms: int) -> Step:
    """Go on to the next address after one that is no feed, or end the search."""
    url, *queue = search.queue
    outage = reason in OUTAGES
    known = state.no_feeds if outage else (*state.no_feeds, _name(url))[-KNOWN_MOST:]
    state = msgspec.structs.replace(state, no_feeds=known, searched_ms=state.searched_ms or now_ms)
    search = msgspec.structs.replace(
        search, queue=tuple(queue), tried=search.tried + 1, outage=search.outage or outage
    )
    said = f"{redact_url(url)} is no feed: {reason}"
    if queue:
        detail = f"{said}; {redact_url(queue[0])} is asked next"
        return Step(msgspec.structs.replace(state, search=search), "feed_sought", detail)
    if search.outage:  # what the page names may be back at the next poll of the page
        return Step(msgspec.structs.replace(state, search=None), reason, said)
    if search.step == "link":
        return _ask_robots(state, search.page, search.tried, said + "; ")
    return _end(state, f"none of {search.tried} addresses is a feed", now_ms)


def after_success(state: FeedState, search: Search) -> FeedState:
    """Keep the address that is a feed."""
    return msgspec.structs.replace(
        state,
        url=search.queue[0],
        found_by=search.step,
        search=None,
        searched_ms=0,
        no_feeds=(),
    )


def _ask_robots(state: FeedState, page: str, tried: int, said: str = "a web page; ") -> Step:
    robots = urljoin(page, "/robots.txt")
    search = Search("robots", (robots,), page, tried)
    detail = f"{said}robots.txt is asked before any guess"
    return Step(msgspec.structs.replace(state, search=search), "feed_sought", detail)


def _end(state: FeedState, detail: str, at_ms: int) -> Step:
    """The search has failed, as of a time."""
    state = msgspec.structs.replace(state, search=None, searched_ms=at_ms)
    return Step(state, "not_a_feed", f"no feed was found for the web page: {detail}")


def _common(page: str) -> list[str]:
    """The common addresses: below a page without suffix, else beside it; never those of another section."""
    path = urlsplit(page).path
    folder, _, last = path.rpartition("/")
    below = folder if not last or "." in last else path
    return [u for name in PATHS if _usable(u := urljoin(page, f"{below}/{name}")) and u != page]


def _usable(url: str) -> bool:
    return url.startswith(("http://", "https://")) and len(url) <= MAX_URL and url.isprintable()


def _name(url: str) -> bytes:
    return blake2b(url.encode("utf-8", "surrogatepass"), digest_size=8).digest()


def _feeds(count: int) -> str:
    return "a feed" if count == 1 else f"{count} feeds"
