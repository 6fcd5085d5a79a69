"""A poll that meets a bug of ours: one feed's trouble, and one result."""

from __future__ import annotations

from typing import Any, cast

import pytest

from workers import logs
from workers.fetcher.clock import Clock
from workers.fetcher.document import PollSettings
from workers.fetcher.gate import HostGate
from workers.fetcher.network import Network
from workers.fetcher.parse import Parser
from workers.fetcher.poll import Poller
from workers.fetcher.schedule import Bounds
from workers.fetcher.slots import Slots
from workers.http.fetch import Fetcher
from workers.model import Claim, FeedConfig, FeedState
from workers.store.store import Store

CLAIM = Claim("f", 0, "t", 0, 0, FeedConfig("f", "http://a.example/"), FeedState())


class _Broken:
    """Whatever is asked of it is a bug; of a store also the end of a poll."""

    lease_ms = 90_000

    def __init__(self, *, writes: bool = True) -> None:
        self.committed = 0
        self._writes = writes

    async def enter(self, *_: Any, **__: Any) -> bool:
        raise AttributeError("no such thing")

    async def commit(self, *_: Any) -> None:
        if not self._writes:
            raise AttributeError("no such thing either")
        self.committed += 1


@pytest.mark.parametrize("writes", [True, False])
async def test_a_bug_is_told_once_and_the_poll_has_a_result(writes: bool) -> None:
    """Also when the poll cannot be ended for the same reason, as with a state that nothing can read."""
    broken, bugs = _Broken(writes=writes), list[BaseException]()
    poller = Poller(
        settings=PollSettings("test", Bounds(300, 86_400), "all", "full", 1_000, 60),
        store=cast(Store, broken),
        fetcher=cast(Fetcher, broken),
        parser=Parser(),
        gate=cast(HostGate, broken),
        network=Network(logs.get()),
        clock=Clock(),
        credentials=str,
        on_bug=lambda _, error: bugs.append(error),
        on_committed=lambda *_: None,
        stretch=lambda: 1.0,
        slots=Slots(1),
    )
    result = await poller.poll(CLAIM)
    assert result.reason == "internal_error"
    assert [str(bug) for bug in bugs] == ["no such thing"]
    assert broken.committed == writes
