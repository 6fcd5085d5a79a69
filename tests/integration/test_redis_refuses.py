"""A Redis that takes no writes, or is away for a moment: what pauses, goes on, and is handed back."""

from __future__ import annotations

import resource
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
import redis

from tests.conftest import Names
from tests.integration.helpers import created, polled, settings, until
from tests.integration.shards import Shards, article, settled, stop
from tests.support.processes import free_port
from tests.support.servers import ValkeyServer
from tests.support.static_site import StaticSite, rss
from tests.support.worker import WorkerProcess
from workers.errors import StoreError

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("kafka_server")]


class Refusing:
    """A Valkey whose disk can be filled, and which can be made a replica of nobody."""

    def __init__(self, server: ValkeyServer) -> None:
        self.server = server

    def fill_disk(self) -> None:
        """Its file may not grow: the next write fails as on a full disk."""
        size = self.server.aof.stat().st_size
        resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
        with self.server.client() as client:
            until(lambda: _refused(client, "MISCONF"), 20, "Valkey notices that its disk is full")

    def free_disk(self) -> None:
        """There is room again."""
        whole = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)
        resource.prlimit(self.server.pid, resource.RLIMIT_FSIZE, whole)
        with self.server.client() as client:
            until(lambda: not _refused(client, "MISCONF"), 20, "Valkey writes again")

    def demote(self) -> None:
        """As after a failover that this client has not heard of."""
        with self.server.client() as client:
            client.replicaof("127.0.0.1", free_port())

    def promote(self) -> None:
        """It is the primary again."""
        with self.server.client() as client:
            client.execute_command("REPLICAOF", "NO", "ONE")


def _refused(client: redis.Redis, why: str) -> bool:
    try:
        client.set("probe", "x" * 4096, px=1000)
    except redis.RedisError as error:
        return why in str(error)
    return False


@pytest.fixture
def refusing(tmp_path: Path) -> Iterator[Refusing]:
    """A Valkey of the test's own."""
    server = ValkeyServer(tmp_path / "valkey")
    server.start()
    yield Refusing(server)
    server.close()


def drained(shards: Shards, ids: list[str]) -> bool:
    """Each of these is on the topic once, and nothing else."""
    return shards.ce_ids() == sorted(ids)


def test_a_publisher_at_work_drains_over_a_full_disk(
    names: Names, kafka: str, refusing: Refusing
) -> None:
    """It publishes what waits without a lease that nobody can take, and trims when there is room."""
    shards = Shards(names, kafka, refusing.server.url)
    ids = shards.admit([article(n) for n in range(20)])
    session, outbox = shards.session(), shards.outbox()
    session.start()
    settled(session, outbox)
    session._hold.ages = lambda: False  # type: ignore[method-assign]
    ids += shards.admit([article(n) for n in range(20, 30)])
    until(lambda: drained(shards, ids), 20, "published")
    refusing.fill_disk()
    with pytest.raises(StoreError) as caught:
        shards.admit([article(99)])
    assert caught.value.reason == "disk"
    del session._hold.ages  # type: ignore[method-assign]
    until(lambda: session._hold.refused == "disk", 20, "the publisher is refused")
    assert session.is_alive()
    refusing.free_disk()
    ids += shards.admit([article(n) for n in range(30, 40)])
    settled(session, outbox)
    assert session._hold.refused == ""
    stop(session)
    outbox.close()
    assert drained(shards, ids)


@pytest.mark.parametrize("kind", ["disk", "read_only"])
def test_a_new_publisher_drains_what_waits(
    names: Names, kafka: str, refusing: Refusing, kind: str
) -> None:
    """Kafka was away while Redis' disk ran full, or its primary became a replica: with Kafka back all is
    published; with Redis back it is trimmed, the shard is open, and nothing goes out again."""
    shards = Shards(names, kafka, refusing.server.url)
    ids = shards.admit([article(n) for n in range(700)])
    refuse, allow = (
        (refusing.fill_disk, refusing.free_disk)
        if kind == "disk"
        else (refusing.demote, refusing.promote)
    )
    refuse()
    session = shards.session()
    session.start()
    until(lambda: drained(shards, ids), 30, "all is published")
    stop(session)
    again, outbox = shards.session(), shards.outbox()
    again.start()
    until(lambda: again.state == "idle", 20, "the next one finds nothing to do")
    assert outbox.trimmed().sequence == 0
    allow()
    if kind == "read_only":  # it has let go of the connection by now, or will: a new one is fresh
        stop(again)
        again = shards.session()
        again.start()
    until(lambda: outbox.trimmed().sequence > 0, 20, "what is published is trimmed")
    ids += shards.admit([article(n) for n in range(700, 710)])
    settled(again, outbox)
    stop(again)
    outbox.close()
    assert drained(shards, ids)


def test_a_worker_pauses_and_goes_on(
    names: Names, kafka: str, refusing: Refusing, tmp_path: Path
) -> None:
    """With its disk full claiming stops and says so once; with room again every article comes once."""
    with StaticSite() as site:
        site.pages["/f"] = rss(site.base, "a", 5)
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/f\n")
        env = settings(names, kafka, refusing.server.url, feeds)
        with WorkerProcess(env) as worker:
            worker.wait_for("feed_polled", new=5)
            until(lambda: len(created(kafka, names)) == 5, 30, "the first articles")
            refusing.fill_disk()
            worker.wait_for("store_unavailable", reason="disk")
            before = sum(polled([worker]).values())
            site.pages["/f"] = rss(site.base, "a", 9)
            refusing.free_disk()
            worker.wait_for("store_recovered", reason="disk")
            until(lambda: sum(polled([worker]).values()) > before, 20, "it polls again")
            until(lambda: len(created(kafka, names)) == 9, 20, "the other articles")
            assert len(worker.lines("store_unavailable")) == 1
            assert worker.stop() == 0, worker.tail()
    ids = [r.ce_id for r in created(kafka, names)]
    assert len(ids) == len(set(ids)) == 9


@pytest.mark.parametrize("ends", ["store_error", "claim_lost"])
def test_a_poll_that_was_broken_off_is_repeated_at_once(
    names: Names, kafka: str, refusing: Refusing, tmp_path: Path, ends: str
) -> None:
    """Whether Redis is down when a fetch ends, or back with a claim that is void: the feed is polled again
    when it is back, and not when its lease of an hour ends."""
    asked, go_on = threading.Event(), threading.Event()

    with StaticSite() as site:
        page = rss(site.base, "a", 5)

        def slowly(_: object) -> tuple[int, dict[str, str], bytes]:
            asked.set()
            assert go_on.wait(60)
            return 200, {}, page

        site.pages["/f"] = slowly
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/f\n")
        more = {"NEWSWIRE_CLAIM_LEASE": "1h", "NEWSWIRE_FETCH_DEADLINE": "60s"}
        env = settings(names, kafka, refusing.server.url, feeds, **more)
        with WorkerProcess(env) as worker:
            assert asked.wait(30)
            refusing.server.kill()
            if ends == "claim_lost":
                worker.wait_for("store_unavailable")
                refusing.server.start()
                worker.wait_for("store_recovered")
            go_on.set()
            worker.wait_for("feed_polled", reason=ends)
            if ends == "store_error":
                refusing.server.start()
            worker.wait_for("feed_polled", **{"http.response.status_code": 200})
            until(lambda: len(created(kafka, names)) == 5, 30, "its articles")
