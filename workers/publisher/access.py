"""What a worker's principal must be allowed on the brokers, and the words for what it is not. Pure."""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Sequence

TOPIC_OPERATIONS = ("Describe", "Read", "Write")
"""On each of our topics: also what is only written is read back after Redis was rolled back or emptied."""
TRANSACTION_OPERATIONS = ("Describe", "Write")
"""On the transactional ids, which are the instance's name, a hyphen and the shard's number."""


def lacking(allowed: Collection[str] | None) -> list[str]:
    """The operations on a topic that we need and may not do.

    Args:
        allowed: what we may, in the brokers' words (``READ``, KIP-430); None where they do not tell. Who
            may not even describe a topic may do nothing, since reading and writing imply it.
    """
    if allowed is None:
        return []
    return [name for name in TOPIC_OPERATIONS if name.upper() not in allowed]


def denial(
    principal: str,
    kind: str,
    names: Sequence[str],
    operations: Sequence[str],
    servers: Sequence[str] = (),
) -> str:
    """That something is not allowed, and the command that allows it.

    Args:
        principal: as in ACLs, such as ``User:newswire``; empty when we cannot know it.
        kind: ``topic``, ``transactional-id`` or ``cluster``.
        servers: ``host:port`` of brokers, for the command.
    """
    who = principal or "this client's principal"
    what = "the cluster" if kind == "cluster" else f"{kind} {', '.join(names)}"
    command = acl_command(servers, principal, kind, names, operations)
    return f"{who} may not {', '.join(operations)} on {what} (ACL missing). Allow it: {command}"


def acl_commands(
    servers: Sequence[str], principal: str, prefix: str, instance: str, *, create: bool
) -> list[str]:
    """The commands that allow a worker all it needs, for a shell: nothing beyond its own names."""
    topic = [*TOPIC_OPERATIONS, "DescribeConfigs", *(["Create"] if create else [])]
    wanted = (
        ("topic", prefix, topic),
        ("transactional-id", f"{instance}-", TRANSACTION_OPERATIONS),
    )
    return [
        acl_command(servers, principal, kind, [name], operations, prefixed=True)
        for kind, name, operations in wanted
    ]


def acl_command(
    servers: Sequence[str],
    principal: str,
    kind: str,
    names: Iterable[str],
    operations: Iterable[str],
    *,
    prefixed: bool = False,
) -> str:
    """One command of Kafka's own tool."""
    made = ["kafka-acls.sh", "--bootstrap-server", ",".join(servers) or "BROKER:9092"]
    made += ["--command-config", "client.properties", "--add"]
    made += ["--allow-principal", principal or "User:NAME"]
    for operation in operations:
        made += ["--operation", operation]
    made += (
        [f"--{kind}"] if kind == "cluster" else [w for name in names for w in (f"--{kind}", name)]
    )
    made += ["--resource-pattern-type", "prefixed"] if prefixed else []
    return shlex.join(made)
