"""A large list is read in a process of its own, and that changes nothing of what is read."""

from __future__ import annotations

import pytest

from workers.errors import FeedListError
from workers.feedlist import apart
from workers.feedlist.comparison import BATCH, Batch
from workers.model import FeedConfig

COUNT = BATCH + 10
LARGE = "".join(f"https://h{n}.example/a/feed.xml\n" for n in range(COUNT)).encode()


async def _all(data: bytes, configured: list[FeedConfig]) -> list[Batch]:
    compared = await apart.look(data, "list")
    try:
        await compared.see(configured)
        plan = await compared.plan(force=True)
        batches = []
        while (batch := await compared.take()).changes or batch.removals:
            batches.append(batch)
        assert plan.added + plan.changed == sum(len(b.changes) for b in batches)
        return batches
    finally:
        await compared.aclose()


async def test_a_process_plans_what_would_be_planned_here(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same batches in the same order, additions before removals, each of at most ``BATCH``."""
    stray = [FeedConfig("stray", "https://s.example/")]
    there = await _all(LARGE, stray)
    monkeypatch.setattr(apart, "INLINE_MAX_BYTES", len(LARGE))
    assert await _all(LARGE, stray) == there
    assert [len(b.changes) for b in there] == [BATCH, 10, 0]
    assert there[-1].removals == ["stray"]


async def test_a_large_list_that_cannot_be_read_says_why() -> None:
    """The error comes back with its line, as that of a small one."""
    with pytest.raises(FeedListError, match=f"line {COUNT + 1}: not an address"):
        await apart.look(LARGE + b"nonsense\n", "list")


async def test_a_process_that_ends_is_told_of() -> None:
    """Whoever waits for it is not left waiting."""
    compared = await apart.look(LARGE, "list")
    await compared.aclose()
    with pytest.raises(apart.ListProcessError):
        await compared.plan(force=False)
