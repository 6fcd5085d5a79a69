"""A small web in a thread, whose pages a run makes up; of every request it keeps the headers."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Sequence
from typing import Self

from tests.support.hostile_server import Handler, HostileServer, Request

_START_S = 30.0


NETWORK = "127.77.0.0/16"


def address(number: int) -> str:
    """The address of the web's host of this number, up to 250."""
    return f"127.77.0.{number + 1}"


class Pages:
    """Serves ``pages`` (path to bytes or handler) on these addresses and one port.

    Attributes:
        pages: may be changed while it serves.
    """

    def __init__(self, hosts: Sequence[str]) -> None:
        self.pages: dict[str, bytes | Handler] = {}
        self.server = HostileServer(tuple(hosts), replies=self.pages)
        self._ready = threading.Event()
        self._loop = asyncio.new_event_loop()
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)

    @property
    def requests(self) -> list[Request]:
        """All requests so far, oldest first."""
        return list(self.server.seen)

    def asked(self, path: str) -> list[Request]:
        """The requests for a path so far."""
        return [request for request in self.requests if request.path == path]

    def url(self, host: int, path: str) -> str:
        """The URL of a path on a host."""
        return self.server.url(path, address(host))

    @property
    def port(self) -> int:
        """Of all its hosts."""
        return self.server.port

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(_START_S):
            raise RuntimeError("the web does not start")
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._end.set)
        self._thread.join(_START_S)

    def _run(self) -> None:
        self._loop.run_until_complete(self._serve())
        self._loop.close()

    async def _serve(self) -> None:
        async with self.server:
            self._ready.set()
            await self._end.wait()
