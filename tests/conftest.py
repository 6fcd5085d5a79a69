"""Fixtures: one real Kafka and one real Valkey for the whole session, names of its own for each test.

Tests share servers and never data: each has its own instance and topic prefix. A test may kill,
pause or restart the shared servers; they are brought back after it.
"""

from __future__ import annotations

import asyncio
import os
import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import pytest
import uvloop
from confluent_kafka import KafkaException
from hypothesis import settings
from xdist.workermanage import WorkerController

from tests.support.hygiene import forget, leaks
from tests.support.kafka_jars import ROOT, KafkaMissingError
from tests.support.missing import said_loudly
from tests.support.proxy import Proxy
from tests.support.servers import Broker, KafkaServer, TansuServer, ValkeyServer
from tests.support.topic import admin

_NO_KAFKA = pytest.StashKey[str]()
# How long an example takes says nothing on a machine that others use too.
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


class Names(NamedTuple):
    """What keeps a test's data apart: NEWSWIRE_INSTANCE and NEWSWIRE_TOPIC_PREFIX."""

    instance: str
    topic_prefix: str

    @property
    def articles(self) -> str:
        """The topic of articles."""
        return f"{self.topic_prefix}articles"


class _Kafka(NamedTuple):
    broker: Broker
    proxy: Proxy


def pytest_asyncio_loop_factories(
    item: pytest.Item,
) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Asynchronous tests run on the event loop that a worker runs on; the demo has asyncio's own."""
    if item.path.name.startswith("test_embedded"):
        return {"asyncio": asyncio.new_event_loop}
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def _kafka(
    tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest
) -> Iterator[_Kafka]:
    directory = tmp_path_factory.mktemp("kafka")
    proxy = Proxy(protocol="kafka")
    broker: Broker
    try:
        kafka = KafkaServer(directory, advertised_port=proxy.port)
        broker, proxied = kafka, kafka
    except KafkaMissingError as missing:
        request.config.stash[_NO_KAFKA] = str(missing)
        broker, proxied = TansuServer(directory), None
    try:
        broker.start()
        if proxied:
            proxy.target = ("127.0.0.1", proxied.proxied_port)
        yield _Kafka(broker, proxy)
    finally:
        proxy.close()
        broker.close()


@pytest.fixture(scope="session")
def kafka(_kafka: _Kafka) -> str:
    """``host:port`` of a Kafka: Apache Kafka, or Tansu where there is no Java (said at the end)."""
    return _kafka.broker.bootstrap


@pytest.fixture
def kafka_server(_kafka: _Kafka) -> Iterator[KafkaServer]:
    """The Apache Kafka behind ``kafka``, to kill and pause; the test is skipped where it is not."""
    if not isinstance(_kafka.broker, KafkaServer):
        pytest.skip("needs Apache Kafka: Java 17, and Maven at the first run")
    yield _kafka.broker
    _kafka.broker.resume()
    if not _kafka.broker.alive:
        _kafka.broker.start()


@pytest.fixture
def kafka_proxy(kafka_server: KafkaServer, _kafka: _Kafka) -> Iterator[Proxy]:
    """A proxy before Kafka: clients that bootstrap from its ``address`` stay behind it."""
    _kafka.proxy.reset()
    yield _kafka.proxy
    _kafka.proxy.reset()
    _kafka.proxy.sever()


@pytest.fixture(scope="session")
def _valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path_factory.mktemp("valkey"))
    server.start()
    yield server
    server.close()


@pytest.fixture
def valkey_server(_valkey: ValkeyServer) -> Iterator[ValkeyServer]:
    """The Valkey behind ``valkey``, to kill and pause."""
    yield _valkey
    _valkey.resume()
    if not _valkey.alive:
        _valkey.start()


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[ValkeyServer]:
    """A Valkey of the test's own, to be emptied or rolled back."""
    with ValkeyServer(tmp_path / "own-valkey") as server:
        yield server


@pytest.fixture(scope="module")
def modules_valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    """A Valkey of the module's own, whose configuration a test may change."""
    with ValkeyServer(tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture
def valkey(valkey_server: ValkeyServer) -> str:
    """``redis://`` URL of a Valkey with AOF and noeviction."""
    return valkey_server.url


@pytest.fixture
def valkey_proxy(valkey_server: ValkeyServer) -> Iterator[Proxy]:
    """A proxy before Valkey; ``redis://<address>/0`` is its URL."""
    with Proxy(("127.0.0.1", valkey_server.port)) as proxy:
        yield proxy


@pytest.fixture
def names(request: pytest.FixtureRequest) -> Iterator[Names]:
    """Instance and topic prefix that no other test has; what is under them is removed afterwards."""
    ident = f"t{secrets.token_hex(5)}"
    names = Names(ident, f"{ident}.")
    used = {name: request.getfixturevalue(name) for name in _shared(request)}
    yield names
    if server := used.get("_valkey"):
        with server.client() as client:
            forget(client, names.instance)
    if servers := used.get("_kafka"):
        _remove_topics(servers.broker.bootstrap, names.topic_prefix)


@pytest.fixture
def redis_hygiene(names: Names, _valkey: ValkeyServer) -> Iterator[None]:
    """After the test every key of its instance has a TTL or stands on the list of permanent ones."""
    yield
    with _valkey.client() as client:
        found = leaks(client, names.instance)
    assert not found, "keys that live for ever:\n" + "\n".join(found)


@pytest.fixture(scope="session")
def corpus() -> Path:
    """The corpus of real feeds, beside the checkout or at ``$NEWSWIRE_CORPUS``."""
    path = Path(os.environ.get("NEWSWIRE_CORPUS") or ROOT.parent / "shared" / "corpus")
    if not path.is_dir():
        pytest.skip("there is no corpus: set NEWSWIRE_CORPUS to its folder")
    return path


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: WorkerController) -> None:
    """Where tests run side by side, each process has servers of its own, and one of them speaks."""
    output = getattr(node, "workeroutput", {})  # a process that crashed has none
    if why := output.get("no_kafka", ""):
        node.config.stash[_NO_KAFKA] = why


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Hand to the process that speaks what this one could not prove."""
    output: dict[str, str] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["no_kafka"] = session.config.stash.get(_NO_KAFKA, "")


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """Say loudly what this run did not prove."""
    if why := config.stash.get(_NO_KAFKA, ""):
        terminalreporter.section("NOT PROVED IN THIS RUN", sep="!", red=True, bold=True)
        terminalreporter.line(f"Apache Kafka could not be had: {why}.")
        terminalreporter.line(
            "Tests ran on the embedded broker, whose transactions are not real. Unproved: exactly "
            "once, fencing,\nand everything about a Kafka that is killed, paused or cut off. "
            "Install Java 17 and Maven, and run again."
        )

    if unproved := said_loudly(terminalreporter.stats.get("skipped", ())):
        terminalreporter.section("NOT PROVED IN THIS RUN", sep="!", red=True, bold=True)
        for line in unproved:
            terminalreporter.line(f"{line[:1].upper()}{line[1:]}.")


def _shared(request: pytest.FixtureRequest) -> list[str]:
    return [name for name in ("_kafka", "_valkey") if name in request.fixturenames]


def _remove_topics(bootstrap: str, prefix: str) -> None:
    client = admin(bootstrap)
    with suppress(KafkaException):  # only tidying; the server goes at the end
        topics = [name for name in client.list_topics(timeout=10).topics if name.startswith(prefix)]
        if topics:
            for deleted in client.delete_topics(topics, request_timeout=10).values():
                deleted.result()
