"""What a feed says of itself: names, links, and how often it wants to be asked. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree

from workers.parsing.draft import AUTHOR_LENGTH, AUTHORS_MOST, Scope
from workers.parsing.elements import person
from workers.parsing.markup import plain, text_construct
from workers.parsing.names import RDF, XML_LANG

_DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
_PERIODS = {
    "hourly": 3600, "daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000,
}  # fmt: skip
_NUMBER = re.compile(r"\d{1,9}")
_MAX_PERIOD_S = 31_536_000
_MAX_BASE = 40

# Elements that name the same thing, in order of rank.
_FIELDS = {
    "title": ("title", "atom:title", "dc:title", "media:title", "itunes:title"),
    "language": ("language", "dc:language"),
    "rights": (
        "copyright", "dc:rights", "atom:rights", "atom:copyright", "dcterms:rights",
        "media:copyright", "rights",
    ),
    "publisher": ("dc:publisher", "itunes:author"),  # a webmaster is whom to tell of a fault
    "ttl": ("ttl",),
    "period": ("sy:updateperiod",),
    "frequency": ("sy:updatefrequency",),
    "base": ("sy:updatebase",),
}  # fmt: skip
_FIELD_OF = {name: (field, rank) for field, ns in _FIELDS.items() for rank, name in enumerate(ns)}


class Channel:
    """Gathers the elements beside the entries; ``take`` is called for each of them."""

    def __init__(self, scope: Scope) -> None:
        self._scope = scope
        self._found: dict[str, tuple[int, str]] = {}
        self._links: dict[str, str] = {}
        self.authors: list[str] = []
        self.skip_hours: tuple[int, ...] = ()
        self.skip_days: tuple[int, ...] = ()
        self.deleted: list[str] = []

    def take(self, element: etree._Element, name: str) -> None:
        """Note what ``element`` says, if it is of interest."""
        known = _FIELD_OF.get(name)
        if known is not None:
            field, rank = known
            value = _value(element, name)
            if value and rank < self._found.get(field, (99, ""))[0]:
                self._found[field] = (rank, value)
        elif name in ("link", "atom:link"):
            self._link(element)
        elif name == "atom:author":
            author = person(element, self._scope)[:AUTHOR_LENGTH]
            if author and len(self.authors) < AUTHORS_MOST:
                self.authors.append(author)
        elif name == "skiphours":
            self.skip_hours = tuple(sorted(set(self._hours(element))))
        elif name == "skipdays":
            self.skip_days = tuple(sorted(set(self._days(element))))
        elif name == "at:deleted-entry" and element.get("ref"):
            self.deleted.append(element.get("ref", "").strip())

    def language(self, *elements: etree._Element) -> str:
        """Return the feed's language: its own element, else the innermost ``xml:lang``."""
        declared = self.text("language")
        return declared or next(
            (e.get(XML_LANG, "").strip() for e in elements if e.get(XML_LANG)), ""
        )

    def text(self, field: str) -> str:
        """Return what was found for a field of ``_FIELDS``, or nothing."""
        return self._found.get(field, (0, ""))[1]

    @property
    def link(self) -> str:
        """The page that the feed belongs to."""
        return self._links.get("text") or self._links.get("html") or self._links.get("other", "")

    @property
    def ttl_s(self) -> int:
        """``ttl``, which counts minutes, in seconds; 0 unknown."""
        return min(_number(self.text("ttl")) * 60, _MAX_PERIOD_S)

    @property
    def update_period_s(self) -> int:
        """Seconds between updates by the syndication module; 0 unknown."""
        period, frequency = self.text("period").lower(), self.text("frequency")
        if not period and not frequency:
            return 0
        # The module's own defaults: daily, once.
        return _PERIODS.get(period or "daily", 0) // max(1, _number(frequency))

    @property
    def update_base(self) -> str:
        """The moment that the syndication module counts its periods from, as written."""
        return self.text("base")[:_MAX_BASE]

    def _link(self, element: etree._Element) -> None:
        href = element.get("href")
        if not href:
            kind, href = "text", plain(element)
        elif (element.get("rel") or "alternate").lower() != "alternate":
            return
        else:
            kind = (
                "html" if (element.get("type") or "text/html").lower() == "text/html" else "other"
            )
        if href:
            self._links.setdefault(kind, self._scope.resolve(element, href))

    def _hours(self, element: etree._Element) -> Iterator[int]:
        for child in element:
            text = plain(child)
            if text.isascii() and text.isdigit() and len(text) < 3 and int(text) <= 24:
                yield int(text) % 24  # RSS 0.91 counts 1 to 24

    def _days(self, element: etree._Element) -> Iterator[int]:
        for child in element:
            day = plain(child).lower()
            if day in _DAYS:
                yield _DAYS.index(day)


def _number(text: str) -> int:
    match = _NUMBER.match(text)
    return int(match.group()) if match else 0


def _value(element: etree._Element, name: str) -> str:
    if name == "atom:title":
        return text_construct(element)[0]
    return plain(element) or (element.get(RDF + "resource") or element.get("uri") or "").strip()
