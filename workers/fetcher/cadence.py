"""How often a feed has news, and when in the day: learned from its own polls. Pure.

A feed's news are taken as a Poisson process whose rate varies with the hour of the day (UTC). What was
observed fades, with time and with each entry, so that a feed that changes its ways is learned anew.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

from workers.model import FeedState

DAY_S = 86_400.0
HOUR_MS = 3_600_000
MEMORY_S = 28 * DAY_S
MEMORY_ENTRIES = 100.0
"""Observation fades to 1/e after so much time, or so many entries if they come sooner."""
DATED_ENTRIES = 5.0
"""What the dates of a feed's first document count for at most; dates may lie."""
UNKNOWN_RATE = 1.0
UNKNOWN_S = 0.5 * DAY_S
"""A feed without dates is taken for one entry a day, as if it had been watched for half a day."""
RECENT_FADE = 0.25
SURPRISE = 3.0
SURPRISED_POLLS = 3
"""When so many polls in a row had news, at so many times the learned rate, the past is dropped."""
HOUR_UNITS = 10
HOUR_MOST_ENTRIES = 3
HOUR_CAP = 24 * 60
HOUR_SMOOTH = 8.0
"""Counts by hour are in tenths of an entry, one poll adds three entries at most, all are halved at the
cap, and a smoothing constant keeps few counts from meaning much."""


def first_cadence(dates_ms: Sequence[int], now_ms: int) -> dict[str, Any]:
    """Changes to the state of a feed that was read for the first time, from its entries' dates."""
    dated = sorted((d for d in dates_ms if d <= now_ms), reverse=True)[:20]
    if len(dated) < 2:
        return {
            "rate": UNKNOWN_RATE,
            "observed_s": UNKNOWN_S,
            "usual_gap_s": DAY_S / UNKNOWN_RATE,
        }
    span_s = max((now_ms - dated[-1]) / 1000, 60.0)
    rate = len(dated) * DAY_S / span_s
    counted = min(len(dated), DATED_ENTRIES)
    return {
        "rate": rate,
        "observed_s": counted * DAY_S / rate,
        "usual_gap_s": DAY_S / rate,
        "hours": _hours_of(dated),
    }


def learn(state: FeedState, new: int, now_ms: int) -> dict[str, Any]:
    """Changes to the state after a successful poll at ``now_ms`` that found ``new`` entries."""
    elapsed_s = max(0.001, (now_ms - state.rate_at_ms) / 1000)
    fade = math.exp(-elapsed_s / MEMORY_S - new / MEMORY_ENTRIES)
    seen_s = state.observed_s or UNKNOWN_S
    seen = state.rate * seen_s / DAY_S
    seen, seen_s = seen * fade + new, seen_s * fade + elapsed_s
    recent = state.recent_new * RECENT_FADE + new
    recent_s = state.recent_s * RECENT_FADE + elapsed_s
    if _surprised(state, new) and recent / recent_s > SURPRISE * seen / seen_s:
        seen, seen_s = recent, recent_s
    changes: dict[str, Any] = {
        "rate": seen * DAY_S / seen_s,
        "observed_s": seen_s,
        "recent_new": recent,
        "recent_s": recent_s,
    }
    if new:
        changes["usual_gap_s"] = seen_s / max(seen, 0.01)
        if elapsed_s <= DAY_S:
            changes["hours"] = _count(state.hours, state.rate_at_ms, now_ms, new)
    return changes


def _surprised(state: FeedState, new: int) -> bool:
    """True when this poll and those just before it all had news."""
    before = [reason for _, reason, _ in state.history[-(SURPRISED_POLLS - 1) :]]
    return bool(new) and len(before) == SURPRISED_POLLS - 1 and set(before) == {"new"}


def peak_rate(state: FeedState) -> float:
    """Entries a day at the most that may be expected now: in the busiest hour, or as just seen."""
    busiest = max(weights(state.hours))
    recent = state.recent_new * DAY_S / state.recent_s if state.recent_s else 0.0
    return max(state.rate * busiest, recent)


def weights(hours: Sequence[int]) -> list[float]:
    """The rate of each UTC hour by the mean rate, from the counts; all 1 when nothing is known."""
    if len(hours) != 24:
        return [1.0] * 24
    smooth = [(hours[h - 1] + 2 * hours[h] + hours[(h + 1) % 24]) / 4 for h in range(24)]
    mean = sum(smooth) / 24 + HOUR_SMOOTH
    return [(count + HOUR_SMOOTH) / mean for count in smooth]


def spread(wait_s: float, hours: Sequence[int], now_ms: int, most_s: float) -> float:
    """How long a mean wait is from now on.

    The density of polls follows the square root of the rate through the day: the wait ends when the
    integral of that density over time comes to one poll. At most ``most_s``.
    """
    if len(hours) != 24:
        return min(wait_s, most_s)
    density = [math.sqrt(w) for w in weights(hours)]
    missing, passed = wait_s, 0.0
    for hour, left_s in _hours_from(now_ms):
        if passed >= most_s:
            return most_s
        if density[hour] * left_s >= missing:
            return min(passed + missing / density[hour], most_s)
        missing -= density[hour] * left_s
        passed += left_s
    return most_s


def expected(state: FeedState, since_ms: int, now_ms: int) -> float:
    """How many entries were to be expected in a time, had the feed kept to its usual ways."""
    if state.usual_gap_s <= 0 or now_ms <= since_ms:
        return 0.0
    total_s = (now_ms - since_ms) / 1000
    if len(state.hours) == 24 and total_s < 3 * DAY_S:
        by_hour = weights(state.hours)
        total_s = sum(by_hour[hour] * s for hour, s in _between(since_ms, now_ms))
    return total_s / state.usual_gap_s


def _hours_from(start_ms: int) -> Iterator[tuple[int, float]]:
    """(hour of the day, seconds of it) from a time on, for ever."""
    hour = start_ms // HOUR_MS
    yield hour % 24, (HOUR_MS - start_ms % HOUR_MS) / 1000
    while True:
        hour += 1
        yield hour % 24, 3600.0


def _between(start_ms: int, end_ms: int) -> Iterator[tuple[int, float]]:
    left_s = (end_ms - start_ms) / 1000
    for hour, seconds in _hours_from(start_ms):
        yield hour, min(seconds, left_s)
        left_s -= seconds
        if left_s <= 0:
            return


def _count(hours: Sequence[int], since_ms: int, now_ms: int, new: int) -> tuple[int, ...]:
    """Counts with new entries that came at an unknown moment of a time of a day at most.

    They are shared out among the hours as likely as these are by what is known so far.
    """
    counts = list(hours) if len(hours) == 24 else [0] * 24
    units = HOUR_UNITS * min(new, HOUR_MOST_ENTRIES)
    by_hour = weights(hours)
    shares = [(hour, by_hour[hour] * seconds) for hour, seconds in _between(since_ms, now_ms)]
    total = sum(share for _, share in shares) or 1.0
    given, sum_before = 0, 0.0
    for hour, share in shares:
        # Rounding the running sum, not each share, gives out exactly all units.
        sum_before += share
        upto = round(units * sum_before / total)
        counts[hour] += upto - given
        given = upto
    if sum(counts) > HOUR_CAP:
        counts = [count // 2 for count in counts]
    return tuple(counts)


def _hours_of(dates_ms: Sequence[int]) -> tuple[int, ...]:
    """Half a count for each dated entry of a first document; a date without a time says nothing."""
    counts = [0] * 24
    timed = [d for d in dates_ms if d % (24 * HOUR_MS)]
    for date in timed:
        counts[date // HOUR_MS % 24] += HOUR_UNITS // 2
    return tuple(counts) if timed else ()
