"""Undo Content-Encoding within a bound. Pure; codecs are only those that were asked for."""

from __future__ import annotations

import zlib
from collections.abc import Iterator

from workers.http.errors import FetchError

ACCEPT_ENCODING = "gzip, deflate"

SLICE = 128 * 1024
"""Decoded bytes that one step yields at most: a fraction of a millisecond of work."""

MAX_MEMBERS = 1_000
"""Members of one gzip body: each costs a decoder, and a body of empty ones would cost seconds."""

_BLOCK = 64 * 1024
_GZIP_MAGIC = b"\x1f\x8b"
_GZIP, _ZLIB, _RAW = 31, 15, -15  # zlib's wbits
# Servers in the wild name a charset or nothing here, and send the body as it is.
_PLAIN = frozenset({"", "identity", "none", "binary", "8bit", "utf-8", "utf8", "iso-8859-1"})


def decoded(wire: bytes, content_encoding: str, max_bytes: int) -> Iterator[bytes]:
    """Yield the decoded body in slices of at most ``SLICE`` bytes.

    A body that is a gzip file in itself (``sitemap.xml.gz``) is not looked into; see ``is_gzip``.

    Raises:
        FetchError: ``too_large`` past ``max_bytes`` decoded; ``bad_encoding`` for data that does
            not decode or a codec that was not asked for; ``truncated`` for a stream without end.
    """
    name = content_encoding.strip().lower()
    if name in _PLAIN or not wire:
        if len(wire) > max_bytes:
            raise _too_large(max_bytes)
        yield wire
    elif name in ("gzip", "x-gzip"):
        yield from _inflate(wire, _GZIP, max_bytes)
    elif name == "deflate":
        # The standard means the zlib format; some servers send the bare stream.
        header = int.from_bytes(wire[:2], "big")
        is_zlib = header >> 8 & 0x0F == 8 and header % 31 == 0
        yield from _inflate(wire, _ZLIB if is_zlib else _RAW, max_bytes)
    else:
        raise FetchError("bad_encoding", "a codec that was not asked for")


def is_gzip(body: bytes) -> bool:
    """Whether a decoded body is still a gzip file, as with compressed documents served as such."""
    return body.startswith(_GZIP_MAGIC + b"\x08")


def _inflate(wire: bytes, wbits: int, max_bytes: int) -> Iterator[bytes]:
    position = total = members = 0
    while not members or (wbits == _GZIP and wire.startswith(_GZIP_MAGIC, position)):
        members += 1
        if members > MAX_MEMBERS:
            raise FetchError("bad_encoding", f"more than {MAX_MEMBERS} gzip members")
        engine = zlib.decompressobj(wbits)
        while not engine.eof:
            # Small blocks: what a step leaves over is copied, and must not be megabytes each time.
            block: bytes = wire[position : position + _BLOCK]
            if not block:
                raise FetchError("truncated", "the compressed stream has no end")
            position += len(block)
            for piece in _steps(engine, block):
                total += len(piece)
                if total > max_bytes:
                    raise _too_large(max_bytes)
                yield piece
        position -= len(engine.unused_data)  # the next member, or garbage that all clients ignore


def _steps(engine: zlib._Decompress, block: bytes) -> Iterator[bytes]:
    """Yield all that ``block`` decodes to; output may be pending when the input is used up."""
    while True:
        try:
            piece = engine.decompress(block, SLICE)
        except zlib.error:
            raise FetchError("bad_encoding", "the compressed stream is broken") from None
        if piece:
            yield piece
        block = engine.unconsumed_tail
        if engine.eof or (not block and len(piece) < SLICE):
            return


def _too_large(max_bytes: int) -> FetchError:
    return FetchError("too_large", f"more than {max_bytes} bytes decoded")
