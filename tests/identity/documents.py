"""Runs of documents, as feeds have shown them, and what ought to come of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from tests.unit.newsdesk import MINUTE, Desk, entry, kinds
from workers.model import ParsedEntry

Document = list[ParsedEntry]
NO_COMPLAINT = "no complaint found"
HOME = "https://site.example/latest"
STORY = "https://site.example/news/story-{}"
SCHEMES = ("http", "https", "http", "https")
DATELESS = {"published": ""}
NAMELESS = {"guid": "", "link": ""}
SAME_DAY = {"published": "2026-05-11T00:00:00Z"}


class Of(NamedTuple):
    """A document of another feed than the first."""

    feed: str
    document: Document


class Case(NamedTuple):
    """What feeds showed, poll by poll, and how many articles and edits it holds.

    ``source`` is the public thread in which somebody met it, as ``owner/repo#number``.
    """

    documents: Sequence[Document | Of]
    created: int
    updated: int
    source: str = NO_COMPLAINT

    def run(self) -> Desk:
        """Poll document by document, a minute apart."""
        desk = Desk()
        for shown in self.documents:
            if isinstance(shown, Of):
                desk.poll(shown.document, shown.feed)
            else:
                desk.poll(shown)
            desk.pass_time(MINUTE)
        return desk

    def holds(self, desk: Desk) -> bool:
        """Whether the desk announced so many articles and edits."""
        got = kinds(desk.events)
        return (got.count("created"), got.count("updated")) == (self.created, self.updated)


def doc(*numbers: int, **changes: str) -> Document:
    """Entries by number, all changed alike."""
    return [entry(n, **changes) for n in numbers]


def each(numbers: Sequence[int], change: Callable[[int, int], dict[str, str]]) -> Document:
    """Entries by number, each changed by its place and number."""
    return [entry(n, **change(place, n)) for place, n in enumerate(numbers)]


def by_place(*numbers: int, **more: str) -> Document:
    """Guids that name the place in the document, not the entry."""
    return each(numbers, lambda place, _: {"guid": f"item-{place}", **more})


def fresh_guids(poll: int, *numbers: int, **more: str) -> Document:
    """Guids made anew at each poll."""
    return each(numbers, lambda _, n: {"guid": f"uuid-{poll}-{n}", **more})


def moved(*numbers: int, **more: str) -> Document:
    """The same articles after a move to another CMS: every guid and URL is new."""
    return each(
        numbers,
        lambda _, n: {"guid": f"cms2/{n}", "link": f"https://site.example/p/{n}0", **more},
    )


def under(form: str, *numbers: int, **more: str) -> Document:
    """Entries whose guid is their link, in a form with the number for ``{}``."""
    return each(numbers, lambda _, n: {"guid": form.format(n), "link": form.format(n), **more})


def bulletins(*numbers: int, **more: str) -> Document:
    """Issues of one column: one headline and one page for all, each with its own guid, date and text."""
    return doc(*numbers, **{"title": "News bulletin", "link": HOME, **more})


def tailed(markup: str, *numbers: int, **more: str) -> Document:
    """Entries with the same markup behind their texts."""
    return each(numbers, lambda _, n: {"summary": f"{entry(n).summary}{markup}", **more})
