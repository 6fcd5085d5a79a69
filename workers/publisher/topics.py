"""The topics of an instance, and the position that a transaction commits with its events. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import msgspec

from schemas.events import PositionEvent, encode
from schemas.topics import TOPICS, Topic
from workers.model import OutboxEvent

POSITIONS_PARTITION = 0
"""Positions live in one partition for good: a topic that is widened must not hide them."""


MAX_RECORD = 1_000_000
"""Bytes of the largest record that we send: an event's value, key and headers, with room to spare."""

SAFE_REPLICAS = 3
"""From so many replicas on a broker may be lost without losing events, if two must have each."""

_HARM = {
    "delete": "compaction removes all but the last revision of an article",
    "compact": "what is not written again within the retention is forgotten",
}
"""What a topic suffers that has not the cleanup policy it needs."""


class TopicSpec(msgspec.Struct, frozen=True):
    """A topic as we create it. ``replication`` -1 is the broker's default."""

    name: str
    partitions: int
    replication: int
    config: dict[str, str]


def topic_specs(
    prefix: str,
    partitions: int,
    replication: int,
    *,
    window_ms: int = 0,
    retention_ms: Mapping[str, int] | None = None,
) -> list[TopicSpec]:
    """The topics of an instance.

    Args:
        window_ms: the dedupe window; articles are retained for as long at least.
        retention_ms: by topic, where it is not the contract's.
    """
    kept = retention_ms or {}
    return [
        TopicSpec(
            prefix + topic.name,
            topic.partitions or partitions,
            replication,
            _config(topic, replication, kept.get(topic.name, 0), window_ms),
        )
        for topic in TOPICS
    ]


def _config(topic: Topic, replication: int, kept_ms: int, window_ms: int) -> dict[str, str]:
    config = dict(topic.config)
    if "retention.ms" in config:
        kept = kept_ms or int(config["retention.ms"])
        config["retention.ms"] = str(max(kept, window_ms) if topic.name == "articles" else kept)
    if replication >= SAFE_REPLICAS:
        config["min.insync.replicas"] = "2"
    return config


class Position(NamedTuple):
    """How far a shard is published."""

    dataset: str
    sequence: int
    ce_id: str


def position_key(instance: str, shard: int) -> bytes:
    """The key of a shard's position."""
    return f"{instance}/{shard:02d}".encode()


def position_event(instance: str, shard: int, position: Position) -> OutboxEvent:
    """The record that makes a position durable with the events it stands for."""
    value = encode(
        PositionEvent(dataset=position.dataset, sequence=position.sequence, ce_id=position.ce_id)
    )
    return OutboxEvent(topic="positions", key=position_key(instance, shard), value=value)


def decode_position(value: bytes) -> Position:
    """A position from its record."""
    event = msgspec.json.decode(value, type=PositionEvent)
    return Position(event.dataset, event.sequence, event.ce_id)


class TopicState(NamedTuple):
    """A topic as it is. ``config`` holds every value that the broker tells."""

    partitions: int
    replication: int
    config: dict[str, str]


def topic_problems(
    spec: TopicSpec, state: TopicState, *, brokers: int, window_ms: int
) -> list[str]:
    """What of a topic is not as the guarantees need it: one line each, with what to do.

    Args:
        window_ms: the dedupe window; articles must be readable for as long.
    """
    found = []
    policy = state.config.get("cleanup.policy", "")
    wanted = spec.config["cleanup.policy"]
    if policy and policy != wanted:
        found.append(f"cleanup.policy is {policy}: {_HARM[wanted]}. Set cleanup.policy={wanted}.")
    elif wanted == "delete" and spec.name.endswith("articles"):
        found += _retention_problems(state.config, window_ms)
    if state.partitions != spec.partitions and spec.partitions > 1:
        found.append(
            f"it has {state.partitions} partitions, NEWSWIRE_KAFKA_PARTITIONS says {spec.partitions}. "
            "Nothing is changed, since a count that changes breaks the order of an article's events: "
            "set the setting to what is there."
        )
    if state.replication == 1 and brokers >= 3:
        found.append(
            f"it has one replica on {brokers} brokers: a broker that is lost takes events with it. "
            "Reassign it to 3, and see NEWSWIRE_KAFKA_REPLICATION."
        )
    insync = _number(state.config, "min.insync.replicas")
    if state.replication >= SAFE_REPLICAS and insync is not None and insync < 2:
        found.append(
            f"min.insync.replicas is {insync}: a broker that is lost may be the only one that has the last "
            "events. Set min.insync.replicas=2."
        )
    largest = _number(state.config, "max.message.bytes")
    if largest is not None and largest < MAX_RECORD and spec.name.endswith("articles"):
        found.append(
            f"max.message.bytes is {largest}: larger events are refused and become dead letters. "
            f"Set max.message.bytes={MAX_RECORD} or more."
        )
    return found


def _retention_problems(config: dict[str, str], window_ms: int) -> list[str]:
    found = []
    kept_ms = _number(config, "retention.ms")
    if kept_ms is not None and 0 <= kept_ms < window_ms:
        found.append(
            f"retention.ms is {kept_ms}, less than the dedupe window: after a loss of Redis a rebuild "
            f"cannot know all that was announced. Set retention.ms={window_ms} or more."
        )
    kept_bytes = _number(config, "retention.bytes")
    if kept_bytes is not None and kept_bytes >= 0:
        found.append(
            f"retention.bytes is {kept_bytes}: it may remove articles before retention.ms does. "
            "Set retention.bytes=-1."
        )
    return found


def _number(config: dict[str, str], name: str) -> int | None:
    text = config.get(name, "")
    return int(text) if text.lstrip("-").isdigit() else None


def create_commands(
    specs: Sequence[TopicSpec], servers: Sequence[str], *, secured: bool
) -> list[str]:
    """The commands of Kafka's own tools that create the topics, for a shell.

    Args:
        servers: ``host:port`` of brokers.
        secured: the brokers want TLS or a login, which the tools read from a file.
    """
    tool = f"kafka-topics.sh --bootstrap-server {shlex.quote(','.join(servers))}"
    if secured:
        tool += " --command-config client.properties"
    return [" ".join([tool, *_create_arguments(spec)]) for spec in specs]


def _create_arguments(spec: TopicSpec) -> list[str]:
    made = ["--create", "--if-not-exists", "--topic", shlex.quote(spec.name)]
    made += ["--partitions", str(spec.partitions)]
    if spec.replication > 0:
        made += ["--replication-factor", str(spec.replication)]
    for name, value in spec.config.items():
        made += ["--config", shlex.quote(f"{name}={value}")]
    return made
