"""Outbox to Kafka: one shard, one lease, one transactional producer, one thread.

Every publication is one Kafka transaction that also holds the outbox position. After any error the
producer is thrown away, the lease is taken again, and the committed position is read anew; a commit
whose outcome is unknown is never repeated.
"""

from __future__ import annotations

import secrets
import threading
import time
from collections.abc import Callable
from typing import Any, Protocol

import msgspec

from workers.errors import BrokerError, EventRefusedError, NewswireError, StateRegressedError
from workers.model import OutboxEvent
from workers.publisher.dead_letter import refused
from workers.publisher.kafka import (
    FencedError,
    KafkaConnection,
    Position,
    PositionReader,
    Producer,
    position_event,
)
from workers.store.client import Address
from workers.store.keys import Keys
from workers.store.outbox import Entry, ShardOutbox

BATCH = 500
BATCH_BYTES = 2 << 20
WAIT_MS = 1_000
DURABLE_WAIT_MS = 5_000


class Log(Protocol):
    """The part of a structlog logger that is used here."""

    def info(self, event: str, **fields: Any) -> Any:
        """All is well."""

    def warning(self, event: str, **fields: Any) -> Any:
        """Look today."""

    def error(self, event: str, **fields: Any) -> Any:
        """Look now."""


class PublishSettings(msgspec.Struct, frozen=True):
    """What every shard's publisher needs to know. Times in ms."""

    instance: str
    prefix: str
    dataset: str
    marker: str
    lease_ms: int
    transaction_timeout_ms: int
    backoff_max_ms: int
    replicas: int
    compression: str | None
    exactly_once: bool


class Session(threading.Thread):
    """One attempt to publish a shard, from taking its lease to the first error or the stop.

    Attributes:
        state: what it is doing, for health and log: ``waiting``, ``starting``, ``publishing``,
            ``idle``, ``undurable``, ``ended``.
        busy_since: monotonic seconds since when it is inside one blocking step, 0 between steps.
        error: why it ended, if by an error.
    """

    def __init__(
        self,
        shard: int,
        settings: PublishSettings,
        kafka: KafkaConnection,
        redis: Address,
        keys: Keys,
        log: Log,
        published: Callable[[int, list[Entry]], None],
    ) -> None:
        super().__init__(name=f"publish-{shard:02d}", daemon=True)
        self.shard = shard
        self.state = "waiting"
        self.busy_since = time.monotonic()
        self.error: NewswireError | None = None
        self.token = secrets.token_hex(8)
        self.stop_asked = threading.Event()
        self.abandoned = False
        self._s = settings
        self._kafka = kafka
        self._outbox = ShardOutbox(redis, keys, shard, settings.marker)
        self._log = log
        self._published = published
        self._producer: Producer | None = None

    def run(self) -> None:
        """Thread body: publish until stopped; never raises."""
        try:
            self._run()
        except NewswireError as error:
            self.error = error
        except Exception as error:
            self.error = NewswireError(f"{type(error).__name__}: {error}")
        finally:
            self._end()

    def _end(self) -> None:
        if self._producer is not None:
            self._producer.abandon()
        if not self.abandoned:
            try:
                self._outbox.give_up(self.token)
            except NewswireError:
                pass  # the lease runs out by itself
        self._outbox.close()
        self.busy_since = 0.0
        self.state = "ended"

    def _step(self, state: str) -> None:
        """Note that one blocking step begins; an abandoned session goes no further."""
        if self.abandoned:
            raise BrokerError("this session was given up while it hung")
        self.state = state
        self.busy_since = time.monotonic()

    def _run(self) -> None:
        while not self._outbox.acquire(self.token, self._s.lease_ms):
            self._step("waiting")
            if self.stop_asked.wait(self._s.lease_ms / 3000):
                return
        self._step("starting")
        self._producer = Producer(
            self._kafka,
            f"{self._s.instance}-{self.shard:02d}",
            transaction_timeout_ms=self._s.transaction_timeout_ms,
            compression=self._s.compression,
            exactly_once=self._s.exactly_once,
        )
        self._step("starting")
        after = self._start_position()
        self._log.info("publisher_started", shard=self.shard, position=after)
        while not self.stop_asked.is_set():
            self._step("idle")
            if self._outbox.wait(after, WAIT_MS):
                after = self._publish_next(after)
            elif not self._outbox.acquire(self.token, self._s.lease_ms):
                raise FencedError("the shard's lease went to another worker")

    def _start_position(self) -> int:
        """Where to go on: what Kafka says, checked against what Redis holds."""
        reader = PositionReader(self._kafka, f"{self._s.prefix}positions")
        position = reader.read(
            self._s.instance, self.shard, self._s.transaction_timeout_ms * 2 / 1000
        )
        trimmed = self._outbox.trimmed()
        if position is None or position.dataset != self._s.dataset:
            if trimmed.sequence:
                self._log.error("position_missing", shard=self.shard, position=trimmed.sequence)
            return trimmed.sequence
        if trimmed.sequence > position.sequence:
            self._log.error(
                "position_behind",
                shard=self.shard,
                position=position.sequence,
                trimmed=trimmed.sequence,
            )
            return trimmed.sequence
        entry = self._outbox.at(position.sequence)
        if entry is None and trimmed.sequence < position.sequence:
            raise StateRegressedError(
                f"shard {self.shard}: Redis was rolled back behind what is published "
                f"({position.ce_id or position.sequence} is unknown to it)"
            )
        if entry is not None and trimmed.sequence < position.sequence:
            self._outbox.trim(entry.sequence, entry.total, entry.ce_id)
        return position.sequence

    def _publish_next(self, after: int) -> int:
        """Publish the next batch behind ``after`` and return the new position."""
        entries = self._outbox.read(after, BATCH, BATCH_BYTES)
        if not entries:
            return after
        self._step("publishing")
        held, durable = self._outbox.renew_durably(
            self.token, self._s.lease_ms, self._s.replicas, DURABLE_WAIT_MS
        )
        if not held:
            raise FencedError("the shard's lease went to another worker")
        if not durable:
            # What Redis may forget must not be published: after a crash it would be published again.
            self.state = "undurable"
            self._log.warning("redis_not_durable", shard=self.shard, waited_ms=DURABLE_WAIT_MS)
            return after
        self._step("publishing")
        try:
            self._transact(entries, [e.event for e in entries])
        except EventRefusedError:
            self._publish_singly(entries)
        return entries[-1].sequence

    def _transact(self, entries: list[Entry], events: list[OutboxEvent]) -> None:
        assert self._producer is not None
        last = entries[-1]
        position = Position(self._s.dataset, last.sequence, last.ce_id)
        self._producer.publish(
            events, self._s.prefix, position_event(self._s.instance, self.shard, position)
        )
        self._step("publishing")
        self._outbox.trim(last.sequence, last.total, last.ce_id)
        self._published(self.shard, entries)

    def _publish_singly(self, entries: list[Entry]) -> None:
        """Find the event that the broker refuses; a dead letter takes its place, the others go on."""
        for entry in entries:
            self._step("publishing")
            try:
                self._transact([entry], [entry.event])
            except EventRefusedError as error:
                self._log.error(
                    "event_refused", shard=self.shard, ce_id=entry.ce_id, detail=str(error)
                )
                self._step("publishing")
                self._transact([entry], [refused(self._s.instance, entry, str(error))])
