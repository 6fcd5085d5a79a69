"""A feed told apart into its entries by their bytes alone: what was shown before needs no parsing. Pure.

An entry whose bytes are those of one that was read before is left out of the document, and the rest is
parsed as if it were the whole. Why that reads the same: the entries stand side by side, nothing but white
space between them, behind a head that ends outside of any comment, CDATA section or instruction. So the
first begins where elements may begin. An entry that opens no second one, and leaves nothing of the kind
open, ends with its own end tag (else the document that it was read from would not have been well-formed),
and the next begins in such a place again. What an entry says depends on nothing else but names and
addresses declared around it; ``Part.context`` holds these.
"""

from __future__ import annotations

from collections.abc import Iterable
from hashlib import blake2b
from typing import NamedTuple

from workers.errors import ParseError
from workers.fetcher.memory import PRINT_BYTES
from workers.fetcher.parse_source import Source, read_source

MAX_BYTES = 2 << 20
"""What is told apart in the event loop: about 10 ms for the worst document."""
MAX_PIECES = 5_000
INLINE_BYTES = 128 * 1024
"""What is parsed in the event loop: the worst document found of this size takes 40 ms."""
_MARKS = 20_000
"""A part with more of "<" is not worth the while: it might take long to be parsed again."""
SALT_BYTES, CONTEXT_BYTES, WHOLE_BYTES = 8, 4, 8
_SPACE = b" \t\r\n"
_OPENED = ((b"<![CDATA[", b"]]>"), (b"<!--", b"-->"), (b"<?", b"?>"))
_NAMES = {"rss": b"item", "rdf": b"item", "channel": b"item", "feed": b"entry"}


class Pieces(NamedTuple):
    """Where the entries of a document stand: from ``start`` to ``end`` of ``source.data``."""

    source: Source
    url: str
    name: bytes  # of their elements
    start: int
    end: int

    def whole(self, salt: bytes) -> bytes:
        """A hash over the bytes of all entries."""
        entries = memoryview(self.source.data)[self.start : self.end]
        return blake2b(entries, digest_size=WHOLE_BYTES, salt=salt).digest()

    def split(self) -> list[bytes]:
        """The bytes of each entry without its end tag; none when they are too many."""
        close = b"</%b>" % self.name
        parts = self.source.data[self.start : self.end].split(close, MAX_PIECES)
        return [part.lstrip(_SPACE) for part in parts[:-1]] if not parts[-1] else []

    def is_plain(self, part: bytes) -> bool:
        """True when a part is one whole entry, if the document is well-formed."""
        start = b"<%b" % self.name
        size = len(start)
        return (
            part.startswith(start)
            and part[size : size + 1] in (b">", b" ", b"\n", b"\t", b"\r")
            and part.find(start, size) < 0
            and part.count(b"<") <= _MARKS
            and _is_closed(part)
        )

    def document(self, parts: Iterable[bytes]) -> bytes:
        """The document with an empty entry, and these, in the place of all."""
        data, name = self.source.data, self.name
        close = b"</%b>" % name
        entries = b"".join([part + close for part in parts])
        return b"".join((data[: self.start], b"<%b/>" % name, entries, data[self.end :]))


class Told(NamedTuple):
    """A document's entries in order: bytes and print of each, and which of them need no parsing, by the hash
    that they were remembered by (empty: to be parsed)."""

    pieces: Pieces
    parts: list[bytes]
    prints: list[bytes]
    raws: list[bytes]
    salt: bytes
    context: bytes  # that they were remembered in

    def forgotten(self) -> Told:
        """The same, when none was shown before."""
        return self._replace(raws=[b""] * len(self.raws))

    @property
    def fresh(self) -> list[bytes]:
        """The parts that are to be parsed."""
        return [part for part, raw in zip(self.parts, self.raws, strict=True) if not raw]


def find_pieces(body: bytes, content_type: str, url: str) -> Pieces | None:
    """Look where the entries of a document stand; None where their bytes alone do not tell."""
    if len(body) > MAX_BYTES or (len(body) > INLINE_BYTES and not _is_utf8(body)):
        return None
    try:
        source = read_source(body, content_type)
    except ParseError:
        return None
    name = _NAMES.get(source.root.rpartition(":")[2].lower(), b"")
    if not name or source.mended:
        return None
    data, close = source.data, b"</%b>" % name
    start, end = data.find(b"<%b" % name), data.rfind(close) + len(close)
    if not 0 < start < end:
        return None
    return Pieces(source, url, name, start, end) if _is_closed(data[:start]) else None


def tell(pieces: Pieces, salt: bytes, context: bytes, known: dict[bytes, bytes]) -> Told | None:
    """Look which entries were shown before. ``known``: prints to the hashes of raw entries. None where the
    document does not come apart."""
    parts = pieces.split()
    prints = [print_of(part, salt) for part in parts]
    raws = [known.get(name, b"") for name in prints]
    told = Told(pieces, parts, prints, raws, salt, context)
    return told if parts and all(map(pieces.is_plain, told.fresh)) else None


def print_of(part: bytes, salt: bytes) -> bytes:
    """What the bytes of an entry are remembered by. The salt makes it nobody's to forge, so that few bytes
    are enough: the odds that a new entry has the print of one of thirty are one to 10^13."""
    return blake2b(part, digest_size=PRINT_BYTES, salt=salt).digest()


def context_of(*declared: object) -> bytes:
    """A hash over what an entry takes from the document around it."""
    return blake2b(repr(declared).encode("utf-8", "replace"), digest_size=CONTEXT_BYTES).digest()


def _is_utf8(body: bytes) -> bool:
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return True


def _is_closed(data: bytes) -> bool:
    """True when no comment, CDATA section or instruction that ``data`` opens is open at its end."""
    for opened, closed in _OPENED:
        if opened[1:2] not in data:  # one byte is found sooner
            continue
        # None is opened where it would not end before the last end of its kind.
        if data.find(opened, max(data.rfind(closed) - len(opened) + 1, 0)) >= 0:
            return False
    return True
