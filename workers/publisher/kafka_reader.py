"""Reading back what was committed: positions, and topics from a time on.

Everything here blocks; it is called from threads and commands, never from the event loop.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from kafka import KafkaConsumer, TopicPartition

from workers.errors import BrokerError
from workers.publisher.kafka_client import open_client
from workers.publisher.kafka_connection import FOREIGN, Doing, KafkaConnection, translate
from workers.publisher.topics import (
    POSITIONS_PARTITION,
    Position,
    decode_position,
    position_key,
)

CALL_MS = 15_000
"""A reader's single question waits so long; without it the library waits for ever."""


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
        except FOREIGN as error:
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
    except FOREIGN as error:
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
    except FOREIGN as error:
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
