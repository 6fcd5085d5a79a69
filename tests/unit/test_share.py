"""The loop's time is shared between documents, and with everything else."""

from __future__ import annotations

import asyncio
from collections.abc import Generator
from itertools import pairwise

import pytest

from workers.fetcher import share as module
from workers.fetcher.share import SLICE_S, SLICES, LoopShare


class Cpu:
    """What the loop's thread has worked, set by hand."""

    def __init__(self) -> None:
        self.used = 100.0

    def thread_time(self) -> float:
        """As in ``time``."""
        return self.used


@pytest.fixture
def cpu(monkeypatch: pytest.MonkeyPatch) -> Cpu:
    """The clock of the share's module."""
    clock = Cpu()
    monkeypatch.setattr(module, "time", clock)
    return clock


def work(
    cpu: Cpu, done: list[str], name: str, steps: int, each_s: float
) -> Generator[None, None, str]:
    """A computation of so many steps, which returns its name."""
    for _ in range(steps):
        cpu.used += each_s
        done.append(name)
        yield
    return name


async def look(done: list[str], seen: list[int]) -> None:
    """Until cancelled: note how much has been done at each turn of the loop."""
    while True:
        seen.append(len(done))
        await asyncio.sleep(0)


@pytest.mark.parametrize("documents", [1, 60])
async def test_documents_use_a_slice_in_a_turn_of_the_loop(cpu: Cpu, documents: int) -> None:
    """However many documents are read at once, a turn of the loop has one slice of work and a step more."""
    share, done, seen = LoopShare(), list[str](), list[int]()
    looking = asyncio.create_task(look(done, seen))
    names = [str(n) for n in range(documents)]
    steps = [work(cpu, done, name, 40, SLICE_S / 4) for name in names]
    assert await asyncio.gather(*(share.through(s) for s in steps)) == names
    assert len(done) == 40 * documents
    looking.cancel()
    assert max(b - a for a, b in pairwise(seen)) <= 5


async def test_a_long_document_lets_short_ones_pass(cpu: Cpu) -> None:
    """What came later and needs little does not wait for the end of what needs much."""
    share, done = LoopShare(), list[str]()
    long = asyncio.create_task(share.through(work(cpu, done, "long", 1_000, SLICE_S)))
    await asyncio.sleep(0)
    await share.through(work(cpu, done, "short", 3, SLICE_S))
    assert done.count("long") <= 2 * SLICES
    assert await long == "long"


async def test_a_document_that_fails_or_is_given_up_holds_nobody_up(cpu: Cpu) -> None:
    """The line goes on behind what raised or was cancelled."""
    share, done = LoopShare(), list[str]()

    def failing() -> Generator[None, None, None]:
        yield
        raise ZeroDivisionError

    given_up = asyncio.create_task(share.through(work(cpu, done, "a", 1_000, SLICE_S)))
    failed = asyncio.create_task(share.through(failing()))
    await asyncio.sleep(0)
    given_up.cancel()
    with pytest.raises(ZeroDivisionError):
        await failed
    with pytest.raises(asyncio.CancelledError):
        await given_up
    assert await share.through(work(cpu, done, "b", 3, SLICE_S)) == "b"
    await share.turn()
