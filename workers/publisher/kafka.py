"""The transactional producer, positions, and reading back. With ``kafka_admin`` (topics),
``kafka_client`` (connecting), ``kafka_gzip`` and ``kafka_security`` (TLS and logins) the only importer of
``kafka``.

Everything here blocks; it is called from the publisher's threads and from start-up, never from the
event loop. The hazards of kafka-python 3.0.12 that shape it are named where they bite.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka import errors as kafka_errors

from workers.errors import BrokerError, ConfigError, EventRefusedError, NewswireError
from workers.model import OutboxEvent
from workers.publisher import kafka_gzip
from workers.publisher.access import TRANSACTION_OPERATIONS, denial
from workers.publisher.kafka_client import open_client
from workers.publisher.topics import (
    POSITIONS_PARTITION,
    Position,
    decode_position,
    position_key,
)

_REFUSED = (
    kafka_errors.MessageSizeTooLargeError,
    kafka_errors.RecordListTooLargeError,
    kafka_errors.InvalidRecordError,
    kafka_errors.CorruptRecordError,
)
_FOREIGN = (kafka_errors.KafkaError, OSError, ValueError, AssertionError, RuntimeError)
"""What the client library raises; its own checks are assertions, and a closed client a RuntimeError."""
_CONFIG = (
    kafka_errors.TopicAuthorizationFailedError,
    kafka_errors.ClusterAuthorizationFailedError,
    kafka_errors.TransactionalIdAuthorizationFailedError,
    kafka_errors.SaslAuthenticationFailedError,
    kafka_errors.UnsupportedVersionError,
    kafka_errors.KafkaConfigurationError,
)


CALL_MS = 15_000
"""A reader's single question waits so long; without it the library waits for ever."""
COMMIT_FACTOR = 1.2
"""A commit ends this much after the sends' deadline, which is still before the transaction's."""


class FencedError(BrokerError):
    """Another producer with our transactional id has taken over."""


class KafkaConnection(msgspec.Struct, frozen=True):
    """How to reach the brokers. ``options`` are kafka-python's security settings.

    ``principal`` is who we are in ACLs (``User:name``), where we know it: for what is said of them.
    """

    bootstrap_servers: str
    client_id: str
    options: dict[str, Any] = {}
    principal: str = ""

    def kwargs(self) -> dict[str, Any]:
        """Arguments common to all clients."""
        return {
            "bootstrap_servers": self.servers,
            "client_id": self.client_id,
            **self.options,
        }

    @property
    def servers(self) -> list[str]:
        """``host:port`` of each broker to begin with."""
        return [s.strip() for s in self.bootstrap_servers.split(",")]


class Doing(NamedTuple):
    """What was being done when an error came: with what operations, on which topics or transactional id."""

    connection: KafkaConnection
    operations: Sequence[str]
    topics: Sequence[str] = ()
    transactional_id: str = ""

    def denied(self, error: BaseException) -> str:
        """Which ACL is missing, after the broker has said that one is."""
        principal, servers = self.connection.principal, self.connection.servers
        operations: Sequence[str]
        if isinstance(error, kafka_errors.TransactionalIdAuthorizationFailedError):
            kind, names, operations = (
                "transactional-id",
                [self.transactional_id],
                TRANSACTION_OPERATIONS,
            )
        elif isinstance(error, kafka_errors.TopicAuthorizationFailedError):
            told = error.args[0] if error.args else None
            several = told if isinstance(told, set | frozenset | list | tuple) else [told]
            named = sorted(n for n in several if isinstance(n, str))
            kind, names, operations = "topic", named or list(self.topics), self.operations
        else:
            kind, names, operations = "cluster", [], self.operations
            if "Write" in operations:
                operations = ("IdempotentWrite",)
        return denial(principal, kind, names, operations, servers)


def translate(error: BaseException, doing: Doing | None = None) -> NewswireError:
    """Turn an error of the client library into ours."""
    error = _cause(error)
    name = type(error).__name__
    text = f"Kafka: {name}: {str(error).replace(f'{name}: ', '')[:300]}"
    if doing is not None and isinstance(error, kafka_errors.AuthorizationError):
        return ConfigError(f"Kafka: {doing.denied(error)}")
    if isinstance(error, NewswireError):
        return error
    if isinstance(error, _REFUSED):
        return EventRefusedError(text)
    if isinstance(error, kafka_errors.ProducerFencedError | kafka_errors.InvalidProducerEpochError):
        return FencedError(text)
    if isinstance(error, _CONFIG):
        return ConfigError(
            f"{text}. Check NEWSWIRE_KAFKA_* settings and the ACLs of this principal."
        )
    return BrokerError(text)


def _cause(error: BaseException) -> BaseException:
    """What is behind "a previous request has failed with errors", which a later call may be told."""
    if type(error) is kafka_errors.KafkaError:
        return next((a for a in error.args if isinstance(a, BaseException)), error)
    return error


class Producer:
    """One transactional producer. Used by one thread; never used again after any error."""

    def __init__(
        self,
        connection: KafkaConnection,
        transactional_id: str,
        *,
        transaction_timeout_ms: int,
        compression: str | None,
        exactly_once: bool,
    ) -> None:
        """Connect and fence every earlier producer of this id. Raises BrokerError, ConfigError.

        Without ``exactly_once`` there are no transactions, for brokers that have none: after a crash
        the last batch may be sent again.
        """
        self._exactly_once = exactly_once
        self._doing = Doing(connection, ("Write",), transactional_id=transactional_id)
        # Delivery before call before transaction: a record must expire before what waits for it does.
        self._deadline_s = transaction_timeout_ms * 0.75 / 1000
        half = max(500, transaction_timeout_ms // 2)
        kafka_gzip.install()
        self._delivery_s = half / 1000
        try:
            self._producer = open_client(
                KafkaProducer,
                **{
                    **connection.kwargs(),
                    "client_id": f"{connection.client_id}-{transactional_id}",
                },
                transactional_id=transactional_id if exactly_once else None,
                transaction_timeout_ms=transaction_timeout_ms,
                delivery_timeout_ms=half,
                request_timeout_ms=half * 3 // 4,
                max_block_ms=half,
                bootstrap_timeout_ms=half,
                compression_type=compression,
                linger_ms=5,
                metrics_enabled=False,
                batch_size=262_144,
                allow_auto_create_topics=False,
            )
            if exactly_once:
                self._producer.init_transactions()
        except _FOREIGN as error:
            self.abandon()
            raise translate(error, self._doing) from error

    def publish(self, events: Sequence[OutboxEvent], prefix: str, position: OutboxEvent) -> None:
        """Publish events and the position in one transaction.

        Raises:
            EventRefusedError: the broker will not take one of them; nothing was committed.
            FencedError: a successor is at work.
            BrokerError: anything else; the outcome may be unknown.

        After any of them the producer must be dropped: after a refusal and an abort it was seen to number
        its next records wrongly (OutOfOrderSequenceNumberError).
        """
        begun = time.monotonic()
        deadline = begun + self._deadline_s
        try:
            if not self._exactly_once:
                self._publish_plainly(events, prefix, position)
                return
            self._producer.begin_transaction()
            futures = [self._send(prefix, e) for e in events]
            futures.append(self._send(prefix, position, POSITIONS_PARTITION))
            self._producer.flush(timeout=self._deadline_s)
            # commit_transaction() returns normally although a record of it has expired: look at each.
            for future in futures:
                future.get(timeout=max(0.0, deadline - time.monotonic()))
            self._commit(begun + self._deadline_s * COMMIT_FACTOR)
        except _FOREIGN as error:
            topics = sorted({prefix + e.topic for e in (*events, position)})
            raise translate(error, self._doing._replace(topics=topics)) from error

    def _commit(self, deadline: float) -> None:
        """``commit_transaction()`` with a bound, which the library has no argument for.

        A commit whose connection is cut while the broker is away was seen never to return, also with
        the broker back. Its outcome is unknown then, and is read from the position.
        """
        result = self._producer._transaction_manager.begin_commit()
        self._producer._sender.wakeup()
        if not result.wait(timeout_ms=max(1.0, deadline - time.monotonic()) * 1000):
            raise BrokerError("Kafka: a commit was not answered in time; its outcome is unknown")

    def _publish_plainly(
        self, events: Sequence[OutboxEvent], prefix: str, position: OutboxEvent
    ) -> None:
        futures = [self._send(prefix, e) for e in events]
        self._producer.flush(timeout=self._deadline_s)
        for future in futures:
            future.get(timeout=self._deadline_s)
        self._send(prefix, position, POSITIONS_PARTITION).get(timeout=self._deadline_s)

    def _send(self, prefix: str, event: OutboxEvent, partition: int | None = None) -> Any:
        return self._producer.send(
            prefix + event.topic,
            key=event.key,
            value=event.value or None,
            headers=list(event.headers),
            partition=partition,
        )

    def abandon(self) -> None:
        """Drop the producer without waiting for it; never raises.

        Nothing more is sent, as far as that is still ours to say: what has been sent belongs to a transaction
        that nobody commits, and that a successor's epoch ends.
        """
        producer = getattr(self, "_producer", None)
        if producer is not None:
            threading.Thread(
                target=_close, args=(producer, self._delivery_s), daemon=True, name="producer-close"
            ).start()


def _close(producer: Any, delivery_s: float) -> None:
    """End the sender first: ``close()`` does so only after a flush, and a flush never ends while a broker is
    away that was asked for part of a transaction; records do not even expire then."""
    with contextlib.suppress(Exception):  # whatever it is, nobody uses the producer any more
        producer._sender.force_close()
        producer._sender.join(delivery_s)
        producer.close(timeout=0)


class PositionReader:
    """Reads positions back, waiting for transactions that are open when it starts.

    A ``read_committed`` reader stops at the first open transaction of anyone on the partition; a
    position committed behind it would be missed. So the end is taken from a reader that sees all, and
    the committed one waits until it may read so far.
    """

    def __init__(self, connection: KafkaConnection, topic: str) -> None:
        self._connection = connection
        self._partition = TopicPartition(topic, POSITIONS_PARTITION)

    def read(self, instance: str, shard: int, timeout_s: float) -> Position | None:
        """The last committed position of a shard. Raises BrokerError when it cannot be known in time."""
        return self._scan({position_key(instance, shard)}, timeout_s).get(
            position_key(instance, shard)
        )

    def read_all(self, instance: str, shards: int, timeout_s: float) -> dict[int, Position]:
        """The last committed positions of an instance by shard."""
        keys = {position_key(instance, n): n for n in range(shards)}
        return {keys[k]: p for k, p in self._scan(set(keys), timeout_s).items()}

    def _scan(self, keys: set[bytes], timeout_s: float) -> dict[bytes, Position]:
        deadline = time.monotonic() + timeout_s
        try:
            consumer = _reader(self._connection, "read_committed")
            try:
                consumer.assign([self._partition])
                end = _stable_ends(self._connection, consumer, [self._partition], deadline)[
                    self._partition
                ]
                first = consumer.beginning_offsets([self._partition], timeout_ms=CALL_MS)[
                    self._partition
                ]
                # Newest first: an idle shard's position may lie far back, a busy one's never does.
                span = 256
                while True:
                    start = max(first, end - span)
                    found = self._read(consumer, start, end, keys, deadline)
                    if len(found) == len(keys) or start == first:
                        return found
                    span *= 8
            finally:
                consumer.close(autocommit=False)
        except _FOREIGN as error:
            doing = Doing(self._connection, ("Read", "Describe"), [self._partition.topic])
            raise translate(error, doing) from error

    def _read(
        self, consumer: Any, start: int, end: int, keys: set[bytes], deadline: float
    ) -> dict[bytes, Position]:
        found: dict[bytes, Position] = {}
        consumer.seek(self._partition, start)
        while (consumer.position(self._partition, timeout_ms=CALL_MS) or 0) < end:
            if time.monotonic() > deadline:
                raise BrokerError("Kafka: the positions topic cannot be read in time")
            for records in consumer.poll(timeout_ms=200).values():
                for record in records:
                    if record.key in keys and record.value and record.offset < end:
                        found[record.key] = decode_position(record.value)
        return found


def _reader(connection: KafkaConnection, isolation: str) -> Any:
    return open_client(
        KafkaConsumer,
        **connection.kwargs(),
        isolation_level=isolation,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        bootstrap_timeout_ms=10_000,
        request_timeout_ms=15_000,
        metrics_enabled=False,
    )


def _stable_ends(
    connection: KafkaConnection, consumer: Any, parts: Sequence[Any], deadline: float
) -> dict[Any, int]:
    """The ends of partitions as they are now, once a committed reader may read so far."""
    seer = _reader(connection, "read_uncommitted")
    try:
        ends: dict[Any, int] = seer.end_offsets(parts, timeout_ms=CALL_MS)
    finally:
        seer.close(autocommit=False)
    while any(
        end < ends[part] for part, end in consumer.end_offsets(parts, timeout_ms=CALL_MS).items()
    ):
        if time.monotonic() > deadline:
            raise BrokerError("Kafka: a transaction stays open; what lies behind cannot be read")
        time.sleep(0.1)
    return ends


class Record(NamedTuple):
    """One record as a consumer reads it."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes
    value: bytes | None
    headers: dict[str, bytes]


def follow(
    connection: KafkaConnection, topic: str, *, since_ms: int | None = 0
) -> Iterator[Record]:
    """Read a topic's committed records as they come: from a time (epoch ms), or from now (None).

    Raises BrokerError.
    """
    try:
        consumer = _reader(connection, "read_committed")
        try:
            parts = _partitions(consumer, topic)
            consumer.assign(parts)
            _seek(consumer, parts, since_ms)
            while True:
                yield from _poll(consumer)
        finally:
            consumer.close(autocommit=False)
    except _FOREIGN as error:
        raise translate(error, Doing(connection, ("Read", "Describe"), [topic])) from error


class Batch(NamedTuple):
    """Some records of a topic, in order within each partition, and how many offsets are left."""

    records: list[Record]
    left: int


def read_back(
    connection: KafkaConnection, topic: str, *, since_ms: int, settle_s: float, idle_s: float = 60.0
) -> Iterator[Batch]:
    """Read all committed records from a time (epoch ms) to the end as it is now.

    Waits up to ``settle_s`` for transactions that are open now, since what lies behind one would be
    missed. Raises BrokerError, also when nothing comes for ``idle_s``.
    """
    try:
        consumer = _reader(connection, "read_committed")
        try:
            parts = _partitions(consumer, topic)
            consumer.assign(parts)
            ends = _stable_ends(connection, consumer, parts, time.monotonic() + settle_s)
            _seek(consumer, parts, since_ms)
            heard = time.monotonic()
            while left := sum(
                max(0, ends[p] - (consumer.position(p, timeout_ms=CALL_MS) or 0)) for p in parts
            ):
                records = list(_poll(consumer))
                if records:
                    heard = time.monotonic()
                    yield Batch(records, left)
                elif time.monotonic() - heard > idle_s:
                    raise BrokerError(f"Kafka: {topic} cannot be read to its end")
        finally:
            consumer.close(autocommit=False)
    except _FOREIGN as error:
        raise translate(error, Doing(connection, ("Read", "Describe"), [topic])) from error


def _partitions(consumer: Any, topic: str) -> list[Any]:
    numbers = sorted(consumer.partitions_for_topic(topic) or ())
    if not numbers:
        raise BrokerError(
            f"Kafka: topic {topic} does not exist, or this client's principal may not Describe it"
        )
    return [TopicPartition(topic, n) for n in numbers]


def _poll(consumer: Any) -> Iterator[Record]:
    for part, records in consumer.poll(timeout_ms=500).items():
        for r in records:
            headers = {k: v for k, v in r.headers or () if v is not None}
            yield Record(part.partition, r.offset, r.timestamp, r.key or b"", r.value, headers)


def _seek(consumer: Any, parts: Sequence[Any], since_ms: int | None) -> None:
    if since_ms is None:
        consumer.seek_to_end(*parts)
        return
    if since_ms <= 0:
        consumer.seek_to_beginning(*parts)
        return
    offsets: Mapping[Any, Any] = consumer.offsets_for_times(
        dict.fromkeys(parts, since_ms), timeout_ms=CALL_MS
    )
    for part in parts:
        found = offsets.get(part)
        if found is None:
            consumer.seek_to_end(part)
        else:
            consumer.seek(part, found.offset)
