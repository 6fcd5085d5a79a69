"""``newswire doctor`` against servers that are really broken."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Names
from tests.integration.helpers import settings
from tests.integration.test_feed_commands import newswire
from tests.support.kafka_jars import ROOT
from tests.support.servers import ValkeyServer
from tests.support.static_site import StaticSite, rss
from tests.support.topic import admin, create_topic
from tests.support.worker import WorkerProcess
from workers.doctor.findings import EXIT_CODES, Finding, worst
from workers.doctor.kafka_checks import Asked, look_at_kafka
from workers.doctor.redis_checks import Seen, look_at_redis
from workers.publisher.kafka_admin import ensure_topics
from workers.publisher.kafka_connection import KafkaConnection
from workers.publisher.topics import topic_specs
from workers.store.address import Address
from workers.store.keys import Keys
from workers.store.store import Store

DAY_MS = 86_400_000
SECRET = "hunter2hunter2"


@pytest.fixture(scope="module")
def _own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    server = ValkeyServer(tmp_path_factory.mktemp("doctor"), settings={"maxmemory": "256mb"})
    server.start()
    yield server
    server.close()


@pytest.fixture
def own(_own: ValkeyServer) -> Iterator[ValkeyServer]:
    """A Valkey that is as it should be, whose configuration a test may break."""
    yield _own
    with _own.client() as client:
        client.replicaof("no", "one")
        client.flushall()
        for name, value in (
            ("maxmemory", "256mb"), ("maxmemory-policy", "noeviction"), ("appendonly", "yes"),
            ("appendfsync", "everysec"),
        ):  # fmt: skip
            client.config_set(name, value)


def look(url: str, wall_ms: float | None = None) -> Seen:
    """What is said of a Redis."""

    async def run() -> Seen:
        store = Store(Address(url), Keys("doctor", 1), window_ms=1, lease_ms=1)
        try:
            return await look_at_redis(store, wall_ms)
        finally:
            await store.aclose()

    return asyncio.run(run())


def bad(found: list[Finding]) -> list[Finding]:
    """What is not well; how fast a busy machine answers is no matter of tests."""
    return [f for f in found if f.level != "ok" and "round trip" not in f.text]


def doctor(env: dict[str, str]) -> tuple[int, dict[str, list[dict[str, str]]]]:
    """The exit code and all that is not well, by area."""
    done = newswire(env, "doctor", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == EXIT_CODES[answer["level"]]
    findings = [Finding(f["level"], f["area"], f["text"], f["todo"]) for f in answer["findings"]]
    found: dict[str, list[dict[str, str]]] = {}
    for finding in bad(findings):
        found.setdefault(finding.area, []).append(finding._asdict())
    return EXIT_CODES[worst(bad(findings))], found


# -- Redis -------------------------------------------------------------------------------------------


def test_a_redis_as_it_should_be(own: ValkeyServer) -> None:
    """Nothing is said against it, and an empty one has no marker."""
    seen = look(own.url)
    assert not bad(seen.findings)
    assert seen.markers == [""]


@pytest.mark.parametrize(
    ("broken", "level", "part", "todo"),
    [
        (
            {"maxmemory-policy": "allkeys-lru"},
            "fail",
            "maxmemory-policy is allkeys-lru",
            "noeviction",
        ),
        ({"appendonly": "no"}, "warn", "appendonly is off", "appendonly yes"),
        ({"appendfsync": "no"}, "warn", "appendfsync is no", "everysec"),
        ({"maxmemory": "0"}, "warn", "maxmemory is not set", "CONFIG SET maxmemory"),
        ({"maxmemory": "1mb"}, "fail", "full, writes are refused", "Raise maxmemory"),
    ],
)
def test_a_redis_that_is_set_wrongly(
    own: ValkeyServer, broken: dict[str, str], level: str, part: str, todo: str
) -> None:
    """What is wrong and what to do about it are in one finding."""
    with own.client() as client:
        for name, value in broken.items():
            client.config_set(name, value)
    (found,) = bad(look(own.url).findings)
    assert found.level == level
    assert part in found.text
    assert todo in found.todo


def test_a_replica_is_no_place_to_write(own: ValkeyServer) -> None:
    """A worker that is pointed to one can do nothing."""
    with own.client() as client:
        client.replicaof("127.0.0.1", 1)
    found = bad(look(own.url).findings)
    assert any(f.level == "fail" and "replica" in f.text for f in found)


def test_a_redis_that_wants_another_password(own: ValkeyServer) -> None:
    """The refusal is told, the password is not."""
    with own.client() as client:
        client.config_set("requirepass", "right")
        try:
            for url in (own.url, own.url.replace("//", f"//:{SECRET}@")):
                (found,) = look(url).findings
                assert found.level == "fail"
                assert "uth" in found.text
                assert SECRET not in found.text
        finally:
            client.config_set("requirepass", "")  # this connection was let in before


def test_a_redis_that_is_not_there() -> None:
    """Only that is said of it."""
    (found,) = look("redis://127.0.0.1:1/0").findings
    assert (found.level, "NEWSWIRE_REDIS_URL" in found.todo) == ("fail", True)


def test_clocks_that_differ(own: ValkeyServer) -> None:
    """A minute is a failure: the difference is told with its direction."""
    (found,) = bad(look(own.url, wall_ms=1_000_000_000_000).findings)
    assert found.level == "fail"
    assert "ahead of this machine's" in found.text


# -- Kafka -------------------------------------------------------------------------------------------


def asked(bootstrap: str, names: Names, **more: Any) -> Asked:
    """What is looked at."""
    given: dict[str, Any] = {
        "connection": KafkaConnection(bootstrap, names.instance),
        "specs": topic_specs(names.topic_prefix, 2, 1), "instance": names.instance,
        "prefix": names.topic_prefix, "shards": 1, "window_ms": 14 * DAY_MS, "create": True,
        "exactly_once": True,
    }  # fmt: skip
    return Asked(**(given | more))


@pytest.mark.usefixtures("kafka_server")
def test_topics_before_and_after_the_first_start(kafka: str, names: Names) -> None:
    """Missing topics are well where a worker may create them, else a failure with the way out."""
    seen = look_at_kafka(asked(kafka, names))
    assert not bad(seen.findings)
    assert seen.published == {}
    (found,) = bad(look_at_kafka(asked(kafka, names, create=False)).findings)
    assert found.level == "fail"
    assert f"{names.topic_prefix}articles" in found.text
    assert "newswire topics" in found.todo
    wanted = asked(kafka, names)
    ensure_topics(wanted.connection, wanted.specs, create=True, wait_s=30)
    seen = look_at_kafka(wanted)
    assert not bad(seen.findings)
    assert any("4 topics are as they must be" in f.text for f in seen.findings)


@pytest.mark.usefixtures("kafka_server")
def test_a_topic_that_breaks_a_promise(kafka: str, names: Names) -> None:
    """A topic that somebody made with the broker's defaults: each thing that is wrong is one warning."""
    create_topic(kafka, f"{names.topic_prefix}articles", partitions=1)
    wanted = asked(kafka, names)
    ensure_topics(wanted.connection, wanted.specs, create=True, wait_s=30)
    found = bad(look_at_kafka(wanted).findings)
    assert {f.level for f in found} == {"warn"}
    text = " ".join(f.text for f in found)
    assert "retention.ms" in text
    assert "partitions" in text
    assert admin(kafka).list_topics(timeout=10).topics[f"{names.topic_prefix}articles"]


def test_a_kafka_that_is_not_there(names: Names) -> None:
    """Where nobody listens, and where something else does."""
    (found,) = look_at_kafka(asked("127.0.0.1:1", names)).findings
    assert found.level == "fail"
    assert "127.0.0.1:1" in found.text
    assert "advertised.listeners" in found.todo


# -- all of it ---------------------------------------------------------------------------------------


def test_a_healthy_installation(
    kafka: str, own: ValkeyServer, names: Names, tmp_path: Path, kafka_server: object
) -> None:
    """Exit code 0 before the first worker and beside one; 2 with a list that would lose most feeds, and
    when Redis was emptied."""
    with StaticSite() as site:
        feeds = tmp_path / "feeds.txt"
        lines = [f"{site.base}/{n}\n" for n in range(30)]
        feeds.write_text("".join(lines))
        site.pages |= {f"/{n}": rss(site.base, f"n{n}", 1) for n in range(30)}
        env = settings(names, kafka, own.url, feeds)
        assert doctor(env) == (0, {})
        with WorkerProcess(env) as worker:
            worker.wait_for("feed_list_loaded")
            worker.wait_for("feed_polled")
            assert doctor(env) == (0, {})
            assert worker.stop() == 0, worker.tail()
        feeds.write_text("".join(lines[:5]))
        code, found = doctor(env)
        assert code == 2
        assert "lacks 25 of the 30" in found["feeds"][0]["text"]
        assert "apply --force" in found["feeds"][0]["todo"]
        feeds.write_text("".join([*lines, lines[3]]))
        code, found = doctor(env)
        assert code == 1
        assert "line 4 already" in found["feeds"][0]["text"]
        with own.client() as client:
            client.flushall()
        code, found = doctor(env)
        assert code == 2
        assert "newswire rebuild" in found["state"][0]["text"]


def test_what_is_broken_around_the_servers(
    kafka: str, own: ValkeyServer, names: Names, tmp_path: Path, kafka_server: object
) -> None:
    """A list with faults, a secret that is not there, names that do not resolve, a dead proxy; no secret is
    in what is said."""
    feeds = tmp_path / "feeds.yaml"
    feeds.write_text("- url: https://a.example/\n  interval: soon\n- url: ftp://b.example/\n")
    env = settings(names, kafka, own.url, feeds)
    code, found = doctor(env)
    assert (code, list(found)) == (2, ["feeds"])
    assert "2 problems" in found["feeds"][0]["text"]
    feeds.write_text(
        "- url: http://nowhere.invalid/feed\n"
        "- url: http://127.0.0.1:1/feed\n"
        "- url: http://127.0.0.1:1/other\n  basicAuthFrom: env:NO_SUCH_SECRET\n"
    )
    code, found = doctor(env)
    assert code == 2
    assert "NO_SUCH_SECRET" in found["feeds"][0]["text"]
    assert "nowhere.invalid" in found["dns"][0]["text"]
    reasons = {word for f in found["http"] for word in f["text"].split()}
    assert {"dns_error", "connect_refused"} <= reasons
    env["NEWSWIRE_PROXY_URL"] = f"http://user:{SECRET}@127.0.0.1:1"
    done = newswire(env, "doctor")
    assert done.returncode == 2
    assert "through the proxy" in done.stdout
    assert "dns" in done.stdout
    assert SECRET not in done.stdout + done.stderr
    env["NEWSWIRE_FEEDS"] = str(tmp_path / "missing.yaml")
    assert "no such file" in doctor(env)[1]["feeds"][0]["text"]


def test_settings_that_cannot_be_read() -> None:
    """They come first, and are a failure."""
    code, found = doctor({"NEWSWIRE_SHARDS": "many"})
    assert code == 2
    assert "NEWSWIRE_SHARDS" in found["settings"][0]["text"]


def test_too_few_files(names: Names) -> None:
    """A limit on open files below what a worker needs is told with the number."""
    script = f"ulimit -n 64; exec {sys.executable} -m workers.cli doctor"
    env = settings(names, "127.0.0.1:1", "redis://127.0.0.1:1/0", Path("none"))
    done = subprocess.run(
        ["sh", "-c", script], cwd=ROOT, env={"PATH": "/usr/bin:/bin", **env}, capture_output=True,
        text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "open files: 64 are allowed" in done.stdout
