"""Images, audio and video as feeds name them. Pure."""

from __future__ import annotations

from collections.abc import Iterator

from lxml import etree

from workers.model import Media
from workers.parsing.markup import plain
from workers.parsing.names import RDF, Names


def number(text: str | None) -> int:
    """Return ``text`` as a number that is not negative and fits 53 bits; 0 when it is none."""
    text = (text or "").strip()
    if text.isascii() and text.isdigit() and len(text) < 16:
        return int(text)
    return 0


def enclosure(element: etree._Element, url: str) -> Media:
    """Read an RSS ``enclosure`` or an Atom link to one."""
    return Media(
        url=url,
        type=(element.get("type") or "").strip(),
        title=(element.get("title") or "").strip(),
        length=number(element.get("length")),
    )


def media_content(element: etree._Element, names: Names) -> Iterator[Media]:
    """Read ``media:content`` and the thumbnails in it; its description is the caption."""
    texts: dict[str, str] = {}
    thumbnails: list[Media] = []
    for child in element:
        name = names[child.tag]
        if name == "media:thumbnail":
            thumbnails.extend(media_thumbnail(child, names))
        elif name in ("media:title", "media:description"):
            texts.setdefault(name, plain(child))
    url = (element.get("url") or "").strip()
    if url:
        yield Media(
            url=url,
            type=(element.get("type") or element.get("medium") or "").strip(),
            title=texts.get("media:description") or texts.get("media:title") or "",
            length=number(element.get("fileSize")),
            width=number(element.get("width")),
            height=number(element.get("height")),
        )
    yield from thumbnails


def media_thumbnail(element: etree._Element, names: Names) -> Iterator[Media]:
    """Read ``media:thumbnail``."""
    url = (element.get("url") or plain(element)).strip()
    if url:
        yield Media(
            url=url,
            type="image",
            width=number(element.get("width")),
            height=number(element.get("height")),
        )


def media_group(element: etree._Element, names: Names) -> Iterator[Media]:
    """Read the contents and thumbnails of a ``media:group``."""
    for child in element:
        name = names[child.tag]
        if name == "media:content":
            yield from media_content(child, names)
        elif name == "media:thumbnail":
            yield from media_thumbnail(child, names)


def itunes_image(element: etree._Element, names: Names) -> Iterator[Media]:
    """Read ``itunes:image`` (``href``) or an ``image`` with a ``url`` child, reference or text."""
    url = element.get("href") or element.get("url") or element.get(RDF + "resource") or ""
    for child in element:
        if names[child.tag].rpartition(":")[2] == "url":
            url = url or plain(child)
    url = (url or ("" if len(element) else plain(element))).strip()
    if url:
        yield Media(url=url, type="image")
