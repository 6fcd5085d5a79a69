"""Where Redis is: ``NEWSWIRE_REDIS_URL``, and the clients of the library for it, with their time-outs.

Retries of the library are off: whoever calls knows whether a call may be repeated.
"""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import redis
import redis.asyncio as aioredis
from redis.asyncio.cluster import ClusterNode as AsyncClusterNode
from redis.asyncio.cluster import RedisCluster as AsyncCluster
from redis.asyncio.retry import Retry as AsyncRetry
from redis.asyncio.sentinel import Sentinel as AsyncSentinel
from redis.backoff import NoBackoff
from redis.cluster import ClusterNode, RedisCluster
from redis.maint_notifications import MaintNotificationsConfig
from redis.retry import Retry
from redis.sentinel import Sentinel

from workers.errors import ConfigError

TIMEOUT_S = 5.0
_UNTOLD = MaintNotificationsConfig(enabled=False)
"""A vendor's announcements of maintenance. With them on, the pool gives out connections that the server has
closed, and the first call after its restart fails."""


class Address:
    """A parsed ``NEWSWIRE_REDIS_URL``: ``redis[s]://``, ``redis[s]+cluster://``, ``redis[s]+sentinel://``."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        scheme, _, self.kind = parts.scheme.partition("+")
        if scheme not in ("redis", "rediss", "unix") or self.kind not in (
            "",
            "cluster",
            "sentinel",
        ):
            raise ConfigError(
                "NEWSWIRE_REDIS_URL: unknown scheme; use redis://, rediss://, redis+cluster:// or redis+sentinel://"
            )
        self.url = url
        if not self.kind:
            _check_options(url)
        self.options: dict[str, Any] = {"ssl": True} if scheme == "rediss" else {}
        if scheme == "rediss" and (ca := dict(parse_qsl(parts.query)).get("ssl_ca_certs")):
            self.options["ssl_ca_certs"] = ca
        userinfo, _, hosts = parts.netloc.rpartition("@")
        if userinfo:
            user, _, password = userinfo.partition(":")
            self.options |= {
                "username": unquote(user) or None,
                "password": unquote(password) or None,
            }
        default = 26379 if self.kind == "sentinel" else 6379
        self.nodes = [_host_port(h, default) for h in hosts.split(",") if h]
        path = [p for p in parts.path.split("/") if p]
        self.service = path[0] if self.kind == "sentinel" and path else "mymaster"
        self.db = int(path[-1]) if path and path[-1].isdigit() else 0

    def open_async(self, connections: int) -> Any:
        """An asyncio client for this address, of so many connections at most where it is one server."""
        common = _common(TIMEOUT_S)
        retry = AsyncRetry(NoBackoff(), 0)
        if self.kind == "cluster":
            nodes = [AsyncClusterNode(h, p) for h, p in self.nodes]
            return AsyncCluster(startup_nodes=nodes, **common, **self.options)
        if self.kind == "sentinel":
            sentinel = AsyncSentinel(self.nodes, **common)
            common["socket_timeout"] = None  # AsyncClient bounds whole round trips
            return sentinel.master_for(
                self.service, db=self.db, retry=retry, **common, **self.options
            )
        common["socket_timeout"] = None
        return aioredis.Redis.from_url(self.url, retry=retry, max_connections=connections, **common)

    def open_node(self, host: str, port: int) -> Any:
        """An asyncio client for one node of a cluster, for one call at a time."""
        return aioredis.Redis(
            host=host,
            port=port,
            max_connections=2,
            retry=AsyncRetry(NoBackoff(), 0),
            **_common(TIMEOUT_S),
            **self.options,
        )

    def open_sync(self, timeout_s: float) -> Any:
        """A blocking client for one thread; ``timeout_s`` must exceed every server-side wait."""
        common = _common(timeout_s)
        retry = Retry(NoBackoff(), 0)
        if self.kind == "cluster":
            nodes = [ClusterNode(h, p) for h, p in self.nodes]
            return RedisCluster(startup_nodes=nodes, **common, **self.options)
        if self.kind == "sentinel":
            sentinel = Sentinel(self.nodes, **common)
            return sentinel.master_for(
                self.service, db=self.db, retry=retry, **common, **self.options
            )
        return redis.Redis.from_url(self.url, retry=retry, **common)


def _check_options(url: str) -> None:
    """Make a connection, without dialling: the library says only then which options it does not know."""
    try:
        redis.Redis.from_url(url).connection_pool.make_connection()
    except (TypeError, ValueError, redis.RedisError) as error:
        unknown = re.search("unexpected keyword argument '(.*)'", str(error))
        why = f"there is no option {unknown[1]}" if unknown else str(error)
        raise ConfigError(f"NEWSWIRE_REDIS_URL, behind the ?: {why}") from None


def _common(timeout_s: float) -> dict[str, Any]:
    return {
        "socket_timeout": timeout_s,
        "socket_connect_timeout": TIMEOUT_S,
        "maint_notifications_config": _UNTOLD,
    }


def _host_port(text: str, default: int) -> tuple[str, int]:
    host, _, port = text.rpartition(":") if ":" in text.rsplit("]", 1)[-1] else (text, "", "")
    return (host or text).strip("[]"), int(port) if port.isdigit() else default
