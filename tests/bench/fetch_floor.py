"""CPU of a 304 fetch against bare aiohttp, in one run: ``python -m tests.bench.fetch_floor``.

``httpx`` is its transport over aiohttp, called directly with requests built beforehand.

The server runs in a process of its own, so that only the client is measured. The rounds alternate,
and the least of each counts: what the code costs, without what else the machine was doing.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import time
from collections.abc import Awaitable, Callable
from ipaddress import ip_network
from typing import Any

import aiohttp
import httpx
from httpx_aiohttp import AiohttpTransport

from workers.http.fetch import Fetcher
from workers.model import FetchRequest

CONCURRENCY = 100
FETCHES = 5_000
ROUNDS = 5
ETAG = '"v1"'
NOT_MODIFIED = b'HTTP/1.1 304 Not Modified\r\netag: "v1"\r\ncache-control: max-age=300\r\n\r\n'


class _Server(asyncio.Protocol):
    def connection_made(self, transport: Any) -> None:
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        self.transport.write(NOT_MODIFIED)


async def _serve(pipe: Any) -> None:
    server = await asyncio.get_running_loop().create_server(_Server, "127.0.0.1", 0)
    pipe.send(server.sockets[0].getsockname()[1])
    await server.serve_forever()


def _run_server(pipe: Any) -> None:
    asyncio.run(_serve(pipe))


async def _round(fetch: Callable[[str], Awaitable[None]], urls: list[str]) -> float:
    """Fetch all URLs, ``CONCURRENCY`` at once; CPU milliseconds a fetch."""
    todo = iter(urls)

    async def work() -> None:
        for url in todo:
            await fetch(url)

    before = time.process_time()
    await asyncio.gather(*(work() for _ in range(CONCURRENCY)))
    return (time.process_time() - before) * 1_000 / len(urls)


async def measure(port: int) -> dict[str, float]:
    """Return the least CPU milliseconds of a fetch for each way to do it."""
    # A thousand feeds of one host, each polled a few times: connections are kept, URLs differ.
    urls = [f"http://127.0.0.1:{port}/feed/{i % 1_000}" for i in range(FETCHES)]
    fetcher = Fetcher(
        user_agent="bench", allowed_networks=[ip_network("127.0.0.0/8")], concurrency=CONCURRENCY
    )
    session = aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=CONCURRENCY))

    async def ours(url: str) -> None:
        assert (await fetcher.fetch(FetchRequest(url, etag=ETAG))).reason == "not_modified"

    async def bare(url: str) -> None:
        async with session.get(url, headers={"If-None-Match": ETAG}) as response:
            assert response.status == 304

    transport = AiohttpTransport(client=session)
    built = {url: httpx.Request("GET", url, headers={"If-None-Match": ETAG}) for url in urls}

    async def through_httpx(url: str) -> None:
        response = await transport.handle_async_request(built[url])
        assert response.status_code == 304
        await response.aclose()

    ways = {"newswire": ours, "httpx": through_httpx, "aiohttp": bare}
    least = dict.fromkeys(ways, float("inf"))
    for _ in range(ROUNDS):
        for name, way in ways.items():
            least[name] = min(least[name], await _round(way, urls))
    await fetcher.aclose()
    await session.close()
    return least


def main() -> None:
    """Print the figures."""
    ours, theirs = multiprocessing.Pipe()
    server = multiprocessing.Process(target=_run_server, args=(theirs,), daemon=True)
    server.start()
    least = asyncio.run(measure(ours.recv()))
    server.terminate()
    for name, cost in least.items():
        print(f"{name:10} {cost:.3f} ms of CPU a fetch (304, {CONCURRENCY} at once)")
    print(f"ratio      {least['newswire'] / least['aiohttp']:.2f}")


if __name__ == "__main__":
    main()
