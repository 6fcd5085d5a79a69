"""One entry element (RSS ``item``, Atom ``entry``) to a ``ParsedEntry``. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec
from lxml import etree

from workers.model import Media, ParsedEntry
from workers.parsing.draft import (
    AUTHOR_RANKS,
    LINK_RANKS,
    PUBLISHED,
    SUMMARY_RANKS,
    TITLE_RANKS,
    UPDATED,
    WEB,
    Draft,
    Scope,
)
from workers.parsing.elements import HANDLERS
from workers.parsing.names import RDF, XML_LANG

_NOTHING = ("", "")


def read_entry(item: etree._Element, scope: Scope, inherited: tuple[str, ...] = ()) -> ParsedEntry:
    """Map ``item``. ``inherited`` are the feed's authors, for formats whose entries inherit them."""
    draft = Draft(scope)
    names = scope.names
    for child in item:
        name = names[child.tag]
        handler = HANDLERS.get(name)
        if handler is not None:
            handler(draft, child, name)
    about = item.get(RDF + "about")
    if about and not draft.guid:
        draft.guid = about.strip()
    language = (item.get(XML_LANG) or draft.language).strip()
    return _finish(draft, language, inherited)


def _finish(draft: Draft, language: str, inherited: tuple[str, ...]) -> ParsedEntry:
    title = _first(draft.titles, TITLE_RANKS)
    summary, content = _bodies(draft)
    published = _first(draft.dates, PUBLISHED)
    updated = _first(draft.dates, UPDATED)
    authors = _first(draft.authors, AUTHOR_RANKS)
    return ParsedEntry(
        guid=draft.guid,
        link=_link(draft),
        title=draft.titles[title][0] if title else "",
        title_type=draft.titles[title][1] if title else "",
        summary=summary[0],
        summary_type=summary[1],
        content=content[0],
        content_type=content[1],
        published=draft.dates[published] if published else "",
        published_source=PUBLISHED[published] if published else "",
        updated=draft.dates[updated] if updated else "",
        authors=tuple(dict.fromkeys(draft.authors[authors])) if authors else inherited,
        tags=tuple(draft.tags),
        language=language,
        media=_distinct(_captioned(draft)) if draft.media else (),
        rights=draft.rights,
        license=draft.license,
        source_title=draft.source[0],
        source_url=draft.source[1],
        comments=draft.comments,
    )


def _first(found: Mapping[str, object], ranks: Iterable[str]) -> str:
    """Return the first of ``ranks`` that was found, or nothing."""
    if found:
        for rank in ranks:
            if rank in found:
                return rank
    return ""


def _bodies(draft: Draft) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return (summary, content). Of two descriptions the second is the content, if nothing else is."""
    rank = _first(draft.summaries, SUMMARY_RANKS)
    summary = draft.summaries[rank] if rank else _NOTHING
    if not draft.contents:
        return summary, _NOTHING
    content = max(draft.contents, key=lambda c: (c[1] == "html", len(c[0])))
    if content[0] == summary[0]:
        return _NOTHING, (content[0], content[1] or summary[1])
    return summary, content


def _link(draft: Draft) -> str:
    rank = _first(draft.links, LINK_RANKS)
    if rank:
        return draft.links[rank]
    if draft.permalink:
        return draft.guid if WEB.match(draft.guid) else draft.path
    return ""


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
