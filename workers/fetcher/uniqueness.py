"""Which guids and URLs name one article within a document. Pure."""

from __future__ import annotations

from collections.abc import Sequence, Set
from itertools import combinations
from typing import NamedTuple

from workers.fetcher.identity import Candidate
from workers.fetcher.memory import NO_GUID, NO_URL, Remembered

VERSIONS_MOST = 2
"""So many headlines under one guid and URL are an article and its edit; more are articles of their own."""
COMPARED_MOST = 16
NO_DATE = bytes(4)


class _Row(NamedTuple):
    """The keys of one entry: what it goes by, and hashes of what it says."""

    guid: bytes
    url: bytes
    headline: bytes
    body: bytes
    date: bytes


class Document:
    """What the entries of one document say about each other.

    ``no_names`` are guids and URLs that are known to name no article. ``distinct`` are the candidates
    with doubles left out.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        unchanged: Sequence[Remembered],
        no_names: Set[bytes] = frozenset(),
    ) -> None:
        rows = [_row(c) for c in candidates]
        rows += [_Row(r.guid, r.url, r.headline, r.body, r.date) for r in unchanged]
        self._bad_guids = _shared_guids(rows) | no_names
        self._bad_urls = _shared_urls(rows, self._bad_guids) | no_names
        self.distinct = self._without_doubles(candidates)

    def guid_ok(self, one: Candidate) -> bool:
        """The guid names one article in this document."""
        return one.guid != NO_GUID and one.guid not in self._bad_guids

    def url_ok(self, one: Candidate) -> bool:
        """The URL leads to one article in this document (not a home page that all items link to)."""
        return one.url != NO_URL and one.url not in self._bad_urls

    def _without_doubles(self, candidates: Sequence[Candidate]) -> list[Candidate]:
        """One candidate an article; of two versions the later dated one, in the place of the first."""
        chosen: list[Candidate] = []
        place: dict[tuple[str, bytes], int] = {}
        for one in candidates:
            names = []
            if self.guid_ok(one):
                names.append(("g", one.guid))
            if self.url_ok(one):
                names.append(("u", one.url))
            if not names or (not self.url_ok(one) and says_it_all(one)):
                a = one.article
                names.append(("c", a.headline_hash + a.body_hash + a.date_hash + one.url))
            at = next((place[n] for n in names if n in place), None)
            if at is None:
                at = len(chosen)
                chosen.append(one)
            elif _stamp(one) > _stamp(chosen[at]):
                chosen[at] = one
            for name in names:
                place.setdefault(name, at)
        return chosen


def says_it_all(one: Candidate) -> bool:
    """True when headline, text and date together are one article's, whatever its guid."""
    a = one.article
    return bool(a.headline and a.body) and (a.date_hash or NO_DATE) != NO_DATE


def _row(one: Candidate) -> _Row:
    a = one.article
    return _Row(one.guid, one.url, a.headline_hash, a.body_hash, a.date_hash or NO_DATE)


def _shared_guids(rows: Sequence[_Row]) -> Set[bytes]:
    groups: dict[bytes, set[_Row]] = {}
    for row in rows:
        if row.guid != NO_GUID:
            groups.setdefault(row.guid, set()).add(row)
    return {guid for guid, group in groups.items() if len(group) > 1 and _are_many(group)}


def _are_many(group: set[_Row]) -> bool:
    """True when rows under one guid are articles of their own, and not one article and its edit."""
    if len({r.headline if r.url == NO_URL else r.url for r in group}) > 1:
        return True
    if len(group) > VERSIONS_MOST and len({r.headline for r in group}) > VERSIONS_MOST:
        return True
    some = list(group)[:COMPARED_MOST]
    return any(_strangers(a, b) for a, b in combinations(some, 2))


def _strangers(one: _Row, other: _Row) -> bool:
    """True when nothing but their names is the same: an edit leaves the date, at least."""
    same_date = one.date == other.date != NO_DATE
    return not (one.headline == other.headline or one.body == other.body or same_date)


def _shared_urls(rows: Sequence[_Row], bad_guids: Set[bytes]) -> Set[bytes]:
    guids_of: dict[bytes, set[bytes]] = {}
    headlines_of: dict[bytes, set[bytes]] = {}
    for row in rows:
        if row.url != NO_URL:
            guid = NO_GUID if row.guid in bad_guids else row.guid
            guids_of.setdefault(row.url, set()).add(guid)
            headlines_of.setdefault(row.url, set()).add(row.headline)
    return {
        u
        for u, guids in guids_of.items()
        if len(headlines_of[u]) > 1 and (len(guids) > 1 or NO_GUID in guids)
    }


def _stamp(one: Candidate) -> int:
    return one.article.modified_ms or one.article.published_ms or 0
