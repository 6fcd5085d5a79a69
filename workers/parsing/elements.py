"""What each element of an entry adds to its draft: one small reader per kind of element. Pure."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
from lxml import etree

from workers.parsing.draft import (
    GROUP_DESCRIPTION,
    PUBLISHED,
    SUMMARY_RANKS,
    TITLE_RANKS,
    UPDATED,
    WEB,
    Draft,
    Scope,
)
from workers.parsing.markup import open_text, plain, text_construct
from workers.parsing.media import enclosure as enclosure_media
from workers.parsing.media import itunes_image, media_content, media_group, media_thumbnail
from workers.parsing.names import RDF, XML_LANG

Handler = Callable[[Draft, etree._Element, str], None]

_HTML_LINK = frozenset({"", "text/html", "application/xhtml+xml"})
_KIND_SCHEME = "http://schemas.google.com/g/2005#kind"  # says "this is a post", no keyword


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
    if WEB.match(value):
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
    if value and name == GROUP_DESCRIPTION:
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
        draft.source = ("", value) if WEB.match(value) else (value, "")


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
            _media_description(draft, child, GROUP_DESCRIPTION)
        elif part in ("media:title", "media:keywords", "media:copyright"):
            HANDLERS[part](draft, child, part)


_MEDIA_READERS = {
    "media:content": media_content,
    "media:group": media_group,
    "media:thumbnail": media_thumbnail,
    "itunes:image": itunes_image,
    "image": itunes_image,
}

HANDLERS: dict[str, Handler] = {
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
HANDLERS.update((name, _title) for name in TITLE_RANKS)
HANDLERS.update((name, _summary) for name in SUMMARY_RANKS if name not in HANDLERS)
HANDLERS.update((name, _date) for name in (*PUBLISHED, *UPDATED))
