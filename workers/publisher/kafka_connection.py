"""How to reach Kafka, and what its library's errors mean to us.

With ``kafka_producer``, ``kafka_reader``, ``kafka_admin`` (topics), ``kafka_client`` (connecting) and
``kafka_security`` (TLS and logins) the only importer of ``kafka``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec
from kafka import errors as kafka_errors

from workers.errors import BrokerError, ConfigError, EventRefusedError, NewswireError
from workers.publisher.access import TRANSACTION_OPERATIONS, denial

_REFUSED = (
    kafka_errors.MessageSizeTooLargeError,
    kafka_errors.RecordListTooLargeError,
    kafka_errors.InvalidRecordError,
    kafka_errors.CorruptRecordError,
)
FOREIGN = (kafka_errors.KafkaError, OSError, ValueError, AssertionError, RuntimeError)
"""What the client library raises; its own checks are assertions, and a closed client a RuntimeError."""
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
    said = str(error).replace(f"{name}: ", "").removesuffix(" None")
    text = f"Kafka: {name}: {said[:300]}"
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
