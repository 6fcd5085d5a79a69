"""Identity: which entries are one article, case by case. Each case is a fact about a run of documents."""

from __future__ import annotations

import re

import pytest

from tests.identity import CASES, MISSED, NO_COMPLAINT
from tests.identity.documents import HOME, NAMELESS, bulletins, doc, each, moved
from tests.unit.newsdesk import DAY, HOUR, MINUTE, Desk, bare, entry, kinds
from workers.errors import ClaimLostError
from workers.fetcher.identity import article_bytes, guid_key, owner_key
from workers.fetcher.memory import pack
from workers.fetcher.memory import unpack as unpack_memory
from workers.fetcher.records import ArticleRecord, unpack, withdrawn_record
from workers.model import Media, ParsedEntry

THREAD = re.compile(r"[\w.-]+/[\w.-]+#\d+")


@pytest.mark.parametrize("name", CASES)
def test_case(name: str) -> None:
    """A run of documents comes to so many articles and so many edits."""
    desk = CASES[name].run()
    assert CASES[name].holds(desk), kinds(desk.events)
    by_article: dict[str, int] = {}
    for event in desk.events:  # revisions have no gap and no double
        assert event.revision == by_article.get(event.article, 0) + 1
        by_article[event.article] = event.revision


@pytest.mark.parametrize("name", MISSED)
@pytest.mark.xfail(strict=True, reason="known, and not met yet")
def test_missed(name: str) -> None:
    """What is listed as missed is missed; once it is met it belongs among the cases."""
    assert MISSED[name].holds(MISSED[name].run())


def test_cases_come_from_complaints() -> None:
    """Sixty cases and more name the public thread that they come from; no case names anything else."""
    sources = [case.source for case in (*CASES.values(), *MISSED.values())]
    assert all(source == NO_COMPLAINT or THREAD.fullmatch(source) for source in sources)
    assert sum(case.source != NO_COMPLAINT for case in CASES.values()) >= 60


def test_one_article_in_two_feeds_is_one() -> None:
    """The second feed that shows an article announces nothing, and stands in its next revision."""
    desk = Desk()
    assert kinds(desk.poll(doc(1, 2))) == ["created"] * 2
    assert desk.poll(each([1, 2], lambda _, n: {"guid": f"other-{n}"}), "city") == []
    (update,) = desk.poll([entry(1, title="New"), entry(2)])
    assert update.value["alsoSeenIn"] == ["city"]


@pytest.mark.parametrize("changes", [{}, {"guid": ""}])
def test_a_poll_that_broke_off_is_known_though_links_changed(changes: dict[str, str]) -> None:
    """Where each request gets links of its own, or a section was renamed, what was admitted before a worker
    died is not announced again, whoever else is new."""
    desk = Desk()
    desk.poll(doc(8, 9))
    link = "https://click.example/?to=story-{}&visit={}"
    first = [entry(n, **{"link": link.format(n, 1), **changes}) for n in (1, 2)]
    assert kinds(desk.poll([*first, *doc(8, 9)], crash=True)) == ["created"] * 2
    for visit in (2, 3):
        again = [entry(n, **{"link": link.format(n, visit), **changes}) for n in (3, 1, 2)]
        assert len(desk.poll([*again, *doc(8, 9)], crash=visit == 2)) == (visit == 2)
    assert set(desk.created().values()) == {1}


def test_a_guid_that_went_on_to_the_next_article_names_that() -> None:
    """A feed of one place, whose guid never changes, announces what follows on what a dead poll announced."""
    desk = Desk()
    assert kinds(desk.poll(doc(1, guid="latest"), crash=True)) == ["created"]
    assert kinds(desk.poll(doc(2, guid="latest"))) == ["created"]


def test_what_was_only_attempted_is_announced() -> None:
    """A poll that died before its articles were admitted leaves no id behind that counts."""
    desk = Desk()
    desk.poll(doc(1), crash=True)
    desk.store.rows.clear()
    desk.store.events.clear()
    assert kinds(desk.poll(doc(1, link="https://site.example/other"))) == ["created"]


def test_only_the_owner_revises() -> None:
    """An edit that another feed shows of the article is no event."""
    desk = Desk()
    desk.poll(doc(1))
    desk.poll(doc(1), "city")
    assert desk.poll(doc(1, title="New"), "city") == []
    assert kinds(desk.poll(doc(1, title="New"))) == ["updated"]


def test_an_edit_of_an_article_whose_feed_is_gone_is_made_up_for() -> None:
    """Once the feed that announced it has not shown it for long, another's edits from before are one
    revision, and so is each from then on."""
    desk = Desk()
    desk.poll(doc(1))
    desk.poll(doc(1), "city")
    events = []
    for n in range(9):
        edited = "New" if n < 8 else "Newer"
        events.append(kinds(desk.poll([entry(n + 50), entry(1, title=edited)], "city")))
        desk.pass_time(DAY)
    assert [e.count("updated") for e in events] == [0] * 6 + [1, 0, 1]


def test_a_feed_with_another_id_revises_what_it_announced() -> None:
    """When the feed that announced an article leaves the list, another's edit is published at once, also
    one that was shown before."""
    desk = Desk()
    desk.poll(doc(1, 2))
    desk.poll(doc(1, 2), "harbour-2")
    assert desk.poll([entry(1, title="New"), entry(2)], "harbour-2") == []
    desk.store.gone.add(owner_key("harbour"))
    both = [entry(1, title="New"), entry(2, title="Newer")]
    assert kinds(desk.poll(both, "harbour-2")) == ["updated", "updated"]
    assert desk.poll(both, "harbour-2") == []
    desk.store.gone.clear()  # it comes back: what the other revised is the other's
    assert desk.poll(both, "harbour") == []


def test_an_edit_that_its_owner_published_is_owed_by_nobody() -> None:
    """What another feed shows as it was published at last makes no revision when the article is its own."""
    desk = Desk()
    desk.poll(doc(1))
    desk.poll(doc(1), "city")
    desk.poll(doc(1, title="New"), "city")
    assert kinds(desk.poll(doc(1, title="New"))) == ["updated"]
    for n in range(9):
        desk.pass_time(DAY)
        again = desk.poll([entry(n + 50), entry(1, title="New")], "city")
        assert "updated" not in kinds(again)


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


def test_a_column_that_a_release_before_took_for_one_article_announces_nothing_twice() -> None:
    """Bulletins that are listed still and were published as revisions of one are articles from now on, and
    remembered; later ones are announced."""
    desk = Desk()
    for n in (1, 2, 3):  # what that release made of them: one entry whose guid and text change
        desk.poll(bulletins(n, guid="one"))
    assert kinds(desk.events) == ["created", "updated", "updated"]
    state, packed = desk.feeds["harbour"]
    memory = unpack_memory(packed)
    (page,) = memory.entries
    page.guid = guid_key(entry(3).guid)
    desk.feeds["harbour"] = state, pack(memory.entries, memory.learned)
    assert desk.poll(bulletins(3, 2, 1)) == []
    assert kinds(desk.poll(bulletins(5, 4, 3))) == ["created", "created"]


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
    desk.pass_time(HOUR)
    (news,) = desk.poll([*doc(4, published="2026-05-28T20:00:00Z"), *first], backfill=rule)
    assert not news.backfill


def test_an_entry_that_says_nothing_is_no_article() -> None:
    """Without name, link, title, text and media there is nothing to announce; one of them is enough."""
    desk = Desk()
    nothing = ParsedEntry(published="Tue, 17 Feb 2026 03:00:00 GMT", authors=("Jane Doe",))
    image = ParsedEntry(media=(Media("https://site.example/i.jpg"),))
    desk.poll([nothing, entry(1), ParsedEntry(), ParsedEntry(title="Harbour reopens"), image])
    assert len(desk.events) == 3


def test_the_newest_state_ends_a_storm() -> None:
    """What a storm of edits held back is published once the window is over, though nothing moves."""
    desk = Desk()
    for n in range(12):
        desk.poll(doc(1, title=f"Version {n}"))
        desk.pass_time(MINUTE)
    desk.pass_time(HOUR)
    (last,) = desk.poll(doc(1, title="Version 11"))
    assert (last.headline, last.revision) == ("Version 11", 7)


def test_a_version_that_comes_back_is_news_when_it_stays() -> None:
    """An editor who takes an edit back is heard two polls later, ten minutes at least."""
    for wait in (5 * MINUTE, HOUR):
        desk = Desk()
        desk.poll(doc(1))
        desk.poll(doc(1, title="New"))
        desk.pass_time(wait)
        assert desk.poll(doc(1)) == []
        desk.pass_time(wait)
        assert desk.poll(doc(1)) == []
        desk.pass_time(wait)
        (back,) = desk.poll(doc(1))
        assert (back.headline, back.revision) == (entry(1).title, 3)


def test_a_version_that_comes_back_is_known_though_the_feed_dates_its_entries_anew() -> None:
    """Caches that take turns make no revision each where every document has the time of its making."""
    desk = Desk()
    for poll in range(12):
        changed = {"title": "New"} if poll % 2 else {}
        desk.poll(
            [
                entry(n, published=f"2026-05-20T10:{poll:02d}:0{n}Z", **(changed if n == 1 else {}))
                for n in range(1, 6)
            ]
        )
        desk.pass_time(MINUTE)
    assert [(e.type, e.headline) for e in desk.events[5:]] == [("updated", "New")]


def test_an_edit_that_is_taken_back_is_news_though_the_feed_dates_its_entries_anew() -> None:
    """It waits once, not again with each date."""
    desk = Desk()
    for poll in range(6):
        title = {"title": "New"} if poll == 1 else {}
        shown = [entry(n, published=f"2026-05-20T1{poll}:00:0{n}Z") for n in range(2, 6)]
        desk.poll([entry(1, published=f"2026-05-20T1{poll}:00:01Z", **title), *shown])
        desk.pass_time(HOUR)
    assert [e.headline for e in desk.events[5:]] == ["New", entry(1).title]


def test_where_caches_take_turns_a_version_that_comes_back_waits_for_a_day() -> None:
    """What went and came again is believed late; however old the edit is, a cache makes no revision."""
    desk = Desk()
    desk.poll(doc(1))
    desk.poll(doc(1, title="New"))
    for _ in range(3):
        desk.pass_time(2 * DAY)
        assert desk.poll(doc(1)) == []
        desk.pass_time(MINUTE)
        assert desk.poll(doc(1, title="New")) == []
    desk.pass_time(MINUTE)
    for _ in range(24):
        assert desk.poll(doc(1)) == []
        desk.pass_time(HOUR)
    assert kinds(desk.poll(doc(1))) == ["updated"]


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


def test_a_crash_of_a_feed_that_dates_its_entries_anew_revises_nothing() -> None:
    """A first poll that dies, of a feed that dates its entries by the request: the next makes no revisions of
    that; a single edit among others that stay is one."""
    desk = Desk()
    at_first = [entry(n, published="2026-05-20T08:00:00Z") for n in range(1, 6)]
    assert kinds(desk.poll(at_first, crash=True)) == ["created"] * 5
    assert desk.poll([entry(n, published="2026-05-20T08:00:09Z") for n in range(1, 6)]) == []
    assert desk.poll([entry(n, published="2026-05-20T08:05:00Z") for n in range(1, 6)]) == []
    other = Desk()
    other.poll(doc(1, 2, 3, 4), crash=True)
    assert kinds(other.poll([entry(1, title="New"), *doc(2, 3, 4)])) == ["updated"]


def test_a_crash_of_an_edit_is_one_revision() -> None:
    """An edit whose poll dies before the feed's own commit is published once."""
    desk = Desk()
    desk.poll(doc(1))
    assert kinds(desk.poll(doc(1, title="New"), crash=True)) == ["updated"]
    assert desk.poll(doc(1, title="New")) == []


def test_a_crash_doubles_nothing_in_a_feed_that_dates_its_entries_anew() -> None:
    """Neither first sights nor an edit are edits since the same words have another date by now."""
    desk = Desk()
    for minute in range(2):
        shown = [entry(n, published=f"2026-05-20T10:0{minute}:0{n}Z") for n in range(1, 5)]
        desk.poll(shown, crash=not minute)
    for minute in range(2, 4):
        new = entry(1, published=f"2026-05-20T10:0{minute}:01Z", title="New", summary="All is new.")
        shown = [entry(n, published=f"2026-05-20T10:0{minute}:0{n}Z") for n in range(2, 5)]
        desk.poll([new, *shown], crash=minute == 2)
    assert kinds(desk.events) == ["created"] * 4 + ["updated"]


def test_an_edit_after_a_crash_names_all_that_may_differ() -> None:
    """Where the feed's memory of the version before died with its poll, no field is left out of an edit."""
    desk = Desk()
    desk.poll(doc(1), crash=True)
    (event,) = desk.poll(doc(1, title="New"))
    assert (event.type, event.changed) == ("updated", ("headline", "articleBody", "datePublished"))


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


def test_whoever_lost_the_feed_takes_no_edit_back() -> None:
    """A poll that was too slow for its claim, with an older document in hand, announces no revision."""
    desk = Desk()
    desk.poll([entry(1)])

    async def lost(_: object) -> bool:
        return False

    desk.store.holds = lost  # type: ignore[method-assign]
    desk.store.events.clear()
    with pytest.raises(ClaimLostError):
        desk.poll([entry(1, title="An older headline")])
    assert not desk.store.events
