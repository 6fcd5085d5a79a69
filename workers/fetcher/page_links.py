"""Which feeds a web page names with ``<link rel="alternate">``. Pure.

libxml2 reads a page in time linear in its length, whatever it holds; a page is read in slices, up to a
bound, and its links are no more than a bound.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import suppress
from urllib.parse import urldefrag, urljoin, urlsplit

from lxml import etree

from workers.parsing.source import to_utf8
from workers.urls import split_userinfo

MAX_PAGE = 1024 * 1024
MAX_LINKS = 2_000
MAX_FEEDS = 8
MAX_URL = 1_000
SLICE = 32 * 1024
"""Bytes that are read at a stretch: about 10 ms for the worst page found."""

_FEED_TYPES = frozenset(
    {"application/rss+xml", "application/atom+xml", "application/rdf+xml", "application/feed+json"}
)
_VAGUE_TYPES = frozenset(
    {"application/xml", "text/xml", "application/json", "application/x-rss+xml"}
)
_VAGUE, _COMMENTS = 1, 2
"""Ranks: a link of a vague type comes after those that say what they are, a feed of comments last."""
_HTML = (b"<!doctype html", b"<html", b"<head", b"<body")


def is_page(body: bytes, content_type: str) -> bool:
    """True when a document that is no feed is a web page."""
    kind = content_type.partition(";")[0].strip().lower()
    start = body[:2_048].lower()
    return kind in ("text/html", "application/xhtml+xml") or any(mark in start for mark in _HTML)


def feeds_of(body: bytes, content_type: str, url: str) -> Generator[None, None, tuple[str, ...]]:
    """The addresses of the feeds that a page names, the likeliest first, ``MAX_FEEDS`` at most.

    Yields between slices, so that the caller can let other feeds run.
    """
    data, _ = to_utf8(body[:MAX_PAGE], content_type)
    links = _Links()
    parser = etree.HTMLParser(
        target=links,  # type: ignore[arg-type]  # no text wanted: a call for each would cost more
        encoding="utf-8",
        no_network=True,
    )
    with suppress(etree.LxmlError, _EnoughError):
        for start in range(0, len(data), SLICE):
            parser.feed(data[start : start + SLICE])
            yield
        parser.close()
    return links.feeds(url)


class _EnoughError(Exception):
    """Raised to end the reading of a page."""


class _Links:
    """Gathers the links of a page as its parser meets them."""

    def __init__(self) -> None:
        self._base = ""
        self._found: list[tuple[int, str]] = []
        self._seen = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        if tag == "body" and self._found:
            raise _EnoughError
        if tag == "base":
            self._base = self._base or attributes.get("href", "")
        if tag != "link":
            return
        self._seen += 1
        if self._seen > MAX_LINKS:
            raise _EnoughError
        rank = _rank(attributes)
        if rank is not None:
            self._found.append((rank, attributes.get("href", "")))

    def end(self, _tag: str) -> None:
        """Nothing ends that matters."""

    def close(self) -> None:
        """Nothing is built."""

    def feeds(self, page: str) -> tuple[str, ...]:
        """The usable addresses, each once."""
        base = _join(page, self._base) or page
        ranked = [href for _, href in sorted(self._found, key=lambda found: found[0])]
        urls = dict.fromkeys(url for href in ranked if (url := _join(base, href)) and url != page)
        return tuple(urls)[:MAX_FEEDS]


def _rank(attributes: dict[str, str]) -> int | None:
    """How likely a link leads to the page's feed, the least first; None when it names no feed."""
    relations = attributes.get("rel", "").lower().split()
    kind = attributes.get("type", "").partition(";")[0].strip().lower()
    href = attributes.get("href", "").lower()
    if not href or "stylesheet" in relations:
        return None
    if "feed" in relations or ("alternate" in relations and kind in _FEED_TYPES):
        rank = 0
    elif "alternate" in relations and kind in _VAGUE_TYPES and _sounds_like_a_feed(href):
        rank = _VAGUE
    else:
        return None
    return rank + _COMMENTS * ("comment" in href + attributes.get("title", "").lower())


def _sounds_like_a_feed(href: str) -> bool:
    return any(word in href for word in ("feed", "rss", "atom"))


def _join(base: str, href: str) -> str:
    """An absolute http(s) URL without userinfo and fragment; empty for what is none."""
    with suppress(ValueError):
        url = split_userinfo(urldefrag(urljoin(base, href.strip()))[0])[0]
        parts = urlsplit(url)
        usable = parts.scheme in ("http", "https") and parts.hostname and url.isprintable()
        if usable and " " not in url and len(url) <= MAX_URL:
            return url
    return ""
