"""Images, audio and video of an article: what its feed names, and what its body shows. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache

import msgspec

from schemas.fields import MAX_CAPTION, MAX_LIST
from workers.articles.canonical import clean_url
from workers.articles.characters import fold
from workers.articles.markup import Embedded
from workers.articles.text import to_plain
from workers.model import Media, ParsedEntry

_MAX_TYPE = 200
_THUMBNAIL = 200  # pixels
_SUFFIXES = {
    "image": (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".svg"),
    "audio": (".mp3", ".m4a", ".ogg", ".oga", ".opus", ".aac", ".wav", ".flac"),
    "video": (".mp4", ".m4v", ".webm", ".mov", ".m3u8", ".ogv"),
}  # fmt: skip


def media_of(entry: ParsedEntry, embedded: Sequence[Embedded], base: str) -> tuple[Media, ...]:
    """What the feed names, then what the body shows; each URL once, the first word on it counts."""
    found: dict[str, Media] = {}
    for item in entry.media[: 2 * MAX_LIST]:
        _add(found, item, base)
    for one in embedded[: 2 * MAX_LIST]:
        _add(found, Media(one.url, one.type, one.title, 0, one.width, one.height), base)
    return tuple(found.values())[:MAX_LIST]


def _add(found: dict[str, Media], item: Media, base: str) -> None:
    url = clean_url(item.url, base)
    if not url:
        return
    known = found.get(url)
    if known is None:
        found[url] = Media(
            url=url,
            type=_media_type(item.type, url),
            title=to_plain(item.title, MAX_CAPTION) if item.title else "",
            length=max(item.length, 0),
            width=max(item.width, 0),
            height=max(item.height, 0),
        )
    elif item.title and not known.title:
        found[url] = msgspec.structs.replace(known, title=to_plain(item.title, MAX_CAPTION))


@lru_cache(maxsize=256)
def _known_type(kind: str) -> str:
    return fold(kind[:_MAX_TYPE]).lower()


def _media_type(declared: str, url: str) -> str:
    if declared and len(declared) <= _MAX_TYPE:
        return _known_type(declared)
    path = url.split("?", 1)[0].lower()
    return next((kind for kind, ends in _SUFFIXES.items() if path.endswith(ends)), "")


def lead_image(media: Sequence[Media]) -> str:
    """The first image that is no mere thumbnail, as far as widths are told; else the widest."""
    images = [m for m in media if m.type.startswith("image")]
    wide = next((m for m in images if not 0 < m.width < _THUMBNAIL), None)
    best = wide or max(images, key=lambda m: m.width, default=None)
    return best.url if best else ""
