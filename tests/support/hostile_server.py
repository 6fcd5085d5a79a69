"""An HTTP server that does what real and hostile servers do wrong, byte by byte.

Every path of ``FAULTS`` is a fault; ``replies`` adds fixed answers. It listens on any address of
127.0.0.0/8, so one process can be many hosts, and records each request and connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import gzip
import math
import ssl
import struct
import time
import zlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Self

FEED = b'<?xml version="1.0"?><rss version="2.0"><channel><title>t</title></channel></rss>'
ETAG = '"v1"'
BOMB_BYTES = 512 * 1024 * 1024


@dataclass
class Request:
    """One request as it arrived; header names in lower case. Times are of ``time.monotonic``."""

    host: str  # the address that was dialled
    path: str
    headers: dict[str, str]
    at_s: float = field(default_factory=time.monotonic)
    ended_s: float = math.inf  # its answer was sent, or cut off


@dataclass
class Exchange:
    """One request with the means to answer it."""

    request: Request
    writer: asyncio.StreamWriter
    closing: asyncio.Event
    server: HostileServer

    async def send(self, *parts: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(b"".join(parts))
        await self.writer.drain()

    def close(self) -> None:
        """Close after what was sent."""
        self.writer.close()

    def reset(self) -> None:
        """Close with a reset (RST) instead of an end (FIN)."""
        sock = self.writer.get_extra_info("socket")
        sock.setsockopt(1, 13, struct.pack("ii", 1, 0))  # SOL_SOCKET, SO_LINGER
        self.writer.transport.abort()


Handler = Callable[[Exchange], Awaitable[None]]


def answer(body: bytes = FEED, status: str = "200 OK", **headers: str) -> bytes:
    """Build a correct answer; ``content_type="x"`` becomes ``content-type: x``."""
    fields = {"content_length": str(len(body)), **headers}
    lines = "".join(f"{name.replace('_', '-')}: {value}\r\n" for name, value in fields.items())
    return f"HTTP/1.1 {status}\r\n{lines}\r\n".encode() + body


def redirect(location: str, status: int = 301) -> bytes:
    """Build a redirect with a small body, as most servers send one."""
    return answer(b"moved", f"{status} Moved", location=location)


def raw_deflate(data: bytes) -> bytes:
    """Compress without the zlib header that the standard wants."""
    engine = zlib.compressobj(wbits=-15)
    return engine.compress(data) + engine.flush()


def bomb(size: int = BOMB_BYTES) -> bytes:
    """Compress ``size`` zeros; a thousandth of it in memory."""
    engine = zlib.compressobj(9, wbits=31)
    megabyte = bytes(1024 * 1024)
    parts = [engine.compress(megabyte) for _ in range(size // len(megabyte))]
    return b"".join([*parts, engine.flush()])


def fixed(reply: bytes, *, close: bool = False) -> Handler:
    """Answer with these bytes; ``close`` ends the connection after them."""

    async def handle(exchange: Exchange) -> None:
        await exchange.send(reply)
        if close:
            exchange.close()

    return handle


def flood(head: bytes, unit: bytes) -> Handler:
    """Send ``head`` and then ``unit`` for ever, as fast as the client reads."""

    async def handle(exchange: Exchange) -> None:
        block = unit * (64 * 1024 // len(unit) + 1)
        await exchange.send(head)
        while not exchange.closing.is_set():
            await exchange.send(block)

    return handle


def drip(head: bytes, unit: bytes = b"a") -> Handler:
    """Send ``head`` and then ``unit`` now and then, for ever."""

    async def handle(exchange: Exchange) -> None:
        await exchange.send(head)
        while not exchange.closing.is_set():
            await exchange.send(unit)
            await asyncio.sleep(0.01)

    return handle


async def _conditional(exchange: Exchange) -> None:
    if exchange.request.headers.get("if-none-match") == ETAG:
        await exchange.send(b"HTTP/1.1 304 Not Modified\r\n\r\n")
    else:
        await exchange.send(answer(etag=ETAG, last_modified="Sun, 01 Mar 2026 07:30:00 GMT"))


async def _hang(exchange: Exchange) -> None:
    await exchange.closing.wait()


async def _reset(exchange: Exchange) -> None:
    exchange.reset()


async def _reset_in_body(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nabc")
    await asyncio.sleep(0.05)  # lets the client read the head; either outcome is a reset
    exchange.reset()


async def _hang_in_body(exchange: Exchange) -> None:
    await exchange.send(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nabc")
    await exchange.closing.wait()


async def _stale(exchange: Exchange) -> None:
    """Answer the first request of a connection, and close it at the second without a byte."""
    if exchange.server.on_this_connection(exchange) > 1:
        exchange.reset()
    else:
        await exchange.send(answer())


async def _redirects(exchange: Exchange) -> None:
    number = int(exchange.request.path.rpartition("/")[2])
    await exchange.send(redirect(f"/redirects/{number - 1}") if number else answer())


_CHUNKED = b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n"
_EMPTY_MEMBER = gzip.compress(b"")

FAULTS: dict[str, Handler] = {
    "/feed": _conditional,
    "/gzip": fixed(answer(gzip.compress(FEED), content_encoding="gzip")),
    "/gzip-members": fixed(
        answer(gzip.compress(FEED[:40]) + gzip.compress(FEED[40:]), content_encoding="gzip")
    ),
    "/gzip-tail": fixed(answer(gzip.compress(FEED) + bytes(512), content_encoding="x-gzip")),
    "/gzip-file": fixed(answer(gzip.compress(FEED), content_type="application/gzip")),
    "/deflate": fixed(answer(zlib.compress(FEED), content_encoding="deflate")),
    "/deflate-raw": fixed(answer(raw_deflate(FEED), content_encoding="deflate")),
    "/charset-as-encoding": fixed(answer(content_encoding="UTF-8")),
    "/brotli": fixed(answer(b"\x0b\x02\x80abc\x03", content_encoding="br")),
    "/gzip-lie": fixed(answer(content_encoding="gzip")),
    "/gzip-cut": fixed(answer(gzip.compress(FEED)[:-12], content_encoding="gzip")),
    "/gzip-empty-members": fixed(answer(_EMPTY_MEMBER * 5_000, content_encoding="gzip")),
    "/empty": fixed(answer(b"")),
    "/blank": fixed(answer(b" \r\n\t")),
    "/no-length": fixed(b"HTTP/1.1 200 OK\r\n\r\n" + FEED, close=True),
    "/http-1.0": fixed(b"HTTP/1.0 200 OK\r\n\r\n" + FEED, close=True),
    "/short": fixed(b"HTTP/1.1 200 OK\r\ncontent-length: 1000\r\n\r\nabc", close=True),
    "/long": fixed(b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nhello and much more", close=True),
    "/declared-huge": fixed(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\nabc"),
    "/two-lengths": fixed(
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ncontent-length: 6\r\n\r\nhello", close=True
    ),
    "/length-and-chunks": fixed(
        b"HTTP/1.1 200 OK\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\n0\r\n\r\n",
        close=True,
    ),
    "/chunks": fixed(_CHUNKED + b"3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"),
    "/chunk-cut": fixed(_CHUNKED + b"10\r\nabc", close=True),
    "/chunk-no-end": fixed(_CHUNKED + b"3\r\nabc\r\n", close=True),
    "/chunk-bad": fixed(_CHUNKED + b"zz\r\nabc\r\n", close=True),
    "/chunk-crumbs": flood(_CHUNKED, b"1\r\na\r\n"),
    "/chunk-extension": flood(_CHUNKED + b"3;", b"x"),
    "/endless": flood(b"HTTP/1.1 200 OK\r\n\r\n", b"a" * 1024),
    "/header-flood": flood(b"HTTP/1.1 200 OK\r\n", b"x-header: y\r\n"),
    "/header-long": flood(b"HTTP/1.1 200 OK\r\nx-header: ", b"y"),
    "/interim-flood": flood(b"", b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "/drip-head": drip(b"HTTP/1.1 200 OK\r\n", b"x: y\r\n"),
    "/drip-body": drip(b"HTTP/1.1 200 OK\r\n\r\n"),
    "/drip-redirect": drip(
        b"HTTP/1.1 302 Found\r\nlocation: /feed\r\ncontent-length: 9999\r\n\r\n"
    ),
    "/hang": _hang,
    "/hang-in-body": _hang_in_body,
    "/reset": _reset,
    "/reset-in-body": _reset_in_body,
    "/close": fixed(b"", close=True),
    "/half-head": fixed(b"HTTP/1.1 200 OK\r\ncontent-le", close=True),
    "/garbage": fixed(b"\x00\xff" * 64 + b"\r\n\r\n", close=True),
    "/icy": fixed(b"ICY 200 OK\r\n\r\n" + FEED, close=True),
    "/not-http": fixed(b"220 ftp.example.org ready\r\n", close=True),
    "/upgrade": fixed(b"HTTP/1.1 101 Switching\r\nupgrade: h2c\r\nconnection: upgrade\r\n\r\n"),
    "/loop": fixed(redirect("/loop")),
    "/stale": _stale,
}


@dataclass
class HostileServer:
    """``async with HostileServer() as server``; ``hosts`` are loopback addresses to listen on."""

    hosts: tuple[str, ...] = ("127.0.0.1",)
    tls: ssl.SSLContext | None = None
    replies: dict[str, bytes | Handler] = field(default_factory=dict)
    seen: list[Request] = field(default_factory=list)
    connections: int = 0
    port: int = 0
    _closing: asyncio.Event = field(default_factory=asyncio.Event)
    _servers: list[asyncio.Server] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _per_connection: dict[asyncio.StreamWriter, int] = field(default_factory=dict)

    def url(self, path: str = "/feed", host: str = "127.0.0.1") -> str:
        """Return the URL of a path on one of the hosts."""
        return f"{'https' if self.tls else 'http'}://{host}:{self.port}{path}"

    def on_this_connection(self, exchange: Exchange) -> int:
        """Return how many requests the exchange's connection has carried, this one included."""
        return self._per_connection[exchange.writer]

    async def __aenter__(self) -> Self:
        for host in self.hosts:
            server = await asyncio.start_server(self._accept, host, self.port, ssl=self.tls)
            self._servers.append(server)
            self.port = server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._closing.set()
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        self.connections += 1
        self._per_connection[writer] = 0
        try:
            # A test that ends, and a client that goes away, are no errors of the server.
            with contextlib.suppress(OSError, EOFError, asyncio.CancelledError):
                while not writer.is_closing():
                    await self._serve(await reader.readuntil(b"\r\n\r\n"), writer)
        finally:
            writer.transport.abort()

    async def _serve(self, head: bytes, writer: asyncio.StreamWriter) -> None:
        first, *lines = head.decode("latin-1").rstrip("\r\n").split("\r\n")
        headers = {name.lower(): value for name, _, value in (x.partition(": ") for x in lines)}
        local = writer.get_extra_info("sockname")[0]
        request = Request(local, first.split(" ")[1], headers)
        self.seen.append(request)
        self._per_connection[writer] += 1
        handler = self.replies.get(request.path) or FAULTS.get(request.path)
        if request.path.startswith("/redirects/"):
            handler = _redirects
        if handler is None:
            handler = answer(b"no such page", "404 Not Found")
        if isinstance(handler, bytes):
            handler = fixed(handler)
        try:
            await handler(Exchange(request, writer, self._closing, self))
        finally:
            request.ended_s = time.monotonic()
