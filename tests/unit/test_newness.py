"""What is news when it is first seen, and what is old: the first document, archives, sites that moved."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

import pytest

from tests.identity.documents import Document, doc, each
from tests.unit.newsdesk import DAY, HOUR, MINUTE, NOON, Desk, Event, entry
from tests.unit.test_search import Web
from workers.fetcher.newness import SHAPES_MOST, shape

URL = "http://paper.example/feed.xml"


def at(ms: int) -> str:
    """An instant as feeds tell it."""
    return datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def archive(*numbers: int) -> Document:
    """Entries of 2021."""
    return each(numbers, lambda _, n: {"published": f"2021-03-{n:02d}T10:00:00Z"})


def flags(events: Sequence[Event]) -> list[bool]:
    """Which events are marked as old news, in order."""
    return [e.backfill for e in events]


@pytest.mark.parametrize(("rule", "announced"), [("all", 20), ("24h", 0), ("none", 0)])
@pytest.mark.parametrize(("shown", "cut"), [(0, False), (2, True)], ids=["empty", "cut"])
def test_the_first_document_is_the_first_that_is_whole_and_shows_entries(
    shown: int, cut: bool, rule: str, announced: int
) -> None:
    """After an empty or a cut answer the archive is judged as that of a first poll."""
    desk = Desk()
    events = desk.poll(archive(*range(1, shown + 1)), backfill=rule, cut=cut)
    for _ in range(2):
        desk.pass_time(HOUR)
        events += desk.poll(archive(*range(1, 21)), backfill=rule)
    assert len(events) == announced
    assert all(flags(events))


def test_news_in_the_first_document_with_entries_is_news() -> None:
    """What is dated after the feed was first polled is announced by any rule, and not marked."""
    desk = Desk()
    desk.poll([], backfill="none")
    desk.pass_time(DAY)
    news = doc(25, published=at(NOON + HOUR))
    (event,) = desk.poll([*news, *archive(1, 2, 3)], backfill="none")
    assert (event.headline, event.backfill) == (entry(25).title, False)


def test_a_feed_that_is_always_broken_opens_after_a_day() -> None:
    """Its undated entries are news then, though no document of it is ever whole."""
    desk = Desk()
    shown = doc(1, 2, published="")
    assert flags(desk.poll(shown, cut=True)) == [True, True]
    for n, marked in ((3, True), (4, False)):
        shown = [*doc(n, published=""), *shown]
        desk.pass_time(DAY - HOUR)
        desk.poll(shown[1:], cut=True)
        assert flags(desk.poll(shown, cut=True)) == [marked]


@pytest.mark.parametrize("rule", ["all", "24h", "none"])
def test_the_archive_of_a_known_feed_is_announced_and_marked(rule: str) -> None:
    """Old entries that a known feed shows late are no news, and are not lost: few or many of them."""
    desk = Desk()
    today = doc(25, published=at(NOON))
    desk.poll([*today, *archive(1)], backfill=rule)
    desk.pass_time(HOUR)
    assert flags(desk.poll([*today, *archive(1, 2, 3)], backfill=rule)) == [True] * 2
    desk.pass_time(30 * DAY)
    forgotten = doc(26, published=at(NOON + 5 * DAY))
    fresh = doc(27, published=at(NOON + 20 * DAY))
    desk.poll([*doc(28, published=at(NOON + 29 * DAY)), *today], backfill=rule)
    assert flags(desk.poll([*fresh, *forgotten, *today], backfill=rule)) == [False, True]


def test_news_of_a_feed_whose_dates_are_all_wrong_is_news() -> None:
    """Where nothing newer was ever shown, an old date marks nothing."""
    desk = Desk()
    for n in range(1, 6):
        desk.pass_time(HOUR)
        events = desk.poll(doc(n, n + 1, n + 2, published="2001-01-01T00:00:00Z"))
        assert flags(events) == ([True] * 3 if n == 1 else [False])


@pytest.mark.parametrize(
    "dates", [("", ""), (at(NOON - 6 * HOUR), at(NOON - 5 * HOUR))], ids=["undated", "zoneless"]
)
def test_a_document_that_turned_over_is_news(dates: tuple[str, str]) -> None:
    """All entries are others after a gap, undated or dated a few hours before the last poll: all are news."""
    desk = Desk()
    desk.poll(doc(*range(1, 11), published=dates[0]))
    desk.pass_time(HOUR)
    events = desk.poll(doc(*range(21, 31), published=dates[1]))
    assert desk.reading is not None and not desk.reading.reissued
    assert flags(events) == [False] * 10


@pytest.mark.parametrize(
    "link",
    [
        "https://new.example/news/story-{}",
        "https://site.example/archive/story-{}",
        "https://site.example/news/2026/story-{}",
        "https://site.example/news/?p={}",
    ],
    ids=["host", "folder", "depth", "query"],
)
def test_undated_entries_under_links_of_another_form_are_a_site_that_moved(link: str) -> None:
    """Another host, folder, depth or query than before: what has no date is old news."""
    desk = Desk()
    desk.poll(doc(*range(1, 11), published=""))
    desk.pass_time(HOUR)
    moved = each(range(21, 31), lambda _, n: {"link": link.format(n), "published": ""})
    assert flags(desk.poll(moved)) == [True] * 10
    assert desk.reading is not None and desk.reading.reissued == 10


def test_a_burst_dated_long_before_the_last_poll_is_old() -> None:
    """Without any sign of a move: dates a day and more before the last poll are enough."""
    desk = Desk()
    desk.poll(archive(1, 2, 3))
    desk.pass_time(HOUR)
    assert flags(desk.poll(archive(*range(1, 28)))) == [True] * 24


def test_a_state_without_forms_of_links_is_judged_by_dates_alone() -> None:
    """After an upgrade, or where too many forms are known: as if the site had moved, or as if it had not."""
    for forms, old in (((), True), (tuple(bytes([n] * 4) for n in range(SHAPES_MOST)), False)):
        desk = Desk()
        desk.poll(doc(*range(1, 11), published=""))
        state, packed = desk.feeds["harbour"]
        state.shapes = forms
        desk.feeds["harbour"] = state, packed
        desk.pass_time(MINUTE)
        assert flags(desk.poll(doc(*range(21, 31), published=""))) == [old] * 10


def test_the_form_of_a_link() -> None:
    """Numbers and slugs are alike; host, first folder, depth and names in the query count."""
    same = shape("https://site.example/news/2026/05/harbour-reopens")
    assert same == shape("https://site.example/news/2025/11/story-4")
    assert shape("https://site.example/?p=4") == shape("https://site.example/?p=5")
    assert shape("") == b""


async def test_an_archive_says_nothing_of_how_often_there_is_news() -> None:
    """The rate comes from the dates of the first entries that are shown, not from how many came at once."""
    paper = Web(URL)
    items = "".join(
        f"<item><title>Old {n}</title><guid>{n}</guid><pubDate>{n} Mar 2021 10:00:00 GMT</pubDate></item>"
        for n in range(1, 29)
    )
    for shown in ("", items):
        paper.pages[URL] = f"<rss><channel><title>Paper</title>{shown}</channel></rss>".encode()
        await paper.poll()
    assert len(paper.store.events) == 28
    assert 0 < paper.store.state.rate < 1
