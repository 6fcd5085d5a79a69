"""A document's entries beside what the feed's memory has of them, before anything is normalised. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from workers.articles.normalise import raw_hash
from workers.fetcher.memory import Memory, Remembered
from workers.fetcher.seen import read_again
from workers.model import ParsedEntry, ParsedFeed
from workers.parsing.pieces import Told

PARSED_AT_ONCE = 64 * 1024
"""Bytes of entries that are parsed at a stretch after all."""


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
        fresh, again = (
            iter(self._fresh),
            self._again([n for n, raw in enumerate(self._raws) if raw]),
        )
        for raw in self._raws:
            yield next(again) if raw else next(fresh)

    def _again(self, places: Sequence[int]) -> Iterator[ParsedEntry]:
        """Parse entries that were left out, some at a time as they are asked for."""
        told = self._told
        some: list[int] = []
        size = 0
        for place in places if told else ():
            some.append(place)
            size += len(told.parts[place]) if told else 0
            if told and (size > PARSED_AT_ONCE or place == places[-1]):
                yield from read_again(told, some)
                some, size = [], 0

    def parsed(self, rows: Sequence[Row]) -> list[Row]:
        """The rows with their entries."""
        again = self._again([row.place for row in rows if row.entry is None])
        return [row if row.entry else row._replace(entry=next(again)) for row in rows]

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
