"""The world of feeds served over HTTP, with a ledger of who asked for what.

In a test's own loop: ``async with serve(world) as server``. As a process, for harnesses:
``python -m tests.support.world --feeds 100 --seed 7``; it prints one JSON line with its control URL,
and ``tests.support.world_process`` speaks to it.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import math
import random
import sys
import time
from collections import Counter, deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast, get_args

import msgspec
from aiohttp import web

from tests.support.processes import LOOPBACK, free_port
from tests.support.world_documents import Request, Response, Site
from tests.support.world_model import HIDING, Expected, Fault, FaultKind, Quirk, World

_LEDGER = 1_000_000
"""Requests that are remembered one by one; older ones only in the counters."""


class Asked(msgspec.Struct, frozen=True, array_like=True):
    """One request as the ledger holds it. ``at_s`` is the world's time."""

    at_s: float
    feed: int
    host: str
    path: str
    status: int  # 0: hung or reset
    conditional: bool
    user_agent: str


class WorldServer:
    """Serves a world on one port of many loopback addresses; made by ``serve``.

    Attributes:
        requests: the ledger, oldest first.
        statuses: how often each status was answered.
        served: how often each article was in a whole answered document.
    """

    def __init__(self, world: World, hosts: int) -> None:
        self.world = world
        self.site = Site(world)
        self.hosts = [_address(n) for n in range(min(hosts, world.feeds))]
        self.port = 0
        self.requests: deque[Asked] = deque(maxlen=_LEDGER)
        self.statuses: Counter[int] = Counter()
        self.served: Counter[str] = Counter()
        self._numbers: Counter[int] = Counter()
        self._frozen_s = math.inf

    @property
    def now_s(self) -> float:
        """The world's time."""
        return time.time() - self.world.epoch_ms / 1000

    def url(self, feed: int) -> str:
        """The URL of a feed."""
        return f"http://{self.hosts[feed % len(self.hosts)]}:{self.port}{self.site.path(feed)}"

    def urls(self) -> list[str]:
        """The URLs of all feeds."""
        return [self.url(feed) for feed in range(self.world.feeds)]

    def freeze(self) -> None:
        """From the next whole second on nothing new happens; what is shown stays, and is served on.

        A whole second: feeds that only tell a Last-Modified change at no other time.
        """
        self._frozen_s = min(self._frozen_s, math.ceil(self.now_s))

    def inject(self, feed: int, kind: FaultKind, for_s: float = math.inf) -> None:
        """A fault of one feed from now on, before those that it has."""
        now = self.now_s
        self.world.faults.setdefault(feed, []).insert(0, Fault(kind, now, now + for_s))

    def expected(self, shown_for_s: float, since_s: float = 0.0) -> list[Expected]:
        """What was to be seen until now; required when shown for ``shown_for_s`` on end after
        ``since_s``, when the reader began (see ``World.expected``)."""
        expected = self.world.expected(
            until_s=self.now_s, frozen_s=self._frozen_s, shown_for_s=shown_for_s, since_s=since_s
        )
        return [msgspec.structs.replace(a, served=self.served[a.key]) for a in expected]

    async def answer(self, request: web.BaseRequest) -> web.StreamResponse:
        """One request, of a feed or of the control interface."""
        if request.path.startswith("/_world/"):
            return _control(self, request)
        feed = self.site.feed_of(request.path)
        now = self.now_s
        if feed is None:
            return web.Response(status=404)
        headers = request.headers
        asked = Request(
            request.path,
            self._numbers[feed],
            headers.get("If-None-Match", ""),
            headers.get("If-Modified-Since", ""),
            "gzip" in headers.get("Accept-Encoding", ""),
        )
        self._numbers[feed] += 1
        response = self.site.respond(feed, min(now, self._frozen_s), now, asked)
        self._note(feed, now, request, asked, response)
        return await _send(request, response)

    def _note(
        self, feed: int, now: float, request: web.BaseRequest, asked: Request, response: Response
    ) -> None:
        self.statuses[response.status] += 1
        self.served.update(key for key, _ in response.shown)
        self.requests.append(
            Asked(
                round(now, 4),
                feed,
                request.host,
                asked.path,
                response.status,
                bool(asked.if_none_match or asked.if_modified_since),
                request.headers.get("User-Agent", ""),
            )
        )


@asynccontextmanager
async def serve(world: World, *, hosts: int = 8) -> AsyncIterator[WorldServer]:
    """Serve on as many loopback addresses (127.77.x.y) and 127.0.0.1, all on one port."""
    server = WorldServer(world, hosts)
    runner = web.Server(server.answer, access_log=None, handler_cancellation=True)
    listener, server.port = await _listen(runner, [LOOPBACK, *server.hosts])
    try:
        yield server
    finally:
        listener.close()
        await runner.shutdown(timeout=0)


async def _listen(runner: web.Server, hosts: list[str]) -> tuple[asyncio.Server, int]:
    loop = asyncio.get_running_loop()
    for _ in range(20):
        port = free_port()
        try:
            return await loop.create_server(runner, hosts, port, backlog=512), port
        except OSError:
            continue  # taken on one of the addresses
    raise OSError("no port is free on all addresses of the world")


async def _send(request: web.BaseRequest, response: Response) -> web.StreamResponse:
    transport = request.transport
    if response.manner == "hang":
        await asyncio.Event().wait()  # until the client goes
    if response.manner == "reset" and transport:
        transport.abort()
    if response.manner == "truncate":
        stream = web.StreamResponse(headers=response.headers)
        stream.content_length = len(response.body)
        await stream.prepare(request)
        await stream.write(response.body[: len(response.body) // 2])
        if transport:
            transport.close()  # sends what is written
        return stream
    return web.Response(
        status=response.status or 500, headers=response.headers, body=response.body or None
    )


def _control(server: WorldServer, request: web.BaseRequest) -> web.Response:
    query = request.query
    answer: Any = {}
    match request.path.removeprefix("/_world/"):
        case "feeds":
            answer = server.urls()
        case "freeze":
            server.freeze()
        case "fault":
            kind = cast("FaultKind", query["kind"])
            server.inject(int(query["feed"]), kind, float(query.get("for_s", "inf")))
        case "expected":
            answer = server.expected(float(query["shown_for_s"]), float(query["since_s"]))
        case "requests":
            since = float(query.get("since_s", "0"))
            answer = [asked for asked in server.requests if asked.at_s >= since]
        case "state":
            answer = {
                "now_s": server.now_s,
                "epoch_ms": server.world.epoch_ms,
                "requests": server.statuses.total(),
                "statuses": {str(status): n for status, n in server.statuses.items()},
                "served": len(server.served),
            }
        case _:
            return web.Response(status=404)
    return web.Response(body=msgspec.json.encode(answer), content_type="application/json")


def _address(number: int) -> str:
    # All of 127.0.0.0/8 is this machine on Linux; elsewhere only 127.0.0.1 is.
    if sys.platform != "linux":
        return LOOPBACK
    return f"127.77.{number // 250}.{number % 250 + 1}"


def plan_faults(world: World, share: float, *, every_s: float, length_s: float) -> None:
    """Give a share of the feeds, as the seed decides, one kind of fault each that comes and goes."""
    kinds: list[FaultKind] = [*sorted(HIDING), "redirect", "moved", "old_document"]
    rng = random.Random(f"{world.seed}/faults")
    for feed in range(world.feeds):
        if rng.random() < share:
            start = rng.uniform(0, every_s)
            world.faults[feed] = [Fault(rng.choice(kinds), start, start + length_s, every_s)]


def plan_quirks(seed: int, feeds: int, share: float) -> dict[int, Quirk]:
    """What is odd about a share of the feeds, as the seed decides."""
    rng = random.Random(f"{seed}/quirks")
    return {n: rng.choice(get_args(Quirk)) for n in range(feeds) if rng.random() < share}


def main() -> None:
    """Serve until killed; the first line on stdout says where."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--feeds", type=int, default=100)
    parser.add_argument("--rate", type=float, default=0.05, help="new articles a second and feed")
    parser.add_argument("--window", type=int, default=20, help="entries in a feed")
    parser.add_argument("--hosts", type=int, default=20)
    parser.add_argument("--edited", type=float, default=0.1)
    parser.add_argument("--shared", type=float, default=0.05)
    parser.add_argument("--quirks", type=float, default=0.0, help="share of odd feeds")
    parser.add_argument("--faults", type=float, default=0.0, help="share of faulty feeds")
    options = parser.parse_args()
    world = World(
        options.seed,
        options.feeds,
        epoch_ms=int(time.time() * 1000),
        rate=options.rate,
        window=options.window,
        edited=options.edited,
        shared=options.shared,
        quirks=plan_quirks(options.seed, options.feeds, options.quirks),
    )
    plan_faults(world, options.faults, every_s=30, length_s=10)

    async def run() -> None:
        async with serve(world, hosts=options.hosts) as server:
            print(json.dumps({"control": f"http://{LOOPBACK}:{server.port}/_world/"}), flush=True)
            await asyncio.Event().wait()

    asyncio.run(run())


if __name__ == "__main__":
    main()
