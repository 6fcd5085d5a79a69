"""Every key in Redis has a TTL or stands on this list: what is forgotten grows for ever.

The list is the table in ARCHITECTURE.md, and on purpose not the worker's own: a new permanent key
has to be argued for here.
"""

from __future__ import annotations

import re

import redis

_SHARD = r"\{%s:s\d\d\}:"
_PERMANENT = {
    _SHARD + "meta": "string",
    _SHARD + "due": "zset",
    _SHARD + "claims": "hash",
    _SHARD + "ob": "hash",
    _SHARD + "out": "stream",
    _SHARD + "gone": "hash",
    _SHARD + "c:(?P<listed>.+)": "string",
    _SHARD + "[fmp]:(?P<feed>.+)": "string",
    r"\{%s:list\}:version": None,
}
"""Pattern of the name (``%s``: the instance) to the type, None: any."""


def leaks(client: redis.Redis, instance: str) -> list[str]:
    """Keys of an instance that live for ever without leave, each with the reason."""
    found = []
    for raw in client.scan_iter(match=f"*{instance}*", count=1000):
        key = raw.decode()
        # -2: it expired while we looked.
        if client.ttl(raw) != -1:
            continue
        if problem := _problem(client, key, instance):
            found.append(f"{key}: {problem}")
    return found


def forget(client: redis.Redis, instance: str) -> None:
    """Delete all keys of an instance."""
    keys = list(client.scan_iter(match=f"{{{instance}:*", count=1000))
    if keys:
        client.unlink(*keys)


def _problem(client: redis.Redis, key: str, instance: str) -> str:
    for pattern, kind in _PERMANENT.items():
        if not (match := re.fullmatch(pattern % re.escape(instance), key)):
            continue
        if kind and (is_kind := client.type(key)) != kind.encode():
            return f"a {is_kind!r} that should be a {kind}"
        feed = match.groupdict().get("feed")
        tag = key[: key.index("}") + 1]
        if feed and not client.exists(f"{tag}:c:{feed}"):
            return "its feed is not on the list any more, and it has no TTL"
        return ""
    return "no TTL, and not on the list of permanent keys (tests/support/hygiene.py)"
