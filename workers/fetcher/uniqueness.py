"""Which guids and URLs name one article within a document. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from workers.fetcher.identity import Candidate
from workers.fetcher.memory import NO_GUID, NO_URL, Remembered

VERSIONS_MOST = 2
"""So many headlines under one guid and URL are an article and its edit; more are articles of their own."""


class Document:
    """What the entries of one document say about each other.

    ``home`` are URLs that are no article's: the feed's own and that of its home page. ``distinct`` are
    the candidates with doubles left out.
    """

    def __init__(
        self,
        candidates: Sequence[Candidate],
        unchanged: Sequence[Remembered],
        home: frozenset[bytes] = frozenset(),
    ) -> None:
        rows = [(c.guid, c.url, c.article.headline_hash) for c in candidates]
        rows += [(r.guid, r.url, r.headline) for r in unchanged]
        self._bad_guids = _shared_guids(rows)
        self._bad_urls = _shared_urls(rows, self._bad_guids) | home
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
            if not names:
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


def _shared_guids(rows: Sequence[tuple[bytes, bytes, bytes]]) -> set[bytes]:
    urls_of: dict[bytes, set[bytes]] = {}
    headlines_of: dict[bytes, set[bytes]] = {}
    for guid, url, headline in rows:
        if guid != NO_GUID:
            urls_of.setdefault(guid, set()).add(headline if url == NO_URL else url)
            headlines_of.setdefault(guid, set()).add(headline)
    return {
        g for g, urls in urls_of.items() if len(urls) > 1 or len(headlines_of[g]) > VERSIONS_MOST
    }


def _shared_urls(
    rows: Sequence[tuple[bytes, bytes, bytes]], bad_guids: set[bytes]
) -> frozenset[bytes]:
    guids_of: dict[bytes, set[bytes]] = {}
    headlines_of: dict[bytes, set[bytes]] = {}
    for guid, url, headline in rows:
        if url != NO_URL:
            guids_of.setdefault(url, set()).add(NO_GUID if guid in bad_guids else guid)
            headlines_of.setdefault(url, set()).add(headline)
    return frozenset(
        u
        for u, guids in guids_of.items()
        if len(headlines_of[u]) > 1 and (len(guids) > 1 or NO_GUID in guids)
    )


def _stamp(one: Candidate) -> int:
    return one.article.modified_ms or one.article.published_ms or 0
