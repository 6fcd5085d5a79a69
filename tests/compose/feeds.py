"""The world of feeds in a container: ``python -m tests.compose.feeds EPOCH_MS``.

The epoch is an argument, so that a new container goes on with the same world.
"""

from __future__ import annotations

import asyncio
import sys

from aiohttp import web

from tests.support.world import WorldServer
from tests.support.world_model import World

PORT = 8000
HOSTS = [f"feeds-{n}" for n in range(8)]
FEEDS = 40


def make(epoch_ms: int) -> WorldServer:
    """The world of this test: about five new articles a second, each shown for some minutes."""
    server = WorldServer(World(10, FEEDS, epoch_ms=epoch_ms, rate=0.12, window=40), hosts=1)
    server.hosts, server.port = HOSTS, PORT
    return server


async def main(epoch_ms: int) -> None:
    """Serve until killed."""
    answer = web.Server(make(epoch_ms).answer, access_log=None, handler_cancellation=True)
    loop = asyncio.get_running_loop()
    await loop.create_server(answer, "0.0.0.0", PORT)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
