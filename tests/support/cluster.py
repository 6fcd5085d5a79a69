"""A Valkey Cluster of three nodes."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.support.servers import ValkeyServer

SLOTS = 16_384
_AGREED_S = 20.0


@contextmanager
def cluster(directory: Path) -> Iterator[list[ValkeyServer]]:
    """Three nodes that share the slots."""
    with ExitStack() as stack:
        nodes = [
            ValkeyServer(
                directory / f"node{n}",
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
        end = time.monotonic() + _AGREED_S
        while not all(
            "cluster_state:ok" in _info(c.execute_command("CLUSTER", "INFO")) for c in clients
        ):
            if time.monotonic() > end:
                raise TimeoutError("the nodes of the cluster do not agree")
            time.sleep(0.05)
        yield nodes


def cluster_url(nodes: Sequence[ValkeyServer]) -> str:
    """How a worker is told of it."""
    return "redis+cluster://" + ",".join(f"127.0.0.1:{node.port}" for node in nodes)


def _info(answer: object) -> str:
    if isinstance(answer, dict):
        return "\n".join(f"{k}:{v}" for k, v in answer.items())
    return answer.decode() if isinstance(answer, bytes) else str(answer)
