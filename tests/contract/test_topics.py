"""Topics: what is created, what is checked, and what is said of it."""

from __future__ import annotations

import shlex
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, ConfigResource, ResourceType
from confluent_kafka.cimpl import NewTopic

from tests.conftest import Names
from workers.publisher.kafka_admin import check_topics, ensure_topics
from workers.publisher.kafka_connection import KafkaConnection
from workers.publisher.topics import (
    TopicSpec,
    TopicState,
    create_commands,
    topic_problems,
    topic_specs,
)

DAY_MS = 86_400_000
WINDOW_MS = 14 * DAY_MS
SPECS = {spec.name: spec for spec in topic_specs("news.", 12, -1)}


def _state(name: str, partitions: int = 12, replication: int = 3, **config: str) -> TopicState:
    given = {k.replace("_", "."): v for k, v in config.items()}
    return TopicState(partitions, replication, SPECS[name].config | given)


@pytest.mark.parametrize(
    ("name", "change", "said"),
    [
        ("news.articles", {"retention_ms": str(13 * DAY_MS)}, "retention.ms"),
        ("news.articles", {"retention_bytes": "1000"}, "retention.bytes"),
        ("news.articles", {"cleanup_policy": "compact"}, "cleanup.policy=delete"),
        ("news.articles", {"cleanup_policy": "compact,delete"}, "cleanup.policy=delete"),
        ("news.feeds", {"cleanup_policy": "delete"}, "cleanup.policy=compact"),
        ("news.positions", {"cleanup_policy": "delete", "partitions": 1}, "cleanup.policy=compact"),
        ("news.articles", {"partitions": 24}, "NEWSWIRE_KAFKA_PARTITIONS"),
        ("news.articles", {"replication": 1}, "replica"),
        ("news.articles", {"max_message_bytes": "900000"}, "max.message.bytes"),
        ("news.articles", {"min_insync_replicas": "1"}, "min.insync.replicas=2"),
    ],
)
def test_a_topic_that_breaks_a_guarantee_is_told(
    name: str, change: dict[str, Any], said: str
) -> None:
    """Each deviation is one line that names the setting to change."""
    problems = topic_problems(SPECS[name], _state(name, **change), brokers=3, window_ms=WINDOW_MS)
    assert [said in p for p in problems] == [True]


@pytest.mark.parametrize(
    "state",
    [
        _state("news.articles"),
        _state("news.articles", retention_ms="-1", retention_bytes="-1"),
        _state("news.articles", max_message_bytes="1048588"),
        TopicState(12, 3, {}),
    ],
)
def test_a_topic_that_serves_is_not_told(state: TopicState) -> None:
    """Our defaults, an unlimited retention, and a configuration that may not be read are well."""
    assert topic_problems(SPECS["news.articles"], state, brokers=3, window_ms=WINDOW_MS) == []


def test_one_replica_on_one_broker_is_well() -> None:
    """Where there are no three brokers, replication is nobody's fault."""
    state = _state("news.articles", replication=1)
    assert topic_problems(SPECS["news.articles"], state, brokers=2, window_ms=WINDOW_MS) == []


def test_articles_are_kept_for_the_dedupe_window_at_least() -> None:
    """A window over 30 days lengthens the retention of the topic that we create."""
    articles = topic_specs("news.", 12, -1, window_ms=40 * DAY_MS)[0]
    assert articles.config["retention.ms"] == str(40 * DAY_MS)


def test_retention_is_what_the_settings_say() -> None:
    """Articles and dead letters are kept as long as is set, articles never less than the window; what is
    compacted has no retention; three replicas or more also get two that must be in sync."""
    kept = {"articles": 20 * DAY_MS, "dead-letters": DAY_MS}
    specs = topic_specs("n.", 12, 3, window_ms=WINDOW_MS, retention_ms=kept)
    found = {spec.name: spec.config.get("retention.ms", "") for spec in specs}
    assert found == {
        "n.articles": str(20 * DAY_MS), "n.feeds": "", "n.dead-letters": str(DAY_MS), "n.positions": "",
    }  # fmt: skip
    assert {spec.config["min.insync.replicas"] for spec in specs} == {"2"}
    kept = {"articles": DAY_MS}
    short = topic_specs("n.", 12, 2, window_ms=WINDOW_MS, retention_ms=kept)[0]
    assert short.config["retention.ms"] == str(WINDOW_MS)
    assert "min.insync.replicas" not in short.config


def test_the_commands_are_fit_for_a_shell() -> None:
    """Each topic is one command with its partitions, replicas and configuration, quoted."""
    specs = [*topic_specs("news.", 12, 3)[:1], TopicSpec("a b", 1, -1, {"x": "$(id)"})]
    first, second = (shlex.split(c) for c in create_commands(specs, ["k1:9", "k2:9"], secured=True))
    assert first == [
        *("kafka-topics.sh", "--bootstrap-server", "k1:9,k2:9"),
        *("--command-config", "client.properties"),
        *("--create", "--if-not-exists", "--topic", "news.articles"),
        *("--partitions", "12", "--replication-factor", "3"),
        *("--config", "cleanup.policy=delete", "--config", "retention.ms=2592000000"),
        *("--config", "min.insync.replicas=2"),
    ]
    assert second[-4:] == ["--partitions", "1", "--config", "x=$(id)"]


def test_what_we_create_passes_our_own_check(kafka: str, names: Names) -> None:
    """Topics as a worker creates them give no warning."""
    connection = KafkaConnection(kafka, names.instance)
    specs = topic_specs(names.topic_prefix, 3, 1)
    created = ensure_topics(connection, specs, create=True, wait_s=30)
    assert created == [spec.name for spec in specs]
    assert check_topics(connection, specs, window_ms=WINDOW_MS) == []


def test_a_topic_of_someone_elses_making_is_looked_at(
    kafka: str, kafka_server: object, names: Names
) -> None:
    """The check reads retention, policy, size and partitions from the broker, and changes nothing."""
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    config = {"retention.ms": "3600000", "max.message.bytes": "500000"}
    specs = topic_specs(names.topic_prefix, 3, 1)
    made = [NewTopic(spec.name, 2, 1, config=config) for spec in specs]
    for future in admin.create_topics(made).values():
        future.result()
    connection = KafkaConnection(kafka, names.instance)
    assert ensure_topics(connection, specs, create=True, wait_s=30) == []
    found = check_topics(connection, specs, window_ms=WINDOW_MS)
    by_topic = {spec.name: [p for t, p in found if t == spec.name] for spec in specs}
    assert len(by_topic[names.articles]) == 3
    assert len(by_topic[f"{names.topic_prefix}feeds"]) == 2
    assert len(by_topic[f"{names.topic_prefix}positions"]) == 1
    resource = ConfigResource(ResourceType.TOPIC, names.articles)
    now = admin.describe_configs([resource])[resource].result()
    assert now["retention.ms"].value == "3600000"
