"""Waits at the start until Redis and Kafka can be used, both at once, and says what they lack."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Mapping, Sequence
from typing import Any

from structlog.typing import FilteringBoundLogger

from workers.errors import ConfigError, NewswireError, StoreError, UnavailableError
from workers.publisher.kafka_admin import check_topics, ensure_topics
from workers.publisher.kafka_connection import KafkaConnection
from workers.publisher.topics import TopicSpec
from workers.store.client import AsyncClient
from workers.threads import in_daemon

EVICTING = ("allkeys", "volatile")
RETRY_S = 0.5
_WORDLESS = ("no answer", "closed by server")
"""How a Redis ends a connection that speaks TLS, or does not, when it expects the other."""


async def wait_for_both(redis: Awaitable[None], kafka: Awaitable[None]) -> None:
    """Wait for both side by side.

    Raises:
        ConfigError: as soon as one of them says that a person must change something.
        UnavailableError: at the end of the wait; it names all that is not there.
    """
    tasks = [asyncio.ensure_future(redis), asyncio.ensure_future(kafka)]
    try:
        for task in asyncio.as_completed(tasks):
            try:
                await task
            except UnavailableError:
                continue
    finally:
        for left in tasks:
            left.cancel()
        found = await asyncio.gather(*tasks, return_exceptions=True)
    away = [str(error) for error in found if isinstance(error, UnavailableError)]
    if away:
        raise UnavailableError("; and ".join(away))


async def wait_for_redis(client: AsyncClient, wait_s: float, log: FilteringBoundLogger) -> None:
    """Wait until Redis answers and holds its data; refuse one that cannot keep it.

    Raises UnavailableError after ``wait_s`` seconds, ConfigError.
    """
    deadline = time.monotonic() + wait_s
    said = False
    while True:
        try:
            check_redis(await _loaded(client, deadline - time.monotonic()), log)
            return
        except StoreError as error:
            if time.monotonic() + RETRY_S > deadline:
                hint = (
                    " (does it want TLS? rediss:// is with, redis:// without)"
                    if any(words in str(error) for words in _WORDLESS)
                    else ""
                )
                raise UnavailableError(
                    f"Redis could not be used within {wait_s:.0f} s (NEWSWIRE_REDIS_URL): {error}{hint}"
                ) from error
            if not said:
                said = True
                log.info("waiting_for", what="redis", detail=str(error))
        await asyncio.sleep(RETRY_S)


async def _loaded(client: AsyncClient, left_s: float) -> dict[str, Any]:
    """INFO of a Redis that has read its files. While it does, INFO says much that is not so yet."""
    try:
        async with asyncio.timeout(max(RETRY_S, left_s)):
            info = await client.info()
    except TimeoutError:
        raise StoreError("Redis: no answer", "timeout") from None
    if int(info.get("loading", 0)) or int(info.get("async_loading", 0)):
        raise StoreError("Redis: it loads its data from disk", "loading")
    return info


def check_redis(info: Mapping[str, Any], log: FilteringBoundLogger) -> None:
    """Refuse a Redis that forgets keys by itself; warn of one that does not write to disk."""
    policy = str(info.get("maxmemory_policy", "noeviction"))
    if policy.startswith(EVICTING):
        raise ConfigError(
            f"Redis evicts keys when it is full (maxmemory-policy {policy}): articles would be announced "
            "twice. Set maxmemory-policy noeviction."
        )
    if not int(info.get("aof_enabled", 1)):
        log.warning(
            "redis_not_durable",
            detail="appendonly is off: a crash of Redis loses what it held. Set appendonly yes.",
        )


async def wait_for_kafka(
    connection: KafkaConnection,
    specs: Sequence[TopicSpec],
    *,
    create: bool,
    wait_s: float,
    log: FilteringBoundLogger,
) -> None:
    """Wait until Kafka answers and our topics are there, made by us with ``create``.

    Raises UnavailableError after ``wait_s`` seconds, ConfigError.
    """

    def waiting(why: str) -> None:
        log.info("waiting_for", what="kafka", detail=why)

    created = await in_daemon(
        ensure_topics, connection, specs, create=create, wait_s=wait_s, waiting=waiting
    )
    for name in created:
        log.info("topic_created", topic=name)


async def look_at_topics(
    connection: KafkaConnection,
    specs: Sequence[TopicSpec],
    *,
    window_ms: int,
    log: FilteringBoundLogger,
) -> None:
    """Say what of the topics is not as the guarantees need it; it is no reason not to start."""
    try:
        found = await in_daemon(check_topics, connection, specs, window_ms=window_ms)
    except NewswireError as error:
        log.info("topics_unchecked", detail=str(error))
        return
    for topic, problem in found:
        log.warning("topic_unsuitable", topic=topic, detail=problem)
