"""How many polls run at once: the busy ones are few, and those that wait do not count."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import AsyncExitStack
from types import SimpleNamespace

import pytest

from workers.fetcher import slots as module
from workers.fetcher.slots import LATE_S, SLOW_S, Slots


class Timers:
    """The clock and a loop's timers, turned by hand."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now = 0.0
        self._set: list[tuple[float, Callable[[], None], SimpleNamespace]] = []
        loop = SimpleNamespace(call_later=self._call_later)
        fake = SimpleNamespace(get_running_loop=lambda: loop, Semaphore=asyncio.Semaphore)
        monkeypatch.setattr(module, "asyncio", fake)
        monkeypatch.setattr(module, "time", SimpleNamespace(monotonic=lambda: self.now))

    def _call_later(self, delay: float, call: Callable[[], None]) -> SimpleNamespace:
        handle = SimpleNamespace(on=True)
        handle.cancel = lambda: setattr(handle, "on", False)
        self._set.append((self.now + delay, call, handle))
        return handle

    def pass_by(self, seconds: float) -> None:
        """What is due by then is called, then and not before."""
        self.now += seconds
        due = [row for row in self._set if row[0] <= self.now]
        self._set = [row for row in self._set if row[0] > self.now]
        for _, call, handle in due:
            if handle.on:
                call()


@pytest.fixture
def timers(monkeypatch: pytest.MonkeyPatch) -> Timers:
    """Timers that a test turns."""
    return Timers(monkeypatch)


async def test_polls_that_wait_for_long_give_their_places_to_others(timers: Timers) -> None:
    """A poll counts at first, not while it waits for long, and again when it has what it waited for."""
    slots = Slots(4)
    with slots.slot() as slot:
        async with slot.waiting():
            assert slots.free(1) == 3
            timers.pass_by(SLOW_S)
            assert slots.free(1) == 4
        assert slots.free(1) == 3
    assert slots.free(0) == 4


async def test_a_short_wait_changes_nothing(timers: Timers) -> None:
    """Who was done in time counts all along, and no timer is left that says otherwise."""
    slots = Slots(4)
    with slots.slot() as slot:
        async with slot.waiting():
            timers.pass_by(SLOW_S / 2)
        timers.pass_by(SLOW_S)
        assert slots.free(1) == 3


async def test_only_so_many_are_set_aside(timers: Timers) -> None:
    """With as many aside as may be, the next keeps its place until one of them is done."""
    slots = Slots(4, 2)
    async with AsyncExitStack() as others, AsyncExitStack() as first:
        await first.enter_async_context(first.enter_context(slots.slot()).waiting())
        for _ in range(2):
            await others.enter_async_context(others.enter_context(slots.slot()).waiting())
        timers.pass_by(SLOW_S)
        assert (slots.free(3), slots.slow) == (3, 2)
        await first.aclose()
        timers.pass_by(SLOW_S)
        assert (slots.free(2), slots.slow) == (4, 2)


async def test_a_busy_worker_blames_no_server(timers: Timers) -> None:
    """While the loop is late, what waits may have its answer already: it counts on."""
    slots = Slots(4)
    with slots.slot() as slot:
        async with slot.waiting():
            timers.pass_by(SLOW_S + 2 * LATE_S)
            assert slots.slow == 0
            timers.pass_by(SLOW_S)
            assert slots.slow == 1


async def test_those_that_come_back_leave_places_to_others(timers: Timers) -> None:
    """When many slow servers answer at once, three of four places are theirs, in turn, and no more."""
    slots = Slots(4)
    answered, finish = asyncio.Event(), asyncio.Event()
    done: list[int] = []

    async def poll(number: int) -> None:
        with slots.slot() as slot:
            async with slot.waiting():
                await answered.wait()
            done.append(number)
            await finish.wait()

    polls = [asyncio.create_task(poll(n)) for n in range(20)]
    await asyncio.sleep(0)
    timers.pass_by(SLOW_S)
    assert (slots.free(20), slots.slow) == (4, 20)
    answered.set()
    for _ in range(5):
        await asyncio.sleep(0)
    assert (slots.free(20), done) == (1, [0, 1, 2])
    polls[3].cancel()
    finish.set()
    await asyncio.gather(*polls, return_exceptions=True)
    assert done == [n for n in range(20) if n != 3]
    assert (slots.free(0), slots.slow) == (4, 0)


async def test_a_wait_that_fails_needs_no_place(timers: Timers) -> None:
    """A poll that ends with its wait, for whatever reason, is forgotten."""
    slots = Slots(1)
    for _ in range(3):
        with pytest.raises(TimeoutError), slots.slot() as slot:
            async with slot.waiting():
                timers.pass_by(SLOW_S)
                raise TimeoutError
    assert (slots.free(0), slots.slow) == (1, 0)
