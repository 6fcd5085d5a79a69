"""Reads a topic as a ``read_committed`` consumer sees it, with librdkafka: no code of the worker's."""

from __future__ import annotations

import json
import time
from collections.abc import Sequence
from functools import cache
from typing import Any, NamedTuple

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]
from confluent_kafka.cimpl import NewTopic


class Record(NamedTuple):
    """One record. ``value`` is None for a tombstone; ``timestamp_ms`` is the record's own."""

    topic: str
    partition: int
    offset: int
    key: str
    headers: dict[str, str]
    value: dict[str, Any] | None
    timestamp_ms: int

    @property
    def ce_id(self) -> str:
        """The event's id."""
        return self.headers.get("ce_id", "")

    @property
    def place(self) -> str:
        """Where it is, for people."""
        return f"{self.topic}/{self.partition}@{self.offset}"


@cache
def admin(bootstrap: str) -> AdminClient:
    """The admin client of a broker: one for the whole run, since ending one of librdkafka's clients
    waits for its threads without a bound."""
    settings = {"reconnect.backoff.ms": 50, "reconnect.backoff.max.ms": 200, "log_level": 0}
    return AdminClient({"bootstrap.servers": bootstrap, **settings})


def create_topic(bootstrap: str, name: str, *, partitions: int = 1, for_ever: bool = False) -> None:
    """Create a topic with the broker's defaults, but for ``for_ever``: it keeps records of any date. Raises
    KafkaException, also when it exists."""
    config = {"retention.ms": "-1"} if for_ever else {}
    topic = NewTopic(name, partitions, 1, config=config)
    admin(bootstrap).create_topics([topic], request_timeout=30)[name].result()


class UnsettledError(Exception):
    """A transaction stays open: what is behind it cannot be judged."""


def read_topic(bootstrap: str, topic: str, *, settle_s: float | None = 60.0) -> list[Record]:
    """Everything a ``read_committed`` consumer sees in a topic, by partition and offset.

    First waits up to ``settle_s`` seconds until no transaction is open: a reader stops before one,
    and records behind it would be taken for lost. None: what can be read now, for a look while
    workers run. Raises UnsettledError, or KafkaException when the topic or the broker is not there.
    """
    ends = _settled_ends(bootstrap, topic, settle_s)
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            "group.id": "judge",  # demanded by the library; no offset is ever committed
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "log_level": 0,
        }
    )
    try:
        consumer.assign([TopicPartition(topic, partition, 0) for partition in ends])
        return sorted(_read_to_end(consumer, topic, set(ends)), key=lambda r: r[1:3])
    finally:
        consumer.close()


def _read_to_end(consumer: Consumer, topic: str, waiting: set[int]) -> list[Record]:
    records = []
    quiet_since = time.monotonic()
    while waiting:
        message = consumer.poll(1.0)
        if message is None:
            if time.monotonic() - quiet_since > 60:
                raise UnsettledError(f"{topic}: no end of partitions {sorted(waiting)} in sight")
            continue
        quiet_since = time.monotonic()
        if error := message.error():
            if error.code() != KafkaError._PARTITION_EOF:
                raise KafkaException(error)
            waiting.discard(int(message.partition() or 0))
            continue
        records.append(_record(message))
    return records


def _record(message: Any) -> Record:
    value = message.value()
    return Record(
        message.topic(),
        message.partition(),
        message.offset(),
        (message.key() or b"").decode(),
        {name: (raw or b"").decode() for name, raw in message.headers() or []},
        json.loads(value) if value else None,
        message.timestamp()[1],
    )


def _settled_ends(bootstrap: str, topic: str, settle_s: float | None) -> dict[int, int]:
    """End of each partition once the last stable offset has reached the high watermark."""
    client = admin(bootstrap)
    found = client.list_topics(topic, timeout=30).topics[topic]
    if found.error:
        raise KafkaException(found.error)
    deadline = time.monotonic() + (settle_s or 0)
    while True:
        stable, high = (
            _ends(client, topic, list(found.partitions), level)
            for level in (IsolationLevel.READ_COMMITTED, IsolationLevel.READ_UNCOMMITTED)
        )
        if stable == high or settle_s is None:
            return stable
        if time.monotonic() > deadline:
            raise UnsettledError(f"{topic}: transactions stay open: stable {stable}, high {high}")
        time.sleep(0.2)


def _ends(
    client: AdminClient, topic: str, partitions: Sequence[int], level: IsolationLevel
) -> dict[int, int]:
    wanted = {TopicPartition(topic, n): OffsetSpec.latest() for n in partitions}  # type: ignore[no-untyped-call]
    futures = client.list_offsets(wanted, isolation_level=level, request_timeout=30)
    return {tp.partition: future.result().offset for tp, future in futures.items()}
