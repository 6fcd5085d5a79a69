"""When a feed is due next, and what its state is after a poll: pure, ``now`` and jitter are arguments."""

from __future__ import annotations

import math
from email.utils import parsedate_to_datetime
from typing import NamedTuple

import msgspec

from workers.model import SUCCESS, FeedConfig, FeedState, Fetched

DAY_S = 86_400.0
HISTORY = 10
GONE_SIGHTINGS = 3
RETIRED_S = 7 * DAY_S
FAILED_MAX_S = DAY_S
"""A feed that fails is tried at least daily, never for ever silent."""
RATE_MEMORY_S = 14 * DAY_S
POLLS_AT_ONE_A_DAY = 10.0
"""Polls a day of a feed with one article a day; others grow with the square root of their rate."""


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
    held: bool = False  # an edit waits for its window to end


class Due(NamedTuple):
    """When next (epoch ms), and why, in a stable word."""

    at_ms: int
    why: str


def next_poll(
    state: FeedState,
    outcome: Outcome,
    config: FeedConfig,
    bounds: Bounds,
    now_ms: int,
    jitter: float,
) -> Due:
    """Decide when the feed is due. ``state`` is that after the poll; ``jitter`` is in [0, 1)."""
    if state.retired:
        return Due(now_ms + _ms(RETIRED_S * (1 + 0.1 * jitter)), "gone")
    asked = retry_after_s(outcome.fetched, now_ms)
    if outcome.reason == "throttled":
        wait = max(asked, bounds.min_s, 60.0 if not asked else 0.0)
        return Due(
            now_ms + _ms(min(wait, DAY_S) * (1 + 0.1 * jitter)),
            "retry_after" if asked else "throttled",
        )
    if outcome.reason not in SUCCESS:
        first = min(bounds.min_s, config.interval_s or bounds.min_s)
        base = max(first, 0.5) * 2.0 ** min(state.failures - 1, 16)
        wait = max(
            min(base, FAILED_MAX_S, max(bounds.max_s, bounds.min_s)), min(asked, FAILED_MAX_S)
        )
        return Due(now_ms + _ms(min(wait * (0.75 + 0.5 * jitter), FAILED_MAX_S)), "backoff")
    if config.interval_s is not None:
        return Due(now_ms + _ms(config.interval_s * (0.95 + 0.1 * jitter)), "interval")
    wait, why = _learned(state, outcome, bounds)
    floor = max(_freshness_s(outcome.fetched), float(state.min_interval_s))
    if floor > wait:
        wait, why = min(floor, bounds.max_s), "asked_by_feed"
    wait = min(max(wait, bounds.min_s), bounds.max_s)
    due = now_ms + _ms(wait * (0.9 + 0.2 * jitter))
    return Due(max(due, now_ms + _ms(bounds.min_s)), why)


def _learned(state: FeedState, outcome: Outcome, bounds: Bounds) -> tuple[float, str]:
    """The interval in seconds that the feed's own cadence asks for."""
    rate = max(state.rate, 0.01)
    polls_a_day = max(POLLS_AT_ONE_A_DAY * math.sqrt(rate), 2.0 * rate)
    wait, why = DAY_S / polls_a_day, "cadence"
    if outcome.listed and rate > 0:
        # Half a document's worth of articles at most may come between two polls, or some are missed.
        turnover = DAY_S * outcome.listed / (2.0 * rate)
        if turnover < wait:
            wait, why = turnover, "turnover"
    # A feed that is not known yet is watched closely at first, less and less while it stays quiet.
    quiet = (state.last_polled_ms - max(state.last_new_ms, state.first_polled_ms)) / 1000
    learning = max(bounds.min_s, quiet / 2)
    if learning < wait and state.polls < 100:
        wait, why = learning, "learning"
    return wait, why


def learn_rate(state: FeedState, new: int, now_ms: int) -> float:
    """New entries a day, an average that forgets with a half-life of about ten days."""
    if not state.rate_at_ms:
        return state.rate
    elapsed_s = max(1.0, (now_ms - state.rate_at_ms) / 1000)
    known_s = max(1.0, min((now_ms - state.first_polled_ms) / 1000, RATE_MEMORY_S))
    weight = elapsed_s / (known_s + elapsed_s) if known_s > elapsed_s else 1.0
    weight = min(max(weight, 1 - math.exp(-elapsed_s / RATE_MEMORY_S)), 1.0)
    observed = new * DAY_S / elapsed_s
    return state.rate + weight * (observed - state.rate)


def first_rate(dates_ms: list[int], now_ms: int) -> float:
    """A first guess of the rate from the dates of a feed's entries; one a day where there are none."""
    dated = sorted((d for d in dates_ms if d <= now_ms), reverse=True)[:20]
    if len(dated) < 2:
        return 1.0
    span_s = max((now_ms - dated[-1]) / 1000, 60.0)
    return len(dated) * DAY_S / span_s


def retry_after_s(fetched: Fetched, now_ms: int) -> float:
    """Seconds that ``Retry-After`` asks for (a number or a date), 0 when it says nothing; at most a day."""
    raw = fetched.retry_after.strip()
    if raw.isascii() and raw.isdigit():
        return float(min(int(raw[:9]), int(DAY_S)))
    if not raw:
        return 0.0
    at_ms = http_date_ms(raw)
    if at_ms is None:
        return 0.0
    base = http_date_ms(fetched.date) or now_ms
    return min(max(0.0, (at_ms - base) / 1000), DAY_S)


def http_date_ms(raw: str) -> int | None:
    """An HTTP date as epoch ms, or None when it is none."""
    try:
        return int(parsedate_to_datetime(raw).timestamp() * 1000)
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def _freshness_s(fetched: Fetched) -> float:
    """For how long the server says that the document stays as it is; 0 when it does not say."""
    directives = [d.strip().lower() for d in fetched.cache_control.split(",")]
    if any(d in ("no-cache", "no-store", "must-revalidate") for d in directives):
        return 0.0
    for directive in directives:
        name, _, value = directive.partition("=")
        if name == "max-age" and value.strip('" ').isdigit():
            return float(min(int(value.strip('" ')[:9]), int(DAY_S)))
    if fetched.expires and fetched.date:
        expires, date = http_date_ms(fetched.expires), http_date_ms(fetched.date)
        if expires is not None and date is not None and expires > date:
            return min((expires - date) / 1000, DAY_S)
    return 0.0


def after_poll(state: FeedState, outcome: Outcome, now_ms: int) -> FeedState:
    """The feed's state after a poll: counters, failures, history, rate; not its validators."""
    reason, status = outcome.reason, outcome.fetched.status
    changes: dict[str, object] = {
        "polls": state.polls + 1,
        "last_polled_ms": now_ms,
        "history": (*state.history[-(HISTORY - 1) :], (now_ms, reason, status)),
    }
    if reason in SUCCESS:
        first = state.first_polled_ms or now_ms
        changes |= {
            "failures": 0,
            "failing_since_ms": 0,
            "gone_seen": 0,
            "first_polled_ms": first,
            "last_success_ms": now_ms,
            "rate": learn_rate(state, outcome.new, now_ms) if state.first_polled_ms else state.rate,
            "rate_at_ms": now_ms,
        }
        if outcome.new:
            changes["last_new_ms"] = now_ms
    elif reason != "throttled":
        changes |= {
            "failures": state.failures + 1,
            "failing_since_ms": state.failing_since_ms or now_ms,
        }
        if reason == "gone":
            changes["gone_seen"] = state.gone_seen + 1
            changes["retired"] = state.gone_seen + 1 >= GONE_SIGHTINGS
    return msgspec.structs.replace(state, **changes)


def _ms(seconds: float) -> int:
    return int(seconds * 1000)
