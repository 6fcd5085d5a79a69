"""What `/metrics` shows. Labels come from closed sets: no feed, host or URL ever becomes one."""

from __future__ import annotations

from collections import Counter as Counts
from collections.abc import Iterable, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from typing import Literal, get_args

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from workers.explain import STATES
from workers.model import PollResult, Reason
from workers.ops.ring import DELAYS

MetricName = Literal[
    # counters of this worker
    "newswire_polls_total",  # by reason
    "newswire_fetched_bytes_total",  # on the wire
    "newswire_articles_total",  # by kind: new, updated
    "newswire_published_total",  # events committed to Kafka, by topic
    "newswire_transactions_total",  # committed
    "newswire_publisher_failures_total",  # by kind
    "newswire_store_errors_total",  # by reason: rounds of claims that Redis refused
    "newswire_host_rests_total",  # by kind: strict (429), busy (503)
    # histograms of this worker
    "newswire_poll_seconds",  # fetch, parse and commit of one poll
    "newswire_publish_delay_seconds",  # from an event's admission to its commit
    "newswire_loop_lag_seconds",  # the event loop's longest stop in each quarter second
    # gauges of this worker
    "newswire_polls_in_flight",
    "newswire_publishers",  # shards by what this worker's publisher of them does
    "newswire_ready",  # 1 or 0
    "newswire_outbox_limit_bytes",  # NEWSWIRE_OUTBOX_MAX_BYTES: polling pauses there
    "newswire_build_info",  # by version
    # gauges of the whole instance, the same on every worker: take max(), not sum()
    "newswire_feeds",  # listed
    "newswire_feeds_due",
    "newswire_feeds_in_state",  # by state; counted once a minute, by one worker for all
    "newswire_feeds_failing",  # by reason of the last poll; counted with them
    "newswire_oldest_due_seconds",  # how late the most overdue feed is
    "newswire_outbox_events",
    "newswire_outbox_bytes",
    "newswire_outbox_age_seconds",  # of the oldest unpublished event
    "newswire_workers",  # alive
]
"""Every metric of ours; beside them the process metrics of prometheus_client."""

InstanceGauge = Literal[
    "feeds",
    "feeds_due",
    "oldest_due_seconds",
    "outbox_events",
    "outbox_bytes",
    "outbox_age_seconds",
    "workers",
]
Topic = Literal["articles", "feeds", "dead-letters"]
Failure = Literal["broker", "fenced", "hung", "regressed", "store"]
RestKind = Literal["strict", "busy"]
PublisherState = Literal[
    "waiting", "standby", "starting", "healing", "publishing", "idle", "undurable", "ended"
]
StoreReason = Literal["down", "loading", "full", "read_only", "disk", "timeout", "error"]

_COUNTED: Mapping[str, tuple[str, str, Sequence[str]]] = {
    "polls": ("Polls that ended.", "reason", get_args(Reason)),
    "articles": ("Articles found.", "kind", ("new", "updated")),
    "published": ("Events committed to Kafka.", "topic", get_args(Topic)),
    "publisher_failures": ("Ends of a shard's publisher.", "kind", get_args(Failure)),
    "host_rests": ("Refusals that gave a host rest.", "kind", get_args(RestKind)),
    "store_errors": ("Failed calls to Redis.", "reason", get_args(StoreReason)),
}
"""Counters with a label: what they count, the label, and its values."""
_INSTANCE: Mapping[InstanceGauge, str] = {
    "feeds": "Listed feeds of the instance.",
    "feeds_due": "Feeds of the instance that are due now.",
    "oldest_due_seconds": "How late the most overdue feed of the instance is.",
    "outbox_events": "Unpublished events of the instance.",
    "outbox_bytes": "Their size.",
    "outbox_age_seconds": "Age of the oldest of them.",
    "workers": "Workers of the instance that are alive.",
}
_POLLS = (0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60)
_LAGS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5)


class Metrics:
    """The counters of one worker, with a registry of their own. Safe to call from any thread."""

    def __init__(self) -> None:
        # Else each counter has a second series, which nobody reads.
        disable_created_metrics()  # type: ignore[no-untyped-call]
        self.registry = CollectorRegistry()
        self._polls = self._labelled("polls")
        self._articles = self._labelled("articles")
        self._published = self._labelled("published")
        self._failures = self._labelled("publisher_failures")
        self._rests = self._labelled("host_rests")
        self._store_errors = self._labelled("store_errors")
        self._transactions = Counter(
            "newswire_transactions", "Kafka transactions committed.", registry=self.registry
        )
        self._bytes = Counter(
            "newswire_fetched_bytes", "Bytes read on the wire.", registry=self.registry
        )
        self._poll_seconds = self._histogram("poll_seconds", "Duration of a poll.", _POLLS)
        self._delay = self._histogram(
            "publish_delay_seconds", "From an event's admission to its commit in Kafka.", DELAYS
        )
        self._lag = self._histogram(
            "loop_lag_seconds", "The event loop's longest stop in each quarter second.", _LAGS
        )
        self.in_flight = self._gauge("polls_in_flight", "Polls under way.")
        self.ready = self._gauge("ready", "1 when /readyz says so.")
        self.outbox_limit = self._gauge("outbox_limit_bytes", "Where polling pauses.")
        self._publishers = self._states(
            "publishers",
            "Shards by what this worker's publisher does.",
            "state",
            get_args(PublisherState),
        )
        self._feeds = self._states(
            "feeds_in_state", "Feeds of the instance by state.", "state", STATES
        )
        self._failing = self._states(
            "feeds_failing", "Failing feeds of the instance by reason.", "reason", get_args(Reason)
        )
        self._instance = {name: self._gauge(name, doc) for name, doc in _INSTANCE.items()}
        build = Gauge(
            "newswire_build_info", "The running version.", ["version"], registry=self.registry
        )
        build.labels(release()).set(1)
        ProcessCollector(registry=self.registry)

    def polled(self, result: PollResult) -> None:
        """Count one poll."""
        self._polls[result.reason].inc()
        self._poll_seconds.observe(result.elapsed_ms / 1000)
        if result.bytes:
            self._bytes.inc(result.bytes)
        if result.new:
            self._articles["new"].inc(result.new)
        if result.changed:
            self._articles["updated"].inc(result.changed)

    def put_off(self, count: int) -> None:
        """Count feeds that went to their hosts' lines without a poll."""
        self._polls["host_busy"].inc(count)

    def published(self, topic: Topic, delays_s: Iterable[float]) -> None:
        """Count committed events by the seconds from their admission to their commit."""
        count = 0
        for count, delay in enumerate(delays_s, 1):  # noqa: B007 - the last count is the total
            self._delay.observe(max(0.0, delay))
        self._published[topic].inc(count)

    def transaction(self) -> None:
        """Count one committed Kafka transaction."""
        self._transactions.inc()

    def publisher_failed(self, kind: Failure) -> None:
        """Count the end of a shard's publisher that was not asked for."""
        self._failures[kind].inc()

    def publishers(self, states: Iterable[str]) -> None:
        """Set what the shards' publishers do, one state a shard."""
        _set(self._publishers, Counts(states))

    def rested(self, kind: RestKind) -> None:
        """Count one refusal that keeps all workers off a host for a while."""
        self._rests[kind].inc()

    def census(self, states: Mapping[str, int], failing: Mapping[str, int]) -> None:
        """Set the feeds of the whole instance by state, and the failing ones by reason."""
        _set(self._feeds, states)
        _set(self._failing, failing)

    def store_error(self, reason: str) -> None:
        """Count one failed call to Redis by the reason of its ``StoreError``."""
        self._store_errors.get(reason, self._store_errors["error"]).inc()

    def lagged(self, seconds: float) -> None:
        """Note how late the event loop was."""
        self._lag.observe(seconds)

    def instance(self, values: Mapping[InstanceGauge, float]) -> None:
        """Set gauges of the whole instance, as the store tells them."""
        for name, value in values.items():
            self._instance[name].set(value)

    def render(self) -> bytes:
        """All metrics in the Prometheus text format."""
        return generate_latest(self.registry)

    def _labelled(self, name: str) -> dict[str, Counter]:
        """A counter's children by the values of its one label: all exist, at 0, from the start."""
        doc, label, values = _COUNTED[name]
        counter = Counter(f"newswire_{name}", doc, [label], registry=self.registry)
        return {value: counter.labels(value) for value in values}

    def _states(self, name: str, doc: str, label: str, values: Iterable[str]) -> dict[str, Gauge]:
        gauge = Gauge(f"newswire_{name}", doc, [label], registry=self.registry)
        return {value: gauge.labels(value) for value in values}

    def _histogram(self, name: str, doc: str, buckets: tuple[float, ...]) -> Histogram:
        return Histogram(f"newswire_{name}", doc, buckets=buckets, registry=self.registry)

    def _gauge(self, name: str, doc: str) -> Gauge:
        return Gauge(f"newswire_{name}", doc, registry=self.registry)


def _set(gauges: Mapping[str, Gauge], values: Mapping[str, int]) -> None:
    """Set each; what is not among the values is 0, what is no known label is left out."""
    for label, gauge in gauges.items():
        gauge.set(values.get(label, 0))


def release() -> str:
    """The running version."""
    try:
        return version("newswire")
    except PackageNotFoundError:
        return "unknown"
