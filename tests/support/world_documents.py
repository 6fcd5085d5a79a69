"""What a feed of the world answers: documents in three formats, validators, and faults as values."""

from __future__ import annotations

import gzip
import json
import math
import random
import zlib
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from typing import Literal, NamedTuple
from xml.sax.saxutils import escape, quoteattr

from tests.support.world_model import OLD_S, Entry, FaultKind, Snapshot, World, WorldArticle

SITE = "http://news.example/"
"""Where the articles' links lead; nobody fetches them."""

_EXTENSIONS = ("rss", "atom", "json")
_TYPES = ("application/rss+xml", "application/atom+xml", "application/feed+json")
_HTML = b"<!doctype html><html><head><title>We are back soon</title></head><body><p>Hold on.</p>"
_WORDS = tuple(
    """
    the council harbour plan approved after a long debate about costs and noise while residents
    asked for trees near school minister said new line opens in spring although engineers warn of
    delay river flood gates hold mayor thanks volunteers market prices rise again farmers expect
    dry summer museum shows letters from old sailors team wins third match by late goal doctors
    call more nurses court hears case against builder budget leaves room only small repairs
    """.split()  # noqa: SIM905 - as prose it can be read
)


class Request(NamedTuple):
    """What of a request decides the answer. ``number`` counts the requests of the feed, from 0."""

    path: str
    number: int
    if_none_match: str = ""
    if_modified_since: str = ""
    gzip: bool = False


class Response(NamedTuple):
    """An answer. ``manner``: ``hang`` never answers, ``reset`` cuts before the first byte,
    ``truncate`` cuts in the middle of the body; ``shown`` are the articles in the body."""

    status: int
    headers: dict[str, str]
    body: bytes = b""
    manner: Literal["", "hang", "reset", "truncate"] = ""
    shown: tuple[tuple[str, int], ...] = ()


class _Document(NamedTuple):
    body: bytes
    packed: bytes
    shown: tuple[tuple[str, int], ...]
    etag: str  # empty: another document each time, so without validators
    since_s: float
    until_s: float


class Site:
    """The answers of a world. Documents are kept until they change, so polling costs little."""

    def __init__(self, world: World) -> None:
        self.world = world
        self._kept: dict[int, _Document] = {}

    def path(self, feed: int) -> str:
        """Where a feed is."""
        return f"/feed/{feed}.{_EXTENSIONS[feed % 3]}"

    def feed_of(self, path: str) -> int | None:
        """The feed that a path names, None when there is none."""
        name = path.rpartition("/")[2].partition(".")[0]
        if not name.isascii() or not name.isdigit() or int(name) >= self.world.feeds:
            return None
        return int(name)

    def respond(self, feed: int, content_s: float, now_s: float, request: Request) -> Response:
        """The answer of a feed that holds what it held at ``content_s``, with ``now_s``'s fault."""
        fault = self.world.fault(feed, now_s)
        if fault and (answer := _refusal(fault, request)):
            return answer
        if fault in ("redirect", "moved") and request.path.startswith("/feed/"):
            location = self.path(feed).replace("/feed/", "/moved/")
            return Response(301 if fault == "moved" else 302, {"Location": location})
        if fault == "old_document" and request.number % 2:
            content_s = max(0.0, min(content_s, now_s - OLD_S))
        document = self._document(feed, content_s, request.number)
        if fault == "lying_304" and (request.if_none_match or request.if_modified_since):
            # It says what the client knows already: that is what makes the lie hard to notice.
            return Response(304, {"ETag": request.if_none_match} if request.if_none_match else {})
        return self._answer(feed, document, fault, request)

    def _answer(
        self, feed: int, document: _Document, fault: FaultKind | None, request: Request
    ) -> Response:
        headers = _validators(self.world, feed, document)
        if _not_modified(headers, request):
            return Response(304, headers)
        headers["Content-Type"] = _TYPES[feed % 3]
        if fault == "bad_gzip":
            return Response(200, headers | {"Content-Encoding": "gzip"}, b"\x1f\x8b" + b"no" * 50)
        if fault == "truncated":
            return Response(200, headers, document.body, "truncate")
        if request.gzip and feed % 2:
            headers |= {"Content-Encoding": "gzip", "Vary": "Accept-Encoding"}
            return Response(200, headers, document.packed, shown=document.shown)
        return Response(200, headers, document.body, shown=document.shown)

    def _document(self, feed: int, content_s: float, number: int) -> _Document:
        if _validator_kind(feed) == "date":
            # Last-Modified knows whole seconds only, so these feeds change at whole seconds only:
            # what changes within a second of its own Last-Modified can never be told.
            content_s = math.floor(content_s)
        kept = self._kept.get(feed)
        if kept and kept.since_s <= content_s < kept.until_s:
            return kept
        snapshot = self.world.snapshot(feed, content_s)
        changing = self.world.quirks.get(feed) in ("guid_changing", "tracking", "reordered")
        body = _render(self.world, feed, snapshot, number if changing else 0)
        document = _Document(
            body,
            gzip.compress(body, 1),
            tuple((e.article.key, e.article.revision(content_s)) for e in snapshot.entries),
            "" if changing else f'"{zlib.crc32(body):08x}"',
            snapshot.since_s,
            snapshot.until_s,
        )
        if not changing:
            self._kept[feed] = document
        return document


def feed_url(world: World, feed: int, host: str, port: int) -> str:
    """The URL that goes into a feed list."""
    return f"http://{host}:{port}{Site(world).path(feed)}"


def _refusal(fault: FaultKind, request: Request) -> Response | None:
    """The answer of a fault that no document has a part in."""
    plain = {"Content-Type": "text/plain"}
    html = {"Content-Type": "text/html"}
    match fault:
        case "500" | "403" | "404":
            return Response(int(fault), plain, b"no\n")
        case "429" | "503":
            return Response(int(fault), plain | {"Retry-After": "1"}, b"later\n")
        case "hang" | "reset":
            return Response(0, {}, manner=fault)
        case "html":
            return Response(200, html, _HTML)
        case "empty":
            return Response(200, plain)
        case "redirect_loop":
            return Response(302, {"Location": request.path})
        case _:
            return None


def _validator_kind(feed: int) -> Literal["both", "etag", "date", "none"]:
    return ("both", "etag", "both", "date", "etag", "both", "none", "both")[feed % 8]


def _validators(world: World, feed: int, document: _Document) -> dict[str, str]:
    kind = _validator_kind(feed)
    headers = {}
    if document.etag and kind in ("both", "etag"):
        headers["ETag"] = document.etag
    if document.etag and kind in ("both", "date"):
        modified_s = world.epoch_ms // 1000 + math.ceil(document.since_s)
        headers["Last-Modified"] = formatdate(modified_s, usegmt=True)
    return headers


def _not_modified(headers: Mapping[str, str], request: Request) -> bool:
    """RFC 9110, section 13.2.2: If-None-Match decides alone where it is given."""
    if request.if_none_match:
        tags = [tag.strip().removeprefix("W/") for tag in request.if_none_match.split(",")]
        return headers.get("ETag") in tags
    if request.if_modified_since and "Last-Modified" in headers:
        try:
            known = parsedate_to_datetime(request.if_modified_since)
        except ValueError:
            return False
        return parsedate_to_datetime(headers["Last-Modified"]) <= known
    return False


@lru_cache(maxsize=10_000)
def article_text(article: WorldArticle, revision: int) -> tuple[str, tuple[str, ...]]:
    """Headline and paragraphs; the key stands in the headline, key and revision in the text."""
    rng = random.Random(article.key)

    def sentence(low: int, high: int) -> str:
        return " ".join(rng.choices(_WORDS, k=rng.randint(low, high))).capitalize()

    headline = f"{sentence(4, 8)} {article.key}"
    paragraphs = [". ".join(sentence(8, 16) for _ in range(3)) + "." for _ in range(2)]
    # An edit changes one paragraph, as a correction does.
    paragraphs.insert(1, f"{sentence(6, 10)}, version {article.key}r{revision}.")
    return headline, tuple(paragraphs)


def _render(world: World, feed: int, snapshot: Snapshot, number: int) -> bytes:
    entries = list(snapshot.entries)
    quirk = world.quirks.get(feed)
    if quirk == "reordered":
        random.Random(f"{feed}/{number}").shuffle(entries)
    items = [_Item(world, feed, entry, snapshot.at_s, number) for entry in entries]
    return (_rss, _atom, _json)[feed % 3](feed, items)


class _Item:
    """An entry as a feed shows it; empty strings where the feed has nothing."""

    def __init__(self, world: World, feed: int, entry: Entry, at_s: float, number: int) -> None:
        article, quirk = entry.article, world.quirks.get(feed)
        self.headline, paragraphs = article_text(article, article.revision(at_s))
        self.html = "".join(f"<p>{paragraph}</p>" for paragraph in paragraphs)
        self.link = "" if quirk == "no_link" else f"{SITE}{article.feed}/{article.key}"
        if quirk == "tracking":
            self.link += f"?utm_source=feed{feed}&utm_campaign=c{number}"
        # A feed's own guid: a lent article has another one in each feed.
        self.guid = f"tag:news.example,2026:{feed}/{article.key}"
        if quirk == "guid_changing":
            self.guid += f"/{number}"
        elif quirk == "one_guid":
            self.guid = "tag:news.example,2026:item"
        elif quirk == "no_guid":
            self.guid = ""
        self.time_s = None if quirk == "no_dates" else world.ms(article.born_s) // 1000


def _rss(feed: int, items: Sequence[_Item]) -> bytes:
    out = [
        '<?xml version="1.0" encoding="UTF-8"?>\n<rss version="2.0"><channel>'
        f"<title>Feed {feed}</title><link>{SITE}{feed}/</link><description>News</description>"
    ]
    for item in items:
        out.append(f"<item><title>{escape(item.headline)}</title>")
        if item.link:
            out.append(f"<link>{escape(item.link)}</link>")
        if item.guid:
            out.append(f'<guid isPermaLink="false">{escape(item.guid)}</guid>')
        if item.time_s is not None:
            out.append(f"<pubDate>{formatdate(item.time_s, usegmt=True)}</pubDate>")
        out.append(f"<description>{escape(item.html)}</description></item>\n")
    out.append("</channel></rss>\n")
    return "".join(out).encode()


def _atom(feed: int, items: Sequence[_Item]) -> bytes:
    out = [
        '<?xml version="1.0" encoding="UTF-8"?>\n<feed xmlns="http://www.w3.org/2005/Atom">'
        f"<title>Feed {feed}</title><id>{SITE}{feed}/</id><link href={quoteattr(SITE)}/>"
    ]
    for item in items:
        out.append(f"<entry><title>{escape(item.headline)}</title>")
        if item.link:
            out.append(f"<link href={quoteattr(item.link)}/>")
        if item.guid:
            out.append(f"<id>{escape(item.guid)}</id>")
        if item.time_s is not None:
            out.append(f"<published>{_rfc3339(item.time_s)}</published>")
        out.append(f'<content type="html">{escape(item.html)}</content></entry>\n')
    out.append("</feed>\n")
    return "".join(out).encode()


def _json(feed: int, items: Sequence[_Item]) -> bytes:
    entries = []
    for item in items:
        entry = {"title": item.headline, "content_html": item.html}
        if item.guid:
            entry["id"] = item.guid
        if item.link:
            entry["url"] = item.link
        if item.time_s is not None:
            entry["date_published"] = _rfc3339(item.time_s)
        entries.append(entry)
    head = {"version": "https://jsonfeed.org/version/1.1", "title": f"Feed {feed}"}
    return json.dumps({**head, "home_page_url": f"{SITE}{feed}/", "items": entries}).encode()


def _rfc3339(time_s: int) -> str:
    return datetime.fromtimestamp(time_s, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
