"""How our topics are on the brokers. Blocking, as all of ``workers.publisher.kafka`` is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kafka import KafkaAdminClient
from kafka import errors as kafka_errors
from kafka.admin import ConfigResource, ConfigResourceType

from workers.publisher.kafka import KafkaConnection, translate
from workers.publisher.topics import TopicSpec, TopicState, topic_problems

_FOREIGN = (kafka_errors.KafkaError, OSError, ValueError, AssertionError, RuntimeError, KeyError)


def check_topics(
    connection: KafkaConnection, specs: Sequence[TopicSpec], *, window_ms: int
) -> list[tuple[str, str]]:
    """What is wrong with our topics, as (topic, words). Nothing is changed.

    Raises BrokerError or ConfigError when they cannot be looked at: a principal that may write may well
    not be allowed to describe, and some brokers cannot.
    """
    try:
        admin = KafkaAdminClient(**connection.kwargs(), bootstrap_timeout_ms=5_000)
        try:
            brokers = len(admin.describe_cluster()["brokers"])
            states = _states(admin, [spec.name for spec in specs])
        finally:
            admin.close()
    except _FOREIGN as error:
        raise translate(error) from error
    return [
        (spec.name, problem)
        for spec in specs
        if spec.name in states
        for problem in topic_problems(spec, states[spec.name], brokers=brokers, window_ms=window_ms)
    ]


def _states(admin: Any, names: Sequence[str]) -> dict[str, TopicState]:
    wanted = [ConfigResource(ConfigResourceType.TOPIC, name) for name in names]
    configs = admin.describe_configs(wanted, config_filter="all").get("topic", {})
    return {
        topic["name"]: TopicState(
            len(topic["partitions"]),
            min((len(p["replica_nodes"]) for p in topic["partitions"]), default=0),
            {key: one["value"] or "" for key, one in configs.get(topic["name"], {}).items()},
        )
        for topic in admin.describe_topics(list(names))
    }
