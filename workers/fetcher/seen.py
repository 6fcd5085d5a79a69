"""What of a document its feed has shown before, byte for byte: ``pieces`` and the feed's memory. Pure.

The feed's state has a salt, the context and, once a document brought nothing new, a hash of all entries:
while that stays, nothing but the head of a document is parsed, and the memory is not even asked for. Else
the memory tells which entries need no parsing.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from workers.fetcher.memory import Memory, Remembered, pack_prints, unpack_prints
from workers.model import FeedState, ParsedEntry, ParsedFeed
from workers.parsing.feed import UnsureError, parse_part
from workers.parsing.pieces import (
    CONTEXT_BYTES,
    INLINE_BYTES,
    SALT_BYTES,
    WHOLE_BYTES,
    Pieces,
    Told,
    tell,
)

_KEY_BYTES = SALT_BYTES + CONTEXT_BYTES


class Sealed(NamedTuple):
    """What is stored so that the next document can be compared: with the feed's state, with its memory."""

    state: bytes
    memory: bytes


def unchanged_feed(pieces: Pieces, state: FeedState) -> ParsedFeed | None:
    """The feed without its entries, where all of these are those that were there before; else None."""
    stored = state.pieces
    if len(stored) != _KEY_BYTES + WHOLE_BYTES:
        return None
    if pieces.whole(stored[:SALT_BYTES]) != stored[_KEY_BYTES:]:
        return None
    data = pieces.document(())
    if len(data) > INLINE_BYTES:
        return None
    try:
        part = parse_part(data, pieces.source.root, pieces.url, 0)
    except UnsureError:
        return None
    if part.feed.deleted:  # may be told without a change of the entries
        return None
    return part.feed if part.context == stored[SALT_BYTES:_KEY_BYTES] else None


def told_before(pieces: Pieces, state: FeedState, memory: Memory, new_salt: bytes) -> Told | None:
    """Which entries of a document the feed has shown before; None where their bytes do not tell."""
    key = state.pieces[:_KEY_BYTES]
    if not key:
        return tell(pieces, new_salt, b"", {})
    return tell(pieces, key[:SALT_BYTES], key[SALT_BYTES:], unpack_prints(memory, key))


def read_again(told: Told, places: Sequence[int]) -> tuple[ParsedEntry, ...]:
    """Parse some entries that were left out. Raises UnsureError when the document does not hold together."""
    pieces, parts = told.pieces, [told.parts[n] for n in places]
    return parse_part(
        pieces.document(parts), pieces.source.root, pieces.url, len(parts)
    ).feed.entries


def seal(
    told: Told | None, prints: Mapping[bytes, bytes], kept: Sequence[Remembered], *, settled: bool
) -> Sealed:
    """What to store after a document was read. ``prints``: of the entries by the hashes of raw entries;
    ``settled``: there was nothing new, and the next document is not compared with anything else."""
    if told is None:
        return Sealed(b"", b"")
    key = told.salt + told.context
    whole = told.pieces.whole(told.salt) if settled else b""
    return Sealed(key + whole, pack_prints(kept, prints, key))
