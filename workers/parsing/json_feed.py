"""JSON Feed 1.0 and 1.1 to ``ParsedFeed``. Pure. https://www.jsonfeed.org/version/1.1/"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any
from urllib.parse import urljoin

import orjson

from workers.errors import ParseError
from workers.model import Media, ParsedEntry, ParsedFeed
from workers.parsing.draft import inheritable

MAX_ENTRIES = 10_000

_VERSION = "jsonfeed.org/version/"
_ITEMS = re.compile(r'"items"\s*:\s*\[')
_SEPARATOR = re.compile(r"[\s,]*")
_SURROGATE = re.compile("[\ud800-\udfff]")

Object = dict[str, Any]


def parse_json_feed(data: bytes, url: str, *, mended: bool = False) -> ParsedFeed:
    """Map the JSON Feed in ``data`` (UTF-8). Of a cut document the whole items are used.

    Raises:
        ParseError: ``not_a_feed`` for other JSON, ``parse_failed`` for what is cut before its items.
    """
    recovered = mended
    try:
        document = orjson.loads(data)
    except orjson.JSONDecodeError:
        document, recovered = _recover(data.decode("utf-8", "replace")), True
    if not isinstance(document, dict) or _VERSION not in _text(document.get("version")):
        raise ParseError("not a feed: JSON without the version of a JSON Feed", "not_a_feed")
    items = document.get("items")
    if not isinstance(items, list):
        items, recovered = [], True
    inherited = inheritable(_authors(document))
    entries = tuple(
        _entry(item, url, inherited) for item in items[:MAX_ENTRIES] if isinstance(item, dict)
    )
    return ParsedFeed(
        entries=entries,
        title=_text(document.get("title")),
        link=_resolve(url, document.get("home_page_url")),
        language=_text(document.get("language")),
        publisher=", ".join(inherited),
        format="json",
        parser="json",
        recovered=recovered or len(items) > MAX_ENTRIES,
    )


def _recover(text: str) -> Any:
    """Read leniently (lone surrogates), then item by item up to where the document is cut."""
    try:
        return _without_surrogates(json.loads(text))
    except (ValueError, RecursionError):
        pass
    start = _ITEMS.search(text)
    if start is None or _VERSION not in text[:4096].replace("\\/", "/"):
        reason = "parse_failed" if _VERSION in text[:4096].replace("\\/", "/") else "not_a_feed"
        raise ParseError("JSON that does not decode", reason)
    head = text[: start.end()] + "]}"
    try:
        document = json.loads(head)
    except (ValueError, RecursionError):
        raise ParseError("JSON that does not decode", "parse_failed") from None
    document["items"] = list(_whole_items(text, start.end()))
    if not document["items"]:
        raise ParseError("no whole item in a broken document", "parse_failed")
    return _without_surrogates(document)


def _whole_items(text: str, position: int) -> Iterator[Any]:
    decoder = json.JSONDecoder()
    while True:
        skipped = _SEPARATOR.match(text, position)
        position = skipped.end() if skipped else position
        try:
            item, position = decoder.raw_decode(text, position)
        except (ValueError, RecursionError):
            return
        yield item


def _without_surrogates(value: Any) -> Any:
    # Bounded: json.loads refused what is nested deeper than Python's recursion limit.
    if isinstance(value, str):
        return _SURROGATE.sub("\ufffd", value)
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value


def _entry(item: Object, base: str, inherited: tuple[str, ...]) -> ParsedEntry:
    html, text = _text(item.get("content_html")), _text(item.get("content_text"))
    summary, title = _text(item.get("summary")), _text(item.get("title"))
    return ParsedEntry(
        guid=_text(item.get("id")),
        link=_resolve(base, item.get("url") or item.get("external_url")),
        title=title,
        title_type="text" if title else "",
        summary=summary,
        summary_type="text" if summary else "",
        content=html or text,
        content_type="html" if html else "text" if text else "",
        published=_text(item.get("date_published")),
        published_source="date_published" if _text(item.get("date_published")) else "",
        updated=_text(item.get("date_modified")),
        authors=tuple(_authors(item)) or inherited,
        tags=tuple(dict.fromkeys(_texts(item.get("tags")))),
        language=_text(item.get("language")),
        media=tuple({media.url: media for media in _media(item, base)}.values()),
        source_url=_resolve(base, item.get("external_url")) if item.get("url") else "",
    )


def _authors(holder: Object) -> Iterator[str]:
    many = holder.get("authors")
    for author in many if isinstance(many, list) and many else [holder.get("author")]:
        name = _text(author.get("name")) if isinstance(author, dict) else _text(author)
        if name:
            yield name


def _media(item: Object, base: str) -> Iterator[Media]:
    for key in ("image", "banner_image"):
        address = _resolve(base, item.get(key))
        if address:
            yield Media(url=address, type="image")
    attachments = item.get("attachments")
    for attachment in attachments if isinstance(attachments, list) else []:
        if isinstance(attachment, dict) and _text(attachment.get("url")):
            size = attachment.get("size_in_bytes")
            yield Media(
                url=_resolve(base, attachment.get("url")),
                type=_text(attachment.get("mime_type")),
                title=_text(attachment.get("title")),
                length=int(size) if isinstance(size, (int, float)) and 0 <= size < 2**53 else 0,
            )


def _text(value: Any) -> str:
    """Return a string's or number's text; ids are numbers in some feeds."""
    if isinstance(value, str):
        return value.strip()
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    return ""


def _texts(value: Any) -> Iterator[str]:
    for item in value if isinstance(value, list) else [value]:
        text = _text(item)
        if text:
            yield text


def _resolve(base: str, value: Any) -> str:
    text = _text(value)
    try:
        return urljoin(base, text) if text else ""
    except ValueError:
        return text
