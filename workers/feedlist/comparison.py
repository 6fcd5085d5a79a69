"""A list that was read, against what is configured: what there is to write, batch by batch; pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from typing import TypeVar

import msgspec

from workers.feedlist.formats import parse_list
from workers.feedlist.plan import Change, Difference
from workers.model import FeedConfig

BATCH = 4_000
"""Feeds that are written at once: a worker that polls as fast as it can has few turns to write in."""

_T = TypeVar("_T")


class Read(msgspec.Struct, frozen=True):
    """A list that was read whole: how many feeds it holds, how many of them disabled, what to tell people.
    ``error``: why it cannot be read whole, else empty."""

    feeds: int = 0
    disabled: int = 0
    warnings: tuple[str, ...] = ()
    error: str = ""


class Planned(msgspec.Struct, frozen=True):
    """How many feeds there are to add, change and remove; ``refused`` as in ``plan.Plan``."""

    added: int = 0
    changed: int = 0
    removed: int = 0
    unchanged: int = 0
    refused: str = ""


class Batch(msgspec.Struct, frozen=True):
    """Feeds to write, or ids of feeds to remove; neither: that was all."""

    changes: list[Change] = []
    removals: list[str] = []


class Comparison:
    """One list, read and compared once.

    Args:
        data: the list's bytes.
        name: what errors call it.

    Raises:
        FeedListError: the list cannot be read whole.
    """

    def __init__(self, data: bytes, name: str) -> None:
        listed = parse_list(data, name=name)
        disabled = sum(not feed.enabled for feed in listed.feeds)
        self.read = Read(len(listed.feeds), disabled, listed.warnings)
        self._difference = Difference(listed.feeds)
        self._batches: Iterator[Batch] = iter(())

    def see(self, configured: Iterable[FeedConfig]) -> None:
        """Take in feeds that are configured, each at least once, in any order."""
        self._difference.see(configured)

    def plan(self, *, force: bool) -> Planned:
        """What there is to do, once all that is configured was seen. ``force`` refuses nothing."""
        plan = self._difference.plan(force=force)
        changes = (Batch(changes=part) for part in _parts([*plan.add, *plan.change]))
        removals = (Batch(removals=part) for part in _parts(plan.remove))
        self._batches = (batch for kind in (changes, removals) for batch in kind)
        numbers = len(plan.add), len(plan.change), len(plan.remove)
        return Planned(*numbers, plan.unchanged, plan.refused)

    def take(self) -> Batch:
        """The next batch of the plan, those that are due first before others."""
        return next(self._batches, Batch())


def _parts(items: Sequence[_T]) -> Iterator[list[_T]]:
    rest = iter(items)
    while part := list(islice(rest, BATCH)):
        yield part
