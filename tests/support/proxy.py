"""A TCP proxy that cuts, delays and stalls on purpose: between Kafka's requests, or by bytes.

It runs on a thread of its own, so tests of any kind can steer it. Kafka's brokers tell clients
where to connect: give ``KafkaServer`` the proxy's port as ``advertised_port``.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Any, Literal, Self, TypeVar

from tests.support.processes import LOOPBACK, free_port

PRODUCE = 0
FETCH = 1
METADATA = 3
FIND_COORDINATOR = 10
INIT_PRODUCER_ID = 22
ADD_PARTITIONS_TO_TXN = 24
END_TXN = 26

_CHUNK = 1 << 16
_WAIT_S = 30.0
_T = TypeVar("_T")


@dataclass(eq=False)
class Cut:
    """A connection that will be cut; made by ``Proxy.cut`` and ``Proxy.cut_after_bytes``.

    ``before``: the matching request is not forwarded. ``answer``: it is forwarded, and the
    connection is cut when the broker has answered, so the broker did it and the client cannot know.
    ``skip`` matching requests pass first; ``times`` connections are cut.
    """

    api_key: int | None
    when: Literal["before", "answer"]
    skip: int = 0
    times: int = 1
    after_bytes: int | None = None
    done: int = 0
    _taken: int = 0  # matched; the cut itself may still be to come
    _all_done: threading.Event = field(default_factory=threading.Event)

    def wait(self, timeout_s: float = _WAIT_S) -> None:
        """Wait until it has been cut ``times`` times. Raises TimeoutError."""
        if not self._all_done.wait(timeout_s):
            raise TimeoutError(f"cut {self.done} of {self.times} times: {self}")

    def matches(self, api_key: int) -> bool:
        """Whether this request is to be cut; counts what is skipped and what is taken."""
        if self.after_bytes is not None or self._taken >= self.times or api_key != self.api_key:
            return False
        if self.skip:
            self.skip -= 1
            return False
        self._taken += 1
        return True

    def count(self) -> None:
        """One more connection was cut."""
        self.done += 1
        if self.done >= self.times:
            self._all_done.set()


class Proxy:
    """Listens on ``port`` (loopback) and connects to ``target``, which may be set or changed later.

    Attributes:
        delay_s: each chunk is held back so long, each way (a slow network).
        refuse: new connections are reset at once.
        requests: how many requests of each Kafka API key were forwarded.
    """

    def __init__(
        self,
        target: tuple[str, int] | None = None,
        *,
        protocol: Literal["kafka", "raw"] = "raw",
    ) -> None:
        self.port = free_port()
        self.target = target
        self.protocol = protocol
        self.delay_s = 0.0
        self.refuse = False
        self.requests: Counter[int] = Counter()
        self.connections = 0
        self._cuts: list[Cut] = []
        self._links: set[_Link] = set()
        self._failures: list[Exception] = []
        self._loop = asyncio.new_event_loop()
        self._flowing = asyncio.Event()
        self._flowing.set()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True, name="proxy")
        self._thread.start()
        self._server = self._call(asyncio.start_server(self._accept, LOOPBACK, self.port))

    @property
    def address(self) -> str:
        """``host:port`` to connect to."""
        return f"{LOOPBACK}:{self.port}"

    def cut(
        self, api_key: int, when: Literal["before", "answer"], *, skip: int = 0, times: int = 1
    ) -> Cut:
        """Cut the connection at a request of this Kafka API key (see ``Cut``)."""
        if self.protocol != "kafka":
            raise ValueError("only a proxy of Kafka's protocol can tell requests apart")
        return self._add(Cut(api_key, when, skip=skip, times=times))

    def cut_after_bytes(self, count: int) -> Cut:
        """Cut the connection over which the ``count``-th byte towards the server from now goes.

        The bytes up to there are forwarded, so a request can be cut in its middle.
        """
        return self._add(Cut(None, "before", after_bytes=count))

    def sever(self) -> int:
        """Reset all connections there are; how many."""
        return self._call(self._sever())

    def stall(self) -> None:
        """Nothing passes either way and nothing is closed, as when a network loses all packets."""
        self._loop.call_soon_threadsafe(self._flowing.clear)

    def flow(self) -> None:
        """End of a stall: what was held back passes."""
        self._loop.call_soon_threadsafe(self._flowing.set)

    def reset(self) -> None:
        """Forget all rules and let everything pass; connections stay."""
        self.delay_s, self.refuse = 0.0, False
        self._cuts = []
        self.requests = Counter()
        self.flow()

    def close(self) -> None:
        """Close everything and end the thread. Raises what went wrong in the proxy itself."""
        self._call(self._shut())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(_WAIT_S)
        self._loop.close()
        if self._failures:
            raise self._failures[0]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def take_cut(self, api_key: int) -> Cut | None:
        """The rule that this request falls under (called by a link, on the proxy's thread)."""
        return next((cut for cut in self._cuts if cut.matches(api_key)), None)

    def take_bytes(self, size: int) -> tuple[int, Cut | None]:
        """How many of ``size`` bytes may pass, and the rule that ends the connection after them."""
        for cut in self._cuts:
            if cut.after_bytes is None or cut.done:
                continue
            if size >= cut.after_bytes:
                return cut.after_bytes, cut
            cut.after_bytes -= size
        return size, None

    async def pass_on(self) -> None:
        """Wait as the proxy's delay and stall demand."""
        if self.delay_s:
            await asyncio.sleep(self.delay_s)
        await self._flowing.wait()

    def _add(self, cut: Cut) -> Cut:
        self._loop.call_soon_threadsafe(self._cuts.append, cut)
        return cut

    def _call(self, coroutine: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(_WAIT_S)

    async def _sever(self) -> int:
        links = list(self._links)
        for link in links:
            link.cut()
        return len(links)

    async def _shut(self) -> None:
        self._server.close()
        self._flowing.set()
        while self._links:
            await self._sever()
            await asyncio.sleep(0.01)

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        await self._flowing.wait()
        if self.refuse or self.target is None:
            _abort(writer)
            return
        try:
            onward = await asyncio.open_connection(*self.target)
        except OSError:
            _abort(writer)
            return
        link = _Link(self, (reader, writer), onward)
        self._links.add(link)
        try:
            await link.run()
        except ConnectionError:
            pass  # how connections end
        except Exception as error:
            self._failures.append(error)
        finally:
            self._links.discard(link)


_Stream = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Link:
    """One client's connection and ours to the server."""

    def __init__(self, proxy: Proxy, client: _Stream, server: _Stream) -> None:
        self._proxy = proxy
        self._client = client
        self._server = server
        self._lost_answers: dict[int, Cut] = {}  # by correlation id

    async def run(self) -> None:
        """Relay until either side ends or the link is cut."""
        kafka = self._proxy.protocol == "kafka"
        up = self._requests() if kafka else self._bytes(self._client[0], self._server[1], up=True)
        down = self._answers() if kafka else self._bytes(self._server[0], self._client[1], up=False)
        tasks = [asyncio.ensure_future(up), asyncio.ensure_future(down)]
        try:
            ended, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
            for task in ended:
                task.result()
        except asyncio.IncompleteReadError as end:
            if end.partial:
                self.cut()
        except BaseException:
            self.cut()
            raise
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            # One side ended in an orderly way: so does the other, when it has what was sent.
            self._client[1].close()
            self._server[1].close()

    def cut(self) -> None:
        """Reset both connections."""
        _abort(self._client[1])
        _abort(self._server[1])

    async def _bytes(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, *, up: bool
    ) -> None:
        while chunk := await reader.read(_CHUNK):
            await self._proxy.pass_on()
            if not await self._forward(writer, chunk, up=up):
                return

    async def _requests(self) -> None:
        while True:
            frame = await _read_frame(self._client[0])
            api_key, _, correlation = struct.unpack_from(">hhi", frame, 4)
            await self._proxy.pass_on()
            cut = self._proxy.take_cut(api_key)
            if cut and cut.when == "before":
                self.cut()
                cut.count()
                return
            if cut:
                self._lost_answers[correlation] = cut
            if not await self._forward(self._server[1], frame, up=True):
                return
            self._proxy.requests[api_key] += 1

    async def _answers(self) -> None:
        while True:
            frame = await _read_frame(self._server[0])
            (correlation,) = struct.unpack_from(">i", frame, 4)
            if cut := self._lost_answers.pop(correlation, None):
                self.cut()
                cut.count()
                return
            await self._proxy.pass_on()
            await self._forward(self._client[1], frame, up=False)

    async def _forward(self, writer: asyncio.StreamWriter, data: bytes, *, up: bool) -> bool:
        allowed, cut = self._proxy.take_bytes(len(data)) if up else (len(data), None)
        writer.write(data[:allowed])
        await writer.drain()
        if not cut:
            return True
        # An abort throws away what the kernel has not sent yet; an orderly end sends it first.
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()
        self.cut()
        cut.count()
        return False


async def _read_frame(reader: asyncio.StreamReader) -> bytes:
    head = await reader.readexactly(4)
    return head + await reader.readexactly(int.from_bytes(head, "big"))


def _abort(writer: asyncio.StreamWriter) -> None:
    """Close with a reset: the other side sees an error, not an orderly end."""
    sock = writer.get_extra_info("socket")
    if sock is not None and not writer.is_closing():
        with contextlib.suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()
