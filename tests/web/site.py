"""Many hosts (127.1.0.0/16) in a process of its own, which notes every request.

``python -m tests.web.site PORT HOSTS`` says ``ready`` when all its hosts listen. The path says what a feed
does: ``/fine/…``; ``/slow/…`` after a second; ``/hop/…`` leads to the same feed of the next host,
``/within/…`` twice to another path of its own host, ``/back/…`` to the next host and back;
``/refuse-429-seconds/…`` and its like refuse three times, each time for ``REST_S``; ``/bomb/…``,
``/drip/…``, ``/endless/…``, ``/wide/…`` (8 MB, a feed) and ``/large/…`` (16 MB, a feed that was compressed).
``/_ledger`` tells what was asked.
"""

from __future__ import annotations

import asyncio
import email.utils
import gzip
import json
import math
import re
import sys
import time
from collections import Counter
from typing import Any

from tests.support.hostile_server import bomb
from tests.support.static_site import rss

REST_S = 4
REFUSALS = 3
ANSWER_S, SLOW_S = 0.05, 1.0
_REFUSE = re.compile(r"/refuse-(\d+)-(seconds|date)/")


def host(number: int) -> str:
    """The address of a host by its number."""
    return f"127.1.{number // 250}.{number % 250 + 1}"


class Web:
    """What all hosts answer, and the ledger: ``[start, end, host, path, status, not before]``, in epoch
    seconds; the last is 0 where nothing was asked for."""

    def __init__(self, port: int, hosts: int) -> None:
        self.port, self.hosts = port, hosts
        self.ledger: list[list[Any]] = []
        self._asked: Counter[str] = Counter()
        self._bomb = b""
        self._large: dict[str, bytes] = {}

    async def serve(self) -> None:
        """Listen on every host until killed."""
        loop = asyncio.get_running_loop()
        for number in range(self.hosts):
            name = host(number)
            await loop.create_server(
                lambda n=number: _Connection(self, n), name, self.port, backlog=1_024
            )
        await loop.create_server(lambda: _Connection(self, -1), "127.0.0.1", self.port)
        print("ready", flush=True)
        await asyncio.Event().wait()

    async def answer(self, number: int, path: str, head: str, write: Any) -> None:
        """One request."""
        if path == "/_ledger":
            _send(write, 200, json.dumps(self.ledger).encode())
            return
        row = [time.time(), 0.0, host(number), path, 200, 0.0]
        self.ledger.append(row)
        self._asked[f"{number}{path}"] += 1
        await asyncio.sleep(SLOW_S if path.startswith("/slow/") else ANSWER_S)
        if refused := _REFUSE.match(path):
            if self._asked[f"{number}{path}"] <= REFUSALS:
                self._refuse(row, int(refused[1]), refused[2], write)
                return
        elif target := self._redirect(number, path):
            _send(write, 302, b"", f"location: {target}")
            row[1], row[4] = time.time(), 302
            return
        elif path.startswith("/bomb/"):
            self._bomb = self._bomb or bomb()
            _send(write, 200, self._bomb, "content-encoding: gzip")
            row[1] = time.time()
            return
        elif path.startswith(("/large/", "/wide/", "/endless/")):
            await self._much(path, write)
            row[1] = time.time()
            return
        elif path.startswith("/drip/"):
            await _drip(write)
            row[1] = time.time()
            return
        etag = '"1"'
        if etag in head:
            _send(write, 304, b"")
            row[4] = 304
        else:
            _send(write, 200, rss(f"http://{host(number)}:{self.port}", path, 3), f"etag: {etag}")
        row[1] = time.time()

    async def _much(self, path: str, write: Any) -> None:
        if path.startswith("/endless/"):
            write(b"HTTP/1.1 200 X\r\n\r\n")
            for _ in range(160):
                write(b"<" * 65536)
                await asyncio.sleep(0.02)
            return
        if path not in self._large:
            item = "<item><title>Story %d of the day</title><link>http://x.example/%d</link><description>%s</description></item>"
            text = "All the words of a long report, said again and again. " * 100
            n = 2700 if path.startswith("/large/") else 1350
            items = "".join(item % (i, i, text) for i in range(n))
            body = (
                f"<rss version='2.0'><channel><title>{path}</title>{items}</channel></rss>".encode()
            )
            self._large[path] = gzip.compress(body, 6) if path.startswith("/large/") else body
        body = self._large[path]
        _send(write, 200, body, *(["content-encoding: gzip"] if path.startswith("/large/") else []))

    def _redirect(self, number: int, path: str) -> str:
        _, kind, rest = path.split("/", 2)
        after = f"http://{host((number + 1) % self.hosts)}:{self.port}"
        before = f"http://{host((number - 1) % self.hosts)}:{self.port}"
        return {
            "hop": f"{after}/fine/{rest}",
            "within": f"/within-still/{rest}",
            "within-still": f"/fine/{rest}",
            "back": f"{after}/back-from/{rest}",
            "back-from": f"{before}/fine/{rest}",
        }.get(kind, "")

    def _refuse(self, row: list[Any], status: int, form: str, write: Any) -> None:
        until = time.time() + REST_S
        when = str(REST_S)
        if form == "date":  # whole seconds
            until = float(math.ceil(until))
            when = email.utils.formatdate(until, usegmt=True)
        _send(write, status, b"", f"retry-after: {when}")
        row[1], row[4], row[5] = time.time(), status, until


def _send(write: Any, status: int, body: bytes, *headers: str) -> None:
    head = [f"HTTP/1.1 {status} X", f"content-length: {len(body)}", *headers]
    write("\r\n".join(head).encode() + b"\r\n\r\n" + body)


async def _drip(write: Any) -> None:
    write(b"HTTP/1.1 200 X\r\ncontent-length: 1000000\r\n\r\n")
    for _ in range(600):
        write(b"<")
        await asyncio.sleep(0.2)


class _Connection(asyncio.Protocol):
    def __init__(self, web: Web, number: int) -> None:
        self._web, self._number = web, number
        self._pending = b""
        self._tasks: set[asyncio.Task[None]] = set()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def connection_lost(self, _: Exception | None) -> None:
        for task in self._tasks:
            task.cancel()

    def data_received(self, data: bytes) -> None:
        head, end, self._pending = (self._pending + data).partition(b"\r\n\r\n")
        if not end:
            self._pending = head
            return
        text = head.decode("latin-1")
        call = self._web.answer(self._number, text.split(" ")[1], text, self._transport.write)
        task = asyncio.get_running_loop().create_task(call)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


if __name__ == "__main__":
    asyncio.run(Web(int(sys.argv[1]), int(sys.argv[2])).serve())
