"""A document's entries beside what the feed's memory has of them, before anything is normalised. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from workers.fetcher.memory import Memory, Remembered
from workers.fetcher.normalise import raw_hash
from workers.fetcher.pieces import Told
from workers.fetcher.seen import read_again
from workers.model import ParsedEntry, ParsedFeed

PARSED_AT_ONCE = 4
"""Entries that are parsed at a stretch after all."""


class Row(NamedTuple):
    """One entry of a document; ``record`` when it is byte for byte as in the document before. ``place``:
    where it stands; ``entry`` is None where it was not parsed."""

    raw: bytes
    entry: ParsedEntry | None
    record: Remembered | None
    place: int


class Document:
    """The entries of a document in order, of which some were not parsed, since the feed knows them."""

    def __init__(self, feed: ParsedFeed, told: Told | None) -> None:
        self._fresh, self._told = feed.entries, told
        self._raws = told.raws if told else [b""] * len(feed.entries)
        self.total = len(self._raws)

    def __iter__(self) -> Iterator[tuple[int, bytes, ParsedEntry | None]]:
        """The place of each, with its hash where it was not parsed, else with the entry."""
        fresh = iter(self._fresh)
        for place, raw in enumerate(self._raws):
            yield place, raw, None if raw else next(fresh)

    def entries(self) -> Iterator[ParsedEntry]:
        """All entries, those that were not parsed too, a few at a time."""
        if self._told is None:
            yield from self._fresh
            return
        fresh = iter(self._fresh)
        for start in range(0, self.total, PARSED_AT_ONCE):
            some = self._raws[start : start + PARSED_AT_ONCE]
            known = [n for n, raw in enumerate(some, start) if raw]
            again = iter(read_again(self._told, known) if known else ())
            for raw in some:
                yield next(again) if raw else next(fresh)

    def parsed(self, rows: Sequence[Row]) -> list[Row]:
        """The rows with their entries."""
        missing = [row.place for row in rows if row.entry is None]
        if self._told is None or not missing:
            return list(rows)
        entries = dict(zip(missing, read_again(self._told, missing), strict=True))
        return [row._replace(entry=entries.get(row.place, row.entry)) for row in rows]

    def prints(self, rows: Sequence[Row]) -> dict[bytes, bytes]:
        """What the rows' bytes are known by (``pieces.print_of``), by their hashes."""
        return {row.raw: self._told.prints[row.place] for row in rows} if self._told else {}


def triage(memory: Memory, document: Document) -> list[Row]:
    """The rows of a document, each with its record where it is as before; doubles left out, and what names
    nothing and says nothing."""
    rows: dict[bytes, Row] = {}
    for place, known, entry in document:
        raw = known
        if entry is not None:
            said = entry.title or entry.link or entry.guid or entry.content or entry.summary
            if not (said or entry.media):
                continue
            raw = raw_hash(entry)
        if raw not in rows:
            rows[raw] = Row(raw, entry, memory.by_raw.get(raw), place)
    return list(rows.values())
