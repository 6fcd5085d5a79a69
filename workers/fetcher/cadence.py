"""How often a feed has news, and when in the week: learned from its own polls. Pure.

A feed's news are taken as a Poisson process whose rate varies with the hour of the day and the day of
the week (UTC). What was observed fades, with time and with each entry, so that a feed that changes its
ways is learned anew.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
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
BELIED = 3.0
BELIED_POLLS = 3
"""When so many polls in a row had news, at so many times the rate that a feed's dates promised, the
dates are dropped."""
UNITS = 10
UNITS_MOST_ENTRIES = 10
"""Counts by hour and day are in tenths of an entry; one poll adds ten entries at most."""
HOURS_CAP, DAYS_CAP = 24 * 300, 7 * 1_000
"""All counts are halved when their sum reaches the cap."""
HOURS_SMOOTH, DAYS_SMOOTH = 3.0, 60.0
"""Added to each count, so that few entries do not mean much."""
PASSES, PASSES_AT = 2, 30
"""So many times are counts by hour smoothed when there are so many entries."""
HOURS_KNOWN_S, DAYS_KNOWN_S = DAY_S, 7 * DAY_S
"""Before so much time, hours and days that were not yet seen would pass for quiet ones."""
MONDAY = 3
"""The first day of the epoch was a Thursday."""


class Rhythm:
    """The rate of each hour by the mean rate, as far as it is known, by hour of day and day of week."""

    def __init__(
        self, start_ms: int, end_ms: int, hour_counts: Sequence[int], day_counts: Sequence[int]
    ) -> None:
        """From the entries counted between two times (epoch ms)."""
        known_s = (end_ms - start_ms) / 1000
        hours = _smoothed(hour_counts) if known_s >= HOURS_KNOWN_S else []
        days: Sequence[float] = []
        if known_s >= DAYS_KNOWN_S and len(day_counts) == 7:
            seen = _times_seen(start_ms, end_ms)
            all_seen = sum(seen)
            days = [count * all_seen / 7 / s for count, s in zip(day_counts, seen, strict=True)]
        self.hours = _weights(hours, 24, HOURS_SMOOTH)
        self.days = _weights(days, 7, DAYS_SMOOTH)

    @property
    def mean_density(self) -> float:
        """The mean over the week of the square root of the weight."""
        by_hour = sum(math.sqrt(w) for w in self.hours) / 24
        return by_hour * sum(math.sqrt(w) for w in self.days) / 7

    def weight(self, hour: int) -> float:
        """The weight of an hour, counted from the epoch."""
        return self.hours[hour % 24] * self.days[(hour // 24 + MONDAY) % 7]

    def between(self, start_ms: int, end_ms: int) -> float:
        """The weighted length of a time in seconds: its mean is that of the time itself."""
        return sum(self.weight(hour) * s for hour, s in _between(start_ms, end_ms))

    def until(
        self, amount: float, density: Callable[[float], float], start_ms: int, most_s: float
    ) -> float:
        """Seconds until the integral of a density of the weight comes to ``amount``, or ``most_s``."""
        passed = 0.0
        for hour, left_s in _hours_from(start_ms):
            rate = density(self.weight(hour))
            if rate * left_s >= amount:
                return min(passed + amount / rate, most_s)
            amount -= rate * left_s
            passed += left_s
            if passed >= most_s:
                break
        return most_s


_rhythm = lru_cache(maxsize=16)(Rhythm)
"""What is decided about one poll asks for it a few times, and a feed known for long has many counts."""


def rhythm_of(state: FeedState) -> Rhythm:
    """The rhythm of a feed as far as it is known."""
    return _rhythm(state.first_polled_ms, state.rate_at_ms, state.hours, state.days)


def first_cadence(dates_ms: Sequence[int], now_ms: int) -> dict[str, Any]:
    """Changes to the state of a feed that was read for the first time, from its entries' dates."""
    dated = sorted((d for d in dates_ms if d <= now_ms), reverse=True)[:20]
    rate, observed_s = UNKNOWN_RATE, UNKNOWN_S
    if len(dated) >= 2:
        span_s = max((now_ms - dated[-1]) / 1000, 60.0)
        rate = len(dated) * DAY_S / span_s
        observed_s = min(len(dated), DATED_ENTRIES) * DAY_S / rate
    return {"rate": rate, "observed_s": observed_s, "usual_gap_s": DAY_S / rate}


def learn(state: FeedState, new: int, now_ms: int) -> dict[str, Any]:
    """Changes to the state after a successful poll at ``now_ms`` that found ``new`` entries."""
    elapsed_s = max(0.001, (now_ms - state.rate_at_ms) / 1000)
    fade = math.exp(-elapsed_s / MEMORY_S - new / MEMORY_ENTRIES)
    seen_s = state.observed_s or UNKNOWN_S
    seen = state.rate * seen_s / DAY_S
    seen, seen_s = seen * fade + new, seen_s * fade + elapsed_s
    recent = state.recent_new * RECENT_FADE + new
    recent_s = state.recent_s * RECENT_FADE + elapsed_s
    if _belied(state, new, now_ms) and recent / recent_s > BELIED * seen / seen_s:
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
            changes |= _count(state, state.rate_at_ms, now_ms, new)
    return changes


def _belied(state: FeedState, new: int, now_ms: int) -> bool:
    """True when the rate rests on dates more than on polls, and the last polls all had news."""
    own_s = (now_ms - state.first_polled_ms) / 1000
    before = [reason for _, reason, _ in state.history[-(BELIED_POLLS - 1) :]]
    in_a_row = len(before) == BELIED_POLLS - 1 and set(before) == {"new"}
    return bool(new) and in_a_row and own_s < state.observed_s / 2


def time_for(state: FeedState, entries: float, now_ms: int, most_s: float) -> float:
    """How soon so many new entries are to be expected at the earliest: in seconds, at most ``most_s``.

    What the last polls found counts where it is more than the usual rate.
    """
    rate = state.rate / DAY_S
    recent = state.recent_new / state.recent_s if state.recent_s else 0.0
    return rhythm_of(state).until(
        entries, lambda weight: max(rate * weight, recent, 1e-12), now_ms, most_s
    )


def spread(wait_s: float, state: FeedState, now_ms: int, most_s: float) -> float:
    """How long a mean wait is from now on, at most ``most_s``.

    The density of polls follows the square root of the rate through day and week.
    """
    return rhythm_of(state).until(wait_s, math.sqrt, now_ms, most_s)


def expected(state: FeedState, since_ms: int, now_ms: int) -> float:
    """How many entries were to be expected in a time, had the feed kept to its usual ways."""
    if state.usual_gap_s <= 0 or now_ms <= since_ms:
        return 0.0
    total_s = (now_ms - since_ms) / 1000
    if total_s < 14 * DAY_S:
        total_s = rhythm_of(state).between(since_ms, now_ms)
    return total_s / state.usual_gap_s


def _weights(counts: Sequence[float], size: int, smooth: float) -> list[float]:
    if len(counts) != size:
        return [1.0] * size
    mean = sum(counts) / size + smooth
    return [(count + smooth) / mean for count in counts]


def _times_seen(start_ms: int, end_ms: int) -> list[float]:
    """How often each day of the week has come in a time of a week at least, Monday first."""
    start, end = start_ms / (24 * HOUR_MS), end_ms / (24 * HOUR_MS)
    weeks = math.floor((end - start) / 7)
    seen = [float(weeks)] * 7
    start += 7 * weeks
    while start < end:
        until = min(math.floor(start) + 1, end)
        seen[(math.floor(start) + MONDAY) % 7] += until - start
        start = until
    return seen


def _smoothed(hours: Sequence[int]) -> list[float]:
    """Counts by hour over their neighbours: the fewer there are, the more."""
    total = sum(hours) / UNITS
    if len(hours) != 24 or total <= 0:
        return []
    counts = [float(count) for count in hours]
    # Each pass adds half a squared hour to the kernel's variance, and a kernel does best when its
    # width falls with the fifth root of the number of entries.
    for _ in range(min(max(round(PASSES * (PASSES_AT / total) ** 0.4), 1), 24)):
        around = zip(counts[-1:] + counts[:-1], counts, counts[1:] + counts[:1], strict=True)
        counts = [(before + 2 * count + after) / 4 for before, count, after in around]
    return counts


def _hours_from(start_ms: int) -> Iterator[tuple[int, float]]:
    """(hour since the epoch, seconds of it) from a time on, for ever."""
    hour = start_ms // HOUR_MS
    yield hour, (HOUR_MS - start_ms % HOUR_MS) / 1000
    while True:
        hour += 1
        yield hour, 3600.0


def _between(start_ms: int, end_ms: int) -> Iterator[tuple[int, float]]:
    left_s = (end_ms - start_ms) / 1000
    for hour, seconds in _hours_from(start_ms):
        yield hour, min(seconds, left_s)
        left_s -= seconds
        if left_s <= 0:
            return


def _count(state: FeedState, since_ms: int, now_ms: int, new: int) -> dict[str, Any]:
    """Counts with new entries that came at an unknown moment of a day at most.

    They are shared out among the hours as likely as these are by what is known so far.
    """
    rhythm = rhythm_of(state)
    hours = list(state.hours) if len(state.hours) == 24 else [0] * 24
    days = list(state.days) if len(state.days) == 7 else [0] * 7
    units = UNITS * min(new, UNITS_MOST_ENTRIES)
    shares = [(hour, rhythm.weight(hour) * s) for hour, s in _between(since_ms, now_ms)]
    total = sum(share for _, share in shares) or 1.0
    given, sum_before = 0, 0.0
    for hour, share in shares:
        # Rounding the running sum, not each share, gives out exactly all units.
        sum_before += share
        part = round(units * sum_before / total) - given
        hours[hour % 24] += part
        days[(hour // 24 + MONDAY) % 7] += part
        given += part
    return {"hours": _capped(hours, HOURS_CAP), "days": _capped(days, DAYS_CAP)}


def _capped(counts: list[int], cap: int) -> tuple[int, ...]:
    return tuple(c // 2 for c in counts) if sum(counts) > cap else tuple(counts)
