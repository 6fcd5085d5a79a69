"""A worker that starts while what it needs is away, or takes the connection and says nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.integration.helpers import until
from tests.integration.test_feed_commands import newswire
from tests.support.processes import free_port
from tests.support.silent import SilentServer
from tests.support.worker import FAST, WorkerProcess

PROTOCOLS = ["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"]


def environment(folder: Path, kafka: str, wait: str, protocol: str = "PLAINTEXT") -> dict[str, str]:
    """Settings of a worker whose Redis is away."""
    feeds = folder / "feeds.txt"
    feeds.write_text("http://127.0.0.1:9/feed\n")
    login = {"MECHANISM": "PLAIN", "USERNAME": "u", "PASSWORD": "p"}
    sasl = {f"NEWSWIRE_KAFKA_SASL_{name}": value for name, value in login.items()}
    return {
        **FAST,
        **(sasl if protocol.startswith("SASL") else {}),
        "NEWSWIRE_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "NEWSWIRE_KAFKA_SECURITY_PROTOCOL": protocol,
        "NEWSWIRE_REDIS_URL": f"redis://127.0.0.1:{free_port()}/0",
        "NEWSWIRE_FEEDS": str(feeds),
        "NEWSWIRE_CONNECT_WAIT": wait,
    }


def test_all_that_is_away_is_named(tmp_path: Path) -> None:
    """With Redis and Kafka both away the worker says of both that it waits, and names both at the end."""
    with WorkerProcess(environment(tmp_path, f"127.0.0.1:{free_port()}", "2s")) as worker:
        assert worker.wait(60) == 75
        told = worker.lines("startup_failed")[-1]["error.message"]
        waited = [line["what"] for line in worker.lines("waiting_for")]
    assert "NEWSWIRE_REDIS_URL" in told
    assert "Kafka at 127.0.0.1" in told
    assert sorted(waited) == ["kafka", "redis"]


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_broker_that_never_answers_ends_the_wait(protocol: str, tmp_path: Path) -> None:
    """A broker that takes connections and says nothing is a broker that is away: exit 75, in time."""
    with (
        SilentServer() as broker,
        WorkerProcess(environment(tmp_path, broker.address, "2s", protocol)) as worker,
    ):
        assert worker.wait(60) == 75
        told = worker.lines("startup_failed")[-1]["error.message"]
        assert f"Kafka at {broker.address} could not be used within 2 s" in told
        assert ("TLS handshake was not answered" in told) == protocol.endswith("SSL")


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_a_broker_that_never_answers_keeps_no_worker(protocol: str, tmp_path: Path) -> None:
    """SIGTERM is obeyed while a broker is waited for, whatever that broker does."""
    with (
        SilentServer() as broker,
        WorkerProcess(environment(tmp_path, broker.address, "10m", protocol)) as worker,
    ):
        worker.wait_for("waiting_for")
        until(lambda: broker.connections > 0, 60, "the broker is asked")
        assert worker.stop() == 0, worker.tail()


@pytest.mark.parametrize(
    ("command", "setting"),
    [
        ("feeds", "NEWSWIRE_REDIS_URL"),
        ("explain x", "NEWSWIRE_REDIS_URL"),
        ("tail", "NEWSWIRE_KAFKA_BOOTSTRAP_SERVERS"),
    ],
)
def test_a_command_names_the_setting_of_what_is_away(
    command: str, setting: str, tmp_path: Path
) -> None:
    """Exit 75 and one line that says what cannot be reached, and which setting holds its address."""
    env = environment(tmp_path, f"127.0.0.1:{free_port()}", "2s")
    done = newswire(env, *command.split())
    assert done.returncode == 75
    assert done.stderr.splitlines()[-1].endswith(f"({setting})")
