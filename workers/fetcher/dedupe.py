"""Which entry of a document is which article: pure comparison with what the feed has shown before.

A guid identifies within its feed only, and only where the feed's guids deserve trust; a canonical URL
identifies across feeds, where it is unique in the document; else the content does.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Sequence
from typing import NamedTuple

from workers.fetcher.identity import Candidate, article_by_content, article_by_guid, version_key
from workers.fetcher.memory import GUID_RENEWED, NO_GUID, NO_URL, Memory, Remembered
from workers.fetcher.uniqueness import Document, counts_versions, names_link
from workers.model import Article

EMPTY = bytes(4)
MANY = 2
"""So many entries that break a rule in one document are the feed's way; one alone may be an editor's."""
RESTAMPED_LEAST = 3
TELLING_CHARS = 40
"""A text of so many characters tells an article from others of the same second; "Read on." does not."""
SLICE = 1_000
"""Candidates that are named at a stretch: about 2 ms."""


class Identified(NamedTuple):
    """One candidate with what it is: ``known`` from the feed's memory, else the ``article`` id to look up.

    ``guid_ok`` and ``url_ok`` say whether the key may stand for the article from now on; ``renewed``
    that the entry has another guid than the last time; ``said`` that the article that its URL stands for has
    said the same before.
    """

    candidate: Candidate
    known: Remembered | None
    article: bytes
    guid_ok: bool
    url_ok: bool
    renewed: bool = False
    said: bool = False


class Identification(NamedTuple):
    """All candidates in document order, duplicates within the document left out.

    ``restamped``: the document dates its entries anew, so that their dates say nothing.
    """

    found: list[Identified]
    guid_distrust: bool
    restamped: bool = False


def identify(
    feed_id: str,
    memory: Memory,
    unchanged: Iterable[Remembered],
    candidates: Sequence[Candidate],
    *,
    guid_distrust: bool,
    home: frozenset[bytes] = frozenset(),
) -> Generator[None, None, Identification]:
    """Match each candidate with the feed's memory, strongest evidence first. Yields between its steps.

    ``unchanged`` are the entries of the same document that are byte for byte as before: they hold their
    records, and their keys count when uniqueness is judged. ``home`` are URLs that are no article's.
    """
    held = list(unchanged)
    document = Document(candidates, held, home | memory.shared)
    yield from document.compare()
    yield
    match = _Match(memory, document, held, distrust=guid_distrust)
    yield from match.run()
    if match.breaks_trust and not guid_distrust:
        # What was matched by such guids is wrong as a whole, so all is matched again without them.
        guid_distrust = True
        match = _Match(memory, document, held, distrust=True)
        yield from match.run()
    found: list[Identified] = []
    for index in range(len(document.distinct)):
        if index % SLICE == 0:
            yield
        found.append(_identified(feed_id, memory, match, index))
    return Identification(found, guid_distrust, _restamped(found, len(held)))


def _identified(feed_id: str, memory: Memory, match: _Match, index: int) -> Identified:
    one, record = match.candidates[index], match.known.get(index)
    guid_ok = match.guid_ok(one) and index not in match.conflicts
    url_ok = match.document.url_ok(one) and all(
        other is None or other is record
        for other in (memory.by_url.get(one.url), memory.by_article.get(one.url))
    )
    if record is None:
        article = _new_id(feed_id, memory, one, guid_ok=guid_ok, url_ok=url_ok)
        return Identified(one, None, article, guid_ok, url_ok, said=_said(one, memory))
    return Identified(one, record, record.article, guid_ok, url_ok, index in match.renewed)


class _Match:
    """The candidates of one document held against the feed's memory: nothing is, before ``run``.

    Attributes:
        known: the record of each candidate that has one, by its index.
        conflicts: candidates whose guid was seen on something else altogether.
        renewed: candidates with another guid than their record.
    """

    def __init__(
        self, memory: Memory, document: Document, held: Sequence[Remembered], *, distrust: bool
    ) -> None:
        self.document = document
        self.candidates = document.distinct
        self.known: dict[int, Remembered] = {}
        self.conflicts: set[int] = set()
        self.renewed: set[int] = set()
        self._memory = memory
        self._distrust = distrust
        self._held = bool(held)
        self._taken = {id(r) for r in held}

    def run(self) -> Generator[None, None, None]:
        """Find what matches; yields between its passes over all candidates."""
        self._by_raw()
        yield
        if not self._distrust:
            self._by_guid()
            yield
        self._by_url()
        yield
        recognised = bool(self.known) or self._held
        self._by_content(_exact)
        yield
        self._by_content(_close)
        yield
        self._by_text_and_date()
        if not recognised:
            yield
            self._by_text_alone()

    @property
    def breaks_trust(self) -> bool:
        """The guids of this document are not names: they wander, or change again and again."""
        again = sum(1 for i in self.renewed if self.known[i].flags & GUID_RENEWED)
        wanders = len(self.conflicts) >= MANY
        return wanders or (again >= MANY and 2 * again >= len(self.candidates))

    def guid_ok(self, one: Candidate) -> bool:
        """The guid may name the candidate."""
        return not self._distrust and self.document.guid_ok(one)

    def _take(self, index: int, record: Remembered) -> None:
        self.known[index] = record
        self._taken.add(id(record))
        one = self.candidates[index]
        if self.guid_ok(one) and record.guid_name not in (NO_GUID, one.guid):
            self.renewed.add(index)

    def _open(self) -> list[tuple[int, Candidate]]:
        return [(i, c) for i, c in enumerate(self.candidates) if i not in self.known]

    def _by_raw(self) -> None:
        """Match entries that are as before, and are compared again for the sake of a double."""
        for index, one in self._open():
            record = self._memory.by_raw.get(one.raw)
            if record is not None and id(record) not in self._taken:
                self._take(index, record)

    def _by_guid(self) -> None:
        for index, one in self._open():
            record = self._memory.by_guid.get(one.guid) if self.document.guid_ok(one) else None
            if record is None or id(record) in self._taken:
                continue
            if _another(one, record) or self._is_other(one, record):
                self.conflicts.add(index)
            else:
                self._take(index, record)

    def _is_other(self, one: Candidate, record: Remembered) -> bool:
        """True when the candidate says what another record of the feed has said, and not what its own did."""
        if _same_text(one, record):
            return False
        by_url = self._memory.by_url.get(one.url) if self.document.url_ok(one) else None
        if by_url is not None and by_url is not record and _same_text(one, by_url):
            return True
        twins = self._memory.by_headline.get(one.article.headline_hash, ())
        return any(r is not record and _exact(one, r, named=False) for r in twins)

    def _by_url(self) -> None:
        """Match by URL what no guid matched."""
        for index, one in self._open():
            if not self.document.url_ok(one):
                continue
            record = self._memory.by_url.get(one.url) or self._memory.by_article.get(one.url)
            if record is None or id(record) in self._taken:
                continue
            other_guid = self.guid_ok(one) and record.guid_name not in (NO_GUID, one.guid)
            anew = not _same(one, record) or _next_issue(one, record)
            if other_guid and anew and not _names_page(one.article):
                continue  # a page that carries another story now
            self._take(index, record)

    def _by_content(self, alike: Callable[..., bool]) -> None:
        """Match what stands in the document under new names, or has none."""
        for index, one in self._open():
            named = self._named(index, one)
            twins = self._memory.by_headline.get(one.article.headline_hash, ())
            if named and alike is _close and sum(_same_date(one, r) for r in twins) > 1:
                continue  # a column of one day: headline and date tell nothing
            for record in twins:
                if id(record) not in self._taken and alike(one, record, named=named):
                    self._take(index, record)
                    break

    def _by_text_and_date(self) -> None:
        """Match an edited headline that guid and link follow: text and time are those of one entry that
        has just left, and of no other."""
        left: dict[bytes, list[Remembered]] = {}
        for record in self._memory.entries:
            if record.listed and id(record) not in self._taken and record.date != EMPTY:
                left.setdefault(record.body + record.date, []).append(record)
        if not left:
            return
        came: dict[bytes, list[int]] = {}
        for index, one in self._open():
            if len(one.article.body) >= TELLING_CHARS:
                key = one.article.body_hash + (one.article.date_hash or EMPTY)
                came.setdefault(key, []).append(index)
        for key, indexes in came.items():
            if len(indexes) == 1 and len(left.get(key, ())) == 1:
                self._take(indexes[0], left[key][0])

    def _by_text_alone(self) -> None:
        """Match what a CMS that moved has named and dated anew, where nothing else is recognised.

        A single one would be no evidence: "Morning news" has the same words every day.
        """
        pairs: dict[int, Remembered] = {}
        chosen: set[int] = set()
        for index, one in self._open():
            for record in self._memory.by_headline.get(one.article.headline_hash, ()):
                free = id(record) not in self._taken and id(record) not in chosen
                if free and record.listed and _same_body(one, record) and one.article.body:
                    pairs[index] = record
                    chosen.add(id(record))
                    break
        if len(pairs) >= MANY and 2 * len(pairs) >= len(self._open()):
            for index, record in pairs.items():
                self._take(index, record)

    def _named(self, index: int, one: Candidate) -> bool:
        """True when the candidate has a name of its own, so that likeness alone is weak evidence."""
        by_guid = self.guid_ok(one) and index not in self.conflicts
        return by_guid or self.document.url_ok(one)


def _names_page(article: Article) -> bool:
    """True when another guid is no sign of another story: it is the page's address, maybe with a count."""
    return counts_versions(article) or ("#" not in article.guid and names_link(article))


def _another(one: Candidate, record: Remembered) -> bool:
    """True when nothing but the guid speaks for the record: other URL, headline, body and date."""
    same_url = one.url == record.url != NO_URL
    comparable = record.url != NO_URL or record.date != EMPTY
    return comparable and not (same_url or _same(one, record))


def _same(one: Candidate, record: Remembered) -> bool:
    """True when headline, text or date are those of the record."""
    return _same_text(one, record) or _same_date(one, record)


def _next_issue(one: Candidate, record: Remembered) -> bool:
    """True when headline and URL are those of the record, and text and date are not: with another guid it is
    the next bulletin on one page, and no edit."""
    dates = one.article.date_hash or EMPTY, record.date
    if EMPTY in dates or dates[0] == dates[1]:
        return False
    return bool(one.article.body) and not _same_body(one, record)


def _same_text(one: Candidate, record: Remembered) -> bool:
    return one.article.headline_hash == record.headline or (
        bool(one.article.body) and _same_body(one, record)
    )


def _same_body(one: Candidate, record: Remembered) -> bool:
    return one.article.body_hash == record.body


def _same_date(one: Candidate, record: Remembered) -> bool:
    return one.article.date_hash == record.date != EMPTY


def _exact(one: Candidate, record: Remembered, *, named: bool) -> bool:
    """Nothing but names tells the two apart (their headlines are the same already).

    Undated words come again under a new name as news of their own, once the old entry has left.
    """
    date = one.article.date_hash or EMPTY
    if date != record.date or not _same_body(one, record):
        return False
    if not named or date != EMPTY:
        return True
    urls_differ = NO_URL not in (one.url, record.url_name) and one.url != record.url_name
    return record.listed and (bool(one.article.body) or not urls_differ)


def _close(one: Candidate, record: Remembered, *, named: bool) -> bool:
    """An edit under new names: headline and date; for what has no name, headline and text, too."""
    if not record.listed:
        return False
    return _same_date(one, record) or (
        not named and bool(one.article.body) and _same_body(one, record)
    )


def _new_id(feed_id: str, memory: Memory, one: Candidate, *, guid_ok: bool, url_ok: bool) -> bytes:
    if url_ok:
        return one.url
    by_guid = article_by_guid(feed_id, one.guid)
    if guid_ok and by_guid not in memory.by_article:  # its first bearer goes by another guid now
        return by_guid
    return article_by_content(feed_id, one.article)


def _said(one: Candidate, memory: Memory) -> bool:
    """True when the entry was taken for a version of another on its page, and published as that: so did a
    release before this with columns."""
    page = memory.by_article.get(one.url)
    return page is not None and page.said(version_key(one.article))


def _restamped(found: Sequence[Identified], unchanged: int) -> bool:
    """True when most of the document's known entries have another date and nothing else is new."""
    known = [(f.candidate, f.known) for f in found if f.known is not None]
    moved = sum(
        1
        for one, record in known
        if EMPTY not in (record.date, one.article.date_hash or EMPTY)
        and one.article.date_hash != record.date
        and one.article.headline_hash == record.headline
    )
    return moved >= RESTAMPED_LEAST and 2 * moved > len(known) + unchanged
