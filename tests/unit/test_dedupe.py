"""Identity: which entries are one article, case by case. Each case is a fact about a run of documents."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from tests.unit.newsdesk import DAY, HOUR, MINUTE, Desk, bare, entry, kinds
from workers.fetcher.identity import article_bytes
from workers.fetcher.records import ArticleRecord, unpack, withdrawn_record
from workers.model import ParsedEntry

Document = list[ParsedEntry]
HOME = "https://site.example/latest"
DATELESS = {"published": ""}
NAMELESS = {"guid": "", "link": ""}
SAME_DAY = {"published": "2026-05-11T00:00:00Z"}


def doc(*numbers: int, **changes: str) -> Document:
    """Entries by number, all changed alike."""
    return [entry(n, **changes) for n in numbers]


def each(numbers: Sequence[int], change: Callable[[int, int], dict[str, str]]) -> Document:
    """Entries by number, each changed by its place and number."""
    return [entry(n, **change(place, n)) for place, n in enumerate(numbers)]


def by_place(*numbers: int, **more: str) -> Document:
    """Guids that name the place in the document, not the entry."""
    return each(numbers, lambda place, _: {"guid": f"item-{place}", **more})


def fresh_guids(poll: int, *numbers: int, **more: str) -> Document:
    """Guids made anew at each poll."""
    return each(numbers, lambda _, n: {"guid": f"uuid-{poll}-{n}", **more})


def moved(*numbers: int, **more: str) -> Document:
    """The same articles after a move to another CMS: every guid and URL is new."""
    return each(
        numbers,
        lambda _, n: {"guid": f"cms2/{n}", "link": f"https://site.example/p/{n}0", **more},
    )


Case = tuple[list[Document], int, int]
CASES: dict[str, Case] = {
    # -- nothing happens -------------------------------------------------------------------------
    "the same document says nothing": ([doc(1, 2, 3), doc(1, 2, 3)], 3, 0),
    "a reordered document says nothing": ([doc(1, 2, 3), doc(3, 1, 2)], 3, 0),
    "an empty document loses nothing": ([doc(1, 2), [], doc(1, 2)], 2, 0),
    "an entry that leaves and comes back is known": ([doc(1, 2, 3), doc(2, 3), doc(1, 2, 3)], 3, 0),
    "an entry that comes back late is known": ([doc(1, 2), doc(2), doc(2), doc(1, 2)], 2, 0),
    "an old document after a newer one says nothing": ([doc(1, 2), doc(1, 2, 3), doc(1, 2)], 3, 0),
    "two caches that take turns say nothing": ([doc(1, 2), doc(2, 3)] * 4, 3, 0),
    "a window that slides announces what is new": (
        [doc(3, 2, 1), doc(4, 3, 2), doc(5, 4, 3), doc(6, 5, 4)],
        6,
        0,
    ),
    "an entry whose comments are counted anew says nothing": (
        [doc(1, 2), [entry(1, comments="https://site.example/c/9"), entry(2)]],
        2,
        0,
    ),
    # -- guids that deserve no trust --------------------------------------------------------------
    "guids made anew at each poll name nothing": ([fresh_guids(p, 1, 2, 3) for p in range(5)], 3, 0),
    "news among guids made anew is announced": (
        [fresh_guids(0, 1, 2, 3), fresh_guids(1, 4, 1, 2, 3), fresh_guids(2, 5, 4, 1, 2)],
        5,
        0,
    ),
    "an edit among guids made anew is one": (
        [
            *(fresh_guids(p, 1, 2, 3) for p in range(3)),
            [*fresh_guids(3, 1, title="Pier closed"), *fresh_guids(3, 2, 3)],
        ],
        3,
        1,
    ),
    "guids made anew on entries without links name nothing": (
        [fresh_guids(p, 1, 2, 3, link="") for p in range(5)],
        3,
        0,
    ),
    "guids made anew on entries without links and dates name nothing": (
        [fresh_guids(p, 1, 2, 3, link="", published="") for p in range(5)],
        3,
        0,
    ),
    "guids made anew on mere titles name nothing": (
        [fresh_guids(p, 1, 2, 3, link="", published="", summary="") for p in range(5)],
        3,
        0,
    ),
    "an entry without a link that leaves and comes back under another guid is known": (
        [*(fresh_guids(p, 1, 2, 3, link="") for p in range(3)), fresh_guids(3, 2, 3, link=""),
         fresh_guids(4, 1, 2, 3, link="")],
        3,
        0,
    ),
    "one guid made anew at each poll names nothing": ([fresh_guids(p, 1) for p in range(4)], 1, 0),
    "one guid for all names nothing": ([doc(1, 2, 3, guid="x"), doc(1, 2, 3, guid="x")], 3, 0),
    "news under one guid for all is announced": (
        [doc(1, 2, 3, guid="x"), doc(4, 1, 2, guid="x"), doc(5, 4, 1, guid="x"), doc(6, guid="x")],
        6,
        0,
    ),
    "one guid for all and no links: the content tells": (
        [doc(1, 2, 3, guid="x", link=""), doc(4, 1, 2, guid="x", link="")],
        4,
        0,
    ),
    "one guid and one link for all: the content tells": (
        [doc(1, 2, 3, guid=HOME, link=HOME), doc(4, 1, 2, 3, guid=HOME, link=HOME)],
        4,
        0,
    ),
    "one guid for a document of one entry names nothing": (
        [doc(1, guid="latest"), doc(2, guid="latest"), doc(3, guid="latest")],
        3,
        0,
    ),
    "guids that name the place name nothing": (
        [by_place(1, 2, 3, 4), by_place(5, 1, 2, 3), by_place(6, 5, 1, 2)],
        6,
        0,
    ),
    "guids that name the place, all of one day, name nothing": (
        [by_place(1, 2, 3, 4, **SAME_DAY), by_place(5, 1, 2, 3, **SAME_DAY)],
        5,
        0,
    ),
    "guids that name the place, undated, name nothing": (
        [by_place(1, 2, 3, 4, **DATELESS), by_place(5, 1, 2, 3, **DATELESS)],
        5,
        0,
    ),
    "guids that name the place, without links, name nothing": (
        [by_place(1, 2, 3, 4, link=""), by_place(5, 1, 2, 3, link=""), by_place(6, 5, 1, 2, link="")],
        6,
        0,
    ),
    "guids that name the place in a reordered document name nothing": (
        [by_place(1, 2, 3, 4), by_place(4, 3, 2, 1), by_place(2, 1, 4, 3)],
        4,
        0,
    ),
    "a guid that is given to another story is another article": (
        [doc(1, 2, 3), [entry(9, guid=entry(1).guid), *doc(2, 3)]],
        4,
        0,
    ),
    # -- guids that deserve trust ------------------------------------------------------------------
    "a guid holds over an edited headline": ([doc(1, 2), [entry(1, title="New"), entry(2)]], 2, 1),
    "a guid holds over an edited headline and slug": (
        [doc(1, 2), [entry(1, title="New", link="https://site.example/news/new"), entry(2)]],
        2,
        1,
    ),
    "a guid holds over a new headline, slug and text": (
        [
            doc(1, 2),
            [
                entry(1, title="New", link="https://site.example/news/new", summary="Rewritten."),
                entry(2),
            ],
        ],
        2,
        1,
    ),
    "a guid holds over a new headline and no link": (
        [doc(1, 2, link=""), [entry(1, title="New", link=""), entry(2, link="")]],
        2,
        1,
    ),
    "a guid holds when http becomes https": (
        [each([1, 2], lambda _, n: {"link": f"http://site.example/news/story-{n}"}), doc(1, 2)],
        2,
        0,
    ),
    "a guid holds over another host": (
        [doc(1, 2), each([1, 2], lambda _, n: {"link": f"https://new.example/{n}"})],
        2,
        0,
    ),
    "a guid holds when the link vanishes": ([doc(1, 2), doc(1, 2, link="")], 2, 0),
    "a guid holds when the date vanishes": ([doc(1, 2), doc(1, 2, published="")], 2, 0),
    "guids that all change once, as a CMS moves, change no article": (
        [doc(1, 2, 3), fresh_guids(1, 1, 2, 3), fresh_guids(1, 4, 1, 2, 3)],
        4,
        0,
    ),
    "guids that changed once are trusted again": (
        [
            doc(1, 2, 3),
            fresh_guids(1, 1, 2, 3),
            [
                *fresh_guids(1, 1, title="New", link="https://site.example/news/new"),
                *fresh_guids(1, 2, 3),
            ],
        ],
        3,
        1,
    ),
    # -- URLs -----------------------------------------------------------------------------------
    "tracking parameters are no other article": (
        [
            doc(1, 2, guid=""),
            each([1, 2], lambda _, n: {"guid": "", "link": f"{entry(n).link}?utm_source=rss&fbclid=Z{n}"}),
        ],
        2,
        0,
    ),
    "a fragment is no other article": (
        [doc(1, 2, guid=""), each([1, 2], lambda _, n: {"guid": "", "link": f"{entry(n).link}#top"})],
        2,
        0,
    ),
    "a URL holds over an edited headline, without guids": (
        [doc(1, 2, guid=""), [entry(1, guid="", title="New"), entry(2, guid="")]],
        2,
        1,
    ),
    "a home page that all link to names nothing": (
        [doc(1, 2, 3, link="https://site.example/"), doc(4, 1, 2, link="https://site.example/")],
        4,
        0,
    ),
    "a home page that all link to, without guids, names nothing": (
        [doc(1, 2, 3, guid="", link=HOME), doc(4, 1, 2, guid="", link=HOME),
         doc(5, 4, 1, guid="", link=HOME), doc(6, guid="", link=HOME)],
        6,
        0,
    ),
    "a page that all link to is remembered as shared": (
        [doc(1, 2, 3, link=HOME), doc(4, 1, 2, 3, link=HOME), doc(5, link=HOME), doc(6, link=HOME)],
        6,
        0,
    ),
    "two stories on one page are two articles": (
        [[entry(1, link=HOME), entry(2, link=HOME), entry(3)]] * 2,
        3,
        0,
    ),
    "a page that carries another story under another guid is another article": (
        [doc(1, link=HOME), doc(2, link=HOME), doc(3, link=HOME)],
        3,
        0,
    ),
    "links that all turn to the home page change no article": (
        [doc(1, 2, 3), doc(4, 1, 2, 3, link=HOME), doc(5, 4, 1, 2, link=HOME)],
        5,
        0,
    ),
    # -- content --------------------------------------------------------------------------------
    "without guid and link the content tells": (
        [doc(1, 2, **NAMELESS), doc(3, 1, 2, **NAMELESS)],
        3,
        0,
    ),
    "without guid and link an entry that comes back is known": (
        [doc(1, 2, **NAMELESS), doc(2, **NAMELESS), doc(1, 2, **NAMELESS)],
        2,
        0,
    ),
    "without guid and link an edited text is an edit": (
        [doc(1, 2, **NAMELESS), [entry(1, summary="Told anew.", **NAMELESS), entry(2, **NAMELESS)]],
        2,
        1,
    ),
    "mere titles tell articles apart": (
        [doc(1, 2, summary="", **NAMELESS, **DATELESS), doc(3, 1, 2, summary="", **NAMELESS, **DATELESS)],
        3,
        0,
    ),
    "undated entries are known again": ([doc(1, 2, **DATELESS), doc(2, 1, **DATELESS)], 2, 0),
    "a CMS that moved announces nothing again": ([doc(1, 2, 3, 4), moved(1, 2, 3, 4)], 4, 0),
    "a CMS that moved announces what is new": ([doc(1, 2, 3), moved(4, 1, 2, 3)], 4, 0),
    "a CMS that moved and shows more of its past announces nothing again": (
        [doc(1, 2, 3), doc(2, 3, 4), moved(1, 2, 3, 4)],
        4,
        0,
    ),
    "a CMS that moved and dates anew announces nothing again": (
        [doc(1, 2, 3, 4), moved(1, 2, 3, 4, published="2026-06-01T09:00:00Z")],
        4,
        0,
    ),
    "a CMS that moved without dates announces nothing again": (
        [doc(1, 2, 3, **DATELESS), moved(1, 2, 3, **DATELESS)],
        3,
        0,
    ),
    "the same words on another day are news": (
        [
            [entry(1, title="Morning news", summary="The day's news, told."), *doc(7, 8)],
            [*doc(7, 8), entry(2, title="Morning news", summary="The day's news, told.")],
        ],
        4,
        0,
    ),
    "the same words every day in a feed of one entry are news": (
        [[entry(n, title="Morning news", summary="The day's news, told.")] for n in (1, 2, 3)],
        3,
        0,
    ),
    "one headline on two stories is two articles": ([doc(1, 2, title="Weather")] * 2, 2, 0),
    "one headline under two links without guids is two articles": (
        [doc(1, 2, guid="", title="Weather", summary="", published="")] * 2,
        2,
        0,
    ),
    # -- doubles within a document ------------------------------------------------------------------
    "an entry that stands twice is one article": ([[*doc(1, 2), *doc(1)]] * 2, 2, 0),
    "an entry under two guids is one article": ([[*doc(1, 2), entry(1, guid="other")]] * 2, 2, 0),
    "an entry that stands twice, once without a guid, is one article": (
        [[*doc(1, 2), entry(1, guid="")]] * 2,
        2,
        0,
    ),
    "a double that comes later is known": ([doc(1, 2), [*doc(1, 2), entry(1, guid="other")]], 2, 0),
    "a double whose twin is byte for byte as before is known": (
        [[entry(1), entry(1, comments="https://site.example/c/1")],
         [entry(1), entry(1, comments="https://site.example/c/2")],
         [entry(1, comments="https://site.example/c/3"), entry(1)]],
        1,
        0,
    ),
    "of two versions the later dated one counts": (
        [[entry(1, title="Old", updated="2026-05-12T09:00:00Z"),
          entry(1, title="New", updated="2026-05-12T10:00:00Z")]] * 3,
        1,
        0,
    ),
    "a later version beside the old one is an edit": (
        [doc(1, 2), [entry(1, title="New", updated="2026-05-12T10:00:00Z"), *doc(1, 2)],
         [entry(1, title="New", updated="2026-05-12T10:00:00Z"), *doc(1, 2)]],
        2,
        1,
    ),
    "an older version beside the newer one says nothing": (
        [[entry(1, title="New", updated="2026-05-12T10:00:00Z"), entry(2)],
         [entry(1, title="New", updated="2026-05-12T10:00:00Z"), entry(2), entry(1)]],
        2,
        0,
    ),
    # -- edits ----------------------------------------------------------------------------------
    "each edit is one revision": (
        [doc(1), doc(1, title="One"), doc(1, title="Two"), doc(1, title="Three")],
        1,
        3,
    ),
    "an edit of the text is an edit": ([doc(1), doc(1, summary="Told anew.")], 1, 1),
    "a text that vanished is no edit": ([doc(1), doc(1, summary="")], 1, 0),
    "a text that vanished and came back is no edit": ([doc(1), doc(1, summary=""), doc(1)], 1, 0),
    "a headline that vanished is no edit": (
        [doc(1), doc(1, title="", summary=""), doc(1)],
        1,
        0,
    ),
    "a moved date is an edit": ([doc(1, 2), [entry(1, published="2026-05-20T01:00:00Z"), entry(2)]], 2, 1),
    "dates of the fetch are no edits": (
        [doc(1, 2, 3, 4, published=f"2026-06-01T09:0{m}:00Z") for m in range(4)],
        4,
        0,
    ),
    "an edit beside dates of the fetch is one": (
        [doc(1, 2, 3, 4, published="2026-06-01T09:00:00Z"),
         [entry(1, title="New", published="2026-06-01T09:05:00Z"),
          *doc(2, 3, 4, published="2026-06-01T09:05:00Z")]],
        4,
        1,
    ),
    "a date that moves at each fetch is one edit at most": (
        [doc(1, published=f"2026-06-01T09:0{m}:00Z") for m in range(6)],
        1,
        1,
    ),
    "caches that take turns with an edit are one edit": ([doc(1), doc(1, title="New")] * 4, 1, 1),
    "a cache that goes back two edits says nothing": (
        [doc(1), doc(1, title="A"), doc(1, title="B"), doc(1), doc(1, title="A"), doc(1, title="B")],
        1,
        2,
    ),
    "a storm of edits is five revisions": (
        [doc(1, title=f"Version {n}") for n in range(12)],
        1,
        5,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    """A run of documents comes to so many articles and so many edits."""
    documents, created, updated = CASES[name]
    desk = Desk()
    for document in documents:
        desk.poll(document)
        desk.pass_time(MINUTE)
    assert (kinds(desk.events).count("created"), kinds(desk.events).count("updated")) == (
        created,
        updated,
    )
    by_article: dict[str, int] = {}
    for event in desk.events:  # revisions have no gap and no double
        assert event.revision == by_article.get(event.article, 0) + 1
        by_article[event.article] = event.revision


def test_there_are_enough_cases() -> None:
    """The table holds sixty cases and more."""
    assert len(CASES) >= 60


def test_one_article_in_two_feeds_is_one() -> None:
    """The second feed that shows an article announces nothing, and stands in its next revision."""
    desk = Desk()
    assert kinds(desk.poll(doc(1, 2))) == ["created"] * 2
    assert desk.poll(each([1, 2], lambda _, n: {"guid": f"other-{n}"}), "city") == []
    (update,) = desk.poll([entry(1, title="New"), entry(2)])
    assert update.value["alsoSeenIn"] == ["city"]


def test_only_the_owner_revises() -> None:
    """An edit that another feed shows of the article is no event."""
    desk = Desk()
    desk.poll(doc(1))
    desk.poll(doc(1), "city")
    assert desk.poll(doc(1, title="New"), "city") == []
    assert kinds(desk.poll(doc(1, title="New"))) == ["updated"]


def test_one_guid_in_two_feeds_is_two_articles() -> None:
    """A guid says nothing outside its feed."""
    desk = Desk()
    desk.poll([entry(1, guid="7", link="")])
    assert kinds(desk.poll([entry(2, guid="7", link="")], "city")) == ["created"]


def test_nameless_entries_of_two_feeds_are_two_articles() -> None:
    """The content says nothing outside its feed."""
    desk = Desk()
    desk.poll(doc(1, **NAMELESS))
    assert kinds(desk.poll(doc(1, **NAMELESS), "city")) == ["created"]


def test_a_shared_page_joins_no_feeds() -> None:
    """Two feeds whose entries all link to one page lose nothing to each other, from first to last."""
    desk = Desk()
    for n in range(1, 8):
        desk.poll(doc(n, n + 1, n + 2, link=HOME))
        desk.poll(doc(n + 50, n + 51, n + 52, link=HOME), "city")
    assert sum(desk.created().values()) == 9 + 9
    assert set(desk.created().values()) == {1}


def test_the_home_page_is_no_article() -> None:
    """Feeds of one entry that link to the site's own page are told apart by their guids."""
    desk = Desk()
    desk.poll(doc(1, link=HOME), link=HOME)
    assert kinds(desk.poll(doc(2, link=HOME), "city", link=HOME)) == ["created"]


def test_a_feed_that_moved_is_the_same_feed() -> None:
    """A feed's id is all that its memory hangs on: http to https and a new host announce nothing."""
    desk = Desk()
    desk.poll(each([1, 2], lambda _, n: {"link": f"http://old.example/{n}"}))
    assert desk.poll(each([1, 2], lambda _, n: {"link": f"https://www.old.example/{n}"})) == []
    assert desk.poll(each([1, 2], lambda _, n: {"link": f"https://new.example/{n}"})) == []
    # Another feed finds the article under each of its URLs.
    assert desk.poll(each([1, 2], lambda _, n: {"link": f"http://old.example/{n}"}), "city") == []
    assert desk.poll(each([1, 2], lambda _, n: {"link": f"http://new.example/{n}"}), "town") == []


def test_a_reissued_feed_is_known_for_one() -> None:
    """Most of a known feed under new names and in new words is announced as old news."""
    desk = Desk()
    desk.poll(doc(1, 2, 3, 4, 5, 6))
    desk.pass_time(DAY)
    events = desk.poll(
        moved(1, 2, 3, 4, 5, 6, title="Archive", published="2020-01-01T00:00:00Z", summary="")
    )
    assert desk.reading is not None
    assert desk.reading.reissued == 6
    assert len(events) == 6
    assert all(e.backfill for e in events)


def test_of_a_reissued_feed_only_the_news_are_news() -> None:
    """What is dated after the last poll is news in a moved feed, too; what has no date is not."""
    desk = Desk()
    desk.poll(doc(1, 2, 3, 4, 5, 6))
    desk.pass_time(DAY)
    today = moved(9, published="2026-05-29T18:00:00Z", summary="")
    undated = moved(1, 2, 3, 4, 5, 6, title="Archive", published="", summary="")
    events = desk.poll([*today, *undated])
    assert [e.backfill for e in events] == [False] + [True] * 6


def test_a_busy_feed_is_not_reissued() -> None:
    """A document that is all news of after the last poll has simply moved on."""
    desk = Desk()
    desk.poll(doc(1, 2, 3, 4, 5, 6))
    desk.pass_time(DAY)
    events = desk.poll(each(range(11, 17), lambda _, n: {"published": f"2026-05-29T09:{n}:00Z"}))
    assert desk.reading is not None
    assert desk.reading.reissued == 0
    assert [e.backfill for e in events] == [False] * 6


@pytest.mark.parametrize(("rule", "announced"), [("all", 3), ("48h", 2), ("36h", 1), ("none", 0)])
def test_a_feed_has_a_backfill_of_its_own(rule: str, announced: int) -> None:
    """What a first poll announces is as its list says, and marked as backfill; later news are not."""
    desk = Desk()
    days = {1: "2026-05-28T19:00:00Z", 2: "2026-05-27T00:00:00Z", 3: "2026-05-01T00:00:00Z"}
    first = each(days, lambda _, n: {"published": days[n]})
    events = desk.poll(first, backfill=rule)
    assert len(events) == announced
    assert all(e.backfill for e in events)
    (news,) = desk.poll([*doc(4), *first], backfill=rule)
    assert not news.backfill


def test_the_newest_state_ends_a_storm() -> None:
    """What a storm of edits held back is published once the window is over, though nothing moves."""
    desk = Desk()
    for n in range(12):
        desk.poll(doc(1, title=f"Version {n}"))
        desk.pass_time(MINUTE)
    desk.pass_time(HOUR)
    (last,) = desk.poll(doc(1, title="Version 11"))
    assert (last.headline, last.revision) == ("Version 11", 7)


def test_a_version_that_stays_is_news_after_a_day() -> None:
    """An editor who takes an edit back is heard a day later; a cache that goes back never is."""
    desk = Desk()
    desk.poll(doc(1))
    desk.poll(doc(1, title="New"))
    desk.pass_time(HOUR)
    assert desk.poll(doc(1)) == []
    desk.pass_time(DAY)
    (back,) = desk.poll(doc(1))
    assert back.headline == entry(1).title


def test_an_entry_is_forgotten_a_window_after_it_was_shown() -> None:
    """Memory does not grow for ever; the article's record outlives it, so nothing comes twice."""
    desk = Desk()
    desk.poll(doc(1, 2))
    desk.poll(doc(2))
    desk.pass_time(15 * DAY)
    desk.poll(doc(2))
    assert len(desk.feeds["harbour"][1]) < 5 + 2 * 64
    assert desk.poll(doc(1, 2)) == []


def test_a_crash_between_articles_and_feed_announces_nothing_twice() -> None:
    """A poll that dies before the feed's own commit is repeated in full, whatever the document is then."""
    desk = Desk()
    desk.poll(doc(1, 2, 3), crash=True)
    assert desk.poll(doc(4, 1, 2, 3), crash=True)[0].headline == entry(4).title
    assert desk.poll(doc(5, 4, 3)) != []
    assert desk.poll(doc(5, 4, 3, 2, 1)) == []
    assert set(desk.created().values()) == {1}


def test_a_crash_of_an_edit_is_one_revision() -> None:
    """An edit whose poll dies before the feed's own commit is published once."""
    desk = Desk()
    desk.poll(doc(1))
    assert kinds(desk.poll(doc(1, title="New"), crash=True)) == ["updated"]
    assert desk.poll(doc(1, title="New")) == []


def test_what_is_learned_of_a_source_is_no_edit() -> None:
    """A poll that is repeated after a crash does not take a block that is known by then for an edit."""
    appeal = "<p>Support our independent newsroom with a gift today, every single pound counts for us.</p>"
    plain = [entry(n, summary=f"{entry(n).summary}{appeal}") for n in range(1, 3)]
    desk = Desk()
    desk.poll(plain[:1], crash=True)
    events = desk.poll([entry(n, summary=f"{entry(n).summary}{appeal}") for n in range(1, 12)])
    assert kinds(events) == ["created"] * 10


@pytest.mark.parametrize("field", ["guid", "link", "published", "summary", "title"])
def test_an_entry_without_a_field_is_an_entry(field: str) -> None:
    """No single field is needed for an article to be announced once."""
    desk = Desk()
    document = [bare(one, field) for one in doc(1, 2, 3)]
    assert kinds(desk.poll(document)) == ["created"] * 3
    assert desk.poll(document[::-1]) == []


def test_what_was_taken_back_is_nobodys() -> None:
    """No feed announces or revises it again: not its own by an edit, not another at first sight, and none
    takes it over when it has stood for long."""
    desk = Desk()
    assert kinds(desk.poll([entry(1), entry(2)])) == ["created", "created"]
    article = next(a for a, raw in desk.store.rows.items() if raw[:1] == b"A")
    taken = next(e for e in desk.events if article_bytes(e.article) == article)
    desk.store.rows[article] = withdrawn_record(desk.now // DAY, 2).pack()
    edited = [entry(n, title=f"Another headline for {n}") for n in (1, 2)]
    desk.pass_time(HOUR)
    again = desk.poll(edited)
    assert kinds(again) == ["updated"] and again[0].article != taken.article
    desk.pass_time(6 * DAY)
    assert taken.article not in {e.article for e in desk.poll(edited, "other", refresh=True)}
    assert taken.article not in {e.article for e in desk.poll(edited, refresh=True)}
    record = unpack(desk.store.rows[article])
    assert isinstance(record, ArticleRecord) and record.withdrawn
