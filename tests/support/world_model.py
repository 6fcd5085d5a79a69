"""A web of feeds that exists only as arithmetic: who shows which article when is a pure function.

Times are seconds of the world (0 is its epoch; articles before it are the backlog a first poll
finds). Feed ``i`` brings article ``k`` out at a time that ``seed``, ``i`` and ``k`` alone decide, so
any moment can be asked for in any order, and what existed is known without keeping a record.
"""

from __future__ import annotations

import math
import random
from collections.abc import Iterable, Iterator, Mapping
from functools import lru_cache
from typing import Literal, NamedTuple

import msgspec

Quirk = Literal[
    "guid_changing",  # a new guid for each entry at each poll
    "one_guid",  # one guid for all entries
    "no_guid",
    "no_link",  # guid only
    "no_dates",
    "tracking",  # other tracking parameters at each poll
    "reordered",  # the same entries in another order at each poll
]
FaultKind = Literal[
    "500", "503", "429", "403", "404", "hang", "reset", "truncated", "html", "empty", "bad_gzip",
    "redirect_loop", "lying_304", "redirect", "moved", "old_document",
]  # fmt: skip
HIDING: frozenset[FaultKind] = frozenset(
    {
        "500", "503", "429", "403", "404", "hang", "reset", "truncated", "html", "empty",
        "bad_gzip", "redirect_loop", "lying_304",
    }
)  # fmt: skip
"""Faults that keep a feed's news from everyone while they last."""

OLD_S = 20.0
"""Age of the copy that an ``old_document`` cache answers with at every second request."""

_MAX_LAG_S = 10.0
"""A neighbour shows a shared article at most this long after the feed it comes from."""


class Fault(msgspec.Struct, frozen=True):
    """A fault of one feed from ``start_s`` to ``end_s``, again every ``every_s`` (0: once)."""

    kind: FaultKind
    start_s: float = 0.0
    end_s: float = math.inf
    every_s: float = 0.0

    def active(self, at_s: float) -> bool:
        """Whether it holds at a time."""
        if at_s < self.start_s:
            return False
        since = at_s - self.start_s
        return (since % self.every_s if self.every_s else since) < self.end_s - self.start_s

    def spans(self, until_s: float) -> Iterator[tuple[float, float]]:
        """When it holds, up to ``until_s``."""
        start, length = self.start_s, self.end_s - self.start_s
        while start < until_s:
            yield start, start + length
            if not self.every_s:
                return
            start += self.every_s


class WorldArticle(NamedTuple):
    """One article. ``edits`` are the times of its revisions 2, 3, …; ``lent_s`` is when the next
    feed shows it too (under the same URL and another guid), infinite: never."""

    key: str
    feed: int
    number: int
    born_s: float
    edits: tuple[float, ...]
    lent_s: float

    def revision(self, at_s: float) -> int:
        """The revision that is shown at a time."""
        return 1 + sum(edit <= at_s for edit in self.edits)


class Entry(NamedTuple):
    """An article in a feed since ``shown_s``."""

    shown_s: float
    article: WorldArticle


class Snapshot(NamedTuple):
    """What a feed holds at a time, newest first; the same from ``since_s`` to ``until_s``."""

    entries: tuple[Entry, ...]
    at_s: float
    since_s: float
    until_s: float


class Expected(msgspec.Struct, frozen=True):
    """What a reader of all feeds must or may have seen of one article, times in epoch ms.

    ``required``: it was shown long enough that nobody may have missed it. ``least_revision``: the
    last one that was shown long enough; ``last_revision``: the last one that was shown at all.
    ``shown_ms`` holds when each revision was first shown. ``served`` counts the whole documents
    with it that were answered (only a server knows): required and never served means that nobody
    asked in time, which is a fault of the harness or of the schedule, not of the delivery.
    """

    key: str
    feed: int
    required: bool
    least_revision: int
    last_revision: int
    shown_ms: tuple[int, ...]
    served: int = 0


class World:
    """``feeds`` feeds of about ``rate`` new articles a second each, each showing its last ``window``.

    ``edited`` and ``shared`` are the shares of articles that are edited once or twice, and that the
    next feed shows too. An article stays in its feed for about ``window / rate`` seconds: where
    workers are down for long, that must be longer. ``quirks`` names what is odd about a feed's
    entries. ``faults`` may grow while the world is served. ``epoch_ms`` is when second 0 is, epoch
    ms.
    """

    def __init__(
        self,
        seed: int,
        feeds: int,
        *,
        epoch_ms: int,
        rate: float = 0.05,
        window: int = 20,
        edited: float = 0.1,
        shared: float = 0.05,
        quirks: Mapping[int, Quirk] | None = None,
    ) -> None:
        self.seed, self.feeds, self.epoch_ms, self.window = seed, feeds, epoch_ms, window
        self.quirks = dict(quirks or {})
        self.faults: dict[int, list[Fault]] = {}
        self._edited, self._shared = edited, shared
        self._rates = [rate * random.Random(f"{seed}/{i}").uniform(0.5, 1.5) for i in range(feeds)]
        self.article = lru_cache(maxsize=max(10_000, feeds * window * 3))(self._make_article)

    def snapshot(self, feed: int, at_s: float) -> Snapshot:
        """What a feed shows at a time, faults aside."""
        newest = self._newest(feed, at_s)
        own = [self.article(feed, newest - n) for n in range(self.window)]
        entries = [Entry(article.born_s, article) for article in own]
        lent, next_lent = self._lent_to(feed, own[-1].born_s, at_s)
        entries = sorted(entries + lent, reverse=True)[: self.window]
        edits = [edit for entry in entries for edit in entry.article.edits]
        return Snapshot(
            tuple(entries),
            at_s,
            max([entries[0].shown_s, *(edit for edit in edits if edit <= at_s)]),
            min(
                [
                    self.article(feed, newest + 1).born_s,
                    next_lent,
                    *(edit for edit in edits if edit > at_s),
                ]
            ),
        )

    def fault(self, feed: int, at_s: float) -> FaultKind | None:
        """The fault that a feed has at a time; of several the first that was given."""
        return next((f.kind for f in self.faults.get(feed, ()) if f.active(at_s)), None)

    def expected(
        self, *, until_s: float, frozen_s: float, shown_for_s: float, since_s: float = 0.0
    ) -> list[Expected]:
        """Every article that was to be seen from 0 to ``until_s``.

        Nothing new has happened since ``frozen_s`` (infinite: it still does), but what was shown
        then has been shown until ``until_s``. Required is what some feed showed for
        ``shown_for_s`` on end while no fault hid it, and after ``since_s``, when somebody began to
        read.
        """
        unread = [(-math.inf, since_s)]
        merged: dict[str, Expected] = {}
        for feed in range(self.feeds):
            hidden = unread + [
                span
                for fault in self.faults.get(feed, ())
                if fault.kind in HIDING
                for span in fault.spans(until_s)
            ]
            for article, start, end in self._spans(feed, min(until_s, frozen_s), until_s):
                seen = self._seen(article, start, end, frozen_s, hidden, shown_for_s)
                before = merged.get(article.key)
                merged[article.key] = _merge(before, seen) if before else seen
        return list(merged.values())

    def _spans(
        self, feed: int, content_s: float, until_s: float
    ) -> Iterator[tuple[WorldArticle, float, float]]:
        """Each article of a feed with the time from when until when it was in it."""
        first = self.snapshot(feed, 0.0).entries
        oldest = first[-1]
        numbers = range(self._newest(feed, oldest.shown_s), self._newest(feed, content_s) + 1)
        own = [Entry(a.born_s, a) for a in (self.article(feed, n) for n in numbers)]
        lent, _ = self._lent_to(feed, oldest.shown_s, content_s)
        entries = sorted(entry for entry in own + lent if entry >= oldest)
        for index, (shown_s, article) in enumerate(entries):
            gone = index + self.window
            end = entries[gone].shown_s if gone < len(entries) else until_s
            yield article, max(shown_s, 0.0), end

    def _seen(
        self,
        article: WorldArticle,
        start: float,
        end: float,
        frozen_s: float,
        hidden: Iterable[tuple[float, float]],
        shown_for_s: float,
    ) -> Expected:
        edits = [edit for edit in article.edits if start < edit < min(end, frozen_s)]
        first = article.revision(start)
        shown = [start, *edits]
        free = [span for span in _without((start, end), hidden) if span[1] - span[0] >= shown_for_s]
        least = max(
            (
                revision
                for revision, since in enumerate(shown, first)
                if any(min(to, end) - max(since, frm) >= shown_for_s for frm, to in free)
            ),
            default=0,
        )
        return Expected(
            article.key,
            article.feed,
            bool(free),
            least or first,
            first + len(edits),
            (*(self.ms(start),) * first, *(self.ms(edit) for edit in edits)),
        )

    def ms(self, at_s: float) -> int:
        """A time of the world as epoch ms."""
        return self.epoch_ms + round(at_s * 1000)

    def _newest(self, feed: int, at_s: float) -> int:
        number = math.floor(at_s * self._rates[feed])
        return number if self.article(feed, number).born_s <= at_s else number - 1

    def _lent_to(self, feed: int, oldest_s: float, at_s: float) -> tuple[list[Entry], float]:
        """What the feed before lent this one from ``oldest_s`` to ``at_s``; when it next lends."""
        if not self._shared or self.feeds < 2:
            return [], math.inf
        lender = (feed - 1) % self.feeds
        start = self._newest(lender, oldest_s - _MAX_LAG_S)
        # Look ahead as far as a snapshot may be kept: this feed's own next article ends it anyway.
        ahead_s = at_s + 2 / self._rates[feed]
        articles = [
            self.article(lender, number)
            for number in range(start, self._newest(lender, ahead_s) + 1)
        ]
        lent = [Entry(a.lent_s, a) for a in articles if oldest_s <= a.lent_s <= at_s]
        later = [a.lent_s for a in articles if at_s < a.lent_s < math.inf]
        return lent, min(later, default=math.inf)

    def _lends(self, feed: int) -> bool:
        """Without links on both sides nobody could know that it is the same article."""
        return all(self.quirks.get(n % self.feeds) != "no_link" for n in (feed, feed + 1))

    def _make_article(self, feed: int, number: int) -> WorldArticle:
        rng = random.Random(f"{self.seed}/{feed}/{number}")
        rate = self._rates[feed]
        born = (number + rng.random()) / rate
        kind = rng.random()
        edits: tuple[float, ...] = ()
        lent = math.inf
        if kind < self._edited:
            # Within half the time that an article stays, so that most edits are seen.
            stay = self.window / rate / 2
            first = born + rng.uniform(0.1, 0.5) * stay
            edits = (
                (first,) if rng.random() < 0.7 else (first, first + rng.uniform(0.1, 0.5) * stay)
            )
        elif kind < self._edited + self._shared and self._lends(feed):
            # Shared articles are not edited: which of two feeds tells an edit is a matter of taste.
            lent = born + rng.uniform(0, _MAX_LAG_S)
        name = f"w{self.seed}f{feed}k{number}".replace("-", "m")
        return WorldArticle(name, feed, number, born, edits, lent)


def _without(
    span: tuple[float, float], holes: Iterable[tuple[float, float]]
) -> list[tuple[float, float]]:
    """The parts of a span that no hole covers."""
    parts = [span]
    for start, end in holes:
        parts = [
            part
            for frm, to in parts
            for part in ((frm, min(to, start)), (max(frm, end), to))
            if part[1] > part[0]
        ]
    return parts


def _merge(one: Expected, other: Expected) -> Expected:
    """One article in two feeds."""
    return Expected(
        one.key,
        one.feed,
        one.required or other.required,
        max(one.least_revision, other.least_revision),
        max(one.last_revision, other.last_revision),
        min(one.shown_ms, other.shown_ms),
    )
