"""Which guids and URLs name one article within a document. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterable, Sequence, Set
from itertools import combinations, islice
from typing import NamedTuple

from workers.articles.canonical import canonical_url
from workers.articles.noise import text_hash
from workers.fetcher.identity import Candidate
from workers.fetcher.memory import NO_GUID, NO_URL, Remembered
from workers.model import Article

VERSIONS_MOST = 2
"""So many headlines under one guid and URL are an article and its edit; more are articles of their own."""
COMPARED_MOST = 16
NO_DATE = bytes(4)
NO_BODY = text_hash("")


class _Row(NamedTuple):
    """The keys of one entry: what it goes by, and hashes of what it says. ``is_link`` and ``is_version`` tell
    of its guid, where it was read."""

    guid: bytes
    url: bytes
    headline: bytes
    body: bytes
    date: bytes
    is_link: bool = False
    is_version: bool = False


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
        self._candidates, self._unchanged = candidates, unchanged
        self._bad_guids = self._bad_urls = no_names
        self.distinct: list[Candidate] = []

    def compare(self) -> Generator[None, None, None]:
        """Find what is said twice: nothing is known of names before. Yields between its steps."""
        rows = _rows(self._candidates)
        yield
        rows += [_Row(r.guid, r.url, r.headline, r.body, r.date) for r in self._unchanged]
        self._bad_guids = _shared_guids(rows) | self._bad_guids
        yield
        self._bad_urls = _shared_urls(rows, self._bad_guids) | self._bad_urls
        yield
        self.distinct = self._without_doubles(self._candidates)

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


def names_link(article: Article) -> bool:
    """True when the guid is the entry's link in some form, and tells no more than it."""
    guid, canonical = article.guid, article.canonical_url
    return bool(guid) and (
        guid == canonical or ("://" in guid and canonical_url(guid) == canonical)
    )


def counts_versions(article: Article) -> bool:
    """True when the guid is the link and a count behind it ("…/story#2"): one article, whatever the count."""
    _, sign, count = article.guid.partition("#")
    return bool(sign) and not article.url.endswith(sign + count) and names_link(article)


def _rows(candidates: Sequence[Candidate]) -> list[_Row]:
    """The rows of candidates. What their guids are is looked at only where several share a name."""
    names = Counter(name for one in candidates for name in (one.guid, one.url))
    return [_row(one, shared=max(names[one.guid], names[one.url]) > 1) for one in candidates]


def _row(one: Candidate, *, shared: bool) -> _Row:
    a = one.article
    date = a.date_hash or NO_DATE
    row = _Row(one.guid, one.url, a.headline_hash, a.body_hash, date)
    if not shared or one.guid == NO_GUID or one.url == NO_URL:
        return row
    return row._replace(is_link=names_link(a), is_version=counts_versions(a))


def _shared_guids(rows: Sequence[_Row]) -> Set[bytes]:
    groups: dict[bytes, set[_Row]] = {}
    for row in rows:
        if row.guid != NO_GUID:
            groups.setdefault(row.guid, set()).add(row)
    return {guid for guid, group in groups.items() if len(group) > 1 and _are_many(group)}


def _are_many(group: set[_Row]) -> bool:
    """True when rows under one guid are articles of their own, and not one article and its edit, or one that
    is listed under several addresses."""
    if len({(r.headline, r.body, r.date) for r in group}) == 1 and all(map(_tells, group)):
        return False
    if len({r.headline if r.url == NO_URL else r.url for r in group}) > 1:
        return True
    if len(group) > VERSIONS_MOST and len({r.headline for r in group}) > VERSIONS_MOST:
        return True
    pairs = _pairs(group)
    if any(_strangers(a, b) for a, b in pairs):
        return True
    apart = [(a, b) for a, b in pairs if _apart(a, b)]
    texts = {r.body for pair in apart for r in pair}
    return len(texts) > VERSIONS_MOST or any(r.is_link for pair in apart for r in pair)


def _tells(row: _Row) -> bool:
    return row.body != NO_BODY and row.date != NO_DATE


def _pairs(group: Iterable[_Row]) -> list[tuple[_Row, _Row]]:
    return list(combinations(islice(group, COMPARED_MOST), 2))


def _same_date(one: _Row, other: _Row) -> bool:
    return one.date == other.date != NO_DATE


def _strangers(one: _Row, other: _Row) -> bool:
    """True when nothing but their names is the same: an edit leaves the date, at least."""
    same = one.headline == other.headline or one.body == other.body
    return not (same or _same_date(one, other))


def _apart(one: _Row, other: _Row) -> bool:
    """True when two rows under one headline tell other things of other times, as issues of a column do."""
    return (
        one.body != other.body and one.date != other.date and NO_DATE not in (one.date, other.date)
    )


def _shared_urls(rows: Sequence[_Row], bad_guids: Set[bytes]) -> Set[bytes]:
    groups: dict[bytes, set[_Row]] = {}
    for row in rows:
        if row.url != NO_URL:
            good = row if row.guid not in bad_guids else row._replace(guid=NO_GUID)
            groups.setdefault(row.url, set()).add(good)
    return {url for url, group in groups.items() if len(group) > 1 and _are_a_page(group)}


def _are_a_page(group: set[_Row]) -> bool:
    """True when rows under one URL are articles of their own."""
    if all(r.is_version for r in group):
        return False
    guids = {r.guid for r in group}
    if len({r.headline for r in group}) > 1 and (len(guids) > 1 or NO_GUID in guids):
        return True
    if any(_side_by_side(a, b) for a, b in _pairs(group)):
        return True
    named = {r.guid: r.body for r in group if r.guid != NO_GUID and not r.is_link}
    return min(len(named), len(set(named.values()))) > VERSIONS_MOST


def _side_by_side(one: _Row, other: _Row) -> bool:
    """True when two rows under one URL are two articles: other guids and texts, or other dates and texts."""
    if NO_GUID in (one.guid, other.guid) or (one.is_link and other.is_link):
        return _apart(one, other)
    return one.guid != other.guid and one.body != other.body and not _same_date(one, other)


def _stamp(one: Candidate) -> int:
    return one.article.modified_ms or one.article.published_ms or 0
