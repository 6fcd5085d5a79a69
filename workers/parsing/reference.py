"""feedparser as the reference and the fallback: the only module that imports it.

It reads nearly anything, slowly, and some documents take it minutes: it runs in
``child``, never in the worker's own process.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import urljoin

import feedparser

from workers.errors import ParseError
from workers.model import Media, ParsedEntry, ParsedFeed
from workers.parsing.draft import inheritable
from workers.parsing.json_feed import MAX_ENTRIES
from workers.parsing.media import number

Record = dict[str, Any]

_TYPES = {"text/html": "html", "application/xhtml+xml": "html", "text/plain": "text"}
_FORMATS = {"rss090": "rdf", "rss10": "rdf"}
_PERIODS = {
    "hourly": 3600, "daily": 86_400, "weekly": 604_800, "monthly": 2_592_000, "yearly": 31_536_000,
}  # fmt: skip


def parse_reference(
    body: bytes, content_type: str, url: str, *, drop_last: bool = False
) -> ParsedFeed:
    """Parse ``body`` with feedparser; ``drop_last`` when the document is cut in its last entry.

    Raises:
        ParseError: ``parse_failed`` when feedparser raises (it does for lone surrogates),
            ``not_a_feed`` when it finds no feed.
    """
    # No content-location: feedparser would resolve ids like links. Links are resolved below.
    headers = {"content-type": content_type or "application/xml"}
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            # Bytes in a BytesIO: anything else it would open as a file or fetch as a URL.
            result = feedparser.parse(
                io.BytesIO(body),
                response_headers=headers,
                sanitize_html=False,
                resolve_relative_uris=False,
            )
    except (MemoryError, RecursionError) as error:
        raise ParseError(f"feedparser: {type(error).__name__}", "parser_killed") from None
    except Exception as error:  # whatever a document provokes is about the document
        raise ParseError(f"feedparser: {type(error).__name__}", "parse_failed") from None
    version = _get(result, "version") or ""
    found = list(result["entries"])
    if not version and not found:
        raise ParseError("not a feed, says feedparser", "not_a_feed")
    if drop_last:
        found = found[:-1]
    if result["bozo"]:
        found = [_decoded(entry) for entry in found]
    return _feed(result["feed"], found, version, url)


def _decoded(value: Any, key: str = "") -> Any:
    """Decode what feedparser's loose parser leaves escaped: everything but titles and bodies.

    An id would otherwise change with the well-formedness of its document.
    """
    if key in ("title", "summary", "content", "title_detail", "summary_detail"):
        return value
    if isinstance(value, str):
        return unescape(value)
    if isinstance(value, dict):
        return {name: _decoded(item, name) for name, item in dict.items(value)}
    if isinstance(value, list):
        return [_decoded(item) for item in value]
    return value


def _feed(feed: Record, found: list[Record], version: str, url: str) -> ParsedFeed:
    atom = version.startswith("atom")
    authors = inheritable(_authors(feed)) if atom else ()
    return ParsedFeed(
        entries=tuple(_entry(entry, version, authors, url) for entry in found[:MAX_ENTRIES]),
        title=_get(feed, "title"),
        link=_join(url, _get(feed, "link")),
        language=_get(feed, "language"),
        rights=_get(feed, "rights"),
        publisher=_get(feed, "publisher"),
        format="atom" if atom else _FORMATS.get(version, "rss"),
        ttl_s=number(_get(feed, "ttl")) * 60,
        update_period_s=_period(feed),
        update_base=_get(feed, "sy_updatebase")[:40],
        parser="feedparser",
        recovered=True,
    )


def _period(feed: Record) -> int:
    period = _get(feed, "sy_updateperiod").lower()
    frequency = _get(feed, "sy_updatefrequency")
    if not period and not frequency:
        return 0
    return _PERIODS.get(period or "daily", 0) // max(1, number(frequency))


def _entry(entry: Record, version: str, inherited: tuple[str, ...], url: str) -> ParsedEntry:
    atom = version.startswith("atom")
    summary, content = _bodies(entry, atom)
    published, source, updated = _dates(entry, atom)
    link = _get(entry, "feedburner_origlink") or _get(entry, "link")
    guid = _get(entry, "id")
    if link == guid and not link.lower().startswith(("http://", "https://", "/")):
        link = ""  # feedparser takes any id for a link
    origin = _record(entry, "source")
    return ParsedEntry(
        guid=guid,
        link=_join(url, link),
        title=_get(entry, "title"),
        title_type=_type(_record(entry, "title_detail"), atom) if _get(entry, "title") else "",
        summary=summary[0],
        summary_type=summary[1],
        content=content[0],
        content_type=content[1],
        published=published,
        published_source=source,
        updated=updated,
        authors=tuple(dict.fromkeys(_authors(entry))) or inherited,
        tags=tuple(dict.fromkeys(_tags(entry))),
        language=_get(_record(entry, "content_detail"), "language") or _get(entry, "language"),
        media=tuple({item.url: item for item in reversed([*_media(entry, url)])}.values())[::-1],
        rights=_get(entry, "rights"),
        license=next((_get(x, "href") for x in _links(entry, "license")), ""),
        source_title=_get(origin, "title"),
        source_url=_join(url, _get(origin, "href") or _get(origin, "link")),
        comments=_join(
            url,
            _get(entry, "comments")
            or next((_get(x, "href") for x in _links(entry, "replies") if _is_html(x)), ""),
        ),
    )


def _get(record: Record, key: str) -> str:
    # dict.get: feedparser's own answers "updated" with "published" and warns of it.
    value = dict.get(record, key)
    return value.strip() if isinstance(value, str) else ""


def _join(base: str, reference: str) -> str:
    try:
        return urljoin(base, reference) if reference else ""
    except ValueError:
        return reference


def _record(record: Record, key: str) -> Record:
    value = dict.get(record, key)
    return value if isinstance(value, dict) else {}


def _records(record: Record, key: str) -> list[Record]:
    value = dict.get(record, key)
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _type(detail: Record, atom: bool) -> str:
    kind = _TYPES.get(_get(detail, "type"), "")
    # Outside Atom the type is feedparser's own guess.
    return kind if atom else ""


def _bodies(entry: Record, atom: bool) -> tuple[tuple[str, str], tuple[str, str]]:
    """Return (summary, content); feedparser copies a content into a summary that is missing."""
    summary = (_get(entry, "summary"), _type(_record(entry, "summary_detail"), atom))
    contents = [
        (_get(item, "value"), _TYPES.get(_get(item, "type"), ""))
        for item in _records(entry, "content")
    ]
    content = max(contents, key=lambda c: (c[1] == "html", len(c[0])), default=("", ""))
    if content[0] and content[0] == summary[0]:
        return ("", ""), content
    return summary if summary[0] else ("", ""), content


def _dates(entry: Record, atom: bool) -> tuple[str, str, str]:
    updated = _get(entry, "updated")
    for key in ("published", "created"):
        if _get(entry, key):
            return _get(entry, key), "published" if atom else "pubDate", updated
    if updated and not atom:  # dc:date, the only date of RSS 1.0
        return updated, "dc:date", ""
    return "", "", updated


def _authors(holder: Record) -> Iterator[str]:
    authors = _records(holder, "authors")
    for author in authors:
        name, mail = _get(author, "name"), _get(author, "email")
        if name or mail:
            yield name or mail
    if not any(authors) and _get(holder, "author"):
        yield _get(holder, "author")


def _tags(entry: Record) -> Iterator[str]:
    for tag in _records(entry, "tags"):
        text = _get(tag, "label") or _get(tag, "term")
        if text and not _get(tag, "scheme").endswith("#kind"):
            yield text


def _links(entry: Record, relation: str) -> Iterator[Record]:
    return (link for link in _records(entry, "links") if _get(link, "rel") == relation)


def _is_html(link: Record) -> bool:
    return _get(link, "type") in ("", "text/html")


def _media(entry: Record, base: str) -> Iterator[Media]:
    for link in _links(entry, "enclosure"):
        if _get(link, "href"):
            yield Media(
                url=_join(base, _get(link, "href")),
                type=_get(link, "type"),
                title=_get(link, "title"),
                length=number(_get(link, "length")),
            )
    for key in ("media_content", "media_thumbnail"):
        for item in _records(entry, key):
            if _get(item, "url"):
                yield Media(
                    url=_join(base, _get(item, "url")),
                    type=_get(item, "type")
                    or _get(item, "medium")
                    or ("image" if key == "media_thumbnail" else ""),
                    length=number(_get(item, "filesize")),
                    width=number(_get(item, "width")),
                    height=number(_get(item, "height")),
                )
    image = _get(_record(entry, "image"), "href")
    if image:
        yield Media(url=_join(base, image), type="image")
