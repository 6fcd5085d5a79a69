"""When a feed is polled next: bounds, wishes, failures, and what is learned."""

from __future__ import annotations

from email.utils import formatdate
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.fetcher.cadence import DAY_S, expected, first_cadence
from workers.fetcher.schedule import (
    Bounds,
    Due,
    Outcome,
    after_poll,
    next_poll,
    pace,
    turnover_s,
    wanted,
)
from workers.fetcher.wishes import (
    after_skipped,
    freshness_s,
    own_wish_s,
    retry_after_s,
    update_base_ms,
)
from workers.model import SUCCESS, FeedConfig, FeedState, Fetched

NOW = 1_767_571_200_000  # a Monday, 00:00 UTC
DAY_MS = 86_400_000
BOUNDS = Bounds(300.0, DAY_S)
CONFIG = FeedConfig("f", "http://f.example/feed")
FAILURES = ["timeout", "not_found", "server_error", "forbidden", "not_a_feed", "dns_error"]


def known(rate: float = 1.0, **more: Any) -> FeedState:
    """A feed that has been watched for a month at so many entries a day."""
    values: dict[str, Any] = {
        "rate": rate,
        "observed_s": 30 * DAY_S,
        "usual_gap_s": DAY_S / rate,
        "first_polled_ms": NOW - 30 * DAY_MS,
        "rate_at_ms": NOW,
        "last_polled_ms": NOW,
        "last_new_ms": NOW,
        "listed": 20,
    }
    return FeedState(**{**values, **more})


def due(state: FeedState, reason: str = "new", *, jitter: float = 0.5, **headers: str) -> Due:
    """The next poll after an outcome, within a day's bounds."""
    outcome = Outcome(reason, Fetched(reason, CONFIG.url, **headers))
    return next_poll(state, outcome, CONFIG, BOUNDS, NOW, jitter)


def waited(found: Due) -> float:
    """Seconds from now."""
    return (found.at_ms - NOW) / 1000


states = st.builds(
    known,
    rate=st.floats(1e-4, 1e5),
    listed=st.integers(0, 500),
    failures=st.integers(0, 60),
    failing_since_ms=st.integers(NOW - 10 * DAY_MS, NOW),
    first_polled_ms=st.integers(NOW - 100 * DAY_MS, NOW),
    min_interval_s=st.integers(0, 86_400),
    update_base_ms=st.integers(0, 2 * NOW),
    update_period_s=st.integers(1, 31_536_000),
    recent_new=st.floats(0, 100),
    recent_s=st.floats(0.1, 1e6),
    hours=st.one_of(st.just(()), st.tuples(*[st.integers(0, 500)] * 24)),
    days=st.one_of(st.just(()), st.tuples(*[st.integers(0, 900)] * 7)),
    skip_hours=st.lists(st.integers(0, 23), max_size=24).map(tuple),
    skip_days=st.lists(st.integers(0, 6), max_size=7).map(tuple),
)
limits = st.tuples(st.floats(0.1, 3600), st.floats(1, 100)).map(
    lambda pair: Bounds(pair[0], pair[0] * pair[1])
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "retry_after": st.one_of(st.integers(-5, 10**7).map(str), st.text(max_size=30)),
        "cache_control": st.one_of(st.integers(0, 10**9).map("max-age={}".format), st.text()),
        "expires": st.one_of(st.floats(0, 4e9).map(formatdate), st.text()),
        "age": st.text(max_size=5),
        "date": st.floats(0, 4e9).map(formatdate),
    },
)


@given(states, st.sampled_from([*sorted(SUCCESS), *FAILURES, "throttled", "gone"]), limits, headers,
       st.floats(0, 1, exclude_max=True), st.floats(0.01, 1000))  # fmt: skip
def test_the_next_poll_is_ahead_and_bounded(
    state: FeedState,
    reason: str,
    bounds: Bounds,
    values: dict[str, str],
    jitter: float,
    stretch: float,
) -> None:
    """Whatever a feed says, it is due after now, within a week, and no later than it may be."""
    fetched = Fetched(reason, CONFIG.url, **values)
    found = next_poll(state, Outcome(reason, fetched), CONFIG, bounds, NOW, jitter, stretch)
    wait = waited(found)
    assert 0 < wait <= 7 * DAY_S
    asked = retry_after_s(fetched, NOW)
    assert wait >= asked
    # A refusal's wait is stretched from the bound on, others' lie around it.
    spread = 1.11 if reason == "throttled" else 1.06
    longest = max(bounds.max_s * spread, asked * 1.11)
    if found.why != "skipped_hours" or bounds.max_s < DAY_S:
        assert wait <= longest + 0.01
    if reason in SUCCESS:
        assert wait >= bounds.min_s - 0.001


@given(st.floats(0.01, 5_000), st.floats(1.01, 10))
def test_a_quicker_feed_is_polled_no_later(rate: float, factor: float) -> None:
    """More entries a day never mean a longer wait."""
    slow, quick = (wanted(known(r), BOUNDS, NOW).seconds for r in (rate, rate * factor))
    assert quick <= slow


def test_polls_grow_with_the_square_root_of_the_rate() -> None:
    """A hundred times the entries is ten times the polls; one a day is every 85 minutes."""
    once, often = (wanted(known(r, listed=0), BOUNDS, NOW).seconds for r in (1, 100))
    assert once == pytest.approx(10 * often)
    assert once == pytest.approx(85 * 60, rel=0.01)


def test_the_budget_stretches_what_was_learned() -> None:
    """A stretch of two waits twice as long, but a document's entries are still not missed."""
    assert wanted(known(), BOUNDS, NOW, 2.0).seconds == 2 * wanted(known(), BOUNDS, NOW).seconds
    small = wanted(known(rate=200, listed=3), BOUNDS, NOW, 50.0)
    assert small.why == "turnover"
    assert small.seconds * 200 / DAY_S < 1


def test_jitter_spreads_feeds_apart() -> None:
    """Equal feeds do not fall into step, even where both bounds are the same."""
    for bounds in (BOUNDS, Bounds(60.0, 60.0)):
        outcome = Outcome("new", Fetched("", ""))
        found = {
            next_poll(known(), outcome, CONFIG, bounds, NOW, n / 100, 1.0).at_ms for n in range(100)
        }
        assert len(found) == 100
        assert max(found) - min(found) > 0.04 * (min(found) - NOW)


@pytest.mark.parametrize("reason", FAILURES)
def test_failures_back_off_to_a_day_and_never_further(reason: str) -> None:
    """Twice as long with each failure, at least daily, and never two feeds at the same time."""
    waits = []
    for failures in range(1, 40):
        state = known(failures=failures, failing_since_ms=NOW - 2 * DAY_MS)
        waits.append(waited(due(state, reason, jitter=0.0)))
    assert waits[0] == 300
    assert waits[:8] == [300 * 2**n for n in range(8)]
    assert waits[-1] == DAY_S
    assert waited(due(known(failures=40), reason, jitter=0.9)) < DAY_S


def test_a_failing_feed_stays_within_short_bounds() -> None:
    """Where the longest interval is a few seconds, a feed that fails is tried every few seconds."""
    fetched = Fetched("timeout", "")
    state = known(failures=30, failing_since_ms=NOW - DAY_MS)
    found = next_poll(state, Outcome("timeout", fetched), CONFIG, Bounds(0.5, 5.0), NOW, 0.5)
    assert waited(found) <= 5


def test_a_fast_feed_that_fails_is_tried_before_its_entries_leave() -> None:
    """On its first bad day a feed with few entries for a short time is not left for long."""
    state = known(rate=500, failures=12, failing_since_ms=NOW - 3_600_000)
    assert waited(due(state, "timeout")) < 20 / 500 * DAY_S


@pytest.mark.parametrize("reason", ["throttled", "server_error", "forbidden"])
@pytest.mark.parametrize("jitter", [0.0, 0.999])
def test_retry_after_is_waited_for(reason: str, jitter: float) -> None:
    """No poll comes before the time that the server names, in seconds or as a date."""
    state = known(failures=1)
    assert waited(due(state, reason, jitter=jitter, retry_after="7200")) >= 7200
    date = formatdate(NOW / 1000 + 9000, usegmt=True)
    assert waited(due(state, reason, jitter=jitter, retry_after=date)) >= 9000


def test_a_retry_after_date_goes_by_the_clock_of_the_server() -> None:
    """A server whose clock is wrong still means a span of time."""
    clock = NOW / 1000 - 5 * DAY_S
    fetched = Fetched("throttled", "", retry_after=formatdate(clock + 600), date=formatdate(clock))
    assert retry_after_s(fetched, NOW) == 600


@pytest.mark.parametrize(
    ("raw", "seconds"),
    [("0", 0), ("120", 120), ("1.5", 1.5), ("-3", 0), ("999999999", DAY_S), ("soon", 0), ("", 0),
     ("१२", 0), ("Mon, 99 Jan 2026 00:00:00 GMT", 0), ("Mon, 05 Jan 2026 00:10:00 -0000", 600)],
)  # fmt: skip
def test_forms_of_retry_after(raw: str, seconds: float) -> None:
    """Nonsense asks for nothing, and nobody may ask for more than a day."""
    assert retry_after_s(Fetched("throttled", "", retry_after=raw), NOW) == seconds


def test_throttling_without_a_time_waits_longer_each_time() -> None:
    """A server that only says 429 is asked after a minute at least, then after two, four, eight."""
    waits = []
    for times in range(1, 5):
        state = known(history=((NOW, "throttled", 429),) * times)
        outcome = Outcome("throttled", Fetched("throttled", ""))
        found = next_poll(state, outcome, CONFIG, Bounds(10, DAY_S), NOW, 0.0)
        waits.append(waited(found))
    assert waits == [60, 120, 240, 480]


@pytest.mark.parametrize(
    ("values", "seconds"),
    [
        ({"cache_control": "public, max-age=3600"}, 3600),
        ({"cache_control": "max-age=3600, must-revalidate", "age": "600"}, 3000),
        ({"cache_control": "max-age=60", "age": "600"}, 0),
        ({"cache_control": "no-cache, max-age=3600"}, 0),
        ({"cache_control": "no-store"}, 0),
        ({"cache_control": 'max-age="600"'}, 600),
        ({"cache_control": "max-age=-1"}, 0),
        ({"cache_control": "max-age=99999999999999999"}, 0),
        ({"cache_control": "max-age=31536000"}, DAY_S),
        ({"expires": formatdate(NOW / 1000 + 900)}, 900),
        ({"expires": formatdate(1000), "date": formatdate(400)}, 600),
        ({"expires": "0"}, 0),
        ({"cache_control": "max-age=0", "expires": formatdate(NOW / 1000 + 900)}, 0),
    ],
)
def test_freshness(values: dict[str, str], seconds: float) -> None:
    """``max-age`` less ``Age`` comes before ``Expires``; a document that may not be kept is not fresh."""
    assert freshness_s(Fetched("", "", **values), NOW) == seconds


def test_a_fresh_document_is_not_asked_for() -> None:
    """A quick feed waits until its document may have changed, within the longest interval."""
    quick = known(rate=200)
    found = due(quick, cache_control="max-age=3600")
    assert found.why == "asked_by_feed"
    assert 3600 <= waited(found) <= 3960
    outcome = Outcome("new", Fetched("", "", cache_control="max-age=3600"))
    assert waited(next_poll(quick, outcome, CONFIG, Bounds(1, 10), NOW, 0.5)) <= 10


def test_freshness_that_would_miss_entries_is_no_freshness() -> None:
    """A server that calls every answer fresh for a year is not believed of a feed that is another by noon."""
    quick = due(known(rate=1000), cache_control="max-age=31536000")
    assert waited(quick) < DAY_S * 20 / 1000
    assert waited(due(known(rate=2), cache_control="max-age=31536000")) >= DAY_S


@pytest.mark.parametrize(("reason", "asked"), [("no_news", "7200"), ("server_error", "7200")])
def test_a_wait_that_the_server_asked_for_is_told_as_such(reason: Any, asked: str) -> None:
    """``Retry-After`` is heard on any answer, and stands as why; a shorter one than the wait does not."""
    outcome = Outcome(reason, Fetched(reason, "", retry_after=asked))
    found = next_poll(known(rate=200), outcome, CONFIG, BOUNDS, NOW, 0.5)
    assert found.why == "retry_after"
    assert waited(found) >= 7_200
    outcome = Outcome(reason, Fetched(reason, "", retry_after="1"))
    assert next_poll(known(rate=200), outcome, CONFIG, BOUNDS, NOW, 0.5).why != "retry_after"


def test_ttl_is_honoured_unless_entries_would_be_missed() -> None:
    """An hour's ``ttl`` makes a feed wait, but not one whose entries are gone by then."""
    assert waited(due(known(rate=50, min_interval_s=3600), jitter=0.0)) >= 3600
    assert waited(due(known(rate=1000, min_interval_s=3600))) < 600


@pytest.mark.parametrize(
    ("base", "period_s", "ttl_s", "seconds"),
    [
        ("2000-01-01T12:00+00:00", 86_400, 0, 43_200),  # NOW is a midnight
        ("2000-01-01T00:10", 3_600, 0, 600),
        ("2030-01-01T12:30:00Z", 7_200, 0, 1_800),  # a base that is yet to come counts backwards
        ("2000-01-01T00:10Z", 3_600, 7_200, 7_200),
    ],
)
def test_a_feed_that_says_when_it_publishes(
    base: str, period_s: int, ttl_s: int, seconds: float
) -> None:
    """A quick look right after the moment that ``sy:updateBase`` names, unless its ``ttl`` says later."""
    feed = known(
        rate=5, min_interval_s=max(period_s, ttl_s), update_period_s=period_s,
        update_base_ms=update_base_ms(base),
    )  # fmt: skip
    assert own_wish_s(feed, NOW) == seconds
    if seconds > 3_600:
        found = [due(feed, jitter=jitter) for jitter in (0.0, 0.99)]
        assert [one.why for one in found] == ["asked_by_feed"] * 2
        assert all(seconds <= waited(one) <= seconds + 600 for one in found)
        assert waited(found[0]) < waited(found[1])


@pytest.mark.parametrize(
    "raw", ["", "noon", "0001-01-01T00:00Z", "9999-12-31T23:59Z", "2000-13-01"]
)
def test_a_base_that_is_none(raw: str) -> None:
    """What is no time, or one that no feed can mean, is not heard."""
    assert update_base_ms(raw) == 0


def test_skipped_hours_and_days_are_left_out() -> None:
    """A poll due in a skipped hour or day comes after it; feeds that wait for it are spread."""
    night = FeedState(skip_hours=tuple(range(8)))
    assert after_skipped(night, NOW + 5, 0.0) == NOW + 8 * 3_600_000
    assert after_skipped(night, NOW + 5, 0.5) == NOW + 8 * 3_600_000 + 300_000
    assert after_skipped(FeedState(skip_days=(0, 1)), NOW, 0.0) == NOW + 2 * DAY_MS
    assert after_skipped(FeedState(skip_hours=tuple(range(24))), NOW, 0.5) == NOW
    assert due(known(rate=20, skip_days=(0,))).why == "skipped_hours"
    outcome = Outcome("new", Fetched("", ""))
    soon = next_poll(known(skip_days=(0,)), outcome, CONFIG, Bounds(1, 10), NOW, 0.5)
    assert waited(soon) <= 10


def test_an_interval_of_the_list_stands_above_what_was_learned() -> None:
    """A feed with an interval of its own keeps it, but for what the server asks in an emergency."""
    config = FeedConfig("f", "http://f.example/", interval_s=60)
    outcome = Outcome("new", Fetched("", "", cache_control="max-age=3600"))
    found = next_poll(known(), outcome, config, BOUNDS, NOW, 0.5)
    assert (waited(found), found.why) == (60, "interval")
    assert pace(config, known(), BOUNDS, NOW) == (60, 60, 60)


def poll_often(
    state: FeedState, bounds: Bounds, gap_s: float, polls: int, listed: int
) -> FeedState:
    """A feed with an entry every ``gap_s`` seconds, polled so often. Asserts that none is missed."""
    now, shown = NOW, 0
    for _ in range(polls):
        total = int((now - NOW) / 1000 / gap_s)
        new, shown = total - shown, total
        assert new <= listed
        outcome = Outcome(
            "new" if new else "not_modified", Fetched("", ""), new, listed * bool(new)
        )
        state = after_poll(state, outcome, bounds, now)
        now = next_poll(state, outcome, CONFIG, bounds, now, 0.5).at_ms
    return state


@pytest.mark.parametrize("gap_s", [0.7, 3.0, 20.0])
def test_a_feed_of_seconds_loses_nothing_although_its_dates_lie(gap_s: float) -> None:
    """Entries dated years ago promise a slow feed; its first polls tell, and none is missed."""
    old = first_cadence([NOW - n * 200 * DAY_MS for n in range(1, 20)], NOW)
    state = msgspec.structs.replace(FeedState(listed=10), **old)
    state = poll_often(state, Bounds(1.0, 60.0), gap_s, 300, 10)
    assert state.rate == pytest.approx(DAY_S / gap_s, rel=0.5)


def test_a_dead_feed_is_polled_less_and_less() -> None:
    """Without news the rate falls, and the wait grows towards the longest interval."""
    state, now = known(), NOW
    waits = []
    for _ in range(1_500):
        outcome = Outcome("not_modified", Fetched("", ""))
        state = after_poll(state, outcome, BOUNDS, now)
        found = next_poll(state, outcome, CONFIG, BOUNDS, now, 0.5)
        waits.append(found.at_ms - now)
        now = found.at_ms
    assert waits == sorted(waits)
    assert waits[-1] > 3 * waits[0]


def test_the_hours_of_a_feed_are_learned() -> None:
    """A feed with news at eight in the morning is polled seldom at night and often before nine."""
    state, now, shown = known(rate=5, hours=(), first_polled_ms=NOW - DAY_MS), NOW, 0
    polls = [0] * 24
    while now < NOW + 28 * DAY_MS:
        day, hour = (now - NOW) // DAY_MS, (now - NOW) / 3_600_000 % 24
        total = day * 5 + min(5, max(0, int((hour - 8) * 5)))
        new, shown = total - shown, total
        outcome = Outcome("new" if new else "not_modified", Fetched("", ""), new, 20 * bool(new))
        state = after_poll(state, outcome, BOUNDS, now)
        polls[int(hour)] += now > NOW + 14 * DAY_MS
        now = next_poll(state, outcome, CONFIG, BOUNDS, now, 0.5).at_ms
    assert polls[8] > 3 * max(polls[hour] for hour in (0, 1, 2, 16, 20, 22))


def test_the_days_of_a_feed_are_learned() -> None:
    """A feed without news on weekends is polled less often then, and its silence is expected."""
    state, now, shown = known(rate=5, first_polled_ms=NOW), NOW, 0
    polls = [0] * 7
    while now < NOW + 42 * DAY_MS:
        days, rest = divmod((now - NOW) / DAY_MS, 1)
        worked = days // 7 * 5 + min(days % 7 + rest, 5)
        new, shown = int(worked * 7) - shown, int(worked * 7)
        outcome = Outcome("new" if new else "not_modified", Fetched("", ""), new, 20 * bool(new))
        state = after_poll(state, outcome, BOUNDS, now)
        polls[int(days) % 7] += now > NOW + 14 * DAY_MS
        now = next_poll(state, outcome, CONFIG, BOUNDS, now, 0.5).at_ms
    assert max(polls[5:]) < 0.7 * min(polls[:5])
    weekend = expected(state, NOW + 5 * DAY_MS, NOW + 7 * DAY_MS)
    assert weekend < 0.5 * expected(state, NOW, NOW + 2 * DAY_MS)


def test_a_burst_brings_the_next_poll_forward() -> None:
    """When half of the document was new at once, the next poll comes before the rest is replaced."""
    state = known(rate=24, rate_at_ms=NOW - 1_000_000, recent_s=1000.0)
    state = after_poll(state, Outcome("new", Fetched("", ""), 10, 20), BOUNDS, NOW)
    assert turnover_s(state, NOW) < 800


def test_gone_needs_to_be_seen_again_over_time() -> None:
    """Three 410s in a row retire a feed, but not within minutes, and an answer brings it back."""
    gone = Outcome("gone", Fetched("gone", "", status=410))
    state = known()
    for minutes in (0, 5, 10, 20):
        state = after_poll(state, gone, BOUNDS, NOW + minutes * 60_000)
        assert not state.retired
    state = after_poll(state, gone, BOUNDS, NOW + 2 * DAY_MS)
    assert state.retired
    assert due(state, "gone").why == "gone"
    assert 6 * DAY_S < waited(due(state, "gone")) <= 7 * DAY_S
    state = after_poll(state, Outcome("new", Fetched("", ""), 1, 5), BOUNDS, NOW + 9 * DAY_MS)
    assert not state.retired
    assert state.gone_seen == 0


def test_throttling_is_no_failure() -> None:
    """A 429 puts a feed off and leaves its failures as they were."""
    state = after_poll(known(), Outcome("throttled", Fetched("throttled", "")), BOUNDS, NOW)
    assert (state.failures, state.failing_since_ms) == (0, 0)
    assert state.history[-1][1] == "throttled"


def test_since_when_a_feed_is_refused() -> None:
    """The first 429 counts, until a poll ends well."""
    refused = Outcome("throttled", Fetched("throttled", ""))
    state = after_poll(known(), refused, BOUNDS, NOW)
    state = after_poll(state, refused, BOUNDS, NOW + DAY_MS)
    state = after_poll(state, Outcome("timeout", Fetched("timeout", "")), BOUNDS, NOW + 2 * DAY_MS)
    assert state.refused_since_ms == NOW
    state = after_poll(state, Outcome("no_news", Fetched("", "")), BOUNDS, NOW + 3 * DAY_MS)
    assert state.refused_since_ms == 0


def test_history_is_bounded() -> None:
    """The last ten polls are kept."""
    state = known()
    for n in range(30):
        state = after_poll(state, Outcome("no_news", Fetched("", "")), BOUNDS, NOW + n)
    assert [at for at, _, _ in state.history] == list(range(NOW + 20, NOW + 30))
