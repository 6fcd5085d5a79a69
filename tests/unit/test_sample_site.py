"""The sample site: invented news as a pure function of time, and the server before it."""

from __future__ import annotations

import itertools
import json

import aiohttp
import feedparser
import pytest

from workers.embedded.feed_formats import render
from workers.embedded.newsroom import (
    EDIT_AFTER_S,
    NEW_EVERY_S,
    PUBLICATIONS,
    Item,
    Publication,
    publication,
    shown,
)
from workers.embedded.site import fault, sample_site

START = 1_790_000_000.0
SEED = 1

each_publication = pytest.mark.parametrize("pub", PUBLICATIONS, ids=lambda p: p.slug)


def _items(pub: Publication, age_s: float) -> list[Item]:
    return shown(pub, SEED, START, START + age_s)


@each_publication
def test_document_changes_with_its_news_only(pub: Publication) -> None:
    """Within one interval without news or edit, a document is the same to the byte."""
    documents = [render(pub, _items(pub, age)) for age in range(pub.offset_s + 1, 20)]
    assert len(set(documents)) == 1
    assert render(pub, _items(pub, 20 + pub.offset_s)) != documents[0]


@each_publication
def test_a_new_article_each_interval(pub: Publication) -> None:
    """A publication's own articles grow by one after each interval, and none changes its guid."""
    ages = [pub.offset_s + NEW_EVERY_S * n for n in range(4)]
    guids = [{i.guid for i in _items(pub, age) if i.guid.startswith(pub.slug)} for age in ages]
    assert [len(later - earlier) for earlier, later in itertools.pairwise(guids)] == [1, 1, 1]


def test_other_seed_other_news() -> None:
    """The seed decides what the news is."""
    pub = PUBLICATIONS[0]
    assert _items(pub, 100) != shown(pub, SEED + 1, START, START + 100)


def test_guids_are_unique_and_nothing_is_from_the_future() -> None:
    """No two items of all feeds share a guid, and each is dated at or before now."""
    items = [item for pub in PUBLICATIONS for item in _items(pub, 400)]
    assert len({i.guid for i in items}) == len(items)
    assert all(i.modified <= START + 400 for i in items)


def test_one_article_in_two_feeds() -> None:
    """A borrowed article has its lender's address with other tracking, and a guid of its own."""
    lender, borrower = publication("harbour-gazette"), publication("northway-courier")
    lent = {i.url.partition("?")[0]: i for i in _items(lender, 100)}
    shared = [i for i in _items(borrower, 100) if i.url.partition("?")[0] in lent]
    assert shared
    for item in shared:
        original = lent[item.url.partition("?")[0]]
        assert item.headline == original.headline
        assert item.guid != original.guid
        assert item.url != original.url


def test_an_article_is_edited_once() -> None:
    """At its time an article gets another headline and a later date, under the same guid and URL."""
    pub = publication("northway-courier")
    published = pub.offset_s + NEW_EVERY_S  # number 1 is one that gets edited
    before = _items(pub, published + EDIT_AFTER_S - 1)
    after = {i.guid: i for i in _items(pub, published + EDIT_AFTER_S)}
    changed = [(i, after[i.guid]) for i in before if after.get(i.guid, i) != i]
    assert len(changed) == 1
    [(old, new)] = changed
    assert (new.url, new.published) == (old.url, old.published)
    assert new.headline != old.headline
    assert new.modified == old.published + EDIT_AFTER_S
    assert new == next(i for i in _items(pub, published + 200) if i.guid == new.guid)


@pytest.mark.parametrize(
    "pub", [p for p in PUBLICATIONS if p.format != "json"], ids=lambda p: p.slug
)
def test_xml_formats_say_everything(pub: Publication) -> None:
    """An independent parser finds each item's title, link, author, tags and body in the XML."""
    items = _items(pub, 100)
    feed = feedparser.parse(render(pub, items))
    assert not feed.bozo
    assert feed.feed.title == pub.name
    assert [(e.title, e.link, e.author) for e in feed.entries] == [
        (i.headline, i.url, i.author) for i in items
    ]
    assert feed.version == {"rss2": "rss20", "rss1": "rss10", "atom": "atom10"}[pub.format]
    for entry, item in zip(feed.entries, items, strict=True):
        body = entry.content[0].value if "content" in entry else entry.summary
        assert all(p.split("’")[0] in body for p in item.paragraphs)
        assert [t.term for t in entry.tags] == list(item.tags)


def test_json_feed_says_everything() -> None:
    """The JSON Feed holds each item under the names of version 1.1."""
    pub = publication("pixel-and-plough")
    items = _items(pub, 100)
    feed = json.loads(render(pub, items))
    assert feed["version"] == "https://jsonfeed.org/version/1.1"
    found = [(i["id"], i["title"], i["url"], i["tags"]) for i in feed["items"]]
    assert found == [(i.guid, i.headline, i.url, list(i.tags)) for i in items]


def test_faults_take_turns_with_good_answers() -> None:
    """Every second answer is good, and each kind of fault comes round."""
    kinds = [fault(n) for n in range(16)]
    assert not any(kinds[::2])
    assert set(kinds[1::2]) == {"server_error", "truncated", "slow", "html"}


async def test_conditional_requests_are_honoured() -> None:
    """A 304 answers the current ETag or date; an old ETag wins over a current date; news is a 200."""
    now = START
    async with sample_site(clock=lambda: now) as feeds, aiohttp.ClientSession() as session:
        for feed in (f for f in feeds if not f.publication.faulty):
            async with session.get(feed.url) as answer:
                assert answer.status == 200
                tag, date = answer.headers["ETag"], answer.headers["Last-Modified"]
            for headers, status in (
                ({"If-None-Match": tag}, 304),
                ({"If-None-Match": f'W/"x", {tag}'}, 304),
                ({"If-Modified-Since": date}, 304),
                ({"If-None-Match": '"old"', "If-Modified-Since": date}, 200),
            ):
                async with session.get(feed.url, headers=headers) as answer:
                    assert answer.status == status
        now += NEW_EVERY_S
        async with session.get(feeds[0].url, headers={"If-None-Match": tag}) as answer:
            assert answer.status == 200


async def test_the_misbehaving_feed() -> None:
    """One feed answers in turn well, 500, cut XML, slowly but whole, and with a page; then well."""
    async with sample_site(clock=lambda: START, slow_s=0.01) as feeds:
        [feed] = [f for f in feeds if f.publication.faulty]
        answers = []
        async with aiohttp.ClientSession() as session:
            for _ in range(9):
                async with session.get(feed.url) as answer:
                    answers.append((answer.status, answer.content_type, await answer.read()))
    rss = "application/rss+xml"
    whole = answers[0][2]
    assert answers[::2] == [(200, rss, whole)] * 5
    assert answers[1][0] == 500
    assert answers[3] == (200, rss, whole[: len(whole) // 2])
    assert answers[5] == (200, rss, whole)
    assert answers[7][:2] == (200, "text/html")
