"""Which entry of a document is which article: pure comparison with what the feed has shown before.

A guid identifies within its feed only, and only where the feed's guids deserve trust; a canonical URL
identifies across feeds, where it is unique in the document; else the content does.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from workers.fetcher.identity import Candidate, article_by_content, article_by_guid
from workers.fetcher.memory import NO_GUID, NO_URL, Memory, Remembered

EMPTY = bytes(4)


class Identified(NamedTuple):
    """One candidate with what it is: ``known`` from the feed's memory, else the ``article`` id to look up.

    ``guid_ok`` and ``url_ok`` say whether the key may stand for the article from now on.
    """

    candidate: Candidate
    known: Remembered | None
    article: bytes
    guid_ok: bool
    url_ok: bool


class Identification(NamedTuple):
    """All candidates in document order, duplicates within the document left out."""

    found: list[Identified]
    guid_distrust: bool


def identify(
    feed_id: str,
    memory: Memory,
    unchanged: Iterable[Remembered],
    candidates: Sequence[Candidate],
    *,
    guid_distrust: bool,
) -> Identification:
    """Match each candidate with the feed's memory, strongest evidence first.

    ``unchanged`` are the entries of the same document that are byte for byte as before: they hold their
    records, and their keys count when uniqueness is judged.
    """
    taken = {id(r): True for r in unchanged}
    document = _Document(candidates, [r for r in memory.entries if id(r) in taken])
    candidates = [c for c in document.distinct if not _is_double(memory, document, c, taken)]
    known: dict[int, Remembered] = {}
    conflicts: set[int] = set()
    if not guid_distrust:
        conflicts = _match_guids(memory, document, candidates, known, taken)
        guid_distrust = len(conflicts) >= 2
    renewed = _match_urls(memory, document, candidates, known, taken, distrust=guid_distrust)
    if not guid_distrust and renewed >= 2 and renewed * 2 >= len(candidates):
        guid_distrust = True
        _match_urls(memory, document, candidates, known, taken, distrust=True)
    _match_content(memory, candidates, known, taken)
    found = []
    for index, one in enumerate(candidates):
        record = known.get(index)
        guid_ok = document.guid_ok(one) and not guid_distrust and index not in conflicts
        url_ok = document.url_ok(one) and (
            record is not None or _free(memory.by_url.get(one.url), memory.by_article.get(one.url))
        )
        article = (
            record.article if record else _new_id(feed_id, one, guid_ok=guid_ok, url_ok=url_ok)
        )
        found.append(Identified(one, record, article, guid_ok, url_ok))
    return Identification(found, guid_distrust)


class _Document:
    """What the entries of one document say about each other."""

    def __init__(self, candidates: Sequence[Candidate], unchanged: Sequence[Remembered]) -> None:
        urls_of: dict[bytes, set[bytes]] = {}
        guids_of: dict[bytes, set[bytes]] = {}
        headlines_of: dict[bytes, set[bytes]] = {}
        rows = [(c.guid, c.url, c.article.headline_hash) for c in candidates]
        rows += [(r.guid, r.url, r.headline) for r in unchanged]
        for guid, url, headline in rows:
            if guid != NO_GUID:
                urls_of.setdefault(guid, set()).add(headline if url == NO_URL else url)
        self._bad_guids = {g for g, urls in urls_of.items() if len(urls) > 1}
        for guid, url, headline in rows:
            if url != NO_URL:
                trusted = guid if guid not in self._bad_guids else NO_GUID
                guids_of.setdefault(url, set()).add(trusted)
                headlines_of.setdefault(url, set()).add(headline)
        self._bad_urls = {
            u
            for u, guids in guids_of.items()
            if len(headlines_of[u]) > 1 and (len(guids) > 1 or NO_GUID in guids)
        }
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


def _is_double(memory: Memory, document: _Document, one: Candidate, taken: dict[int, bool]) -> bool:
    """True when an unchanged entry of the same document is the same article."""
    guid = memory.by_guid.get(one.guid) if document.guid_ok(one) else None
    url = memory.by_url.get(one.url) if document.url_ok(one) else None
    return any(r is not None and id(r) in taken for r in (guid, url))


def _stamp(one: Candidate) -> int:
    return one.article.modified_ms or one.article.published_ms or 0


def _match_guids(
    memory: Memory,
    document: _Document,
    candidates: Sequence[Candidate],
    known: dict[int, Remembered],
    taken: dict[int, bool],
) -> set[int]:
    """Match by guid. Returns the candidates whose guid was seen on something else altogether."""
    conflicts: set[int] = set()
    for index, one in enumerate(candidates):
        record = memory.by_guid.get(one.guid) if document.guid_ok(one) else None
        if record is None or id(record) in taken:
            continue
        if _another(one, record):
            conflicts.add(index)
            continue
        known[index] = record
        taken[id(record)] = True
    return conflicts


def _match_urls(
    memory: Memory,
    document: _Document,
    candidates: Sequence[Candidate],
    known: dict[int, Remembered],
    taken: dict[int, bool],
    *,
    distrust: bool,
) -> int:
    """Match by URL what no guid matched. Returns how many had a new guid at a known URL."""
    renewed = 0
    for index, one in enumerate(candidates):
        if index in known or not document.url_ok(one):
            continue
        record = memory.by_url.get(one.url) or memory.by_article.get(one.url)
        if record is None or id(record) in taken:
            continue
        both = document.guid_ok(one) and record.guid not in (NO_GUID, one.guid)
        if both and not distrust and not _same(one, record):
            continue  # a page that carries another story now
        renewed += both
        known[index] = record
        taken[id(record)] = True
    return renewed


def _match_content(
    memory: Memory,
    candidates: Sequence[Candidate],
    known: dict[int, Remembered],
    taken: dict[int, bool],
) -> None:
    """Match what has left the document and stands in it again under new names (a CMS that moved)."""
    for index, one in enumerate(candidates):
        if index in known:
            continue
        for record in memory.by_headline.get(one.article.headline_hash, ()):
            if id(record) not in taken and record.listed and _twin(one, record):
                known[index] = record
                taken[id(record)] = True
                break


def _another(one: Candidate, record: Remembered) -> bool:
    """True when nothing but the guid speaks for the record: other URL, headline, body and date."""
    a = one.article
    same_url = one.url == record.url != NO_URL
    same_text = a.headline_hash == record.headline or a.body_hash == record.body
    comparable = record.url != NO_URL or record.date != EMPTY
    return comparable and not (same_url or _same_date(one, record) or same_text)


def _same(one: Candidate, record: Remembered) -> bool:
    """True when more than the URL speaks for the record."""
    a = one.article
    same_text = a.headline_hash == record.headline or a.body_hash == record.body
    return same_text or _same_date(one, record)


def _twin(one: Candidate, record: Remembered) -> bool:
    """True when headline and text, or headline and date, are those of the record."""
    a = one.article
    same_body = a.body_hash == record.body and bool(a.body)
    return same_body or _same_date(one, record)


def _same_date(one: Candidate, record: Remembered) -> bool:
    return one.article.date_hash == record.date != EMPTY


def _free(*records: Remembered | None) -> bool:
    """True when no other entry of this feed goes by the URL."""
    return all(r is None for r in records)


def _new_id(feed_id: str, one: Candidate, *, guid_ok: bool, url_ok: bool) -> bytes:
    if url_ok:
        return one.url
    if guid_ok:
        return article_by_guid(feed_id, one.guid)
    return article_by_content(feed_id, one.article)
