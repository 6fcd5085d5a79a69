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
LARGE_ENTRIES = (2_700, 1_350)
"""Entries of the two kinds: 16 MB that come compressed, 8 MB that come as they are."""
_TEXT = "All the words of a long report, said again and again. " * 100


def make(epoch_ms: int) -> WorldServer:
    """The world of this test: about five new articles a second, each shown for some ten minutes."""
    server = WorldServer(World(10, FEEDS, epoch_ms=epoch_ms, rate=0.12, window=80), hosts=1)
    server.hosts, server.port = HOSTS, PORT
    return server


def large_urls() -> list[str]:
    """URLs of documents of 16 and 8 MB, all of the same entries."""
    return [f"http://{HOSTS[n % len(HOSTS)]}:{PORT}/large/{n}" for n in range(LARGE)]


@cache
def _large_document(entries: int) -> bytes:
    items = "".join(
        f"<item><title>Story {n} of the day</title><link>http://x.example/{n}</link>"
        f"<description>{_TEXT}</description></item>"
        for n in range(entries)
    )
    text = f"<rss version='2.0'><channel><title>Large</title>{items}</channel></rss>"
    return text.encode()


@cache
def _compressed(entries: int) -> bytes:
    return gzip.compress(_large_document(entries), 6)


def _large(path: str) -> web.Response:
    encoding = {"Content-Encoding": "gzip"}
    if int(path.rpartition("/")[2]) % 2:
        return web.Response(body=_large_document(LARGE_ENTRIES[1]), content_type="text/xml")
    body = _compressed(LARGE_ENTRIES[0])
    return web.Response(body=body, headers=encoding, content_type="text/xml")


async def main(epoch_ms: int) -> None:
    """Serve until killed."""
    world = make(epoch_ms)

    async def answer(request: web.BaseRequest) -> web.StreamResponse:
        if request.path.startswith("/large/"):
            return _large(request.path)
        return await world.answer(request)

    server = web.Server(answer, access_log=None, handler_cancellation=True)
    loop = asyncio.get_running_loop()
    await loop.create_server(server, "0.0.0.0", PORT)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1])))
