"""Any run of documents: no article is announced twice, none is lost."""

from __future__ import annotations

from collections.abc import Callable

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.unit.newsdesk import MINUTE, Desk, entry
from workers.model import ParsedEntry

UNIVERSE = range(1, 9)
Change = Callable[[int, int, int], dict[str, str]]
"""What is odd about an entry in a feed of some kind, from (number, place in the document, poll)."""
PAGE = "https://site.example/latest"

# Feeds whose entries carry their whole identity through everything: each must be told apart.
KINDS: dict[str, Change] = {
    "sound": lambda n, place, poll: {},
    "no guids": lambda n, place, poll: {"guid": ""},
    "no links": lambda n, place, poll: {"link": ""},
    "no dates": lambda n, place, poll: {"published": ""},
    "one guid": lambda n, place, poll: {"guid": "all"},
    "guids by place": lambda n, place, poll: {"guid": f"item-{place}"},
    "guids anew": lambda n, place, poll: {"guid": f"{n}-{poll}"},
    "one link": lambda n, place, poll: {"link": PAGE},
    "links tracked": lambda n, place, poll: {"link": f"{entry(n).link}?utm_source=p{poll}"},
    "no names": lambda n, place, poll: {"guid": "", "link": ""},
    "guids by place, no links": lambda n, place, poll: {"guid": f"item-{place}", "link": ""},
    "guids anew, no links": lambda n, place, poll: {"guid": f"{n}-{poll}", "link": ""},
    "guids anew, no links, no dates": lambda n, place, poll: {
        "guid": f"{n}-{poll}",
        "link": "",
        "published": "",
    },
    "one guid, one link": lambda n, place, poll: {"guid": "all", "link": PAGE},
    "one guid, one link, no dates": lambda n, place, poll: {
        "guid": "all",
        "link": PAGE,
        "published": "",
    },
}
EDITABLE = ("sound", "no guids", "no links", "no dates", "guids by place", "links tracked")
"""Kinds that have a name which an edit leaves alone."""

documents = st.lists(
    st.lists(st.sampled_from(UNIVERSE), min_size=0, max_size=8), min_size=1, max_size=8
)
fast = settings(max_examples=100, deadline=None, suppress_health_check=list(HealthCheck))


def _shown(kind: str, n: int, place: int, poll: int, **more: str) -> ParsedEntry:
    return entry(n, **{**KINDS[kind](n, place, poll), **more})


def _check(desk: Desk, shown: set[int]) -> None:
    """Each article that was shown has its one event; no revision is missing or doubled."""
    made: dict[str, int] = {}
    revisions: dict[str, int] = {}
    for event in desk.events:
        assert event.revision == revisions.get(event.article, 0) + 1
        revisions[event.article] = event.revision
        if event.type == "created":
            number = event.value["articleBody"].split("pier ")[1].split()[0]
            made[number] = made.get(number, 0) + 1
    assert made == {str(n): 1 for n in shown}


@fast
@given(kind=st.sampled_from(sorted(KINDS)), runs=documents)
def test_any_run_of_documents(kind: str, runs: list[list[int]]) -> None:
    """Whatever a feed shows in whatever order, doubles included: each article is announced once."""
    desk = Desk()
    # What is no name shows only once it was seen; before, a name has the benefit of the doubt.
    known = [[11, 12, 13]] * 3 if "anew" in kind or "one link" in kind else []
    for poll, numbers in enumerate(known + runs):
        desk.poll([_shown(kind, n, place, poll) for place, n in enumerate(numbers)])
        desk.pass_time(MINUTE)
    _check(desk, {n for numbers in known + runs for n in numbers})
    assert all(e.type == "created" for e in desk.events)


@fast
@given(
    kind=st.sampled_from(EDITABLE),
    runs=st.lists(
        st.lists(
            st.tuples(st.sampled_from(UNIVERSE), st.integers(0, 2)),
            max_size=8,
            unique_by=lambda pair: pair[0],
        ),
        min_size=1,
        max_size=8,
    ),
)
def test_any_run_of_edits(kind: str, runs: list[list[tuple[int, int]]]) -> None:
    """Versions of an article in any order, its slug included, are one article."""
    desk = Desk()
    for poll, pairs in enumerate(runs):
        shown = []
        for place, (n, version) in enumerate(pairs):
            more = {"title": f"{entry(n).title}, version {version}"}
            if kind == "sound" and version:
                more["link"] = f"https://site.example/news/story-{n}-v{version}"
            shown.append(_shown(kind, n, place, poll, **more))
        desk.poll(shown)
        desk.pass_time(MINUTE)
    _check(desk, {n for pairs in runs for n, _ in pairs})


@fast
@given(
    runs=st.lists(
        st.tuples(
            st.sampled_from(["harbour", "city", "town"]),
            st.lists(st.sampled_from(UNIVERSE), max_size=6),
            st.booleans(),
        ),
        min_size=1,
        max_size=10,
    )
)
def test_any_run_over_feeds(runs: list[tuple[str, list[int], bool]]) -> None:
    """Feeds that show the same articles, polled in any order and cut by crashes, announce each once."""
    desk = Desk()
    for feed, numbers, crash in runs:
        shown = [entry(n, guid=f"{feed}/{n}") for n in numbers]
        desk.poll(shown, feed, crash=crash)
        desk.pass_time(MINUTE)
    _check(desk, {n for _, numbers, _ in runs for n in numbers})


@fast
@given(
    before=st.lists(st.sampled_from(UNIVERSE), min_size=3, max_size=8, unique=True),
    after=st.lists(st.sampled_from(UNIVERSE), min_size=3, max_size=8, unique=True),
    dated=st.booleans(),
)
def test_any_move_of_a_cms(before: list[int], after: list[int], dated: bool) -> None:
    """After a move that leaves no guid and no URL, what is in the document still is announced no more."""
    desk = Desk()
    more = {} if dated else {"published": ""}
    desk.poll([entry(n, **more) for n in before])
    desk.poll(
        [entry(n, guid=f"new:{n}", link=f"https://site.example/p/{n}", **more) for n in after]
    )
    _check(desk, set(before) | set(after))
