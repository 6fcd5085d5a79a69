"""Reads and compares a list beside the event loop: a large one in a process of its own.

What 100,000 feeds take goes back to the system with that process, and polls do not wait for it.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import struct
import sys
from collections.abc import Sequence
from typing import BinaryIO, Protocol, TypeVar, cast

import msgspec

from workers.errors import FeedListError, NewswireError
from workers.feedlist.comparison import Batch, Comparison, Planned, Read
from workers.model import FeedConfig

INLINE_MAX_BYTES = 128 * 1024
"""Lists up to here, some two thousand feeds, are read within a few ms: no process is started for them."""

# The process needs no secret: it gets only what a Python may need to start.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")
_LENGTH = struct.Struct(">I")
_T = TypeVar("_T")


class ListProcessError(NewswireError):
    """The process that reads the list ended; the next look starts another."""


class Look(msgspec.Struct, frozen=True, tag=True):
    """Read this list."""

    data: bytes
    name: str


class See(msgspec.Struct, frozen=True, tag=True):
    """These feeds are configured; has no answer."""

    feeds: Sequence[FeedConfig]


class Decide(msgspec.Struct, frozen=True, tag=True):
    """All was seen: what is there to do?"""

    force: bool


class Take(msgspec.Struct, frozen=True, tag=True):
    """The next batch."""


class Compared(Protocol):
    """A ``Comparison``, wherever it is."""

    read: Read

    async def see(self, configured: Sequence[FeedConfig]) -> None:
        """As ``Comparison.see``."""

    async def plan(self, *, force: bool) -> Planned:
        """As ``Comparison.plan``."""

    async def take(self) -> Batch:
        """As ``Comparison.take``."""

    async def aclose(self) -> None:
        """Let go of it."""


async def look(data: bytes, name: str) -> Compared:
    """Read a list.

    Raises:
        FeedListError: it cannot be read whole.
        ListProcessError: its process ended.
    """
    if len(data) <= INLINE_MAX_BYTES:
        return _Here(await asyncio.to_thread(Comparison, data, name))
    return await _Apart.start(data, name)


class _Here:
    def __init__(self, comparison: Comparison) -> None:
        self._comparison = comparison
        self.read = comparison.read

    async def see(self, configured: Sequence[FeedConfig]) -> None:
        self._comparison.see(configured)

    async def plan(self, *, force: bool) -> Planned:
        return await asyncio.to_thread(self._comparison.plan, force=force)

    async def take(self) -> Batch:
        return self._comparison.take()

    async def aclose(self) -> None:
        pass


class _Apart:
    read: Read

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    async def start(cls, data: bytes, name: str) -> _Apart:
        environment = {key: os.environ[key] for key in _ENVIRONMENT if key in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "workers.feedlist.apart", env=environment,
                stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL, limit=1 << 20,
            )  # fmt: skip
        except OSError as error:
            raise ListProcessError(f"no process to read the list: {error.strerror}") from None
        apart = cls(process)
        try:
            apart.read = await apart._ask(Look(data, name), Read)
            if apart.read.error:
                raise FeedListError(apart.read.error)
        except BaseException:
            await apart.aclose()
            raise
        return apart

    async def see(self, configured: Sequence[FeedConfig]) -> None:
        await self._send(See(configured))

    async def plan(self, *, force: bool) -> Planned:
        return await self._ask(Decide(force), Planned)

    async def take(self) -> Batch:
        return await self._ask(Take(), Batch)

    async def aclose(self) -> None:
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await asyncio.shield(self._process.wait())

    async def _ask(self, request: object, answer: type[_T]) -> _T:
        await self._send(request)
        stdout = cast(asyncio.StreamReader, self._process.stdout)
        try:
            (length,) = _LENGTH.unpack(await stdout.readexactly(_LENGTH.size))
            return msgspec.msgpack.decode(await stdout.readexactly(length), type=answer)
        except (OSError, EOFError) as error:
            raise ListProcessError("the process that reads the list ended") from error

    async def _send(self, request: object) -> None:
        frame = msgspec.msgpack.encode(request)
        stdin = cast(asyncio.StreamWriter, self._process.stdin)
        try:
            stdin.write(_LENGTH.pack(len(frame)))
            stdin.write(frame)
            await stdin.drain()
        except (OSError, RuntimeError) as error:  # the latter: uvloop's, of a pipe that is closed
            raise ListProcessError("the process that reads the list ended") from error


def _serve(requests: BinaryIO, replies: BinaryIO) -> None:
    """Answer until ``requests`` end."""
    decoder = msgspec.msgpack.Decoder(Look | See | Decide | Take)
    comparison: Comparison | None = None
    while len(head := requests.read(_LENGTH.size)) == _LENGTH.size:
        request = decoder.decode(requests.read(_LENGTH.unpack(head)[0]))
        reply: object
        if isinstance(request, Look):
            try:
                comparison = Comparison(request.data, request.name)
                reply = comparison.read
            except FeedListError as error:
                reply = Read(error=str(error))
        elif comparison is None:
            return
        elif isinstance(request, See):
            comparison.see(request.feeds)
            continue
        else:
            is_take = isinstance(request, Take)
            reply = comparison.take() if is_take else comparison.plan(force=request.force)
        frame = msgspec.msgpack.encode(reply)
        replies.write(_LENGTH.pack(len(frame)) + frame)
        replies.flush()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):  # the worker's, and its end
        _serve(sys.stdin.buffer, sys.stdout.buffer)
