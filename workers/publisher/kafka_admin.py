"""Our topics on the brokers: created, looked at, and whether we may use them. Blocking, as all of
the other ``kafka_`` modules are."""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from kafka import KafkaAdminClient
from kafka import errors as kafka_errors
from kafka.admin import ConfigResource, ConfigResourceType, NewTopic

from workers.errors import BrokerError, ConfigError, NewswireError
from workers.publisher.access import denial, lacking
from workers.publisher.kafka_client import open_client
from workers.publisher.kafka_connection import Doing, KafkaConnection, translate
from workers.publisher.topics import TopicSpec, TopicState, topic_problems

_FOREIGN = (kafka_errors.KafkaError, OSError, ValueError, AssertionError, RuntimeError, KeyError)
_HINTS = {
    "PLAINTEXT": " (do the brokers want TLS or a login? NEWSWIRE_KAFKA_SECURITY_PROTOCOL)",
    "SSL": " (do the brokers speak TLS here, and do they want NEWSWIRE_KAFKA_SSL_CERTFILE?)",
    "SASL_PLAINTEXT": " (is the login right, and do the brokers take NEWSWIRE_KAFKA_SASL_MECHANISM?)",
    "SASL_SSL": " (do the brokers speak TLS here, and is the login right?)",
}
"""What a connection that the broker ends without a word may mean."""
_WORDLESS = re.compile("disconnected|EOF|alert|Invalid frame|reset|not answered|no answer")
_TIMED_OUT = (kafka_errors.KafkaTimeoutError, kafka_errors.RequestTimedOutError)
TRY_MS = 5_000
"""One attempt to reach a broker."""
MIN_TRY_MS = 500
RETRY_S = 0.5
_DENIED = kafka_errors.TopicAuthorizationFailedError.errno
_UNKNOWN = kafka_errors.UnknownTopicOrPartitionError.errno


def ensure_topics(
    connection: KafkaConnection,
    specs: Sequence[TopicSpec],
    *,
    create: bool,
    wait_s: float,
    waiting: Callable[[str], None] = lambda why: None,
) -> list[str]:
    """Create what is missing (or only check), and wait until all can be used. Returns names created.

    ``waiting`` is told once, in words, why it was not at once.

    Raises:
        BrokerError: not reachable within ``wait_s`` seconds.
        ConfigError: a topic is missing and may not be created, or an ACL is missing: which one.
    """
    with _overhearing(waiting) as overheard:
        return _ensure(connection, specs, overheard, create=create, wait_s=wait_s)


class Looked(NamedTuple):
    """What the brokers say: the least ``version`` that speaks as they do, how many they are, which of our
    topics are missing, and in words which rights are."""

    version: tuple[int, ...]
    brokers: int
    missing: list[str]
    denied: list[str]


def look(connection: KafkaConnection, specs: Sequence[TopicSpec], *, wait_s: float) -> Looked:
    """Look at the brokers and our topics once; nothing is changed.

    Raises:
        BrokerError: not reachable within ``wait_s`` seconds.
        ConfigError: the brokers refuse who we are.
    """
    with _overhearing() as overheard:
        try:
            admin = open_client(
                KafkaAdminClient, **connection.kwargs(), bootstrap_timeout_ms=int(wait_s * 1000)
            )
            try:
                brokers = admin.describe_cluster()["brokers"]
                first = min(broker["broker_id"] for broker in brokers)
                version = admin.get_broker_version_data(first).broker_version
                missing, denied = _lacks(admin, connection, specs)
            finally:
                admin.close()
        except _FOREIGN as error:
            cause = overheard.cause if isinstance(error, kafka_errors.KafkaTimeoutError) else None
            last = translate(cause or error)
            if isinstance(last, ConfigError):
                raise last from error
            raise _unreachable(connection, last, wait_s) from error
    return Looked(tuple(version), len(brokers), [spec.name for spec in missing], denied)


@contextmanager
def _overhearing(
    waiting: Callable[[str], None] = lambda why: None,
) -> Iterator[_Overheard]:
    overheard = _Overheard(waiting)
    logger = logging.getLogger("kafka.net.manager")
    logger.addHandler(overheard)
    try:
        yield overheard
    finally:
        logger.removeHandler(overheard)


def _unreachable(connection: KafkaConnection, last: NewswireError, wait_s: float) -> BrokerError:
    hint = ""
    if "IllegalSaslState" in str(last):
        hint = " (the brokers take no login here: NEWSWIRE_KAFKA_SECURITY_PROTOCOL)"
    elif _WORDLESS.search(str(last)):
        hint = _HINTS.get(connection.options.get("security_protocol", "PLAINTEXT"), "")
    return BrokerError(
        f"Kafka at {connection.bootstrap_servers} could not be used within {wait_s:.0f} s: {last}{hint}"
    )


class _Overheard(logging.Handler):
    """Why a connection failed. The library tells its log alone; what it raises is that none came about."""

    def __init__(self, waiting: Callable[[str], None]) -> None:
        super().__init__(logging.WARNING)
        self.cause: BaseException | None = None
        self._waiting: Callable[[str], None] | None = waiting

    def wait(self, why: str) -> None:
        """Say once that something is waited for."""
        say, self._waiting = self._waiting, None
        if say is not None:
            say(why)

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the error that a line is about; that a login was refused is never overwritten.

        After a refused login the library sees, more often than not, only that the broker hung up.
        """
        args = record.args if isinstance(record.args, tuple) else ()
        cause = next((a for a in args if isinstance(a, BaseException)), None)
        refused = isinstance(self.cause, kafka_errors.SaslAuthenticationFailedError)
        if cause and not refused and not isinstance(cause, _TIMED_OUT):
            self.cause = cause
            self.wait(str(translate(cause)))


def _ensure(
    connection: KafkaConnection,
    specs: Sequence[TopicSpec],
    overheard: _Overheard,
    *,
    create: bool,
    wait_s: float,
) -> list[str]:
    deadline = time.monotonic() + wait_s
    created: list[str] = []
    last: NewswireError = BrokerError("Kafka: no answer")
    while True:
        admin = None
        left_ms = max(MIN_TRY_MS, int((deadline - time.monotonic()) * 1000))
        try:
            admin = open_client(
                KafkaAdminClient,
                **connection.kwargs(),
                bootstrap_timeout_ms=min(TRY_MS, left_ms),
                request_timeout_ms=left_ms,
            )
            missing = _missing(admin, connection, specs)
            if not missing:
                return created
            if not create:
                names = ", ".join(s.name for s in missing)
                raise ConfigError(
                    f"Kafka: topics missing: {names}. Create them, or set NEWSWIRE_KAFKA_CREATE_TOPICS=true."
                )
            created += _create(admin, connection, missing)
        except _FOREIGN as error:
            # When no connection came about, what was overheard says more.
            cause = overheard.cause if isinstance(error, kafka_errors.KafkaTimeoutError) else None
            last = translate(cause or error)
            if cause is None and isinstance(error, _TIMED_OUT):
                last = BrokerError("Kafka: no answer")
            if isinstance(last, ConfigError):
                raise last from error
            overheard.wait(str(last))
        finally:
            if admin is not None:
                admin.close()
        if time.monotonic() + RETRY_S > deadline:
            raise _unreachable(connection, last, wait_s)
        time.sleep(RETRY_S)


def _missing(
    admin: Any, connection: KafkaConnection, specs: Sequence[TopicSpec]
) -> list[TopicSpec]:
    """The topics that are not there. Raises ConfigError with every ACL that is missing on the others."""
    missing, denied = _lacks(admin, connection, specs)
    if denied:
        raise ConfigError("Kafka: " + "\n  ".join(denied))
    return missing


def _lacks(
    admin: Any, connection: KafkaConnection, specs: Sequence[TopicSpec]
) -> tuple[list[TopicSpec], list[str]]:
    """The topics that are not there, and in words every ACL that is missing on the others."""
    found = {topic["name"]: topic for topic in admin.describe_topics([s.name for s in specs])}
    lacks: dict[tuple[str, ...], list[str]] = {}
    for name, topic in found.items():
        code, allowed = topic["error_code"], topic.get("authorized_operations")
        if code != _UNKNOWN and (lack := lacking(() if code == _DENIED else allowed)):
            lacks.setdefault(tuple(lack), []).append(name)
    principal, servers = connection.principal, connection.servers
    denied = [denial(principal, "topic", n, o, servers) for o, n in lacks.items()]
    missing = [s for s in specs if s.name not in found or found[s.name]["error_code"] == _UNKNOWN]
    return missing, denied


def _create(admin: Any, connection: KafkaConnection, specs: Sequence[TopicSpec]) -> list[str]:
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
        except kafka_errors.AuthorizationError as error:
            doing = Doing(connection, ("Create",), [spec.name])
            told = kafka_errors.TopicAuthorizationFailedError(spec.name)
            raise ConfigError(
                f"Kafka: {doing.denied(told)}. Or let someone else create the topics (newswire topics "
                "prints the commands) and set NEWSWIRE_KAFKA_CREATE_TOPICS=false."
            ) from error
    return done


def check_topics(
    connection: KafkaConnection, specs: Sequence[TopicSpec], *, window_ms: int
) -> list[tuple[str, str]]:
    """What is wrong with our topics, as (topic, words). Nothing is changed.

    Raises BrokerError or ConfigError when they cannot be looked at: a principal that may write may well
    not be allowed to describe, and some brokers cannot.
    """
    try:
        admin = open_client(KafkaAdminClient, **connection.kwargs(), bootstrap_timeout_ms=TRY_MS)
        try:
            brokers = len(admin.describe_cluster()["brokers"])
            states = _states(admin, [spec.name for spec in specs])
        finally:
            admin.close()
    except _FOREIGN as error:
        names = [spec.name for spec in specs]
        raise translate(error, Doing(connection, ("DescribeConfigs",), names)) from error
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
