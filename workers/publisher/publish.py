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
from contextlib import suppress
from typing import Any, Protocol

import msgspec

from workers import tracing
from workers.errors import (
    REMEDY,
    BrokerError,
    EventRefusedError,
    NewswireError,
    StateRegressedError,
)
from workers.model import OutboxEvent
from workers.publisher.dead_letter import refused
from workers.publisher.hold import ShardHold
from workers.publisher.kafka_connection import KafkaConnection
from workers.publisher.kafka_producer import Producer
from workers.publisher.kafka_reader import PositionReader
from workers.publisher.rollback import heal
from workers.publisher.topics import Position, position_event
from workers.store.address import Address
from workers.store.keys import Keys
from workers.store.outbox import Entry, ShardOutbox
from workers.store.restore import Restorer

BATCH = 500
BATCH_BYTES = 2 << 20
WAIT_MS = 1_000
PACE_S = 0.35
"""From one transaction of a shard to the next, unless a whole batch waits: a transaction costs the worker
and the brokers as much as dozens of events. What comes after a pause goes at once."""
DURABLE_WAIT_MS = 5_000
REDIS_S = 20.0
"""A step of calls to Redis takes no longer: each has a time-out of its own."""
HANG_FACTOR = 2.0
"""Every call to Kafka is bounded by its own deadline; one that takes so much longer hangs."""
CLEANUP_S = 10.0
"""How often a broker looks for transactions that have run out, by default."""


class Log(Protocol):
    """The part of a structlog logger that is used here."""

    def info(self, event: str, **fields: Any) -> Any:
        """All is well."""

    def warning(self, event: str, **fields: Any) -> Any:
        """Look today."""

    def error(self, event: str, **fields: Any) -> Any:
        """Look now."""


class PublishSettings(msgspec.Struct, frozen=True):
    """What every shard's publisher needs to know. Times in ms.

    ``marker`` is the dataset's marker text; ``replaces`` are datasets that it was begun in place of.
    """

    instance: str
    prefix: str
    dataset: str
    replaces: tuple[str, ...]
    marker: str
    window_ms: int
    lease_ms: int
    transaction_timeout_ms: int
    replicas: int
    compression: str | None
    exactly_once: bool


class Session(threading.Thread):
    """One attempt to publish a shard, from taking its lease to the first error or the stop.

    Attributes:
        state: what it is doing, for health and log: ``waiting``, ``standby`` (another worker has the
            lease), ``starting``, ``healing``, ``publishing``, ``idle``, ``undurable``, ``ended``.
        overdue_at: monotonic seconds at which the step it is in must have ended.
        error: why it ended, if by an error.
        abandoned: set by the supervisor when a step hangs; the session then changes nothing more.
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
        self.overdue_at = time.monotonic() + REDIS_S
        self.error: NewswireError | None = None
        self.token = secrets.token_hex(8)
        self.stop_asked = threading.Event()
        self.abandoned = False
        self._s = settings
        self._keys = keys
        self._redis = redis
        self._kafka = kafka
        self._undurable = False
        self._refusal = ""
        self._outbox = ShardOutbox(redis, keys, shard, settings.marker)
        self._hold: ShardHold
        self._log = log
        self._published = published
        self._producer: Producer | None = None
        self._next_at = 0.0  # monotonic seconds of the next transaction

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
            with suppress(NewswireError):  # the lease runs out by itself
                self._outbox.give_up(self.token)
        self._outbox.close()
        self.state = "ended"

    def _step(self, state: str, limit_s: float) -> None:
        """Note that one blocking step begins; an abandoned session goes no further."""
        if self.abandoned:
            raise BrokerError("this session was given up while it hung")
        self.state = state
        self.overdue_at = time.monotonic() + limit_s

    @property
    def _transaction_s(self) -> float:
        return self._s.transaction_timeout_ms / 1000

    def _run(self) -> None:
        self._hold = ShardHold(self._outbox, self.token, self._s.lease_ms)
        if not self._take_lease():
            return
        self._open_producer()
        after = self._start_position()
        self._hold.open()
        self._log.info("publisher_started", shard=self.shard, position=after)
        while not self.stop_asked.is_set():
            self._step("idle", REDIS_S + WAIT_MS / 1000)
            if self._outbox.wait(after, WAIT_MS):
                self.stop_asked.wait(max(0.0, self._next_at - time.monotonic()))
                after = self._publish_next(after)
            else:
                self._keep()

    def _open_producer(self) -> None:
        """A producer of our own, under the lease; it ends what earlier ones have left open."""
        if self._producer is not None:
            self._producer.abandon()
        self._step("starting", 2 * self._transaction_s)
        self._producer = Producer(
            self._kafka,
            f"{self._s.instance}-{self.shard:02d}",
            transaction_timeout_ms=self._s.transaction_timeout_ms,
            compression=self._s.compression,
            exactly_once=self._s.exactly_once,
        )

    def _take_lease(self) -> bool:
        """Wait for the shard's lease; False when asked to stop before. Nothing without our dataset."""
        pause_s = self._s.lease_ms / 3000
        while True:
            self._step("waiting", REDIS_S)
            if self._hold.take():
                return True
            self._step("standby", REDIS_S + pause_s)
            if self.stop_asked.wait(pause_s):
                return False

    def _keep(self) -> None:
        """While there is nothing to publish: keep the lease, and see that Redis is still the same."""
        if self._hold.ages():
            self._hold.check()
            self._hold.renew()

    def _start_position(self) -> int:
        """Where to go on: what Kafka says, checked against what Redis holds."""
        settle_s = self._transaction_s + CLEANUP_S
        self._step("starting", settle_s + REDIS_S)
        reader = PositionReader(self._kafka, f"{self._s.prefix}positions")
        position = reader.read(self._s.instance, self.shard, settle_s)
        trimmed = self._outbox.trimmed()
        self._hold.trimmed = trimmed.sequence
        if position is not None and position.dataset != self._s.dataset:
            if position.dataset not in self._s.replaces:
                raise StateRegressedError(
                    f"shard {self.shard}: Redis holds dataset {self._s.dataset}, but Kafka remembers "
                    f"{position.dataset}. {REMEDY}"
                )
            position = None
        if position is None:
            if trimmed.sequence:
                self._log.error("position_missing", shard=self.shard, position=trimmed.sequence)
            return trimmed.sequence
        if trimmed.sequence > position.sequence:
            self._hold.renew()  # a start so slow that a successor has published meanwhile is no alarm
            self._log.error(
                "position_behind",
                shard=self.shard,
                position=position.sequence,
                trimmed=trimmed.sequence,
            )
            return trimmed.sequence
        if trimmed.sequence < position.sequence:
            entry = self._outbox.at(position.sequence)
            if entry is None:
                self._heal(position, settle_s)
                self._hold.trimmed = position.sequence
            else:
                self._hold.trim(entry)
        return position.sequence

    def _heal(self, position: Position, settle_s: float) -> None:
        """Redis was rolled back behind what is published: bring back what Kafka remembers."""
        self._log.warning("rollback_found", shard=self.shard, position=position.sequence)

        def step() -> None:
            self._step("healing", settle_s + 2 * REDIS_S + 60)
            if self.stop_asked.is_set():
                raise BrokerError("asked to stop while a rollback was healed")
            self._hold.renew()

        restorer = Restorer(
            self._redis,
            self._keys,
            marker=self._s.marker,
            fresh=False,
            window_ms=self._s.window_ms,
        )
        try:
            healed = heal(
                outbox=self._outbox,
                restorer=restorer,
                kafka=self._kafka,
                prefix=self._s.prefix,
                shard=self.shard,
                position=position,
                settle_s=settle_s,
                now_ms=int(time.time() * 1000),
                step=step,
            )
        finally:
            restorer.close()
        self._log.info("rollback_healed", shard=self.shard, **healed._asdict())

    def _publish_next(self, after: int) -> int:
        """Publish the next batch behind ``after`` and return the new position."""
        self._step("publishing", REDIS_S)
        entries = self._outbox.read(after, BATCH, BATCH_BYTES)
        if not entries:
            return after
        self._hold.check()
        if not self._hold.confirm(self._s.replicas, DURABLE_WAIT_MS):
            # What Redis may forget must not be published: after a crash it would be published again.
            self.state = "undurable"
            if not self._undurable:
                self._log.warning("redis_not_durable", shard=self.shard, waited_ms=DURABLE_WAIT_MS)
            self._undurable = True
            self.stop_asked.wait(WAIT_MS / 1000)
            return after
        self._undurable = False
        self._next_at = time.monotonic() + (PACE_S if len(entries) < BATCH // 2 else 0.0)
        try:
            self._transact(entries, [e.event for e in entries])
        except EventRefusedError:
            self._publish_singly(entries)
        return entries[-1].sequence

    def _transact(self, entries: list[Entry], events: list[OutboxEvent]) -> None:
        assert self._producer is not None  # noqa: S101 - for the type checker
        last = entries[-1]
        position = Position(self._s.dataset, last.sequence, last.ce_id)
        self._step("publishing", HANG_FACTOR * self._transaction_s)
        started_ns = time.time_ns()
        self._producer.publish(
            events, self._s.prefix, position_event(self._s.instance, self.shard, position)
        )
        tracing.sent(events, started_ns, time.time_ns())
        self._step("publishing", REDIS_S)
        self._hold.trim(last)
        self._published(self.shard, entries)

    def _publish_singly(self, entries: list[Entry]) -> None:
        """Find the event that the broker refuses; a dead letter takes its place, the others go on."""
        self._replace_producer()
        for entry in entries:
            if self._hold.ages():
                self._hold.renew()
            if self._try(entry, entry.event):
                continue
            letter = refused(self._s.instance, entry, self._refusal)
            if not self._try(entry, letter):
                # Not even the dead letter fits: one without the bytes does.
                letter = refused(self._s.instance, entry, self._refusal, keep=0)
                self._transact([entry], [letter])

    def _try(self, entry: Entry, event: OutboxEvent) -> bool:
        """Publish one event at an entry's position; False when the broker refuses it."""
        try:
            self._transact([entry], [event])
        except EventRefusedError as error:
            self._refusal = str(error)
            self._log.error(
                "event_refused", shard=self.shard, ce_id=entry.ce_id, detail=self._refusal
            )
            self._replace_producer()
            return False
        return True

    def _replace_producer(self) -> None:
        """After a refusal: nothing was committed, so the position stands. Not without the lease."""
        self._step("publishing", REDIS_S)
        self._hold.renew()
        self._open_producer()
