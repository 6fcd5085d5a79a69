"""The parser as a process of its own: ``python -m workers.parsing.child``.

It reads requests on stdin and writes replies on stdout, each a msgpack value behind its length (4
bytes, big-endian), and ends with its stdin. Whatever a document does to it, the worker lives on:
memory is limited, CPU time a document too, and the worker kills it at a deadline.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
import signal
import struct
import sys
from pathlib import Path
from typing import BinaryIO

import msgspec

from workers.errors import ParseError
from workers.model import ParsedFeed
from workers.parsing.feed import UnsureError, parse_fast, parse_mended, parse_part
from workers.parsing.limits import MAX_MARKS, within_marks
from workers.parsing.reference import parse_reference
from workers.parsing.repair import mend
from workers.parsing.source import read_source

MEMORY_BYTES = 1 << 30
_PR_SET_PDEATHSIG = 1

LENGTH = struct.Struct(">I")


class Request(msgspec.Struct, frozen=True, array_like=True):
    """One document to parse; ``cpu_s`` is what it may cost at most.

    ``part``: it is from ``Pieces.document``, with so many entries beside the empty one; its root element's
    name is then in the place of the content type.
    """

    body: bytes
    content_type: str
    url: str
    cpu_s: int
    part: int = -1


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """What came of it: a feed (with its context, of a part), or the reason and message of a ``ParseError``.

    The first reply is sent unasked, without a feed and with the reason ``ready``.
    """

    feed: ParsedFeed | None = None
    reason: str = ""
    message: str = ""
    context: bytes = b""


def parse_document(body: bytes, content_type: str, url: str) -> ParsedFeed:
    """Parse by the fast path, else mended, else with feedparser; of too much markup what comes first.

    Raises:
        ParseError: with the reason of the last that was tried.
    """
    start = within_marks(body)
    if len(start) < len(body):
        return _parse_start(start, content_type, url)
    try:
        return parse_fast(body, content_type, url)
    except UnsureError as error:
        partial = error.partial
    source = read_source(body, content_type)
    try:
        return parse_mended(source, url)
    except UnsureError as error:
        partial = error.partial or partial
    mended = mend(source.data, source.root, source.entities)
    head = b'<?xml version="1.0" encoding="utf-8"?>'
    try:
        feed = parse_reference(
            head + mended.data, "application/xml; charset=utf-8", url, drop_last=mended.cut
        )
    except ParseError as error:
        if partial is None or error.reason == "parser_killed":
            raise
        return partial
    if not feed.entries and partial is not None:
        return partial
    if not feed.entries:
        raise ParseError("no whole entry in a broken document", "parse_failed")
    return feed


def _parse_start(start: bytes, content_type: str, url: str) -> ParsedFeed:
    """The whole entries at the start of a document with too much markup.

    feedparser is not asked: it would take minutes.

    Raises:
        ParseError: ``not_a_feed``, or ``too_large`` where there is no whole entry.
    """
    try:
        return parse_fast(start, content_type, url)
    except UnsureError:
        with contextlib.suppress(UnsureError):
            feed = parse_mended(read_source(start, content_type), url)
            if feed.entries:
                return feed
    except ParseError as error:
        if error.reason != "parse_failed":
            raise
    told = f"no whole entry in the first {MAX_MARKS:,} tags, attributes or values"
    raise ParseError(told, "too_large")


def main() -> None:
    """Serve until stdin ends."""
    _confine()
    requests, replies = sys.stdin.buffer, sys.stdout.buffer
    decoder, encoder = msgspec.msgpack.Decoder(Request), msgspec.msgpack.Encoder()
    _send(replies, encoder.encode(Reply(reason="ready")))
    while True:
        frame = _receive(requests)
        if frame is None:
            return
        request = decoder.decode(frame)
        del frame
        _allow_cpu(request.cpu_s)
        reply = _answer(request)
        _send(replies, encoder.encode(reply))
        if reply.reason == "parser_killed":
            return  # out of memory: what is left of this process is not to be trusted


def _answer(request: Request) -> Reply:
    try:
        if request.part >= 0:
            part = parse_part(request.body, request.content_type, request.url, request.part)
            return Reply(feed=part.feed, context=part.context)
        return Reply(feed=parse_document(request.body, request.content_type, request.url))
    except UnsureError as error:
        return Reply(reason="parse_failed", message=str(error))
    except ParseError as error:
        return Reply(reason=error.reason, message=str(error))
    except (MemoryError, RecursionError) as error:
        return Reply(reason="parser_killed", message=type(error).__name__)
    except Exception as error:  # a bug of ours that this document found; the worker goes on
        return Reply(reason="parse_failed", message=f"{type(error).__name__} in the parser")


def _confine() -> None:
    """Die with the worker, ignore the terminal's Ctrl-C, keep within memory, leave no core."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with contextlib.suppress(OSError, AttributeError):  # Linux only; elsewhere the pipe's end does
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    with contextlib.suppress(OSError, ValueError):  # not every system limits address space
        resource.setrlimit(resource.RLIMIT_AS, (MEMORY_BYTES, MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # Where a container's memory ends, the kernel shall end this process and not the worker.
    with contextlib.suppress(OSError):  # Linux only
        Path("/proc/self/oom_score_adj").write_text("1000")


def _allow_cpu(seconds: int) -> None:
    """Let this process use ``seconds`` more of CPU time; SIGXCPU ends it then."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    hard = resource.getrlimit(resource.RLIMIT_CPU)[1]
    soft = int(usage.ru_utime + usage.ru_stime) + 1 + seconds
    if hard == resource.RLIM_INFINITY or soft <= hard:
        resource.setrlimit(resource.RLIMIT_CPU, (soft, hard))


def _receive(stream: BinaryIO) -> bytes | None:
    head = stream.read(LENGTH.size)
    if len(head) < LENGTH.size:
        return None
    (length,) = LENGTH.unpack(head)
    frame = stream.read(length)
    return frame if len(frame) == length else None


def _send(stream: BinaryIO, frame: bytes) -> None:
    stream.write(LENGTH.pack(len(frame)))
    stream.write(frame)
    stream.flush()


if __name__ == "__main__":
    try:
        main()
    except BrokenPipeError:
        os._exit(0)  # the worker is gone
