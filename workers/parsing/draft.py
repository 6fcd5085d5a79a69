"""What is gathered of one entry before it is a ``ParsedEntry``, and which element outranks which. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from itertools import islice
from typing import NamedTuple
from urllib.parse import urljoin

from lxml import etree

from workers.model import Media
from workers.parsing.names import XML_BASE, Names

WEB = re.compile(r"https?://[^\s/]", re.I)

_MAX_BASE = 4096  # characters; a longer one would be copied into every link

AUTHORS_MOST, AUTHOR_LENGTH = 16, 200
"""Of a feed's authors. Every entry may inherit them, so a document of 400 KB would multiply itself to the
gigabyte."""

# Elements that say the same thing, in order of rank.
TITLE_RANKS = ("title", "dc:title", "media:title", "itunes:title")
GROUP_DESCRIPTION = "media:group/description"
SUMMARY_RANKS = (
    "description", "summary", "dc:description", "dcterms:abstract", "itunes:summary",
    GROUP_DESCRIPTION, "itunes:subtitle",
)  # fmt: skip
LINK_RANKS = ("original", "link", "alternate", "other")
PUBLISHED = {
    "pubdate": "pubDate", "atom:published": "published", "published": "published",
    "atom:issued": "issued", "issued": "issued", "dcterms:issued": "dcterms:issued",
    "dc:date": "dc:date", "dcterms:date": "dcterms:date", "date": "date",
    "prism:publicationdate": "prism:publicationDate", "atom:created": "created",
    "created": "created", "dcterms:created": "dcterms:created",
}  # fmt: skip
UPDATED = (
    "atom:updated", "updated", "atom:modified", "modified", "dcterms:modified", "lastbuilddate",
)  # fmt: skip
AUTHOR_RANKS = ("dc:creator", "dc:author", "author", "itunes:author", "source")


def inheritable(authors: Iterable[str]) -> tuple[str, ...]:
    """A feed's authors as far as its entries inherit them."""
    return tuple(author[:AUTHOR_LENGTH] for author in islice(authors, AUTHORS_MOST))


class Scope(NamedTuple):
    """What one document lends to its entries."""

    names: Names
    url: str  # of the document
    rebased: bool  # there is an xml:base somewhere in it

    def resolve(self, element: etree._Element, reference: str) -> str:
        """Return ``reference`` (a URL in ``element``) made absolute, or as it is where it cannot be."""
        reference = reference.strip()
        if not reference or WEB.match(reference):
            return reference
        try:
            base = self._base(element) if self.rebased else self.url
            return urljoin(base, reference) if len(base) <= _MAX_BASE else reference
        except ValueError:
            return reference

    def _base(self, element: etree._Element) -> str:
        """Return the base in force at ``element``; raises ValueError where one is no URL."""
        chain = [element.get(XML_BASE)]
        chain.extend(parent.get(XML_BASE) for parent in element.iterancestors())
        base = self.url
        for step in reversed(chain):
            if step:
                base = urljoin(base, step.strip())
        return base


class Draft:
    """What was found in one entry, by rank: the first word of a list is the format's own element."""

    __slots__ = (
        "authors", "caption", "comments", "contents", "dates", "guid", "language", "license", "links",
        "media", "path", "permalink", "rights", "scope", "source", "summaries", "tags", "titles",
    )  # fmt: skip

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.guid = ""
        self.permalink = False
        self.path = ""  # a guid that is a relative permalink, made absolute
        self.links: dict[str, str] = {}  # by rank, see LINK_RANKS
        self.titles: dict[str, tuple[str, str]] = {}
        self.summaries: dict[str, tuple[str, str]] = {}
        self.contents: list[tuple[str, str]] = []
        self.dates: dict[str, str] = {}
        self.authors: dict[str, list[str]] = {}
        self.tags: dict[str, None] = {}
        self.media: list[Media] = []
        self.caption = ""
        self.language = ""
        self.rights = ""
        self.license = ""
        self.source: tuple[str, str] = ("", "")
        self.comments = ""
