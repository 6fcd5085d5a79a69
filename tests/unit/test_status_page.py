"""The parts of the status page that only reckon: the hour, delays, charts, the census."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from workers.fetcher.schedule import Bounds
from workers.model import FeedConfig, FeedState, Pause, PollResult
from workers.ops.census import Census, count
from workers.ops.charts import HEIGHT, delays, nice, stacked
from workers.ops.overview import WAITING_MS, _lately, overview
from workers.ops.ring import (
    DELAYS,
    MINUTE_MS,
    MINUTES,
    Minute,
    Ring,
    WorkerNote,
    hour,
    quantile,
    read_notes,
)
from workers.store.watching import Totals

NOW = 30_000_000 * MINUTE_MS + 10_000


def note(ring: Ring, now_ms: int) -> WorkerNote:
    """A worker that says only what its ring holds, as it stands in Redis."""
    made = WorkerNote("w", "0", 0, now_ms, minutes=ring.minutes(now_ms))
    return msgspec.msgpack.decode(msgspec.msgpack.encode(made), type=WorkerNote)


def test_two_workers_add_up() -> None:
    """Polls, failures, news and delays of one minute are the sums of what its workers did."""
    one, two = Ring(), Ring()
    one.polled(NOW, PollResult("new", new=2, changed=1))
    one.polled(NOW, PollResult("timeout"))
    one.polled(NOW, PollResult("host_busy"))
    two.polled(NOW, PollResult("not_modified"))
    one.published(NOW, [0.02, 0.02])
    two.published(NOW, [7200.0])
    two.published(NOW - MINUTE_MS, [])
    minutes = hour([note(one, NOW), note(two, NOW)], NOW)
    last = minutes[-1]
    assert (last.polls, last.failed, last.new, last.updated, last.published) == (4, 1, 2, 1, 3)
    assert (last.delays[1], last.delays[-1], sum(last.delays)) == (2, 1, 3)
    assert [m.at for m in minutes] == list(range(last.at - MINUTES + 1, last.at + 1))
    assert not any(m.polls for m in minutes[:-1])


def test_a_note_of_a_release_to_come_is_left_out() -> None:
    """Workers of two releases side by side: what one cannot read of the other costs it nothing else."""
    ours = msgspec.msgpack.encode(note(Ring(), NOW))
    theirs = msgspec.msgpack.encode({"id": "x", "version": "2", "started_ms": 0, "seen_ms": "now"})
    assert [n.id for n in read_notes([b"", theirs, ours])] == ["w"]


def test_a_ring_stays_small() -> None:
    """However long a worker runs, it holds an hour, and a note of it is a few kilobytes."""
    ring = Ring()
    for n in range(5_000):
        ring.polled(NOW + n * MINUTE_MS, PollResult("new", new=1))
        ring.published(NOW + n * MINUTE_MS, [0.1] * 50)
    assert len(ring._minutes) == MINUTES
    now_ms = NOW + 4_999 * MINUTE_MS
    assert len(ring.minutes(now_ms)) == MINUTES
    assert len(msgspec.msgpack.encode(note(ring, now_ms))) < 4_000
    assert ring.minutes(now_ms + MINUTES * MINUTE_MS) == []


@pytest.mark.parametrize(
    ("counted", "share", "wanted"),
    [
        ({}, 0.5, None),
        ({0: 10}, 0.5, 0.005),
        ({5: 100}, 0.5, 0.375),
        ({5: 99, 9: 1}, 0.99, 0.5),
        ({5: 98, 9: 2}, 0.99, 7.5),
        ({len(DELAYS): 1}, 0.5, 3600),
    ],
)
def test_quantiles(counted: dict[int, int], share: float, wanted: float | None) -> None:
    """As Prometheus reckons them from the same buckets; beyond the last bound, that bound."""
    buckets = [counted.get(n, 0) for n in range(len(DELAYS) + 1)]
    found = quantile(buckets, share)
    assert found == wanted if wanted is None else found == pytest.approx(wanted)


def test_bars_stand_on_each_other() -> None:
    """A column's bars are as high as their values, one upon the other, within the drawing."""
    chart = stacked([[3, 0], [1, 4]])
    low, high, whole = chart.bars
    assert low.height == HEIGHT * 3 / 4
    assert (high.y, high.height) == (0, HEIGHT / 4)
    assert high.y + high.height == low.y
    assert (whole.y, whole.height, whole.kind) == (0, HEIGHT, 1)
    assert [mark.label for mark in chart.marks] == ["4", "2"]
    assert stacked([[], []]).bars == []


def test_lines_have_gaps() -> None:
    """Minutes without a value part a line, and every point lies within the drawing."""
    chart = delays([[0.1, None, 50.0, 90_000.0], [None, None, None, None]])
    (_, stretches), (_, nothing) = chart.lines
    assert len(stretches) == 2
    assert nothing == []
    points = [float(p.split(",")[1]) for s in stretches for p in s.split()]
    assert all(0 <= y <= HEIGHT for y in points)
    assert points[0] > points[2] > points[-1]


@pytest.mark.parametrize(
    ("value", "top"), [(0, 1), (1, 1), (5, 6), (9, 10), (203, 300), (8_001, 10_000)]
)
def test_scales_end_at_round_numbers(value: int, top: int) -> None:
    """The top of a scale is round and not below the highest value."""
    assert nice(value) == top


def test_a_census() -> None:
    """Feeds are counted by state, the failing ones by why their last poll failed."""
    bounds, census = Bounds(300.0, 86_400.0), Census()
    well: dict[str, Any] = {"polls": 3, "last_success_ms": NOW, "last_new_ms": NOW}
    bad = FeedState(polls=9, failures=9, history=((NOW, "timeout", 0),))
    feeds = [
        (FeedConfig("a", "https://a.example/"), FeedState(**well), 0),
        (FeedConfig("b", "https://b.example/"), bad, 0),
        (FeedConfig("c", "https://c.example/", enabled=False), bad, 0),
        (FeedConfig("d", "https://d.example/"), bad, 0),
    ]
    count(census, feeds, {"d": Pause(NOW, "they asked")}, bounds, NOW)
    assert census.states == {"healthy": 1, "failing": 1, "disabled": 1, "paused": 1}
    assert census.failing == {"timeout": 1}
    assert census.feeds == 4


def test_polls_a_minute_are_of_whole_minutes() -> None:
    """The running minute does not count, nor those before the first poll of the hour."""
    minutes = [Minute(n) for n in range(10)]
    assert _lately(minutes) == 0
    minutes[-1].polls, minutes[-2].polls, minutes[-3].polls = 7, 40, 20
    assert _lately(minutes) == 30
    minutes[0].polls = 1
    assert _lately(minutes) == 12


@pytest.mark.parametrize(
    ("events", "age_ms", "said"),
    [(0, 0, False), (5, WAITING_MS, False), (1, WAITING_MS + 1_000, True)],
)
def test_events_that_do_not_reach_kafka_are_a_problem(
    events: int, age_ms: int, *, said: bool
) -> None:
    """Workers poll on while Kafka is away, and are ready; the page says that it is away all the same."""
    view = overview([], Totals(1, 0, 0, events, 100, age_ms), Census(), [], NOW)
    assert [text.partition(":")[0] for text in view.problems] == [
        "1 event not yet in Kafka, the oldest since 31 s"
    ] * said
