"""Places for large documents: how many there are, and that each is given back."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack

import pytest

from workers.http.room import (
    LARGE_DOCUMENT,
    LARGE_WIRE,
    READ_MOST,
    SMALL,
    TOGETHER,
    WORK_MOST,
    Place,
    Room,
)


async def _blocks(wait: asyncio.Task[None]) -> bool:
    for _ in range(5):
        await asyncio.sleep(0)
    return not wait.done()


@pytest.mark.parametrize(("kind", "most"), [("read", READ_MOST), ("work", WORK_MOST)])
async def test_there_are_so_many_places_and_no_more(kind: str, most: int) -> None:
    """The next waits until one is given back, and whoever waits says so."""
    room = Room()
    async with room.place() as late:
        async with AsyncExitStack() as stack:
            for _ in range(most):
                await getattr(await stack.enter_async_context(room.place()), kind)()
            waits = asyncio.create_task(getattr(late, kind)())
            assert await _blocks(waits)
            assert late.waiting
        await waits
        assert not late.waiting


async def test_a_place_is_taken_once() -> None:
    """Asking again costs nothing, and the end of a block gives back all that was taken in it."""
    room = Room()
    for _ in range(3):
        async with AsyncExitStack() as stack:
            for _ in range(WORK_MOST):
                place = await stack.enter_async_context(room.place())
                for _ in range(3):
                    await place.read()
                for _ in range(3):
                    await place.work()


async def test_a_document_that_is_worked_on_is_read_no_more() -> None:
    """A place to work gives the place to read to the next."""
    room = Room()
    async with AsyncExitStack() as stack:
        for _ in range(READ_MOST - 1):
            await (await stack.enter_async_context(room.place())).read()
        place = await stack.enter_async_context(room.place())
        await place.read()
        await place.work()
        await (await stack.enter_async_context(room.place())).read()


async def test_who_gave_up_waiting_holds_nothing() -> None:
    """A wait that was cut off takes no place, then or later."""
    room = Room()
    async with AsyncExitStack() as full:
        for _ in range(WORK_MOST):
            await (await full.enter_async_context(room.place())).work()
        async with room.place() as place:
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01):
                    await place.work()
            assert place.waiting
    async with AsyncExitStack() as stack:
        for _ in range(WORK_MOST):
            await (await stack.enter_async_context(room.place())).work()


async def test_bodies_that_are_too_much_together_need_places() -> None:
    """While all bodies without places come to more than TOGETHER, each over SMALL waits for a place."""
    room = Room()
    async with AsyncExitStack() as stack:
        for _ in range(TOGETHER // LARGE_WIRE):
            place = await stack.enter_async_context(room.place())
            assert await place.reading(LARGE_WIRE) == 0.0
            assert not place.reads
        for _ in range(READ_MOST):
            place = await stack.enter_async_context(room.place())
            await place.reading(SMALL + 1)
            assert place.reads
        late = await stack.enter_async_context(room.place())
        assert await _blocks(asyncio.create_task(_read(late)))
    assert not room.is_full
    async with room.place() as place:
        await place.reading(SMALL + 1)
        await place.working(SMALL + 1, LARGE_DOCUMENT)
        assert not place.reads


async def _read(place: Place) -> None:
    await place.reading(SMALL + 1)


async def test_what_has_a_place_counts_no_more() -> None:
    """A body that gets a place leaves its bytes to others, once."""
    room = Room()
    async with room.place() as place:
        await place.reading(TOGETHER + 1)  # larger than any body is without a place
        assert not room.is_full
        await place.working(TOGETHER + 1, LARGE_DOCUMENT + 1)
        assert not room.is_full
    assert not room.is_full
