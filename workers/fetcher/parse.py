"""The parse stage: bytes to ``ParsedFeed``, whatever the bytes are.

Small well-formed documents are read in the event loop; the rest, large or broken, in a process
that can be killed (``parsing.child``).
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys

import msgspec

from workers.errors import ParseError
from workers.model import ParsedFeed
from workers.parsing.child import LENGTH, Reply, Request
from workers.parsing.feed import Part, UnsureError, parse_fast, parse_part
from workers.parsing.pieces import INLINE_BYTES, Told

MAX_BYTES = 32 * 1024 * 1024
_MAX_REPLY_BYTES = 64 * 1024 * 1024
"""Four times the largest document: the worker holds a reply twice while it reads it."""
_START_S = 60.0
_CHILDREN = 2
# The child needs no secret: it gets only what a Python may need to start.
_ENVIRONMENT = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "LANG", "LC_ALL", "TMPDIR")


class Parser:
    """Parses documents for one event loop; keeps up to two parser processes, started when needed."""

    def __init__(self, *, wall_s: float = 20.0, cpu_s: int = 15) -> None:
        """Allow a parser process ``wall_s`` seconds, of them ``cpu_s`` of CPU, for one document."""
        self._wall_s = wall_s
        self._cpu_s = cpu_s
        self._free: list[_Child] = []
        self._busy: set[_Child] = set()
        self._slots = asyncio.Semaphore(_CHILDREN)

    async def parse(self, body: bytes, *, content_type: str, url: str) -> ParsedFeed:
        """Parse one document.

        Args:
            body: as received, decompressed.
            content_type: the HTTP header; may be empty.
            url: the final URL, against which relative links are resolved.

        Raises:
            ParseError: the reason is ``empty_body``, ``not_a_feed``, ``parse_failed``,
                ``parser_killed`` or ``too_large``.
        """
        if len(body) > MAX_BYTES:
            raise ParseError(f"{len(body)} bytes are more than {MAX_BYTES}", "too_large")
        if len(body) <= INLINE_BYTES:
            with contextlib.suppress(UnsureError):
                return parse_fast(body, content_type, url)
        reply = await self._in_child(Request(body, content_type, url, self._cpu_s))
        if reply.feed is None:
            raise ParseError(reply.message, reply.reason)
        return reply.feed

    async def parse_new(self, told: Told) -> tuple[ParsedFeed, Told] | None:
        """Parse the entries of a document that were not shown before, and what stands around them.

        Returns the feed with these entries alone, and with what they were read in; None where the document
        has to be parsed whole.
        """
        part = await self._part(told)
        if part is not None and any(told.raws) and part.context != told.context:
            told = told.forgotten()
            part = await self._part(told)
        return (part.feed, told._replace(context=part.context)) if part is not None else None

    async def _part(self, told: Told) -> Part | None:
        fresh, root = told.fresh, told.pieces.source.root
        data = told.pieces.document(fresh)
        if len(data) <= INLINE_BYTES:
            try:
                return parse_part(data, root, told.pieces.url, len(fresh))
            except UnsureError:
                return None
        request = Request(data, root, told.pieces.url, self._cpu_s, len(fresh))
        try:
            reply = await self._in_child(request)
        except ParseError:
            return None
        return Part(reply.feed, reply.context) if reply.feed is not None else None

    async def aclose(self) -> None:
        """End all parser processes, also those at work."""
        children = [*self._free, *self._busy]
        self._free.clear()
        for child in children:
            await child.kill()

    async def _in_child(self, request: Request) -> Reply:
        async with self._slots:
            child = self._free.pop() if self._free else await _Child.start()
            self._busy.add(child)
            reusable = False
            try:
                async with asyncio.timeout(self._wall_s):
                    reply = await child.ask(request)
                reusable = reply.reason != "parser_killed"
                return reply
            except TimeoutError:
                return Reply(reason="parser_killed", message=f"not done in {self._wall_s:g} s")
            except (OSError, EOFError, msgspec.DecodeError) as error:
                message = f"the parser process ended: {type(error).__name__}"
                return Reply(reason="parser_killed", message=message)
            finally:
                self._busy.discard(child)
                if reusable and child.alive:
                    self._free.append(child)
                else:  # killed, out of step after a cancellation, or out of memory
                    await child.kill()


class _Child:
    """One parser process; answers one request at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._decoder = msgspec.msgpack.Decoder(Reply)
        self._encoder = msgspec.msgpack.Encoder()

    @classmethod
    async def start(cls) -> _Child:
        """Start a process and wait until it is ready.

        Raises:
            ParseError: ``parse_failed`` when it cannot be started.
        """
        environment = {name: os.environ[name] for name in _ENVIRONMENT if name in os.environ}
        environment["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable,
                "-m",
                "workers.parsing.child",
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.DEVNULL,
                env=environment,
                limit=1 << 20,
            )
        except OSError as error:
            raise ParseError(f"no parser process: {error.strerror}", "parse_failed") from None
        child = cls(process)
        try:
            async with asyncio.timeout(_START_S):
                await child._receive()
        except (TimeoutError, OSError, EOFError):
            await child.kill()
            raise ParseError("the parser process does not start", "parse_failed") from None
        except BaseException:
            await child.kill()
            raise
        return child

    @property
    def alive(self) -> bool:
        """Whether the process has not been seen to end."""
        return self._process.returncode is None

    async def ask(self, request: Request) -> Reply:
        """Send ``request`` and return the reply; raises OSError or EOFError when the process ends."""
        stdin = self._process.stdin
        if stdin is None:
            raise EOFError
        frame = self._encoder.encode(request)
        stdin.write(LENGTH.pack(len(frame)))
        stdin.write(frame)
        await stdin.drain()
        return await self._receive()

    async def _receive(self) -> Reply:
        stdout = self._process.stdout
        if stdout is None:
            raise EOFError
        (length,) = LENGTH.unpack(await stdout.readexactly(LENGTH.size))
        if length > _MAX_REPLY_BYTES:
            raise EOFError
        return self._decoder.decode(await stdout.readexactly(length))

    async def kill(self) -> None:
        """End the process and collect it."""
        with contextlib.suppress(ProcessLookupError):
            self._process.kill()
        await asyncio.shield(self._process.wait())
