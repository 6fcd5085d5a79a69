"""Conditional requests, redirects, and how a server that lies is found out."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from workers.fetcher.cadence import DAY_S
from workers.fetcher.schedule import Bounds, Outcome, after_poll, next_poll
from workers.fetcher.status import condition, is_silent
from workers.fetcher.validators import (
    MOVE_SIGHTINGS,
    after_document,
    after_not_modified,
    conditional,
    for_config,
    moved,
    request_for,
)
from workers.model import FeedConfig, FeedState, Fetched, FetchRequest, Search

NOW = 1_767_571_200_000
DAY_MS = 86_400_000
HOUR_MS = 3_600_000
CONFIG = FeedConfig("f", "http://f.example/feed")
BOUNDS = Bounds(300.0, DAY_S)


class Server:
    """A feed with one entry every ``gap_s`` seconds, and an ETag of its own kind."""

    def __init__(self, gap_s: float, kind: str) -> None:
        self.gap_s, self.kind = gap_s, kind
        self.whole = 0

    def answer(self, request: FetchRequest, now_ms: int) -> tuple[str, int]:
        """The ETag of the answer, empty for a 304, and the number of entries so far."""
        count = int((now_ms - NOW) / 1000 / self.gap_s)
        etag = '"same"' if self.kind == "constant" else f'"{count}"'
        lies = self.kind == "always_304" and request.etag
        if lies or request.etag == etag:
            return "", count
        self.whole += 1
        return etag, count


def poll(server: Server, polls: int, bounds: Bounds = BOUNDS) -> tuple[FeedState, int, list[int]]:
    """Poll a server: the state, the poll at which it was found to lie, and how late each entry was."""
    gap_s = server.gap_s
    state = FeedState(
        config_url=CONFIG.url, first_polled_ms=NOW, rate=DAY_S / gap_s, observed_s=5 * gap_s,
        usual_gap_s=gap_s, rate_at_ms=NOW, last_new_ms=NOW, listed=20, refreshed_ms=NOW,
        etag='"same"' if server.kind == "constant" else '"0"',
    )  # fmt: skip
    now, known, caught, late = NOW + 1000, 0, 0, []
    for number in range(1, polls + 1):
        request = request_for(CONFIG.url, state, now)
        etag, count = server.answer(request, now)
        if not etag:
            state = after_not_modified(state)
            outcome = Outcome("not_modified", Fetched("not_modified", ""))
        else:
            new, known = count - known, count
            late += [int((now - NOW) / 1000 - gap_s * (known - n)) for n in range(new)]
            outcome = Outcome("new" if new else "unchanged", Fetched("", "", etag=etag), new, 20)
            state = after_document(
                state, outcome.fetched, b"%d" % count, news=bool(new), whole=True,
                asked_whole=not request.etag,
            )  # fmt: skip
        state = after_poll(state, outcome, bounds, now)
        state = msgspec.structs.replace(state, refreshed_ms=now)
        if state.validator_distrust and not caught:
            caught = number
        now = next_poll(state, outcome, CONFIG, bounds, now, 0.5).at_ms
    return state, caught, late


@pytest.mark.parametrize("kind", ["always_304", "constant"])
@pytest.mark.parametrize("gap_s", [600, 3600, 6 * 3600])
def test_a_server_that_always_says_304_is_found_out(kind: str, gap_s: float) -> None:
    """Within three entries that should have come, the document is asked for whole, and the lie proven."""
    _, caught, late = poll(Server(gap_s, kind), 100)
    assert 0 < caught <= 45
    assert max(late) <= 5 * gap_s


@pytest.mark.parametrize("kind", ["always_304", "constant"])
def test_a_lie_is_found_within_twenty_polls_where_news_come_by_the_minute(kind: str) -> None:
    """In a world of seconds the same rules hold: 20 polls at most."""
    _, caught, _ = poll(Server(20.0, kind), 60, Bounds(1.0, 10.0))
    assert 0 < caught <= 20


@pytest.mark.parametrize("gap_s", [600, 3600, DAY_S, 9 * DAY_S])
def test_an_honest_server_is_believed(gap_s: float) -> None:
    """A server that answers 304 only while nothing changed keeps its validators, for 3,000 polls."""
    server = Server(gap_s, "honest")
    state, caught, _ = poll(server, 3_000)
    assert caught == 0
    assert state.etag


def test_a_feed_that_fell_silent_is_seldom_asked_for_its_whole_document() -> None:
    """Suspicion that comes to nothing doubles: a dead feed costs few whole documents."""
    server = Server(1e9, "honest")
    server.gap_s = 1e12
    state = FeedState(
        first_polled_ms=NOW - 100 * DAY_MS, rate=1.0, usual_gap_s=DAY_S, observed_s=30 * DAY_S,
        last_new_ms=NOW - 50 * DAY_MS, rate_at_ms=NOW, listed=20, etag='"0"', refreshed_ms=NOW,
    )  # fmt: skip
    whole = 0
    for _ in range(1_000):
        request = request_for(CONFIG.url, state, NOW)
        if request.etag:
            state = after_not_modified(state)
        else:
            whole += 1
            state = after_document(
                state, Fetched("", "", etag='"0"'), b"0", news=False, whole=True, asked_whole=True
            )
    assert 10 <= whole <= 16


def test_every_hundredth_poll_is_unconditional() -> None:
    """Even a feed that is not overdue is seen whole once in a hundred polls."""
    state = FeedState(etag='"1"', refreshed_ms=NOW, conditional_polls=99, first_polled_ms=NOW)
    assert conditional(state, NOW)
    assert not conditional(after_not_modified(state), NOW)


def test_validators_of_a_document_not_used_whole_are_dropped() -> None:
    """A cut document, or one with an edit that waits, is asked for again."""
    state = after_document(
        FeedState(etag='"1"'), Fetched("", "", etag='"2"'), b"x",
        news=True, whole=False, asked_whole=False,
    )  # fmt: skip
    assert (state.etag, state.body_hash) == ("", b"")


@pytest.mark.parametrize(
    ("modified", "date", "etag", "kept"),
    [
        ("Mon, 05 Jan 2026 00:00:09 GMT", "Mon, 05 Jan 2026 00:00:10 GMT", "", False),
        ("Mon, 05 Jan 2026 00:00:05 GMT", "Mon, 05 Jan 2026 00:00:10 GMT", "", True),
        ("Mon, 05 Jan 2026 00:00:09 GMT", "Mon, 05 Jan 2026 00:00:10 GMT", '"1"', True),
        ("Mon, 05 Jan 2026 00:00:09 GMT", "", "", True),
        ("yesterday", "Mon, 05 Jan 2026 00:00:10 GMT", "", True),
    ],
)
def test_a_date_of_this_second_tells_nothing(
    modified: str, date: str, etag: str, kept: bool
) -> None:
    """A document that changes twice in a second has one Last-Modified: it is not relied on."""
    fetched = Fetched("", "", etag=etag, last_modified=modified, date=date)
    state = after_document(FeedState(), fetched, b"x", news=True, whole=True, asked_whole=True)
    assert bool(state.last_modified) is kept


def test_another_configured_url_forgets_what_the_old_one_taught() -> None:
    """Validators, redirect and retirement belong to the URL; what was shown and the cadence stay."""
    state = FeedState(
        config_url="http://old.example/", url="http://moved.example/", etag='"1"', retired=True,
        body_hash=b"x", failures=9, rate=3.0, polls=50, validator_distrust=True, gone_seen=3,
        probe_etag='"0"', found_by="link", searched_ms=5, no_feeds=(b"x",), update_base_ms=1,
        update_period_s=60, search=Search("link", ("http://old.example/f",), "http://old.example/"),
    )  # fmt: skip
    found = for_config(state, CONFIG)
    assert found == FeedState(config_url=CONFIG.url, rate=3.0, polls=50, unread=True)
    assert for_config(found, CONFIG) is found
    assert for_config(FeedState(etag='"1"'), CONFIG).etag == '"1"'


def settled(state: FeedState, fetched: Fetched, now_ms: int = 10 * DAY_MS) -> FeedState:
    """The state after one poll more; a redirect must be seen for a day."""
    return moved(state, CONFIG, fetched, now_ms, DAY_MS)


def redirect(
    state: FeedState, url: str, times: int = 1, reason: str = "", span_ms: int = DAY_MS
) -> FeedState:
    """The state after so many polls, spread over ``span_ms``, that were redirected for good."""
    for n in range(times):
        at_ms = 10 * DAY_MS + n * span_ms // max(times - 1, 1)
        state = settled(state, Fetched(reason, url, permanent_url=url), at_ms)
    return state


def test_a_permanent_redirect_is_stored_after_repeated_sightings() -> None:
    """Not at once, and only when the same target was seen in a row."""
    new = "http://new.example/feed"
    assert redirect(FeedState(), new, MOVE_SIGHTINGS - 1).url == ""
    assert redirect(FeedState(), new, MOVE_SIGHTINGS).url == new
    broken = settled(redirect(FeedState(), new, 2), Fetched("", CONFIG.url))
    assert redirect(broken, new, 2).url == ""
    assert redirect(redirect(FeedState(), new, 2), "http://other.example/", 2).url == ""


def test_a_redirect_that_is_gone_within_a_day_was_a_mistake() -> None:
    """However often it is seen meanwhile; who followed it for good would read another feed for ever."""
    new = "http://new.example/feed"
    hasty = redirect(FeedState(), new, 100, span_ms=DAY_MS - 1)
    assert (hasty.url, hasty.moved_seen) == ("", 100)
    assert settled(hasty, Fetched("", CONFIG.url)) == FeedState()
    assert redirect(hasty, new, 2).url == new


def test_a_redirect_is_followed_for_good_when_what_redirected_is_gone() -> None:
    """A publisher who takes the old address down an hour after the move loses no reader: the third failure in
    a row is the last at the old address, if the move was seen often enough."""
    new = "http://new.example/feed"
    gone = Fetched("not_found", CONFIG.url, 404)
    watched = redirect(FeedState(), new, MOVE_SIGHTINGS, span_ms=HOUR_MS)
    assert settled(msgspec.structs.replace(watched, failures=1), gone).url == ""
    assert settled(msgspec.structs.replace(watched, failures=2), gone).url == new
    once = redirect(FeedState(), new, MOVE_SIGHTINGS - 1)
    assert settled(msgspec.structs.replace(once, failures=2), gone).url == ""


def test_a_redirect_to_another_form_of_the_address_is_stored_at_once() -> None:
    """``http`` to ``https`` is most of what redirects; no other feed can be there."""
    for form in ("https://f.example/feed", "https://www.f.example/feed/"):
        assert redirect(FeedState(), form, MOVE_SIGHTINGS, span_ms=1).url == form
    assert redirect(FeedState(), "https://f.example/other", MOVE_SIGHTINGS, span_ms=1).url == ""


def test_a_redirect_that_a_release_before_has_begun_to_watch_is_seen_for_a_day_too() -> None:
    """It noted how often, and not since when."""
    before = FeedState(moved_to="http://new.example/feed", moved_seen=2)
    assert redirect(before, before.moved_to).moved_since_ms == 10 * DAY_MS
    assert redirect(before, before.moved_to, 2).url == before.moved_to


def test_a_redirect_to_what_is_no_feed_is_no_move() -> None:
    """A site that sends every old URL to its home page has not moved the feed there."""
    assert redirect(FeedState(), "http://f.example/", 9, "not_a_feed").url == ""


def test_a_redirect_back_is_the_configured_url_again() -> None:
    """The stored redirect ends where the list says."""
    state = redirect(FeedState(url="http://new.example/"), CONFIG.url, MOVE_SIGHTINGS)
    assert (state.url, state.moved_to) == ("", "")


def test_a_stored_redirect_whose_target_fails_is_given_up() -> None:
    """After three failures the configured URL is asked again, without the other's validators."""
    state = FeedState(url="http://new.example/", etag='"1"', failures=2)
    failed = Fetched("not_found", "http://new.example/", status=404)
    assert settled(state, failed).url == ""
    assert settled(state, failed).etag == ""
    early = msgspec.structs.replace(state, failures=1)
    assert settled(early, failed).url == "http://new.example/"
    throttled = Fetched("throttled", "http://new.example/", status=429)
    assert settled(state, throttled).url == "http://new.example/"


def quiet(days: float, gap_days: float, **more: Any) -> FeedState:
    """A feed that has had no news for so long."""
    return FeedState(
        first_polled_ms=NOW - 400 * DAY_MS, last_new_ms=int(NOW - days * DAY_MS),
        usual_gap_s=gap_days * DAY_S, rate=1 / gap_days, rate_at_ms=NOW, **more,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("days", "gap_days", "silent"),
    [(21, 1, True), (19, 1, False), (1.5, 0.01, False), (2.5, 0.01, True), (100, 30, False)],
)
def test_silence_goes_by_the_feeds_own_cadence(days: float, gap_days: float, silent: bool) -> None:
    """Twenty entries that did not come, over two days at least."""
    assert is_silent(quiet(days, gap_days), BOUNDS, NOW) is silent


def test_a_long_silence_stays_one() -> None:
    """The learned rate falls in the silence, which must not make it usual."""
    state, now = quiet(0, 1, observed_s=30 * DAY_S), NOW
    for _ in range(900):
        outcome = Outcome("not_modified", Fetched("", ""))
        state = after_poll(state, outcome, BOUNDS, now)
        now = next_poll(state, outcome, CONFIG, BOUNDS, now, 0.5).at_ms
    assert now - NOW > 25 * DAY_MS
    assert condition(state, BOUNDS, now) == "silent"


def test_failing_and_gone_come_before_silent() -> None:
    """A feed that fails is not said to be silent."""
    assert condition(quiet(99, 1, failures=3), BOUNDS, NOW) == "failing"
    assert condition(quiet(0, 1, refused_since_ms=NOW - DAY_MS + 1), BOUNDS, NOW) == "healthy"
    assert condition(quiet(0, 1, refused_since_ms=NOW - DAY_MS), BOUNDS, NOW) == "failing"
    assert condition(quiet(99, 1, retired=True), BOUNDS, NOW) == "gone"
    assert condition(quiet(0, 1, failures=2, last_success_ms=1), BOUNDS, NOW) == "healthy"


def test_what_never_answered_fails_at_once() -> None:
    """One failure says it all of a feed that has never been read."""
    assert condition(quiet(0, 1, failures=1, last_success_ms=0), BOUNDS, NOW) == "failing"
