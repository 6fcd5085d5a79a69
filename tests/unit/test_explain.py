"""What `newswire explain` and `newswire feeds` say."""

from __future__ import annotations

from typing import Any, get_args

import msgspec
import pytest

from workers.explain import STATES, WHY, Standing, ago, explain, plainly, span_of, state_of
from workers.fetcher.schedule import Bounds
from workers.log_fields import REASONS
from workers.model import FeedConfig, FeedState, Pause, Reason, Search

NOW = 1_767_571_200_000
DAY_MS = 86_400_000
BOUNDS = Bounds(300.0, 86_400.0)


def state(**more: Any) -> FeedState:
    """A feed that is well."""
    values: dict[str, Any] = {
        "polls": 20, "first_polled_ms": NOW - 5 * DAY_MS, "last_polled_ms": NOW - 60_000,
        "last_success_ms": NOW - 60_000, "last_new_ms": NOW - 3_600_000, "rate": 2.0,
        "usual_gap_s": 43_200, "rate_at_ms": NOW - 60_000, "listed": 20, "etag": '"x"',
        "due_why": "cadence", "history": ((NOW - 60_000, "not_modified", 304),),
    }  # fmt: skip
    return FeedState(**{**values, **more})


def test_a_paused_feed() -> None:
    """Since when, why, and how to end it; that the list disables it as well is not kept back."""
    pause = Pause(NOW - 3 * DAY_MS, "they asked")
    feed = FeedConfig("f", "http://f.example/")
    text = explain(feed, state(), 9 * NOW, BOUNDS, NOW, Standing(pause=pause))
    for part in (
        "paused",
        "by the operator, 3 d ago: they asked",
        "never: it is paused",
        "feed resume f",
    ):
        assert part in text
    off = msgspec.structs.replace(feed, enabled=False)
    assert "enable it in the feed list" in explain(
        off, state(), 9 * NOW, BOUNDS, NOW, Standing(pause=pause)
    )


def said(found: FeedState, due_ms: int = NOW + 600_000, **more: Any) -> str:
    """The whole text."""
    names = ("polled_now", "in_line", "rests_until_ms")
    seen = {name: more.pop(name) for name in names if name in more}
    config = FeedConfig(**{"id": "f1", "url": "http://u:secret@f.example/x?token=abc", **more})
    return explain(config, found, due_ms, BOUNDS, NOW, Standing(**seen))


def test_a_feed_that_is_well() -> None:
    """State, due time with its reason, cadence, validators and the last polls stand there."""
    text = said(state(), name="Harbour News")
    for part in (
        "Harbour News", "healthy", "in 10 min", "geometric mean", "about 2 new entries a day",
        "ETag", "304", "not_modified", "NEWSWIRE_POLLS_PER_HOUR",
    ):  # fmt: skip
        assert part in text
    assert "secret" not in text
    assert "abc" not in text


@pytest.mark.parametrize(
    ("found", "parts"),
    [
        ({"failures": 4, "failing_since_ms": NOW - DAY_MS, "due_why": "backoff"},
         ("failing", "failed 4 times in a row", "one good answer")),
        ({"retired": True, "due_why": "gone"}, ("gone", "410", "brings it back")),
        ({"last_new_ms": NOW - 40 * DAY_MS, "first_polled_ms": NOW - 90 * DAY_MS},
         ("silent", "80 entries were to be expected")),
        ({"url": "http://new.example/"}, ("followed to http://new.example/",)),
        ({"moved_to": "http://new.example/", "moved_seen": 2}, ("seen 2 of 3",)),
        ({"url": "http://f.example/feed", "found_by": "link", "failures": 1},
         ("its feed was found at http://f.example/feed", "rel=alternate", "given up after 3")),
        ({"search": Search("path", ("http://f.example/rss?token=abc", "http://f.example/b"), "", 4),
          "due_why": "searching"},
         ("4 addresses were none", "http://f.example/rss", "and 1 more", "one address after the other")),
        ({"searched_ms": NOW - DAY_MS, "no_feeds": (b"1", b"2"), "failures": 1},
         ("2 addresses were none", "newly names is tried at once, all else again in 6 d")),
        ({"validator_distrust": True}, ("none are sent",)),
        ({"probe_etag": '"old"'}, ("would prove",)),
        ({"min_interval_s": 3600, "skip_hours": (1, 2), "skip_days": (6,)},
         ("60 min between polls", "hours 1, 2", "Sun")),
        ({"min_interval_s": 86_400, "update_period_s": 86_400, "update_base_ms": 43_200_000},
         ("no polls before 2026-01-05T12:00",)),
    ],
)  # fmt: skip
def test_what_is_special(found: dict[str, Any], parts: tuple[str, ...]) -> None:
    """Failures, silence, redirects, lies and wishes are told, with what would change them."""
    text = said(state(**found))
    for part in parts:
        assert part in text


def test_new_disabled_and_polled_feeds() -> None:
    """A feed without a past, one that is switched off, and one in a worker's hands."""
    assert "it is new" in said(FeedState())
    assert "never: the feed list disables it" in said(state(), enabled=False)
    assert "it is being polled" in said(state(), polled_now=True)
    assert "waits for a worker" in said(state(), NOW - 5_000)


def test_a_host_that_rests() -> None:
    """Why a due feed is not polled while its host has refused, and for how much longer."""
    assert "all its feeds wait for another 30 min" in said(state(), rests_until_ms=NOW + 1_800_000)
    assert "refused" not in said(state(), rests_until_ms=NOW - 1)


def test_a_place_in_a_line() -> None:
    """What a feed of a crowded host waits for is no wish of its own."""
    assert "in the line of its host" in said(state(), in_line=True)
    assert "in the line" not in said(state(), in_line=True, polled_now=True)


@pytest.mark.parametrize(
    ("why", "part"),
    [
        ("throttled", "NEWSWIRE_HOST_GAP"), ("retry_after", "NEWSWIRE_HOST_GAP"),
        ("asked_by_feed", "heard unless"), ("skipped_hours", "heard unless"),
        ("searching", "the feed itself"), ("cadence", "news shorten"),
    ],
)  # fmt: skip
def test_what_would_change_the_wait(why: str, part: str) -> None:
    """Each kind of wait is told with what ends or changes it."""
    assert part in said(state(due_why=why)).partition("to change")[2]


def test_every_state_has_a_way_to_it() -> None:
    """What `feeds --state` offers is what feeds can be in."""
    config = FeedConfig("f", "http://f.example/")
    off = FeedConfig("f", "http://f.example/", enabled=False)
    found = {
        state_of(config, one, BOUNDS, NOW)
        for one in (
            state(), FeedState(), state(failures=9), state(retired=True),
            state(last_new_ms=NOW - 99 * DAY_MS),
        )
    }  # fmt: skip
    found |= {state_of(off, state(), BOUNDS, NOW), state_of(off, state(), BOUNDS, NOW, Pause(NOW))}
    assert found == set(STATES)


def test_every_reason_has_words() -> None:
    """No poll and no wait is shown without its meaning."""
    assert set(get_args(Reason)) <= set(REASONS)
    assert all(WHY.values())


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "250 ms"), (59, "59 s"), (600, "10 min"), (9_000, "2.5 h"), (864_000, "10 d")],
)
def test_spans(seconds: float, text: str) -> None:
    """Three digits in the unit that people would use."""
    assert span_of(seconds) == text


def test_moments() -> None:
    """Before, after, never."""
    assert ago(NOW - 60_000, NOW) == "60 s ago"
    assert ago(NOW + 600_000, NOW) == "in 10 min"
    assert ago(0, NOW) == "never"


@pytest.mark.parametrize(
    ("number", "text"),
    [(0.25, "0.25"), (12.54, "12.5"), (999.4, "999"), (999.6, "1,000"), (4410.0, "4,410")],
)
def test_no_number_is_a_power_of_ten(number: float, text: str) -> None:
    """Large numbers are written out."""
    assert plainly(number) == text


def test_what_never_answered_well_is_not_healthy() -> None:
    """A feed that is still looked for, or was put off by its host so far, is new."""
    feed = FeedConfig("f", "https://f.example/")
    assert state_of(feed, FeedState(polls=2, first_polled_ms=NOW - 1_000), BOUNDS, NOW) == "new"
    assert state_of(feed, state(), BOUNDS, NOW) == "healthy"
