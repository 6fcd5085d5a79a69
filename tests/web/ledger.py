"""What a ledger of requests says of the manners of those who asked. Pure."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import NamedTuple

UNDER_WAY_S = 1.0
"""A request may have been on its way when the host refused another one, and a busy machine is slow to hear of
the refusal."""


class Asked(NamedTuple):
    """One request. Times in epoch seconds; ``not_before`` is 0 where the host asked for no rest."""

    start_s: float
    end_s: float
    host: str
    path: str
    status: int
    not_before_s: float


def decode(raw: bytes) -> list[Asked]:
    """Read what ``/_ledger`` sends."""
    return [Asked(*row) for row in json.loads(raw)]


def by_host(ledger: Iterable[Asked]) -> dict[str, list[Asked]]:
    """The requests of each host in order."""
    found: dict[str, list[Asked]] = defaultdict(list)
    for asked in sorted(ledger):
        found[asked.host].append(asked)
    return dict(found)


def most_within(requests: Sequence[Asked], seconds: float) -> int:
    """The most requests of one host that began within so many seconds, wherever these begin."""
    most = first = 0
    for last, asked in enumerate(requests):
        while asked.start_s - requests[first].start_s > seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def most_at_once(requests: Sequence[Asked]) -> int:
    """The most requests of one host that were under way at the same time."""
    steps = sorted(
        [(a.start_s, 1) for a in requests] + [(a.end_s or a.start_s, -1) for a in requests]
    )
    most = now = 0
    for _, step in steps:
        now += step
        most = max(most, now)
    return most


def too_early(requests: Sequence[Asked]) -> int:
    """Requests to a host, of any feed, before the time until which it had asked for rest."""
    refusals = [(a.end_s + UNDER_WAY_S, a.not_before_s) for a in requests if a.not_before_s]
    return sum(any(since < a.start_s < until for since, until in refusals) for a in requests)


def share(values: Sequence[float], part: float) -> float:
    """The value at a part of the sorted values, such as 0.95."""
    return values[min(len(values) - 1, int(len(values) * part))]
