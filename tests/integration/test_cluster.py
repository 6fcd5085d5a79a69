"""Every script on a Valkey Cluster of three nodes."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path

from tests.conftest import Names
from tests.integration.helpers import created, polled, settings, until
from tests.support.servers import ValkeyServer
from tests.support.static_site import StaticSite, rss
from tests.support.worker import WorkerProcess

SLOTS = 16_384


def test_three_nodes(kafka: str, names: Names, tmp_path: Path) -> None:
    """A worker with six shards on three nodes announces every article of forty feeds once."""
    with ExitStack() as stack:
        nodes = [
            ValkeyServer(
                tmp_path / f"node{n}",
                settings={"cluster-enabled": "yes", "cluster-config-file": "nodes.conf"},
            )
            for n in range(3)
        ]
        for node in nodes:
            node.start()
            stack.callback(node.close)
        clients = [stack.enter_context(node.client()) for node in nodes]
        for n, client in enumerate(clients):
            first, last = n * SLOTS // 3, (n + 1) * SLOTS // 3 - 1
            client.execute_command("CLUSTER", "ADDSLOTSRANGE", first, last)
            client.execute_command("CLUSTER", "MEET", "127.0.0.1", nodes[0].port)
        ok = "cluster_state:ok"
        until(
            lambda: all(ok in _info(c.execute_command("CLUSTER", "INFO")) for c in clients),
            20,
            "the cluster agrees",
        )
        site = stack.enter_context(StaticSite())
        for n in range(40):
            site.pages[f"/f{n}"] = rss(site.base, f"n{n}", 3)
        feeds = tmp_path / "feeds.txt"
        feeds.write_text("".join(f"{site.base}/f{n}\n" for n in range(40)))
        url = "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)
        env = settings(names, kafka, url, feeds, NEWSWIRE_SHARDS="6")
        worker = stack.enter_context(WorkerProcess(env))
        until(lambda: len(polled([worker])) == 40, 30, "every feed polled")
        until(lambda: all(n > 2 for n in polled([worker]).values()), 30, "three polls of each")
        until(lambda: len(created(kafka, names)) == 120, 20, "every article on the topic")
        assert worker.stop() == 0, worker.tail()


def _info(answer: object) -> str:
    if isinstance(answer, dict):
        return "\n".join(f"{k}:{v}" for k, v in answer.items())
    return answer.decode() if isinstance(answer, bytes) else str(answer)
