"""News sitemaps (``urlset`` with ``news:news``) to ``ParsedFeed``. Pure."""

from __future__ import annotations

from lxml import etree

from workers.errors import ParseError
from workers.model import Media, ParsedEntry, ParsedFeed
from workers.parsing.draft import Scope
from workers.parsing.markup import plain

_NEWS = "sitemap-news"


def read_sitemap(root: etree._Element, scope: Scope, limit: int) -> ParsedFeed:
    """Map the ``news:news`` members of a ``urlset``; at most ``limit`` of them.

    Raises:
        ParseError: ``not_a_feed`` for a sitemap that is not about news.
    """
    entries: list[ParsedEntry] = []
    names = scope.names
    title = ""
    cut = False
    for page in root:
        if names[page.tag] != "url":
            continue
        parts = _parts(page, scope)
        if "news:title" not in parts and "news:publication_date" not in parts:
            continue
        if len(entries) == limit:
            cut = True
            break
        title = title or parts.get("news:name", "")
        entries.append(_entry(page, parts, scope))
    if not entries and not any(_NEWS in uri for uri in root.nsmap.values()):
        raise ParseError("not a feed: a sitemap without news", "not_a_feed")
    languages = {entry.language for entry in entries}
    return ParsedFeed(
        entries=tuple(entries),
        title=title,
        language=languages.pop() if len(languages) == 1 else "",
        format="sitemap",
        parser="fast",
        recovered=cut,
    )


def _parts(page: etree._Element, scope: Scope) -> dict[str, str]:
    """Text by short name, first of each, from the members of the page and of ``news:news``."""
    parts: dict[str, str] = {}
    for child in page:
        name = scope.names[child.tag]
        if name == "news:news":
            for field in child.iterdescendants():
                parts.setdefault(scope.names[field.tag], plain(field))
        elif name in ("loc", "lastmod"):
            parts.setdefault(name, plain(child))
    return parts


def _entry(page: etree._Element, parts: dict[str, str], scope: Scope) -> ParsedEntry:
    published = parts.get("news:publication_date", "")
    images = []
    for child in page:
        if scope.names[child.tag] == "image:image":
            fields = {scope.names[field.tag]: plain(field) for field in child}
            if fields.get("image:loc"):
                url = scope.resolve(child, fields["image:loc"])
                images.append(Media(url, "image", fields.get("image:caption", "")))
    words = (word.strip() for word in parts.get("news:keywords", "").split(","))
    return ParsedEntry(
        link=scope.resolve(page, parts.get("loc", "")),
        title=parts.get("news:title", ""),
        title_type="text",
        published=published,
        published_source="news:publication_date" if published else "",
        updated=parts.get("lastmod", ""),
        tags=tuple(dict.fromkeys(word for word in words if word)),
        language=parts.get("news:language", ""),
        media=tuple(images),
    )
