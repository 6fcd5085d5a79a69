"""The only importer of ``kafka``: topics, the transactional producer, positions, and reading back.

Everything here blocks; it is called from the publisher's threads and from start-up, never from the
event loop. The hazards of kafka-python 3.0.12 that shape it are named where they bite.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import msgspec
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer, TopicPartition
from kafka import errors as kafka_errors
from kafka.admin import NewTopic

from schemas.events import PositionEvent, encode
from workers.errors import BrokerError, ConfigError, EventRefusedError, NewswireError
from workers.model import OutboxEvent

POSITIONS_PARTITION = 0
"""Positions live in one partition for good: a topic that is widened must not hide them."""

_REFUSED = (
    kafka_errors.MessageSizeTooLargeError,
    kafka_errors.RecordListTooLargeError,
    kafka_errors.InvalidRecordError,
    kafka_errors.CorruptRecordError,
)
_CONFIG = (
    kafka_errors.TopicAuthorizationFailedError,
    kafka_errors.ClusterAuthorizationFailedError,
    kafka_errors.TransactionalIdAuthorizationFailedError,
    kafka_errors.SaslAuthenticationFailedError,
    kafka_errors.UnsupportedVersionError,
    kafka_errors.KafkaConfigurationError,
)


class FencedError(BrokerError):
    """Another producer with our transactional id has taken over."""


class KafkaConnection(msgspec.Struct, frozen=True):
    """How to reach the brokers. ``options`` are kafka-python's security settings."""

    bootstrap_servers: str
    client_id: str
    options: dict[str, Any] = {}

    def kwargs(self) -> dict[str, Any]:
        """Arguments common to all clients."""
        return {
            "bootstrap_servers": [s.strip() for s in self.bootstrap_servers.split(",")],
            "client_id": self.client_id,
            **self.options,
        }


class TopicSpec(msgspec.Struct, frozen=True):
    """A topic as we create it. ``replication`` -1 is the broker's default."""

    name: str
    partitions: int
    replication: int
    config: dict[str, str]


class Position(NamedTuple):
    """How far a shard is published."""

    dataset: str
    sequence: int
    ce_id: str


def translate(error: BaseException) -> NewswireError:
    """Turn an error of the client library into ours."""
    text = f"Kafka: {type(error).__name__}: {str(error)[:300]}"
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


def topic_specs(prefix: str, partitions: int, replication: int) -> list[TopicSpec]:
    """The four topics with their retention; see ``schemas`` for what they hold."""
    day = 86_400_000
    compacted = {"cleanup.policy": "compact", "min.cleanable.dirty.ratio": "0.1"}
    return [
        TopicSpec(f"{prefix}articles", partitions, replication, {"retention.ms": str(30 * day)}),
        TopicSpec(f"{prefix}feeds", partitions, replication, compacted),
        TopicSpec(f"{prefix}dead-letters", partitions, replication, {"retention.ms": str(7 * day)}),
        TopicSpec(f"{prefix}positions", 1, replication, compacted | {"segment.ms": "600000"}),
    ]


def ensure_topics(
    connection: KafkaConnection, specs: Sequence[TopicSpec], *, create: bool, wait_s: float
) -> list[str]:
    """Create what is missing (or only check), and wait until all can be used. Returns names created.

    Raises:
        BrokerError: not reachable within ``wait_s`` seconds.
        ConfigError: a topic is missing and may not be created, or the broker refuses it.
    """
    deadline = time.monotonic() + wait_s
    created: list[str] = []
    last: NewswireError = BrokerError("Kafka: no answer")
    while True:
        admin = None
        try:
            admin = KafkaAdminClient(**connection.kwargs(), bootstrap_timeout_ms=5_000)
            missing = _missing(admin, specs)
            if not missing:
                return created
            if not create:
                names = ", ".join(s.name for s in missing)
                raise ConfigError(
                    f"Kafka: topics missing: {names}. Create them, or set NEWSWIRE_KAFKA_CREATE_TOPICS=true."
                )
            created += _create(admin, missing)
        except (kafka_errors.KafkaError, OSError, ValueError) as error:
            last = translate(error)
            if isinstance(last, ConfigError):
                raise last from error
        finally:
            if admin is not None:
                admin.close()
        if time.monotonic() > deadline:
            raise BrokerError(
                f"Kafka at {connection.bootstrap_servers} could not be used within {wait_s:.0f} s: {last}"
            )
        time.sleep(0.5)


def _missing(admin: Any, specs: Sequence[TopicSpec]) -> list[TopicSpec]:
    known = set(admin.list_topics())
    return [s for s in specs if s.name not in known]


def _create(admin: Any, specs: Sequence[TopicSpec]) -> list[str]:
    done = []
    for spec in specs:
        topic = NewTopic(
            name=spec.name,
            num_partitions=spec.partitions,
            replication_factor=spec.replication,
            topic_configs=spec.config,
        )
        try:
            admin.create_topics([topic])
            done.append(spec.name)
        except kafka_errors.TopicAlreadyExistsError:
            continue
    return done


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
        self._deadline_s = transaction_timeout_ms / 1000
        half = max(500, transaction_timeout_ms // 2)
        try:
            self._producer = KafkaProducer(
                **{
                    **connection.kwargs(),
                    "client_id": f"{connection.client_id}-{transactional_id}",
                },
                transactional_id=transactional_id if exactly_once else None,
                transaction_timeout_ms=transaction_timeout_ms,
                # A record must expire before its transaction does, and a call before both.
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
        except (
            kafka_errors.KafkaError,
            OSError,
            ValueError,
            AssertionError,
            RuntimeError,
        ) as error:
            self.abandon()
            raise translate(error) from error

    def publish(self, events: Sequence[OutboxEvent], prefix: str, position: OutboxEvent) -> None:
        """Publish events and the position in one transaction.

        Raises:
            EventRefusedError: the broker will not take one of them; the transaction was aborted.
            FencedError: a successor is at work.
            BrokerError: anything else; the outcome may be unknown and the producer must be dropped.
        """
        deadline = time.monotonic() + self._deadline_s
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
            self._producer.commit_transaction()
        except _REFUSED as error:
            self._abort()
            raise translate(error) from error
        except (
            kafka_errors.KafkaError,
            OSError,
            ValueError,
            AssertionError,
            RuntimeError,
        ) as error:
            raise translate(error) from error

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

    def _abort(self) -> None:
        if not self._exactly_once:
            return
        try:
            self._producer.abort_transaction()
        except (
            kafka_errors.KafkaError,
            OSError,
            ValueError,
            AssertionError,
            RuntimeError,
        ) as error:
            raise translate(error) from error

    def abandon(self) -> None:
        """Drop the producer without waiting for it; never raises.

        ``close(timeout)`` raises in an outage and leaves the sender alive; the sender ends by itself
        once its records have expired, and the epoch of the next producer fences what it might send.
        """
        producer = getattr(self, "_producer", None)
        if producer is not None:
            with contextlib.suppress(Exception):  # whatever it is, it is not used again
                producer.close(timeout=0)


def position_key(instance: str, shard: int) -> bytes:
    """The key of a shard's position."""
    return f"{instance}/{shard:02d}".encode()


def position_event(instance: str, shard: int, position: Position) -> OutboxEvent:
    """The record that makes a position durable with the events it stands for."""
    value = encode(
        PositionEvent(dataset=position.dataset, sequence=position.sequence, ce_id=position.ce_id)
    )
    return OutboxEvent(topic="positions", key=position_key(instance, shard), value=value)


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
                end = self._stable_end(consumer, deadline)
                first = consumer.beginning_offsets([self._partition])[self._partition]
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
        except (kafka_errors.KafkaError, OSError, ValueError, AssertionError) as error:
            raise translate(error) from error

    def _stable_end(self, consumer: Any, deadline: float) -> int:
        seer = _reader(self._connection, "read_uncommitted")
        try:
            end = int(seer.end_offsets([self._partition])[self._partition])
        finally:
            seer.close(autocommit=False)
        while int(consumer.end_offsets([self._partition])[self._partition]) < end:
            if time.monotonic() > deadline:
                raise BrokerError("Kafka: an open transaction on the positions topic does not end")
            time.sleep(0.1)
        return end

    def _read(
        self, consumer: Any, start: int, end: int, keys: set[bytes], deadline: float
    ) -> dict[bytes, Position]:
        found: dict[bytes, Position] = {}
        consumer.seek(self._partition, start)
        while consumer.position(self._partition) < end:
            if time.monotonic() > deadline:
                raise BrokerError("Kafka: the positions topic cannot be read in time")
            for records in consumer.poll(timeout_ms=200).values():
                for record in records:
                    if record.key in keys and record.value and record.offset < end:
                        event = msgspec.json.decode(record.value, type=PositionEvent)
                        found[record.key] = Position(event.dataset, event.sequence, event.ce_id)
        return found


def _reader(connection: KafkaConnection, isolation: str) -> Any:
    return KafkaConsumer(
        **connection.kwargs(),
        isolation_level=isolation,
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        bootstrap_timeout_ms=10_000,
        request_timeout_ms=15_000,
    )


class Record(NamedTuple):
    """One record as a consumer reads it."""

    partition: int
    offset: int
    timestamp_ms: int
    key: bytes
    value: bytes | None
    headers: dict[str, bytes]


def follow(
    connection: KafkaConnection,
    topic: str,
    *,
    since_ms: int | None = 0,
    until_end: bool = False,
) -> Iterator[Record]:
    """Read a topic's committed records as they come: from a time (epoch ms), or from now (None).

    ``until_end`` stops at what is there at the start. Raises BrokerError.
    """
    try:
        consumer = _reader(connection, "read_committed")
        try:
            numbers = sorted(consumer.partitions_for_topic(topic) or ())
            if not numbers:
                raise BrokerError(f"Kafka: topic {topic} does not exist")
            parts = [TopicPartition(topic, n) for n in numbers]
            consumer.assign(parts)
            ends = consumer.end_offsets(parts) if until_end else {}
            _seek(consumer, parts, since_ms)
            while not until_end or any(consumer.position(p) < ends[p] for p in parts):
                for part, records in consumer.poll(timeout_ms=500).items():
                    for r in records:
                        headers = {k: v for k, v in r.headers or () if v is not None}
                        yield Record(
                            part.partition, r.offset, r.timestamp, r.key or b"", r.value, headers
                        )
        finally:
            consumer.close(autocommit=False)
    except (kafka_errors.KafkaError, OSError, ValueError, AssertionError) as error:
        raise translate(error) from error


def _seek(consumer: Any, parts: Sequence[Any], since_ms: int | None) -> None:
    if since_ms is None:
        consumer.seek_to_end(*parts)
        return
    if since_ms <= 0:
        consumer.seek_to_beginning(*parts)
        return
    offsets: Mapping[Any, Any] = consumer.offsets_for_times(dict.fromkeys(parts, since_ms))
    for part in parts:
        found = offsets.get(part)
        if found is None:
            consumer.seek_to_end(part)
        else:
            consumer.seek(part, found.offset)
