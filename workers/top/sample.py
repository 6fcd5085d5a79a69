"""What one look at the workers and at Redis gave, and what two looks say together. Pure."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from itertools import pairwise
from typing import NamedTuple

from prometheus_client.parser import text_string_to_metric_families

from workers.model import DEFERRED, SUCCESS

WINDOW_S = 60.0
_WANTED = ("newswire_", "process_")


class Worker(NamedTuple):
    """One worker's metrics: ``values`` by name, for those with a label by ``name label``; ``problem`` when it
    did not answer."""

    address: str
    values: Mapping[str, float]
    problem: str = ""


class Instance(NamedTuple):
    """What Redis says of the instance. Times in ms, sizes in bytes; ``resting``: hosts and for how long."""

    feeds: int = 0
    late_ms: int = 0
    events: int = 0
    bytes: int = 0
    age_ms: int = 0
    resting: Sequence[tuple[str, int]] = ()
    used: int = 0
    most: int = 0
    problem: str = ""


class Sample(NamedTuple):
    """One look. ``at_s`` by a clock that never goes back."""

    at_s: float
    workers: Sequence[Worker]
    instance: Instance


def parse_metrics(text: str) -> dict[str, float]:
    """Values of the Prometheus text format by name and, where there is one, the value of its one label.

    Raises:
        ValueError: it is not that format.
    """
    found: dict[str, float] = {}
    for family in text_string_to_metric_families(text):
        for sample in family.samples:
            if sample.name.startswith(_WANTED):
                label = next(iter(sample.labels.values()), "")
                found[f"{sample.name} {label}".rstrip()] = sample.value
    return found


class History:
    """The looks of the last minute."""

    def __init__(self) -> None:
        self._samples: deque[Sample] = deque()

    def add(self, sample: Sample) -> None:
        """Take in a look; those that are older than the window go."""
        self._samples.append(sample)
        while sample.at_s - self._samples[0].at_s > WINDOW_S:
            self._samples.popleft()

    @property
    def last(self) -> Sample:
        """The newest look; there must be one."""
        return self._samples[-1]

    @property
    def span_s(self) -> float:
        """How long the looks go back, at least a moment."""
        return max(self.last.at_s - self._samples[0].at_s, 1e-3)

    def grown(self, prefix: str, address: str = "") -> dict[str, float]:
        """By how much each counter ``<prefix> <label>`` grew, of all workers or of one.

        A worker that restarted begins at 0 again: what it has since is what it grew by.
        """
        grown: dict[str, float] = {}
        for before, after in pairwise(self._samples):
            old = {w.address: w.values for w in before.workers if w.values}
            for worker in after.workers:
                if worker.address not in old or address not in ("", worker.address):
                    continue
                for name, value in worker.values.items():
                    if name == prefix or name.startswith(f"{prefix} "):
                        was = old[worker.address].get(name, 0.0)
                        label = name[len(prefix) + 1 :]
                        more = value - was if value >= was else value
                        grown[label] = grown.get(label, 0.0) + more
        return grown

    def rate(self, prefix: str, label: str | None = None, address: str = "") -> float:
        """How fast counters grow a second: those of a label, or all together."""
        grown = self.grown(prefix, address)
        total = sum(grown.values()) if label is None else grown.get(label, 0.0)
        return total / self.span_s


def is_failure(reason: str) -> bool:
    """Whether polls that end so are failures of the feed."""
    return reason not in SUCCESS and reason not in DEFERRED


def quantile(grown: Mapping[str, float], share: float) -> float | None:
    """The bound below which ``share`` of a histogram's observations lie; None without any.

    Args:
        grown: how much each bucket grew, by its upper bound (``+Inf`` for the last).
    """
    buckets = sorted((float(bound), count) for bound, count in grown.items() if bound)
    if not buckets or buckets[-1][1] <= 0:
        return None
    wanted = share * buckets[-1][1]
    return next((bound for bound, count in buckets if count >= wanted), buckets[-1][0])


def most_of(workers: Iterable[Worker], name: str) -> dict[str, float]:
    """A gauge of the whole instance by its label: each worker may tell it, or only one of them."""
    found: dict[str, float] = {}
    for worker in workers:
        for key, value in worker.values.items():
            if key.startswith(f"{name} "):
                label = key[len(name) + 1 :]
                found[label] = max(found.get(label, 0.0), value)
    return found


def total(workers: Iterable[Worker], name: str) -> float:
    """The sum of a gauge over all workers that answer."""
    return sum(worker.values.get(name, 0.0) for worker in workers)
