"""Every script on a Valkey Cluster of three nodes."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import pytest

from tests.conftest import Names
from tests.integration.helpers import created, polled, settings, until
from tests.integration.test_feed_commands import newswire
from tests.support.cluster import cluster, cluster_url
from tests.support.processes import free_port
from tests.support.static_site import StaticSite, rss
from tests.support.worker import WorkerProcess
from workers.errors import StoreError
from workers.model import Claim, FeedConfig, FeedState
from workers.store import disk
from workers.store.address import Address
from workers.store.client import AsyncClient
from workers.store.keys import Keys
from workers.store.store import Store

DAY_MS = 86_400_000
FEED = FeedConfig(id="f", url="http://feed.example/")
IDS = [n.to_bytes(2, "big") + bytes(8) for n in range(64)]


def test_three_nodes(kafka: str, names: Names, tmp_path: Path) -> None:
    """A worker with six shards on three nodes announces every article of forty feeds once, also when a
    node is killed and comes back meanwhile."""
    with cluster(tmp_path) as nodes, StaticSite() as site:
        for n in range(40):
            site.pages[f"/f{n}"] = rss(site.base, f"n{n}", 3)
        feeds = tmp_path / "feeds.txt"
        feeds.write_text("".join(f"{site.base}/f{n}\n" for n in range(40)))
        env = settings(names, kafka, cluster_url(nodes), feeds, NEWSWIRE_SHARDS="6")
        with WorkerProcess(env) as worker:
            until(lambda: len(polled([worker])) == 40, 30, "every feed polled")
            until(lambda: all(n > 2 for n in polled([worker]).values()), 30, "three polls of each")
            until(lambda: len(created(kafka, names)) == 120, 20, "every article on the topic")
            for n in range(40):
                site.pages[f"/f{n}"] = rss(site.base, f"n{n}", 6)
            nodes[1].kill()
            nodes[1].start()
            until(lambda: len(created(kafka, names)) == 240, 60, "all the others too")
            assert worker.stop() == 0, worker.tail()
        ids = [r.ce_id for r in created(kafka, names)]
        assert len(ids) == len(set(ids)) == 240


def test_all_nodes_away(kafka: str, names: Names, tmp_path: Path) -> None:
    """A worker waits for a cluster of which no node answers, at its start and later, and goes on."""
    with cluster(tmp_path) as nodes, StaticSite() as site:
        for node in nodes:
            node.kill()
        site.pages["/f"] = rss(site.base, "n", 3)
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/f\n")
        env = settings(names, kafka, cluster_url(nodes), feeds, NEWSWIRE_SHARDS="6")
        with WorkerProcess(env) as worker:
            worker.wait_for("waiting_for", what="redis")
            for node in nodes:
                node.start()
            worker.wait_for("feed_polled", reason="new")
            until(lambda: len(created(kafka, names)) == 3, 20, "every article on the topic")
            for node in nodes:
                node.kill()
            worker.wait_for("store_unavailable", reason="down")
            site.pages["/f"] = rss(site.base, "n", 6)
            for node in nodes:
                node.start()
            until(lambda: len(created(kafka, names)) == 6, 60, "the others too")
            assert worker.stop() == 0, worker.tail()
        ids = [r.ce_id for r in created(kafka, names)]
        assert len(ids) == len(set(ids)) == 6


async def test_any_node_of_the_address_leads_to_the_cluster(tmp_path: Path) -> None:
    """The address may name a node that is gone, also as its first."""
    with cluster(tmp_path) as nodes:
        gone = f"redis+cluster://127.0.0.1:{free_port()},127.0.0.1:{nodes[2].port}"
        client = AsyncClient(Address(gone))
        assert await client.command("SET", "a", "1")
        await client.aclose()


def test_feeds_are_paused_and_polled_on_three_nodes(
    kafka: str, names: Names, tmp_path: Path
) -> None:
    """Pause, resume and poll reach feeds wherever they live, and the table shows all of them."""
    with cluster(tmp_path) as nodes, StaticSite() as site:
        ids = [f"feed-{n}" for n in range(12)]
        feeds = tmp_path / "feeds.yaml"
        lines = [f"  - {{id: {i}, url: '{site.base}/{i}', interval: 1h}}\n" for i in ids]
        feeds.write_text("feeds:\n" + "".join(lines))
        site.pages |= {f"/{i}": rss(site.base, i, 2) for i in ids}
        env = settings(
            names, kafka, cluster_url(nodes), feeds, NEWSWIRE_SHARDS="6", NEWSWIRE_MAX_INTERVAL="1h"
        )
        with WorkerProcess(env) as worker:
            until(lambda: len(polled([worker])) == 12, 30, "every feed polled")
            assert newswire(env, "feed", "pause", *ids).returncode == 0
            table = newswire(env, "feeds", "--state", "paused").stdout.splitlines()
            assert sorted(line.split()[0] for line in table[1:]) == sorted(ids)
            assert newswire(env, "feed", "resume", *ids[:6]).returncode == 0
            until(lambda: sum(polled([worker]).values()) == 18, 30, "six of them polled again")
            done = newswire(env, "feed", "poll", ids[0], "--wait")
            assert done.returncode == 0, done.stderr
            assert newswire(env, "feed", "poll", ids[11]).returncode == 78
            assert [n for _, n in sorted(site.requests.items())].count(1) == 6
            found = json.loads(newswire(env, "doctor", "--json").stdout)["findings"]
            told = " ".join(f["text"] for f in found if "Valkey" in f["text"])
            assert all(f":{node.port})" in told for node in nodes)
            assert "12, none is late" in newswire(env, "top", "127.0.0.1:1").stdout
            assert worker.stop() == 0, worker.tail()


def test_articles_outlive_their_feed(
    names: Names, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A feed's state on one node is not written before its articles on another are on the disk there."""
    monkeypatch.setattr(disk, "WAIT_MS", 300)
    keys = Keys(names.instance, 6)

    async def run() -> None:
        # The first that is named is away: the others are asked.
        url = cluster_url(nodes).replace("://", "://127.0.0.1:1,")
        store = Store(Address(url), keys, window_ms=DAY_MS, lease_ms=4_000)
        await store.client.command("GET", "anything")  # now it knows the nodes
        home = {n: store.client.node_of(keys.tag(n)) for n in range(6)}
        claims = {n: Claim("f", n, "t", 0, 0, FEED, FeedState()) for n in range(6)}
        articles = {n: next(a for a in IDS if keys.article_shard(a) == n) for n in range(6)}
        slow = next(n for n in range(6) if home[n] != home[0])
        await store.outlast([*articles.values()], claims[0])
        calls = [store.outlast([articles[slow]], claims[0]) for _ in range(50)]
        await asyncio.gather(*calls)
        with next(n for n in nodes if home[slow] == ("127.0.0.1", n.port)).client() as client:
            client.config_set("appendfsync", "no")
            with pytest.raises(StoreError):
                await store.outlast([articles[slow]], claims[0])
            await store.outlast(
                [articles[slow]], claims[slow]
            )  # the same node: its file is in order
            client.config_set("appendfsync", "everysec")
            await store.outlast([articles[slow]], claims[0])
        await store.aclose()

    with cluster(tmp_path) as nodes:
        asyncio.run(run())
