"""The built-in sample site: a few feeds on loopback whose news goes on while one watches."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from email.utils import formatdate
from typing import Literal

from aiohttp import web

from workers.embedded.feed_formats import CONTENT_TYPES, render
from workers.embedded.newsroom import PUBLICATIONS, Item, Publication, shown

POLL_EVERY_S = 5
"""How often the sample feeds ask to be polled in a feed list."""

Fault = Literal["", "server_error", "truncated", "slow", "html"]

_FAULTS: tuple[Fault, ...] = ("", "server_error", "", "truncated", "", "slow", "", "html")
_SLOW_PARTS = 6
_HTML = b"<!doctype html><html><head><title>Back soon</title></head><body>Back soon</body></html>"


@dataclass(frozen=True)
class SampleFeed:
    """Where a publication's feed is served."""

    publication: Publication
    url: str


def fault(request_number: int) -> Fault:
    """What is wrong with the n-th answer (from 0) of the feed that misbehaves: every second one."""
    return _FAULTS[request_number % len(_FAULTS)]


@asynccontextmanager
async def sample_site(
    seed: int = 1, clock: Callable[[], float] = time.time, slow_s: float = 6.0
) -> AsyncIterator[list[SampleFeed]]:
    """Serve all publications; yields where. They start at the first value of ``clock`` (epoch s).

    Each feed gets a loopback address of its own where the system has more than one (Linux), so that
    the worker's manners towards a host do not make the sample feeds wait for each other.
    ``slow_s`` is how long the slow answer takes.
    """
    start_s = clock()
    async with AsyncExitStack() as stack:
        feeds = []
        for number, pub in enumerate(PUBLICATIONS, start=1):
            handler = _Handler(pub, seed, start_s, clock, slow_s)
            app = web.Application()
            path = "/feed.json" if pub.format == "json" else "/feed.xml"
            app.router.add_get(path, handler.serve)
            runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.2)
            await runner.setup()
            stack.push_async_callback(runner.cleanup)
            feeds.append(SampleFeed(pub, await _listen(runner, f"127.0.0.{number}") + path))
        yield feeds


async def _listen(runner: web.AppRunner, address: str) -> str:
    try:
        await web.TCPSite(runner, address, 0).start()
    except OSError:  # macOS has 127.0.0.1 alone
        await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    return f"http://{host}:{port}"


class _Handler:
    """Answers for one publication; counts requests, which is all that it remembers."""

    def __init__(
        self,
        pub: Publication,
        seed: int,
        start_s: float,
        clock: Callable[[], float],
        slow_s: float,
    ) -> None:
        self._pub = pub
        self._seed = seed
        self._start_s = start_s
        self._clock = clock
        self._slow_s = slow_s
        self._requests = 0

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """One GET, conditional or not."""
        what = fault(self._requests) if self._pub.faulty else ""
        self._requests += 1
        if what == "server_error":
            return web.Response(status=500, text="Something went wrong")
        if what == "html":
            return web.Response(body=_HTML, content_type="text/html")
        items = shown(self._pub, self._seed, self._start_s, self._clock())
        body = render(self._pub, items)
        headers = _validators(body, items)
        if what == "truncated":
            # Whole for HTTP, cut for the parser; and no validator for half a document.
            return web.Response(body=body[: len(body) // 2], headers=_type(self._pub))
        if what == "slow":
            return await self._trickle(request, body)
        if _unchanged(request, headers):
            return web.Response(status=304, headers=headers)
        return web.Response(body=body, headers=headers | _type(self._pub))

    async def _trickle(self, request: web.Request, body: bytes) -> web.StreamResponse:
        response = web.StreamResponse(headers=_type(self._pub))
        await response.prepare(request)
        size = -(-len(body) // _SLOW_PARTS)
        for at in range(0, len(body), size):
            await asyncio.sleep(self._slow_s / _SLOW_PARTS)
            await response.write(body[at : at + size])
        return response


def _type(pub: Publication) -> dict[str, str]:
    return {"Content-Type": CONTENT_TYPES[pub.format]}


def _validators(body: bytes, items: list[Item]) -> dict[str, str]:
    changed = max((i.modified for i in items), default=0.0)
    tag = hashlib.blake2b(body, digest_size=8).hexdigest()
    return {"ETag": f'"{tag}"', "Last-Modified": formatdate(changed, usegmt=True)}


def _unchanged(request: web.Request, headers: dict[str, str]) -> bool:
    """By the entity tag where one is sent, else by the date (RFC 9110, 13.2.2)."""
    tags = request.if_none_match
    if tags is not None:
        return any(f'"{tag.value}"' == headers["ETag"] or tag.value == "*" for tag in tags)
    return request.headers.get("If-Modified-Since") == headers["Last-Modified"]
