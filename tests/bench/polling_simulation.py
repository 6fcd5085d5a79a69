"""How soon articles are found, by rule of polling, at equal numbers of polls.

    python -m tests.bench.polling_simulation [--short]

Feeds of very different rates and daily rhythms are simulated for four weeks, with weekends. Each rule
sees what it would see: the dates in a feed's first document, and then the articles that each poll finds.
Compared at the same number of polls, by the delay from publication to discovery:

- fixed: every feed at the same interval;
- Media Cloud (rss-fetcher, ``_check_auto_adjust``): an hour less when less than a third of a document
  is known, ten minutes more when over two thirds are (an hour more after a month without news);
- CommaFeed (``FeedRefreshIntervalCalculator``): half the mean gap between the entries of the document,
  6 hours at most; 6, 12 or 24 hours when the newest is 7, 14 or 30 days old;
- Newswire: the code of ``workers.fetcher.schedule``, with the factor that its budget gives;
- oracle: the same law, with every feed's true rate at every hour.

The intervals of all rules but Newswire are scaled by one factor each so that the polls come out equal.
"""

from __future__ import annotations

import argparse
import math
import random
import sys
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from functools import partial
from typing import NamedTuple

import msgspec

from workers.fetcher.budget import Pace, stretch_for
from workers.fetcher.cadence import first_cadence
from workers.fetcher.schedule import Bounds, Outcome, after_poll, next_poll, pace
from workers.model import FeedConfig, FeedState, Fetched

DAY_S, HOUR_S = 86_400.0, 3_600.0
EPOCH_S = 1_767_571_200  # a Monday, 00:00 UTC
BOUNDS = Bounds(300.0, DAY_S)
LISTED = 20
BUDGET_LOOK_S = HOUR_S

_OFFICE = [0.1] * 6 + [0.4, 1.0, 2.0, 2.6, 2.6, 2.4, 1.8, 2.0, 2.4, 2.2, 1.8, 1.2, 0.6] + [0.2] * 5
_MORNING = [0.1] * 5 + [1.0, 6.0, 8.0, 4.0, 1.0] + [0.3] * 14
_ROUND = [0.5] * 6 + [1.0, 1.4] + [1.4] * 12 + [1.0] * 4
_FLAT = [1.0] * 24


class Feed(NamedTuple):
    """``times`` of publication in seconds from the start, with 60 days before it, sorted.

    ``hourly`` is the true rate of each hour of the week, in articles a second.
    """

    times: list[float]
    hourly: list[float]


class Measured(NamedTuple):
    """What a rule came to. Delays in seconds; ``missed`` articles had left the document unseen."""

    polls: int
    delays: list[float]
    missed: int


def make_feeds(count: int, days: int, rng: random.Random) -> list[Feed]:
    """Rates are log-normal around three a day; rhythms in all time zones, half with quiet weekends."""
    feeds = []
    for _ in range(count):
        rate = math.exp(rng.gauss(math.log(3.0), 1.5)) / DAY_S
        shape = rng.choice([_FLAT, _ROUND, _OFFICE, _OFFICE, _MORNING])
        zone, weekend = rng.randrange(24), rng.choice([1.0, 0.25])
        week = [
            shape[(hour + zone) % 24] * (weekend if hour // 24 >= 5 else 1.0) for hour in range(168)
        ]
        mean = sum(week) / 168
        hourly = [rate * weight / mean for weight in week]
        feeds.append(Feed(_publications(hourly, days, rng), hourly))
    return feeds


def _publications(hourly: list[float], days: int, rng: random.Random) -> list[float]:
    """A Poisson process with the rate of each hour."""
    times = []
    for hour in range(-60 * 24, days * 24):
        at = hour * HOUR_S
        rate = hourly[hour % 168]
        while True:
            at += rng.expovariate(rate)
            if at >= (hour + 1) * HOUR_S:
                break
            times.append(at)
    return times


def measure(feed: Feed, polls: list[float]) -> tuple[list[float], int]:
    """Delay of each article from the first poll on to the last, and how many were never seen."""
    delays, missed = [], 0
    first, last = bisect_right(feed.times, polls[0]), bisect_right(feed.times, polls[-1])
    for index in range(first, last):
        found = polls[bisect_left(polls, feed.times[index])]
        delays.append(found - feed.times[index])
        pushed_out = feed.times[index + LISTED] if index + LISTED < len(feed.times) else math.inf
        missed += pushed_out < found
    return delays, missed


class Rule:
    """One feed's polls by a rule: ``wait`` is asked after each poll."""

    def wait(self, feed: Feed, now: float, new: int) -> float:
        """Seconds until the next poll."""
        raise NotImplementedError


class Fixed(Rule):
    """Always the same."""

    def wait(self, feed: Feed, now: float, new: int) -> float:
        """An hour."""
        return HOUR_S


class MediaCloud(Rule):
    """Steps up and down by the share of the document that is known."""

    def __init__(self) -> None:
        self._minutes, self._last_new = 360.0, 0.0

    def wait(self, feed: Feed, now: float, new: int) -> float:
        """The interval after one more step."""
        if new:
            self._last_new = now
        known = 1 - min(new, LISTED) / LISTED
        if known < 0.33:
            self._minutes = max(self._minutes - 60, 10)
        elif known > 0.67:
            step = 10 if now - self._last_new < 31 * DAY_S else 60
            self._minutes = min(self._minutes + step, 24 * 60)
        return self._minutes * 60


class CommaFeed(Rule):
    """Half the mean gap of what the document lists."""

    def wait(self, feed: Feed, now: float, new: int) -> float:
        """From the dates of the document as it is now."""
        end = bisect_right(feed.times, now)
        listed = feed.times[max(0, end - LISTED) : end]
        if len(listed) < 2:
            return DAY_S
        age = now - listed[-1]
        for days, hours in ((30, 24), (14, 12), (7, 6)):
            if age > days * DAY_S:
                return hours * HOUR_S
        gap = (listed[-1] - listed[0]) / (len(listed) - 1)
        return min(gap / 2, 6 * HOUR_S)


def simulate(make: Callable[[], Rule], feeds: list[Feed], days: int, scale: float) -> Measured:
    """Poll every feed by a rule whose waits are multiplied by ``scale``."""
    rng = random.Random(1)
    total, delays, missed = 0, [], 0
    for feed in feeds:
        rule, now, polls, before = make(), rng.random() * HOUR_S, [], 0
        while now < days * DAY_S:
            polls.append(now)
            end = bisect_right(feed.times, now)
            new = end - before if len(polls) > 1 else 0
            before = end
            now += max(60.0, scale * rule.wait(feed, now, new) * rng.uniform(0.95, 1.05))
        total += len(polls)
        found, lost = measure(feed, polls)
        delays += found
        missed += lost
    return Measured(total, delays, missed)


def at_polls(run: Callable[[float], Measured], polls: int) -> Measured:
    """The run whose scale brings about so many polls."""
    low, high, best = 1 / 256, 256.0, None
    for _ in range(16):
        middle = math.sqrt(low * high)
        best = run(middle)
        if abs(best.polls - polls) < 0.003 * polls:
            break
        if best.polls > polls:
            low = middle
        else:
            high = middle
    assert best is not None
    return best


def oracle(feeds: list[Feed], days: int, scale: float) -> Measured:
    """Polls whose density is the square root of the true rate, all by one factor."""
    total, delays, missed = 0, [], 0
    rng = random.Random(1)
    for feed in feeds:
        density = [math.sqrt(rate / HOUR_S) / scale for rate in feed.hourly]
        now, polls = rng.random() * HOUR_S, []
        while now < days * DAY_S:
            polls.append(now)
            missing, at = rng.uniform(0.95, 1.05), now
            while at - now < BOUNDS.max_s:
                hour = int(at // HOUR_S)
                left = (hour + 1) * HOUR_S - at
                if density[hour % 168] * left >= missing:
                    at += missing / density[hour % 168]
                    break
                missing -= density[hour % 168] * left
                at += left
            now = max(now + BOUNDS.min_s, min(at, now + BOUNDS.max_s))
        total += len(polls)
        found, lost = measure(feed, polls)
        delays += found
        missed += lost
    return Measured(total, delays, missed)


class _Polled:
    """One feed as Newswire polls it."""

    def __init__(self, feed: Feed, start: float) -> None:
        self.feed = feed
        self.config = FeedConfig("f", "http://f.example/")
        end = bisect_right(feed.times, start)
        dates = [_ms(t) for t in feed.times[max(0, end - LISTED) : end]]
        self.state = msgspec.structs.replace(FeedState(), **first_cadence(dates, _ms(start)))
        self.due, self.polls, self.before = start, list[float](), end

    def run(self, until: float, stretch: float, rng: random.Random) -> None:
        """Poll until a time."""
        while self.due < until:
            now = self.due
            end = bisect_right(self.feed.times, now)
            new, self.before = end - self.before, end
            first = not self.polls
            self.polls.append(now)
            reason = "new" if new or first else "not_modified"
            outcome = Outcome(reason, Fetched("", ""), new, min(end, LISTED) if new or first else 0)
            self.state = after_poll(self.state, outcome, BOUNDS, _ms(now))
            due = next_poll(
                self.state, outcome, self.config, BOUNDS, _ms(now), rng.random(), stretch
            )
            self.due = due.at_ms / 1000 - EPOCH_S


def newswire(feeds: list[Feed], days: int, per_hour: float) -> Measured:
    """The rules of this project within a budget."""
    rng = random.Random(1)
    polled = [_Polled(feed, rng.random() * HOUR_S) for feed in feeds]
    now, stretch = 0.0, 1.0
    while now < days * DAY_S:
        paces = [Pace(*pace(p.config, p.state, BOUNDS, _ms(now))) for p in polled]
        stretch = stretch_for(paces, per_hour)
        now += BUDGET_LOOK_S
        for one in polled:
            one.run(min(now, days * DAY_S), stretch, rng)
    measured = [measure(p.feed, p.polls) for p in polled]
    delays = [d for found, _ in measured for d in found]
    return Measured(sum(len(p.polls) for p in polled), delays, sum(m for _, m in measured))


def _ms(seconds: float) -> int:
    return int((EPOCH_S + seconds) * 1000)


def row(name: str, result: Measured, best: float) -> str:
    """One line of the table."""
    delays = sorted(result.delays)
    mean = sum(delays) / len(delays)
    median, p95 = (delays[int(len(delays) * q)] / 60 for q in (0.5, 0.95))
    against = mean / best - 1
    return (
        f"{name:<24}{result.polls:>9}{mean / 60:>9.1f}{median:>9.1f}{p95:>9.1f}"
        f"{against:>+10.0%}{result.missed:>9}"
    )


def compare(feeds: list[Feed], days: int, minutes: int) -> bool:
    """Print the table for so many polls as a fixed interval comes to; True when the goal is met."""
    ours = newswire(feeds, days, len(feeds) * 60 / minutes)
    rules = {f"fixed {minutes} min": Fixed, "Media Cloud": MediaCloud, "CommaFeed": CommaFeed}
    rows = {
        name: at_polls(partial(simulate, rule, feeds, days), ours.polls)
        for name, rule in rules.items()
    }
    others = min(_mean(result) for result in rows.values())
    ideal = at_polls(partial(oracle, feeds, days), ours.polls)
    columns = ("rule", "polls", "mean", "median", "p95", "to oracle", "missed")
    print("\n{:<24}{:>9}{:>9}{:>9}{:>9}{:>10}{:>9}".format(*columns))
    for name, result in (*rows.items(), ("Newswire", ours), ("oracle", ideal)):
        print(row(name, result, _mean(ideal)))
    return _mean(ours) < min(others, 1.1 * _mean(ideal))


def _mean(result: Measured) -> float:
    return sum(result.delays) / len(result.delays)


def main(words: Sequence[str] | None = None) -> int:
    """Print a table for each number of polls. Returns 1 when Newswire misses its goal."""
    parser = argparse.ArgumentParser(description="How soon articles are found, by rule of polling.")
    parser.add_argument("--feeds", type=int, default=100)
    parser.add_argument("--days", type=int, default=28)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--short", action="store_true", help="one number of polls, half a minute")
    args = parser.parse_args(words)
    feeds = make_feeds(args.feeds, args.days, random.Random(args.seed))
    articles = sum(sum(t >= 0 for t in f.times) for f in feeds)
    print(f"{args.feeds} feeds, {args.days} days, {articles} articles; delays in minutes")
    reached = [
        compare(feeds, args.days, minutes) for minutes in ((60,) if args.short else (60, 15))
    ]
    return 0 if all(reached) else 1


if __name__ == "__main__":
    sys.exit(main())
