"""The wait for Redis and Kafka at the start."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from typing import Any, cast

import pytest
import redis
import structlog
from structlog.testing import CapturingLogger

from tests.support.silent import SilentServer
from workers.dependencies import wait_for_both, wait_for_redis
from workers.errors import BrokerError, ConfigError, StoreError, UnavailableError
from workers.publisher.kafka_admin import ensure_topics
from workers.publisher.kafka_client import _client
from workers.publisher.kafka_connection import KafkaConnection
from workers.publisher.kafka_producer import Producer
from workers.publisher.kafka_reader import PositionReader
from workers.publisher.kafka_security import Security, options
from workers.publisher.topics import topic_specs
from workers.store.client import Address, AsyncClient, translate
from workers.threads import in_daemon

WELL = {"aof_enabled": 1, "maxmemory_policy": "noeviction", "loading": 0}


class Redis:
    """Answers INFO with one thing after another, and with the last for good."""

    def __init__(self, *answers: dict[str, Any] | StoreError) -> None:
        self._answers = [*answers]

    async def info(self) -> dict[str, Any]:
        """The next answer."""
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, StoreError):
            raise answer
        return answer


async def wait(*answers: dict[str, Any] | StoreError, wait_s: float = 30) -> list[str]:
    """Wait for a Redis that answers so. Returns the events that were logged."""
    logger = CapturingLogger()
    log: Any = structlog.wrap_logger(logger, processors=[lambda _l, _m, event: event])
    await wait_for_redis(cast(AsyncClient, Redis(*answers)), wait_s, log)
    return [call.kwargs["event"] for call in logger.calls]


async def test_a_redis_that_loads_is_waited_for() -> None:
    """While Redis loads its data it says that nothing is written to disk; that is not believed."""
    loading = {"loading": 1, "aof_enabled": 0, "maxmemory_policy": "noeviction"}
    assert await wait(loading, loading, WELL) == ["waiting_for"]


async def test_a_redis_without_its_file_is_warned_of() -> None:
    """One that has loaded and writes nothing to disk is a warning."""
    assert await wait({**WELL, "aof_enabled": 0}) == ["redis_not_durable"]


async def test_a_redis_that_loads_for_too_long_is_away() -> None:
    """The wait for what it loads has the same end."""
    with pytest.raises(UnavailableError, match=r"within 0 s.*loads its data"):
        await wait({"loading": 1}, wait_s=0.1)


@pytest.mark.parametrize(
    "said",
    [
        "NOAUTH HELLO must be called with the client already authenticated, otherwise the HELLO <proto> "
        "AUTH <user> <pass> option can be used to authenticate the client",
        "WRONGPASS invalid username-password pair or user is disabled.",
        "Authentication required.",
    ],
)
def test_a_refused_login_names_the_setting(said: str) -> None:
    """Redis' own words tell nobody where the password belongs."""
    told = str(translate(redis.exceptions.ResponseError(said)))
    assert "NEWSWIRE_REDIS_URL hold the right user and password" in told


@pytest.mark.parametrize(
    ("error", "hint"),
    [
        (redis.exceptions.NoPermissionError("User u has no permissions"), "README"),
        (redis.exceptions.RedisClusterException("Cluster mode is not enabled on this node"), "no cluster"),
        (redis.exceptions.MovedError("1234 127.0.0.1:7000"), "redis+cluster://"),
        (redis.exceptions.ResponseError("unknown command 'SENTINEL', with args"), "no Sentinel"),
    ],
)  # fmt: skip
def test_another_kind_of_redis_is_named(error: Exception, hint: str) -> None:
    """Where the words of an error tell what to change, that is said."""
    told = translate(error)
    assert isinstance(told, StoreError) and hint in str(told)


def test_an_option_that_there_is_not_is_a_wrong_setting() -> None:
    """What stands behind the ? of the URL is looked at before anything is dialled."""
    with pytest.raises(
        ConfigError, match=r"NEWSWIRE_REDIS_URL, behind the \?: there is no option foo"
    ):
        Address("redis://h?foo=1")
    with pytest.raises(ConfigError, match="socket_timeout"):
        Address("redis://h?socket_timeout=soon")
    Address("redis://h?protocol=3&client_name=me")


def test_a_time_out_says_so() -> None:
    """The library's time-out has no words of its own."""
    error = translate(TimeoutError())
    assert isinstance(error, StoreError)
    assert (str(error), error.reason) == ("Redis: TimeoutError: no answer in time", "timeout")


async def test_both_waits_are_told_of() -> None:
    """What is away is named in one error."""

    async def away(what: str) -> None:
        raise UnavailableError(f"{what} is away")

    with pytest.raises(UnavailableError, match="Redis is away; and Kafka is away"):
        await wait_for_both(away("Redis"), away("Kafka"))


async def test_a_wrong_setting_ends_the_wait_for_the_other() -> None:
    """What a person must change is said at once, also while the other is waited for."""

    async def wrong() -> None:
        raise ConfigError("wrong login")

    async with asyncio.timeout(30):
        with pytest.raises(ConfigError, match="wrong login"):
            await wait_for_both(asyncio.sleep(3600), wrong())


def test_a_call_that_hangs_does_not_keep_the_process() -> None:
    """Whoever is cancelled leaves the blocking call behind, and the loop ends."""
    hung, entered = threading.Event(), threading.Event()

    def hang() -> None:
        entered.set()
        hung.wait()

    async def ask() -> None:
        task = asyncio.create_task(in_daemon(hang))
        while not entered.is_set():  # noqa: ASYNC110 - another thread sets it
            await asyncio.sleep(0.001)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    asyncio.run(ask())
    left = [t for t in threading.enumerate() if t.name == "hang"]
    hung.set()
    assert [t.daemon for t in left] == [True]


async def test_a_call_on_a_thread_returns_and_raises() -> None:
    """Results and errors come back as from any call."""
    assert await in_daemon(divmod, 7, 2) == (3, 1)
    with pytest.raises(ZeroDivisionError):
        await in_daemon(divmod, 7, 0)


@pytest.fixture
def silent() -> Iterator[KafkaConnection]:
    """A connection by TLS to what takes it and never answers."""
    with SilentServer() as server:
        yield KafkaConnection(server.address, "test", options(Security("SSL")))


def produce(connection: KafkaConnection) -> None:
    """Open a producer."""
    Producer(
        connection, "t-00", transaction_timeout_ms=1_000, compression=None, exactly_once=True
    )  # fmt: skip


@pytest.mark.parametrize(
    "use",
    [
        produce,
        lambda silent: PositionReader(silent, "positions").read("test", 0, 1.0),
        lambda silent: ensure_topics(silent, topic_specs("t-", 1, 1), create=True, wait_s=1.0),
    ],
    ids=["producer", "reader", "admin"],
)
def test_a_tls_handshake_has_an_end(
    silent: KafkaConnection, use: Callable[[KafkaConnection], Any]
) -> None:
    """No client waits for ever for a broker that takes the connection and never answers."""
    with pytest.raises(BrokerError):
        use(silent)
    assert not [t for t in threading.enumerate() if t.name.startswith("kafka-io")]


def test_a_busy_machine_is_no_warning_of_the_kafka_library() -> None:
    """Its clients do not time their tasks."""
    client = _client(bootstrap_servers=["127.0.0.1:1"])
    try:
        assert client._net.config["slow_task_threshold_secs"] == 0
    finally:
        client.close()
