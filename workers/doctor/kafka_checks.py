"""Kafka: is it there, are the topics as they must be, may we do what a worker does. Blocking."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from workers.doctor.findings import Finding, fail, ok, warn
from workers.errors import ConfigError, NewswireError
from workers.publisher.kafka_admin import check_topics, look
from workers.publisher.kafka_connection import KafkaConnection
from workers.publisher.kafka_producer import Producer
from workers.publisher.kafka_reader import PositionReader
from workers.publisher.topics import TopicSpec

WAIT_S = 10.0
TRANSACTION_MS = 10_000
LEAST_VERSION = (2, 5)


class Asked(NamedTuple):
    """What is to be looked at. ``create``: a worker may create topics."""

    connection: KafkaConnection
    specs: Sequence[TopicSpec]
    instance: str
    prefix: str
    shards: int
    window_ms: int
    create: bool
    exactly_once: bool


class Seen(NamedTuple):
    """What Kafka said. ``published``: the dataset of each shard's last position, None when unknown."""

    findings: list[Finding]
    published: dict[int, str] | None = None


def look_at_kafka(asked: Asked) -> Seen:
    """Ask Kafka all that can be asked without an event."""
    try:
        seen = look(asked.connection, asked.specs, wait_s=WAIT_S)
    except NewswireError as error:
        todo = "" if isinstance(error, ConfigError) else (
            "Check NEWSWIRE_KAFKA_BOOTSTRAP_SERVERS, NEWSWIRE_KAFKA_SECURITY_PROTOCOL, that the brokers "
            "run, and that their advertised.listeners can be reached from here."
        )  # fmt: skip
        return Seen([fail("kafka", str(error), todo)])
    found = [_version(seen.version, seen.brokers, asked.connection.bootstrap_servers)]
    found += [fail("kafka", words) for words in seen.denied]
    if not seen.denied:
        found += _topics(asked, seen.missing)
    found += _transactions(asked) if asked.exactly_once else []
    if seen.denied or seen.missing:
        # Nothing was ever published to a topic that is not there.
        positions = any(name.endswith("positions") for name in seen.missing)
        return Seen(found, {} if positions else None)
    reader = PositionReader(asked.connection, f"{asked.prefix}positions")
    try:
        positions_by_shard = reader.read_all(asked.instance, asked.shards, WAIT_S)
    except NewswireError as error:
        return Seen([*found, fail("kafka", f"the positions cannot be read: {error}")])
    return Seen(found, {shard: p.dataset for shard, p in positions_by_shard.items()})


def _version(version: tuple[int, ...], brokers: int, servers: str) -> Finding:
    # Brokers name no version: it is inferred from what they speak, and later ones speak the same.
    shown = ".".join(map(str, version))
    text = (
        f"Kafka {shown} or later at {servers}, {brokers} {'broker' if brokers == 1 else 'brokers'}"
    )
    if version < LEAST_VERSION:
        return fail("kafka", f"{text}: too old", "Use Kafka 2.5 or later.")
    return ok("kafka", text)


def _topics(asked: Asked, missing: Sequence[str]) -> list[Finding]:
    names = ", ".join(missing)
    if missing and asked.create:
        return [ok("kafka", f"topics that the first worker will create: {names}")]
    if missing:
        todo = "`newswire topics` prints the commands; or set NEWSWIRE_KAFKA_CREATE_TOPICS=true."
        return [fail("kafka", f"topics missing: {names}", todo)]
    try:
        amiss = check_topics(asked.connection, asked.specs, window_ms=asked.window_ms)
    except NewswireError as error:
        return [warn("kafka", f"the topics' settings cannot be looked at: {error}")]
    if amiss:
        return [warn("kafka", f"topic {topic}: {problem}") for topic, problem in amiss]
    return [
        ok(
            "kafka",
            f"all {len(asked.specs)} topics are as they must be, with the rights to use them",
        )
    ]


def _transactions(asked: Asked) -> list[Finding]:
    """Open a transactional producer under an id that is no shard's: it fences nobody."""
    producer = None
    try:
        producer = Producer(
            asked.connection,
            f"{asked.instance}-doctor",
            transaction_timeout_ms=TRANSACTION_MS,
            compression=None,
            exactly_once=True,
        )
    except NewswireError as error:
        todo = "" if isinstance(error, ConfigError) else (
            "Is the transaction coordinator well (transaction.state.log.replication.factor, "
            "transaction.state.log.min.isr)?"
        )  # fmt: skip
        return [fail("kafka", f"transactions cannot be used: {error}", todo)]
    finally:
        if producer is not None:
            producer.abandon()
    return [ok("kafka", "transactions can be used")]
