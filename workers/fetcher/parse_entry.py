"""One entry element (RSS ``item``, Atom ``entry``) to a ``ParsedEntry``. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple
from urllib.parse import urljoin

import msgspec
from lxml import etree

from workers.fetcher.parse_markup import open_text, plain, text_construct
from workers.fetcher.parse_media import itunes_image, media_content, media_group, media_thumbnail
from workers.fetcher.parse_media import enclosure as enclosure_media
from workers.fetcher.parse_names import RDF, XML_BASE, XML_LANG, Names
from workers.model import Media, ParsedEntry

_WEB = re.compile(r"https?://[^\s/]", re.I)
_HTML_LINK = frozenset({"", "text/html", "application/xhtml+xml"})
_KIND_SCHEME = "http://schemas.google.com/g/2005#kind"  # says "this is a post", no keyword


class Scope(NamedTuple):
    """What one document lends to its entries."""

    names: Names
    url: str  # of the document
    rebased: bool  # there is an xml:base somewhere in it

    def resolve(self, element: etree._Element, reference: str) -> str:
        """Return ``reference`` (a URL in ``element``) made absolute, or as it is where it cannot be."""
        reference = reference.strip()
        if not reference or _WEB.match(reference):
            return reference
        try:
            return urljoin(self._base(element) if self.rebased else self.url, reference)
        except ValueError:
            return reference

    def _base(self, element: etree._Element) -> str:
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
        "authors", "caption", "comments", "contents", "dates", "guid", "language", "license", "links", "media",
        "path", "permalink", "rights", "scope", "source", "summaries", "tags", "titles",
    )  # fmt: skip

    def __init__(self, scope: Scope) -> None:
        self.scope = scope
        self.guid = ""
        self.permalink = False
        self.path = ""  # a guid that is a relative permalink, made absolute
        self.links: dict[str, str] = {}  # by rank, see _LINK_RANKS
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


Handler = Callable[[Draft, etree._Element, str], None]

_TITLE_RANKS = ("title", "dc:title", "media:title", "itunes:title")
_GROUP_DESCRIPTION = "media:group/description"
_SUMMARY_RANKS = (
    "description", "summary", "dc:description", "dcterms:abstract", "itunes:summary",
    _GROUP_DESCRIPTION, "itunes:subtitle",
)  # fmt: skip
_LINK_RANKS = ("original", "link", "alternate", "other")
_PUBLISHED = {
    "pubdate": "pubDate", "atom:published": "published", "published": "published",
    "atom:issued": "issued", "issued": "issued", "dcterms:issued": "dcterms:issued",
    "dc:date": "dc:date", "dcterms:date": "dcterms:date", "date": "date",
    "prism:publicationdate": "prism:publicationDate", "atom:created": "created",
    "created": "created", "dcterms:created": "dcterms:created",
}  # fmt: skip
_UPDATED = (
    "atom:updated", "updated", "atom:modified", "modified", "dcterms:modified", "lastbuilddate",
)  # fmt: skip
_AUTHOR_RANKS = ("dc:creator", "dc:author", "author", "itunes:author", "source")


def read_entry(item: etree._Element, scope: Scope, inherited: tuple[str, ...] = ()) -> ParsedEntry:
    """Map ``item``. ``inherited`` are the feed's authors, for formats whose entries inherit them."""
    draft = Draft(scope)
    names = scope.names
    for child in item:
        name = names[child.tag]
        handler = _HANDLERS.get(name)
        if handler is not None:
            handler(draft, child, name)
    about = item.get(RDF + "about")
    if about and not draft.guid:
        draft.guid = about.strip()
    language = (item.get(XML_LANG) or draft.language).strip()
    return _finish(draft, language, inherited)


def _finish(draft: Draft, language: str, inherited: tuple[str, ...]) -> ParsedEntry:
    title, title_type = _first(draft.titles, _TITLE_RANKS)
    summary, content = _bodies(draft)
    published_from = next((name for name in _PUBLISHED if name in draft.dates), "")
    authors = next((draft.authors[rank] for rank in _AUTHOR_RANKS if rank in draft.authors), None)
    return ParsedEntry(
        guid=draft.guid,
        link=_link(draft),
        title=title,
        title_type=title_type,
        summary=summary[0],
        summary_type=summary[1],
        content=content[0],
        content_type=content[1],
        published=draft.dates.get(published_from, ""),
        published_source=_PUBLISHED.get(published_from, ""),
        updated=next((draft.dates[name] for name in _UPDATED if name in draft.dates), ""),
        authors=tuple(dict.fromkeys(authors)) if authors else inherited,
        tags=tuple(draft.tags),
        language=language,
        media=_distinct(_captioned(draft)),
        rights=draft.rights,
        license=draft.license,
        source_title=draft.source[0],
        source_url=draft.source[1],
        comments=draft.comments,
    )


def _first(found: dict[str, tuple[str, str]], ranks: tuple[str, ...]) -> tuple[str, str]:
    return next((found[rank] for rank in ranks if rank in found), ("", ""))


def _bodies(draft: Draft) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return (summary, content). Of two descriptions the second is the content, if nothing else is."""
    ranked = [draft.summaries[rank] for rank in _SUMMARY_RANKS if rank in draft.summaries]
    summary = ranked[0] if ranked else ("", "")
    content = max(draft.contents, key=lambda c: (c[1] == "html", len(c[0])), default=("", ""))
    if content[0] == summary[0]:
        return ("", ""), (content[0], content[1] or summary[1])
    return summary, content


def _link(draft: Draft) -> str:
    link = next((draft.links[rank] for rank in _LINK_RANKS if rank in draft.links), "")
    if not link and draft.permalink:
        return draft.guid if _WEB.match(draft.guid) else draft.path
    return link


def _captioned(draft: Draft) -> list[Media]:
    if draft.caption and draft.media and not draft.media[0].title:
        draft.media[0] = msgspec.structs.replace(draft.media[0], title=draft.caption)
    return draft.media


def _distinct(media: list[Media]) -> tuple[Media, ...]:
    """Each URL once, as first named."""
    if len(media) < 2:
        return tuple(media)
    seen: dict[str, Media] = {}
    for item in media:
        seen.setdefault(item.url, item)
    return tuple(seen.values())


def _guid(draft: Draft, element: etree._Element, name: str) -> None:
    if not draft.guid:
        draft.guid = plain(element)
        flag = element.get("isPermaLink") or element.get("ispermalink") or "true"
        draft.permalink = flag.strip().lower() != "false"
        if draft.permalink and draft.guid.startswith("/"):
            draft.path = draft.scope.resolve(element, draft.guid)


def _text_link(draft: Draft, element: etree._Element, name: str) -> None:
    value = plain(element)
    if value:
        draft.links.setdefault("link", draft.scope.resolve(element, value))
    elif element.get("href"):
        _atom_link(draft, element, name)


def _original_link(draft: Draft, element: etree._Element, name: str) -> None:
    value = plain(element)
    if _WEB.match(value):
        draft.links.setdefault("original", value)


def _atom_link(draft: Draft, element: etree._Element, name: str) -> None:
    href = element.get("href") or plain(element)
    if not href:
        return
    href = draft.scope.resolve(element, href)
    relation = (element.get("rel") or "alternate").strip().lower()
    if relation == "alternate":
        kind = (element.get("type") or "").strip().lower()
        draft.links.setdefault("alternate" if kind in _HTML_LINK else "other", href)
    elif relation == "enclosure":
        draft.media.append(enclosure_media(element, href))
    elif relation == "license":
        draft.license = draft.license or href
    elif relation == "replies":
        kind = (element.get("type") or "").strip().lower()
        if kind in _HTML_LINK and not draft.comments:
            draft.comments = href


def _title(draft: Draft, element: etree._Element, name: str) -> None:
    value = open_text(element)
    if value[0]:
        draft.titles.setdefault(name, value)


def _atom_title(draft: Draft, element: etree._Element, name: str) -> None:
    value = text_construct(element)
    if value[0]:
        draft.titles.setdefault("title", value)


def _summary(draft: Draft, element: etree._Element, name: str) -> None:
    value = open_text(element)
    if not value[0]:
        return
    if name in draft.summaries:
        draft.contents.append(value)
    else:
        draft.summaries[name] = value


def _media_description(draft: Draft, element: etree._Element, name: str) -> None:
    """Of a whole group (a video) it is the text; beside a lone picture it is the caption."""
    value = plain(element)
    if value and name == _GROUP_DESCRIPTION:
        kind = "html" if (element.get("type") or "").lower() == "html" else "text"
        draft.summaries.setdefault(name, (value, kind))
    else:
        draft.caption = draft.caption or value


def _atom_summary(draft: Draft, element: etree._Element, name: str) -> None:
    value = text_construct(element)
    if value[0]:
        draft.summaries.setdefault("summary", value)


def _html_content(draft: Draft, element: etree._Element, name: str) -> None:
    value, _ = open_text(element)
    if value:
        draft.contents.append((value, "html"))


def _atom_content(draft: Draft, element: etree._Element, name: str) -> None:
    value = text_construct(element)
    if value[0]:
        draft.contents.append(value)
        draft.language = draft.language or element.get(XML_LANG) or ""


def _date(draft: Draft, element: etree._Element, name: str) -> None:
    value = plain(element)
    if value:
        draft.dates.setdefault(name, value)


def _author(draft: Draft, element: etree._Element, name: str) -> None:
    value = plain(element) if name != "author" or not len(element) else person(element, draft.scope)
    if value:
        draft.authors.setdefault(name, []).append(value)


def _atom_author(draft: Draft, element: etree._Element, name: str) -> None:
    value = person(element, draft.scope)
    if value:
        draft.authors.setdefault("author", []).append(value)


def person(element: etree._Element, scope: Scope) -> str:
    """Return the name of an Atom person construct, else its address, else its text."""
    parts: dict[str, str] = {}
    for child in element:
        parts.setdefault(scope.names[child.tag].rpartition(":")[2], plain(child))
    return parts.get("name") or parts.get("email") or ("" if parts else plain(element))


def _category(draft: Draft, element: etree._Element, name: str) -> None:
    if element.get("scheme") == _KIND_SCHEME:
        return
    value = element.get("label") or (element.text or "").strip() or element.get("term")
    value = (value or element.get("text") or "").strip()  # iTunes says it in an attribute
    if value:
        draft.tags.setdefault(value)


def _keywords(draft: Draft, element: etree._Element, name: str) -> None:
    for word in plain(element).split(","):
        if word.strip():
            draft.tags.setdefault(word.strip())


def _language(draft: Draft, element: etree._Element, name: str) -> None:
    draft.language = draft.language or plain(element)


def _rights(draft: Draft, element: etree._Element, name: str) -> None:
    draft.rights = draft.rights or plain(element)


def _license(draft: Draft, element: etree._Element, name: str) -> None:
    target = element.get(RDF + "resource") or element.get("href") or plain(element)
    draft.license = draft.license or target.strip()


def _source(draft: Draft, element: etree._Element, name: str) -> None:
    draft.source = (plain(element), draft.scope.resolve(element, element.get("url") or ""))


def _atom_source(draft: Draft, element: etree._Element, _name: str) -> None:
    title = link = ""
    for child in element:
        part = draft.scope.names[child.tag]
        if part == "atom:title":
            title = title or text_construct(child)[0]
        elif part == "atom:link" and (child.get("rel") or "alternate") == "alternate":
            link = link or draft.scope.resolve(child, child.get("href") or "")
        elif part == "atom:author":
            name = person(child, draft.scope)
            if name:
                draft.authors.setdefault("source", []).append(name)
    draft.source = (title, link)


def _dc_source(draft: Draft, element: etree._Element, name: str) -> None:
    value = plain(element)
    if not any(draft.source):
        draft.source = ("", value) if _WEB.match(value) else (value, "")


def _comments(draft: Draft, element: etree._Element, name: str) -> None:
    draft.comments = draft.comments or draft.scope.resolve(element, plain(element))


def _enclosure(draft: Draft, element: etree._Element, name: str) -> None:
    url = element.get("url") or element.get("href") or ""
    if url:
        draft.media.append(enclosure_media(element, draft.scope.resolve(element, url)))


def _media(draft: Draft, element: etree._Element, name: str) -> None:
    for item in _MEDIA_READERS[name](element, draft.scope.names):
        url = draft.scope.resolve(element, item.url)
        draft.media.append(item if url == item.url else msgspec.structs.replace(item, url=url))


def _media_group(draft: Draft, element: etree._Element, name: str) -> None:
    _media(draft, element, name)
    for child in element:
        part = draft.scope.names[child.tag]
        if part == "media:description":
            _media_description(draft, child, _GROUP_DESCRIPTION)
        elif part in ("media:title", "media:keywords", "media:copyright"):
            _HANDLERS[part](draft, child, part)


_MEDIA_READERS = {
    "media:content": media_content,
    "media:group": media_group,
    "media:thumbnail": media_thumbnail,
    "itunes:image": itunes_image,
    "image": itunes_image,
}

_HANDLERS: dict[str, Handler] = {
    "guid": _guid, "atom:id": _guid, "id": _guid,
    "link": _text_link, "atom:link": _atom_link,
    "feedburner:origlink": _original_link, "pheedo:origlink": _original_link,
    "atom:title": _atom_title, "atom:summary": _atom_summary, "atom:content": _atom_content,
    "media:description": _media_description,
    "content:encoded": _html_content, "xhtml:body": _html_content, "body": _html_content,
    "fullitem": _html_content, "yandex:full-text": _html_content,
    "content": _html_content, "xhtml:div": _html_content,
    "author": _author, "dc:creator": _author, "dc:author": _author, "itunes:author": _author,
    "atom:author": _atom_author,
    "category": _category, "atom:category": _category, "dc:subject": _category,
    "media:category": _category, "itunes:category": _category,
    "itunes:keywords": _keywords, "media:keywords": _keywords,
    "dc:language": _language, "language": _language,
    "dc:rights": _rights, "atom:rights": _rights, "atom:copyright": _rights, "rights": _rights,
    "copyright": _rights, "media:copyright": _rights, "dcterms:rights": _rights,
    "creativecommons:license": _license, "cc:license": _license, "dcterms:license": _license,
    "media:license": _license,
    "source": _source, "atom:source": _atom_source, "dc:source": _dc_source,
    "comments": _comments,
    "enclosure": _enclosure, "media:group": _media_group, "media:content": _media,
    "media:thumbnail": _media, "itunes:image": _media, "image": _media,
}  # fmt: skip
_HANDLERS.update((name, _title) for name in _TITLE_RANKS)
_HANDLERS.update((name, _summary) for name in _SUMMARY_RANKS if name not in _HANDLERS)
_HANDLERS.update((name, _date) for name in (*_PUBLISHED, *_UPDATED))
