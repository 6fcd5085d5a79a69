"""What `newswire feeds` shows of a feed, in which order."""

from __future__ import annotations

import io
import tracemalloc
from collections.abc import AsyncIterator
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import orjson
import pytest

from workers.errors import ConfigError
from workers.explain import STATES
from workers.feed_commands import _print_rows, _seconds
from workers.feed_table import HEAD, RANK_BYTES, Known, Wanted, as_json, as_line, attributes, rank
from workers.feedlist.formats import parse_list
from workers.feedlist.opml import OpmlExport
from workers.fetcher.schedule import Bounds
from workers.model import FeedConfig, FeedState, Pause
from workers.store.store import NEVER_MS

NOW = 1_767_571_200_000
HOUR_MS = 3_600_000
BOUNDS = Bounds(300.0, 86_400.0)


def known(due_ms: int = NOW + HOUR_MS, pause: Pause | None = None, **more: Any) -> Known:
    """A feed that is well, but for what is given of its state and configuration."""
    config = {k: more.pop(k) for k in ("id", "url", "name", "tags", "enabled") if k in more}
    state = {
        "polls": 5,
        "last_success_ms": NOW - HOUR_MS,
        "first_polled_ms": NOW - 9 * HOUR_MS,
        **more,
    }
    made = FeedConfig(**{"id": "f1", "url": "https://u:secret@f.example/x?token=abc", **config})
    return Known.of(made, FeedState(**state), due_ms, pause, BOUNDS, NOW)


def failing(hours: int, **more: Any) -> Known:
    """A feed that fails for so long."""
    since = NOW - hours * HOUR_MS
    history = ((NOW, "server_error", 500),)
    return known(failures=5, failing_since_ms=since, history=history, **more)


def test_the_worst_come_first() -> None:
    """By state, then by how long it is so; of feeds that are well, what is due for longest."""
    feeds = [
        known(NEVER_MS, enabled=False, id="disabled"),
        known(NOW + 5, id="later"),
        known(NOW - HOUR_MS, id="overdue"),
        known(NEVER_MS, Pause(NOW), id="paused"),
        failing(2, id="bad"),
        failing(48, id="worse"),
        known(polls=0, id="new"),
        known(retired=True, failing_since_ms=NOW - 10, id="gone"),
    ]
    order = [k.config.id for k in sorted(feeds, key=rank)]
    assert order == ["worse", "bad", "gone", "paused", "new", "overdue", "later", "disabled"]
    assert {len(rank(k)) for k in feeds} == {RANK_BYTES}
    assert {k.name for k in feeds} == set(STATES) - {"silent"}


@pytest.mark.parametrize(
    ("wanted", "taken"),
    [
        (Wanted(frozenset(STATES)), True),
        (Wanted(frozenset({"failing"})), True),
        (Wanted(frozenset({"healthy"})), False),
        (Wanted(frozenset(STATES), "f.example"), True),
        (Wanted(frozenset(STATES), "example"), True),
        (Wanted(frozenset(STATES), "xample"), False),
        (Wanted(frozenset(STATES), failing_s=7_200), True),
        (Wanted(frozenset(STATES), failing_s=7_201), False),
    ],
)
def test_what_is_chosen(wanted: Wanted, taken: bool) -> None:
    """State, host with those below it, and how long it fails."""
    assert wanted.takes(failing(2), NOW) is taken


def test_a_duration_that_is_none() -> None:
    """It is refused with the option's name."""
    with pytest.raises(ConfigError, match="--failing-for long"):
        _seconds("long")


def test_only_failing_feeds_fail_for_so_long() -> None:
    """A feed that is well is not among them."""
    assert not Wanted(frozenset(STATES), failing_s=1).takes(known(), NOW)


def test_a_row_is_harmless_and_aligned() -> None:
    """Titles come from feeds: no control of a terminal passes, nor one that reorders what is read."""
    hostile = "\x1b[2J\x1b]0;x\x07\u202eevil\r\nline"
    line = as_line(failing(2, title=hostile), NOW)
    assert line.isprintable()
    assert "\u202e" not in line
    assert "secret" not in as_line(known(), NOW)
    assert line.index("server_error") == HEAD.index("REASON")
    assert line.index("f.example") == HEAD.index("HOST")
    paused = as_line(known(NEVER_MS, Pause(NOW - HOUR_MS, "a\x1bb" * 30)), NOW)
    assert paused.isprintable()


def test_json_has_no_secret_and_nothing_unknown() -> None:
    """The names are those of the events on `news.feeds`."""
    found = orjson.loads(as_json(failing(2, tags=("a",), rate=1.5)))
    assert found == {
        "feedId": "f1", "state": "failing", "reason": "server_error", "since": "2026-01-04T22:00:00.000Z",
        "lastSuccess": "2026-01-04T23:00:00.000Z", "nextPoll": "2026-01-05T01:00:00.000Z",
        "entriesPerDay": 1.5, "host": "f.example", "url": "https://f.example/x?token=***",
        "name": "https://f.example/x?token=***", "tags": ["a"],
    }  # fmt: skip
    paused = orjson.loads(as_json(known(NEVER_MS, Pause(NOW, "loud"))))
    assert (paused["note"], "nextPoll" in paused, "reason" in paused) == ("loud", False, False)


def test_an_export_with_state_is_read_again() -> None:
    """The list that comes back wants the same feeds; the state stands beside them."""
    feeds = [
        failing(2),
        known(NEVER_MS, Pause(NOW, '<"&\x1b'), id="f2", url="https://b.example/", name="B"),
    ]
    export = OpmlExport()
    for one in feeds:
        export.add(one.config, attributes(one))
    document = export.document()
    assert b'newswire:state="failing" newswire:reason="server_error"' in document
    assert b'newswire:state="paused" newswire:note="&lt;&quot;&amp;' in document
    back = parse_list(document, name="list")
    assert [f.url for f in back.feeds] == [k.config.url for k in feeds]
    assert not back.warnings


async def test_a_hundred_thousand_feeds_fit() -> None:
    """What is held of a feed until all are sorted is its line, not its state."""

    async def feeds(count: int) -> AsyncIterator[Known]:
        for number in range(count):
            yield failing(2, id=f"feed-{number}", name=f"The Courier of town {number}")

    held = []
    for count in (500, 2_500):
        tracemalloc.start()
        with redirect_stdout(_Sink()), redirect_stderr(io.StringIO()):
            await _print_rows(feeds(count), NOW, json=False)
        held.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert (held[1] - held[0]) / 2_000 < 500


class _Sink(io.TextIOWrapper):
    """A standard output that keeps nothing."""

    def __init__(self) -> None:
        super().__init__(io.BufferedWriter(_Nothing()), encoding="utf-8")


class _Nothing(io.RawIOBase):
    def writable(self) -> bool:
        return True

    def write(self, data: Any) -> int:
        return len(data)
