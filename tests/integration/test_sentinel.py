"""Redis behind Sentinel: the primary is killed, its replica takes over."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest

from tests.conftest import Names
from tests.integration.helpers import judged, settings, until
from tests.support.processes import LOOPBACK
from tests.support.sentinel import SentinelServer
from tests.support.servers import ValkeyServer
from tests.support.worker import WorkerProcess
from tests.support.world_process import WorldProcess

FEEDS = 30


def _is_replica(server: ValkeyServer) -> bool:
    with server.client() as client:
        info = client.info("replication")
    return info["role"] == "slave" and info["master_link_status"] == "up"


@pytest.mark.timeout(240)
def test_a_failover_loses_nothing(
    kafka: str, kafka_server: object, names: Names, tmp_path: Path
) -> None:
    """With a replica awaited (NEWSWIRE_DURABLE_REPLICAS=1) the killed primary's replica takes over, the
    old primary comes back as its replica, and the worker goes on by itself: nothing lost, nothing twice."""
    one, two = (
        ValkeyServer(tmp_path / n, settings={"repl-diskless-sync-delay": "0"}) for n in ("1", "2")
    )
    sentinel = SentinelServer(tmp_path / "s", one)
    with closing(one), closing(two), closing(sentinel):
        one.start()
        two.start()
        with two.client() as client:
            client.execute_command("REPLICAOF", LOOPBACK, one.port)
        until(lambda: _is_replica(two), 60, "the replica follows")
        sentinel.start()
        until(lambda: sentinel.replicas() == 1, 60, "the sentinel knows the replica")
        with WorldProcess(feeds=FEEDS, seed=3, rate=0.07) as world:
            feeds = tmp_path / "feeds.txt"
            feeds.write_text("\n".join(world.urls()) + "\n")
            env = settings(names, kafka, sentinel.url, feeds, NEWSWIRE_DURABLE_REPLICAS="1")
            with WorkerProcess(env) as worker:
                worker.wait_for("feed_polled", timeout_s=60)
                since_s = world.now_s()
                until(lambda: len(worker.lines("feed_polled")) > 2 * FEEDS, 60, "it is at work")
                one.kill()
                until(lambda: sentinel.primary_port() == two.port, 60, "the replica takes over")
                one.start()
                until(lambda: _is_replica(one), 60, "the old primary follows the new one")
                before = len(worker.lines("feed_polled"))
                until(lambda: len(worker.lines("feed_polled")) > before + FEEDS, 60, "it polls on")
                verdict = judged(world, kafka, names, since_s)
                assert verdict.ok, f"{verdict}\n{worker.tail()}"
                assert worker.stop() == 0, worker.tail()
