"""How many polls run at once: the busy ones are few, and those that wait do not count."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import Any

import pytest

from workers.fetcher import slots as module
from workers.fetcher.slots import LATE_S, SLOW_S, Slots


class Timers:
    """A loop's timers and the clock, turned by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self._set: list[tuple[float, Any, Any]] = []
        monkeypatch.setattr(module.asyncio, "get_running_loop", lambda: self)
        monkeypatch.setattr(module.time, "monotonic", lambda: self.now)

    def call_later(self, delay: float, call: Any) -> Any:
        """As of a loop."""
        handle = asyncio.TimerHandle(self.now + delay, call, (), self)  # type: ignore[arg-type]
        self._set.append((self.now + delay, call, handle))
        return handle

    def get_debug(self) -> bool:
        """As of a loop."""
        return False

    def _timer_handle_cancelled(self, _: Any) -> None:
        pass

    def pass_by(self, seconds: float) -> None:
        """What is due by then is called, then and not before."""
        self.now += seconds
        due = [row for row in self._set if row[0] <= self.now]
        self._set = [row for row in self._set if row[0] > self.now]
        for _, call, handle in due:
            if not handle.cancelled():
                call()


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    """Timers that a test turns."""
    return Timers(monkeypatch)


def test_polls_that_wait_for_long_give_their_places_to_others(timers: Timers) -> None:
    """A poll counts at first, not while it waits for long, and again when it has what it waited for."""
    slots = Slots(4)
    with slots.slot() as slot:
        with slot.waiting():
            assert slots.free(1) == 3
            timers.pass_by(SLOW_S)
            assert (slots.free(1), slots.slow) == (4, 1)
        assert (slots.free(1), slots.slow) == (3, 0)
    assert slots.free(0) == 4


def test_a_short_wait_changes_nothing(timers: Timers) -> None:
    """Who was done in time counts all along, and no timer is left that says otherwise."""
    slots = Slots(4)
    with slots.slot() as slot:
        with slot.waiting():
            timers.pass_by(SLOW_S / 2)
        timers.pass_by(SLOW_S)
        assert (slots.free(1), slots.slow) == (3, 0)


def test_only_so_many_are_set_aside(timers: Timers) -> None:
    """With as many aside as may be, the next keeps its place until one of them has ended."""
    slots = Slots(4, 2)
    with ExitStack() as others, ExitStack() as first:
        first.enter_context(first.enter_context(slots.slot()).waiting())
        for _ in range(2):
            others.enter_context(others.enter_context(slots.slot()).waiting())
        timers.pass_by(SLOW_S)
        assert (slots.free(3), slots.slow) == (3, 2)
        first.close()
        timers.pass_by(SLOW_S)
        assert (slots.free(2), slots.slow) == (4, 2)


def test_a_busy_worker_blames_no_server(timers: Timers) -> None:
    """While the loop is late, what waits may have its answer already: it counts on."""
    slots = Slots(4)
    with slots.slot() as slot, slot.waiting():
        timers.pass_by(SLOW_S + 2 * LATE_S)
        assert slots.slow == 0
        timers.pass_by(SLOW_S)
        assert slots.slow == 1


def test_those_that_come_back_leave_places_to_others(timers: Timers) -> None:
    """When many slow servers answer at once, a quarter of the places stays free for other feeds."""
    slots = Slots(4)
    with ExitStack() as stack:
        slow = [stack.enter_context(slots.slot()) for _ in range(20)]
        with ExitStack() as waits:
            for slot in slow:
                waits.enter_context(slot.waiting())
            timers.pass_by(SLOW_S)
            assert (slots.free(20), slots.slow) == (4, 20)
        assert (slots.free(20), slots.back) == (1, 20)
        assert slots.free(21) == 0
    assert (slots.free(0), slots.back) == (4, 0)
