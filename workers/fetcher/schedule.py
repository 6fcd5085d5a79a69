"""When a feed is due next, and what its state is after a poll: pure, ``now`` and jitter are arguments.

For a given number of polls in all, the total delay of all articles is least when the polls of a feed
grow with the square root of its rate (Sia, Cho & Cho, "Efficient Monitoring Algorithm for Fast News
Alerts", IEEE TKDE 19(7), 2007). Here the wait is the geometric mean of the least interval and the
feed's mean gap between entries: a feed with an entry every five minutes is polled every five minutes,
one with an entry a day every 85 minutes.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import msgspec

from workers.fetcher.cadence import DAY_S, UNKNOWN_RATE, learn, rhythm_of, spread, time_for
from workers.fetcher.wishes import after_skipped, freshness_s, own_wish_s, retry_after_s
from workers.model import DEFERRED, SUCCESS, FeedConfig, FeedState, Fetched

HISTORY = 10
GONE_SIGHTINGS = 3
GONE_INTERVALS = 3.0
"""A feed is retired when 410 was seen so often, over so many of the longest intervals or a day."""
RETIRED_INTERVALS = 7.0
RETIRED_MAX_S = 7 * DAY_S
FAILED_MAX_S = DAY_S
"""A feed that fails is tried at least daily, never for ever silent."""
THROTTLED_S = 60.0
"""First wait when a server says that it is asked too often, but not for how long to stay away."""
TURNOVER_SHARE = 0.25
"""Of a document's entries, so many may be new between two polls at most: bursts must fit in."""
FRESH_TURNOVERS = 2
"""Freshness is believed for twice as long: half of the document may be new then."""
TURNOVER_MAX_S = 7 * DAY_S
LEARNING_SHARE = 0.5
"""A feed that is known for so long is left alone for this share of it at most."""
SEARCH_S = 1.0
"""From one address to the next while a page's feed is looked for."""
SLACK = 0.1
ASKED_SPREAD_S = 600.0
"""Polls that wait for a moment that the feed names come at most so much later."""


class Bounds(NamedTuple):
    """Seconds between polls of a feed at least and at most."""

    min_s: float
    max_s: float


class Outcome(NamedTuple):
    """What a poll came to. ``listed`` is the number of entries in the document, ``new`` of new ones."""

    reason: str
    fetched: Fetched
    new: int = 0
    listed: int = 0


class Due(NamedTuple):
    """When next (epoch ms), and why, in a stable word."""

    at_ms: int
    why: str


class Wait(NamedTuple):
    """How long (seconds), and why, in a stable word."""

    seconds: float
    why: str


def next_poll(
    state: FeedState,
    outcome: Outcome,
    config: FeedConfig,
    bounds: Bounds,
    now_ms: int,
    jitter: float,
    stretch: float = 1.0,
) -> Due:
    """Decide when the feed is due.

    Args:
        state: as it is after the poll.
        jitter: in [0, 1), so that feeds never fall into step.
        stretch: factor on learned waits that keeps to a budget of polls, see ``budget``.
    """
    asked_s = retry_after_s(outcome.fetched, now_ms)
    if state.retired:
        wait_s = min(RETIRED_MAX_S, RETIRED_INTERVALS * bounds.max_s)
        return _due(now_ms, Wait(wait_s * (1 - SLACK * jitter), "gone"))
    if outcome.reason == "feed_sought":
        return _due(now_ms, Wait(max(SEARCH_S * (1 + jitter), asked_s), "searching"))
    if outcome.reason == "throttled":
        wait = _throttled(state, bounds, asked_s)
        return _due(now_ms, Wait(wait.seconds * (1 + SLACK * jitter), wait.why))
    asked = Wait(asked_s * (1 + SLACK * jitter), "retry_after")
    if outcome.reason not in SUCCESS:
        wait_s = _backoff_s(state, config, bounds, now_ms) * (1 - 0.25 * jitter)
        return _due(now_ms, max(Wait(wait_s, "backoff"), asked))
    if config.interval_s is not None:
        wait_s = config.interval_s * (1 + SLACK * (jitter - 0.5))
        return _due(now_ms, max(Wait(wait_s, "interval"), asked))
    wait = wanted(state, bounds, now_ms, stretch)
    wait = _as_asked(wait, state, outcome.fetched, bounds, now_ms)
    wait = Wait(_jittered_s(wait, bounds, jitter), wait.why)
    due = _due(now_ms, max(wait, asked))
    allowed_ms = after_skipped(state, due.at_ms, jitter)
    if allowed_ms == due.at_ms:
        return due
    latest_ms = now_ms + _ms(bounds.max_s if bounds.max_s < DAY_S else 7 * DAY_S)
    return Due(max(due.at_ms, min(allowed_ms, latest_ms)), "skipped_hours")


def _jittered_s(wait: Wait, bounds: Bounds, jitter: float) -> float:
    """A wait a little longer or shorter, so that no two feeds fall into step."""
    if wait.why == "asked_by_feed":
        # Before the moment that it names there is nothing to be had.
        least = max(bounds.min_s, wait.seconds)
        return least + min(SLACK / 2 * least, ASKED_SPREAD_S) * jitter
    least = max(bounds.min_s, wait.seconds * (1 - SLACK))
    most = min(max(bounds.max_s, bounds.min_s), wait.seconds * (1 + SLACK))
    # Where both bounds are the same, a little above.
    return least + max(most - least, SLACK / 2 * least) * jitter


def wanted(state: FeedState, bounds: Bounds, now_ms: int, stretch: float = 1.0) -> Wait:
    """The wait that the feed's own cadence asks for, within the bounds, before any wish of the feed."""
    mean_s = stretch * _mean_s(state, bounds)
    wait = Wait(spread(mean_s, state, now_ms, max(bounds.max_s, bounds.min_s)), "cadence")
    # A feed that is not known for long is watched closely, less and less.
    known_s = (now_ms - (state.first_polled_ms or now_ms)) / 1000
    learning_s = stretch * max(bounds.min_s, LEARNING_SHARE * known_s)
    if learning_s < wait.seconds:
        wait = Wait(learning_s, "learning")
    if (turnover := turnover_s(state, now_ms, wait.seconds)) < wait.seconds:
        wait = Wait(turnover, "turnover")
    return Wait(min(max(wait.seconds, bounds.min_s), max(bounds.max_s, bounds.min_s)), wait.why)


def pace(
    config: FeedConfig, state: FeedState, bounds: Bounds, now_ms: int
) -> tuple[float, float, float]:
    """The feed's mean wait in seconds without stretch, the least and the most that it may become."""
    longest = max(bounds.max_s, bounds.min_s)
    if state.retired:
        wait_s = min(RETIRED_MAX_S, RETIRED_INTERVALS * bounds.max_s)
        return wait_s, wait_s, wait_s
    if state.failures:
        wait_s = _backoff_s(state, config, bounds, now_ms)
        return wait_s, wait_s, wait_s
    if config.interval_s is not None:
        return config.interval_s, config.interval_s, config.interval_s
    mean_s = _mean_s(state, bounds) / rhythm_of(state).mean_density
    most_s = min(max(turnover_s(state, now_ms), bounds.min_s), longest)
    own_s = min(float(state.min_interval_s), most_s)
    return mean_s, max(bounds.min_s, own_s), most_s


def _mean_s(state: FeedState, bounds: Bounds) -> float:
    """The geometric mean of the least interval and the feed's mean gap, in seconds."""
    gap_s = DAY_S / max(state.rate or UNKNOWN_RATE, 1e-6)
    return math.sqrt(max(bounds.min_s, 0.1) * gap_s)


def turnover_s(state: FeedState, now_ms: int, most_s: float = TURNOVER_MAX_S) -> float:
    """The longest wait after which no entry has left the document unseen; a week when unknown.

    It is looked for up to ``most_s``, hour by hour: who asks for less is told sooner.
    """
    most_s = min(most_s, TURNOVER_MAX_S)
    if not state.listed:
        return most_s
    return time_for(state, TURNOVER_SHARE * state.listed, now_ms, most_s)


def _as_asked(wait: Wait, state: FeedState, fetched: Fetched, bounds: Bounds, now_ms: int) -> Wait:
    """The wait that the feed asks for when that is longer.

    Before the document's freshness ends there is nothing new to be had, in earnest; what a feed writes of
    itself (``ttl``, ``sy:*``) is often a default of its software, and so is freshness of a year: they count
    only as far as no entries are missed by them.
    """
    fresh_s, own_s = freshness_s(fetched, now_ms), own_wish_s(state, now_ms)
    if max(fresh_s, own_s) <= wait.seconds:
        return wait
    turnover = turnover_s(state, now_ms, max(fresh_s, own_s))
    fresh_s = min(fresh_s, FRESH_TURNOVERS * turnover)
    floor_s = min(max(fresh_s, min(own_s, turnover)), bounds.max_s)
    return Wait(floor_s, "asked_by_feed") if floor_s > wait.seconds else wait


def _throttled(state: FeedState, bounds: Bounds, asked_s: float) -> Wait:
    """What the server asks for, up to a day; else longer with each time in a row."""
    if asked_s:
        return Wait(max(asked_s, bounds.min_s), "retry_after")
    times = 0
    for _, reason, _ in reversed(state.history):
        if reason != "throttled":
            break
        times += 1
    longest = max(bounds.min_s, min(bounds.max_s, FAILED_MAX_S))
    first = max(bounds.min_s, min(THROTTLED_S, bounds.max_s))
    return Wait(min(first * 2.0 ** max(times - 1, 0), longest), "throttled")


def _backoff_s(state: FeedState, config: FeedConfig, bounds: Bounds, now_ms: int) -> float:
    """Twice as long with each failure, up to the longest interval and a day.

    A feed that shows its entries for a short time only is tried more often on its first bad day.
    """
    first = max(min(bounds.min_s, config.interval_s or bounds.min_s), 0.5)
    wait_s = first * 2.0 ** min(max(state.failures - 1, 0), 20)
    if state.last_polled_ms - state.failing_since_ms < DAY_S * 1000:
        wait_s = min(wait_s, max(turnover_s(state, now_ms), 4 * first))
    return min(wait_s, FAILED_MAX_S, max(bounds.max_s, bounds.min_s))


def after_poll(state: FeedState, outcome: Outcome, bounds: Bounds, now_ms: int) -> FeedState:
    """The feed's state after a poll: counters, failures, history, cadence; not its validators."""
    reason, status = outcome.reason, outcome.fetched.status
    changes: dict[str, object] = {
        "polls": state.polls + 1,
        "last_polled_ms": now_ms,
        "history": (*state.history[-(HISTORY - 1) :], (now_ms, reason, status)),
    }
    if reason in SUCCESS:
        changes |= {
            "failures": 0,
            "failing_since_ms": 0,
            "refused_since_ms": 0,
            "gone_seen": 0,
            "retired": False,
            "first_polled_ms": state.first_polled_ms or now_ms,
            "last_success_ms": now_ms,
            "rate_at_ms": now_ms,
            "listed": outcome.listed or state.listed,
        }
        if state.first_polled_ms:
            changes |= learn(state, outcome.new, now_ms)
        if outcome.new:
            changes["last_new_ms"] = now_ms
        # Whatever the configured URL was before, it is a feed itself now.
        changes |= {"unread": False, "found_by": state.found_by if state.url else ""}
    elif reason == "throttled":
        changes["refused_since_ms"] = state.refused_since_ms or now_ms
    elif reason not in DEFERRED:
        since_ms = state.failing_since_ms or now_ms
        changes |= {"failures": state.failures + 1, "failing_since_ms": since_ms}
        if reason == "gone":
            span_s = min(DAY_S, GONE_INTERVALS * bounds.max_s)
            seen = state.gone_seen + 1
            long_enough = now_ms - since_ms >= span_s * 1000
            changes["gone_seen"] = seen
            changes["retired"] = state.retired or (seen >= GONE_SIGHTINGS and long_enough)
    return msgspec.structs.replace(state, **changes)


def _due(now_ms: int, wait: Wait) -> Due:
    return Due(now_ms + max(_ms(wait.seconds), 1), wait.why)


def _ms(seconds: float) -> int:
    return math.ceil(seconds * 1000)
