"""The world of feeds in a container: ``python -m tests.compose.feeds EPOCH_MS``.

The epoch is an argument, so that a new container goes on with the same world. Beside the world there are
documents as large as a worker reads, under ``/large/``.
"""

from __future__ import annotations

import asyncio
import gzip
import sys
from functools import cache

from aiohttp import web

from tests.support.world import WorldServer
from tests.support.world_model import World

PORT = 8000
HOSTS = [f"feeds-{n}" for n in range(8)]
FEEDS = 40
LARGE = 100
LARGE_ENTRIES, _TEXT = 2_700, "All the words of a long report, said again and again. " * 100


def make(epoch_ms: int) -> WorldServer:
    """The world of this test: about five new articles a second, each shown for some minutes."""
    server = WorldServer(World(10, FEEDS, epoch_ms=epoch_ms, rate=0.12, window=40), hosts=1)
    server.hosts, server.port = HOSTS, PORT
    return server


def large_urls() -> list[str]:
    """URLs of documents of 16 MB, all of the same entries."""
    return [f"http://{HOSTS[n % len(HOSTS)]}:{PORT}/large/{n}" for n in range(LARGE)]


@cache
def large_document() -> bytes:
    """An RSS document of 16 MB, compressed as its server sends it."""
    items = "".join(
        f"<item><title>Story {n} of the day</title><link>http://x.example/{n}</link>"
        f"<description>{_TEXT}</description></item>"
        for n in range(LARGE_ENTRIES)
    )
    text = f"<rss version='2.0'><channel><title>Large</title>{items}</channel></rss>"
    return gzip.compress(text.encode(), 6)


async def main(epoch_ms: int) -> None:
    """Serve until killed."""
    world = make(epoch_ms)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith("/large/"):
            encoding = {"Content-Encoding": "gzip"}
            return web.Response(body=large_document(), headers=encoding, content_type="text/xml")
        return await world.answer(request)

    server = web.Server(answer, access_log=None, handler_cancellation=True)
    loop = asyncio.get_running_loop()
    await loop.create_server(server, "0.0.0.0", PORT)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
