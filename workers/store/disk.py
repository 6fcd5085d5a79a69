"""On a cluster: what was written on one node is on its disk before another node builds upon it.

A single server's append-only file is in order: a feed's state is never more durable than the articles
that it stands for. Two nodes have two files, so the order must be awaited.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

from workers.errors import StoreError
from workers.store.address import Address
from workers.store.client import AsyncClient, translate

WAIT_MS = 4_000
_MARK_MS = 60_000
_FAILED = "the disk did not confirm in time"


class NodeDisk:
    """The disk of one node. Who asks while a wait is under way shares the next one: that one began
    after the write."""

    def __init__(self, connection: Any, replicas: int) -> None:
        self._connection = connection
        self._replicas = replicas
        self._running: asyncio.Task[None] | None = None
        self._next: asyncio.Task[None] | None = None

    async def confirm(self, tag: str) -> None:
        """All that was written on the node until now is durable. ``tag``: any hash tag that lives there.

        Raises StoreError.
        """
        if self._next is None:
            self._next = asyncio.create_task(self._after(self._running, tag))
        await asyncio.shield(self._next)

    async def _after(self, running: asyncio.Task[None] | None, tag: str) -> None:
        if running is not None:
            with suppress(Exception):  # whoever waits for it is told
                await running
        self._running, self._next = self._next, None
        pipe = self._connection.pipeline(transaction=False)
        # WAITAOF waits for writes of its own connection only; this one stands behind all earlier ones.
        pipe.execute_command("SET", f"{tag}:disk", "1", "PX", _MARK_MS)
        pipe.execute_command("WAITAOF", 1, self._replicas, WAIT_MS)
        try:
            answers = await pipe.execute(raise_on_error=False)
        except Exception as error:
            raise translate(error) from error
        for answer in answers:
            if isinstance(answer, Exception) and "appendonly is disabled" not in str(answer):
                raise translate(answer)
        waited = answers[-1]
        if not isinstance(waited, Exception) and (
            int(waited[0]) < 1 or int(waited[1]) < self._replicas
        ):
            raise StoreError(f"Redis: {_FAILED}", "timeout")

    async def aclose(self) -> None:
        """Close the connection."""
        await self._connection.aclose()


class ClusterDisks:
    """The disks of a cluster's nodes, none where Redis is a single server."""

    def __init__(self, address: Address, client: AsyncClient, replicas: int) -> None:
        self._address = address
        self._client = client
        self._replicas = replicas
        self._disks: dict[tuple[str, int], NodeDisk] = {}

    async def confirm(self, tags: set[str], before: str) -> None:
        """What was written at ``tags`` will outlive what is written at ``before``. Raises StoreError."""
        home = self._client.node_of(before)
        nodes = {
            node: tag for tag in tags if (node := self._client.node_of(tag)) not in (None, home)
        }
        await asyncio.gather(
            *(self._disk(node).confirm(tag) for node, tag in nodes.items() if node)
        )

    def _disk(self, node: tuple[str, int]) -> NodeDisk:
        if node not in self._disks:
            self._disks[node] = NodeDisk(self._address.open_node(*node), self._replicas)
        return self._disks[node]

    async def aclose(self) -> None:
        """Close all connections."""
        for disk in self._disks.values():
            await disk.aclose()
