"""The shared record of an article: who announced it, in which revision. See ``store/lua/admit.lua``."""

from __future__ import annotations

import struct
from typing import NamedTuple

_ARTICLE = struct.Struct(">cHH8s4sI4s")
_ALIAS = struct.Struct(">cH10s")
MAX_SEEN_IN = 16
NOBODY = bytes(8)
"""The owner of an article that was taken back: no feed may announce or revise it again."""


class ArticleRecord(NamedTuple):
    """``revision`` 0: remembered, never announced. ``day``: days since the epoch, ``first_s``: seconds.

    ``content`` is the first half of the published content hash, ``version`` the key of its text
    (``identity.text_key``; zeros: unknown; earlier releases counted the date in, which matches nothing);
    ``seen_in`` are other feeds' ids.
    """

    day: int
    revision: int
    owner: bytes
    content: bytes
    first_s: int
    seen_in: tuple[str, ...] = ()
    version: bytes = bytes(4)

    @property
    def withdrawn(self) -> bool:
        """True when the article was taken back."""
        return self.owner == NOBODY

    def pack(self) -> bytes:
        """The stored form: 25 bytes, and the ids of other feeds that show the article."""
        revision = min(self.revision, 65_535)
        head = _ARTICLE.pack(
            b"A", self.day, revision, self.owner, self.content, self.first_s, self.version
        )
        return head + " ".join(self.seen_in).encode()


def withdrawn_record(day: int, revision: int) -> ArticleRecord:
    """What is left of an article that was taken back in this revision: nothing of what it said."""
    return ArticleRecord(day, revision, NOBODY, bytes(4), 0)


def alias(day: int, article: bytes) -> bytes:
    """The stored form of one more URL of an article."""
    return _ALIAS.pack(b"L", day, article)


def alias_day(raw: bytes) -> int:
    """The day in the stored form of an alias."""
    return int(_ALIAS.unpack_from(raw)[1])


def unpack(raw: bytes) -> ArticleRecord | bytes | None:
    """An article record, the id that an alias leads to, or None when there is nothing."""
    if not raw:
        return None
    if raw[:1] == b"L":
        return bytes(_ALIAS.unpack_from(raw)[2])
    _, day, revision, owner, content, first_s, version = _ARTICLE.unpack_from(raw)
    tail = raw[_ARTICLE.size :].decode()
    return ArticleRecord(day, revision, owner, content, first_s, tuple(tail.split()), version)
