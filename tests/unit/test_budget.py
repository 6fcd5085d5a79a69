"""A budget of polls an hour, shared out among feeds of different pace."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from workers.errors import StoreError
from workers.fetcher.budget import Budget, Pace, polls_per_hour, stretch_for
from workers.fetcher.clock import Clock
from workers.fetcher.schedule import Bounds
from workers.model import FeedConfig, FeedState

BOUNDS = Bounds(300.0, 86_400.0)
paces = st.lists(
    st.tuples(st.floats(1, 1e6), st.floats(1, 1e4), st.floats(1, 100)).map(
        lambda t: Pace(t[0], t[1], t[1] * t[2])
    ),
    min_size=1,
    max_size=50,
)


@given(paces, st.floats(0.01, 1e5))
def test_polls_come_to_the_budget_as_far_as_the_bounds_allow(
    found: list[Pace], budget: float
) -> None:
    """The factor gives the budget, or the most or least that the feeds' bounds allow."""
    got = polls_per_hour(found, stretch_for(found, budget))
    least = polls_per_hour(found, 65_536)
    most = polls_per_hour(found, 1 / 64)
    assert got == pytest.approx(min(max(budget, least), most), rel=0.01)


class Feeds:
    """A Redis that holds these feeds, of which only some are looked at."""

    def __init__(self, rates: Sequence[float], looked_at: int, error: bool = False) -> None:
        self.rates, self.looked_at, self.error = rates, looked_at, error

    async def sample(self, most: int) -> tuple[int, Sequence[tuple[FeedConfig, FeedState]]]:
        """Every so many of the feeds."""
        if self.error:
            raise StoreError("down", "down")
        step = len(self.rates) // self.looked_at
        config = FeedConfig("f", "http://f.example/")
        return len(self.rates), [(config, FeedState(rate=r)) for r in self.rates[::step]]


async def test_a_sample_stands_for_all_feeds() -> None:
    """A tenth of the feeds gives the factor that all of them give."""
    rates = [0.1 * 1.01**n for n in range(1_000)]
    found = []
    for looked_at in (1_000, 100):
        budget = Budget(Feeds(rates, looked_at).sample, Clock(), BOUNDS, 500)
        await budget.look()
        found.append(budget.stretch())
    assert found[0] > 1
    assert found[1] == pytest.approx(found[0], rel=0.05)


async def test_without_a_budget_nothing_is_stretched() -> None:
    """No budget, no look at Redis."""
    budget = Budget(Feeds([1.0], 1, error=True).sample, Clock(), BOUNDS, 0)
    await budget.run()
    assert budget.stretch() == 1.0


async def test_a_failing_redis_leaves_the_factor_as_it_was() -> None:
    """The last factor holds until the feeds can be seen again."""
    store = Feeds([100.0] * 10, 10)
    budget = Budget(store.sample, Clock(), BOUNDS, 1)
    await budget.look()
    before = budget.stretch()
    store.error = True
    task = asyncio.create_task(budget.run())
    await asyncio.sleep(0)
    assert not task.done()
    assert budget.stretch() == before > 1
    task.cancel()
