"""A parsed entry to an article: every field decided, cleaned and bounded. Pure.

What is compared and what is published are two things. The compared body leaves out what changes by
itself, and what wording alone shows to be boilerplate; it does not depend on what was learned from other
articles, so that learning never looks like an edit.
"""

from __future__ import annotations

from collections.abc import Sequence
from hashlib import blake2b
from typing import NamedTuple

import msgspec

from schemas.fields import MAX_GUID, MAX_KEYWORD, MAX_LIST, MAX_NAME, MAX_URL
from workers.articles.body import abstract_of, body_of, scope_of
from workers.articles.canonical import canonical_url, clean_url
from workers.articles.characters import fold
from workers.articles.context import NormaliseContext
from workers.articles.dates import parse_date
from workers.articles.language import detect, normalise_tag, plausible
from workers.articles.media import lead_image, media_of
from workers.articles.noise import NO_HASH, body_hash, text_hash, title_hash
from workers.articles.people import split_authors
from workers.articles.text import first_sentence, to_html, to_plain
from workers.model import Article, ParsedEntry, ParsedFeed

_MAX_RIGHTS = 2_000
_MAX_RAW_DATE = 200
_MAX_DATE_SOURCE = 40

_encode = msgspec.msgpack.Encoder().encode


def normalise(entry: ParsedEntry, feed: ParsedFeed, context: NormaliseContext) -> Article:
    """Return the article that ``entry`` describes; every field is within the contract's bounds."""
    home = clean_url(feed.link, context.feed_url)
    url = clean_url(entry.link, home or context.feed_url) if entry.link else ""
    authors = split_authors(entry.authors)
    title = to_plain(entry.title)
    body = body_of(entry, title, authors, context)
    headline = title or first_sentence(body.text)
    base = url or home or context.feed_url
    media = media_of(entry, body.markup.media, base)
    tag, tag_source, tag_confidence = _language(entry, feed, context, f"{headline}\n{body.text}")
    dates = _dates(entry, tag or context.language, context.now_ms)
    return Article(
        headline=headline,
        url=url,
        canonical_url=canonical_url(url) if url else "",
        guid=fold(entry.guid[: 2 * MAX_GUID])[:MAX_GUID],
        body=body.text,
        body_html=to_html(body.markup, body.stripped.dropped, base) if body.markup.pieces else "",
        body_scope=scope_of(entry, feed, body),
        body_truncated=body.cut,
        abstract=abstract_of(entry, title, authors, body, context),
        authors=authors,
        keywords=_keywords(entry.tags),
        language=tag,
        language_source=tag_source,
        language_confidence=tag_confidence,
        image=lead_image(media),
        media=media,
        rights=to_plain(entry.rights or feed.rights, _MAX_RIGHTS),
        license=clean_url(entry.license, base)[:MAX_URL] if entry.license else "",
        source_title=to_plain(entry.source_title, MAX_NAME),
        source_url=clean_url(entry.source_url, base) if entry.source_url else "",
        boilerplate=body.stripped.kinds,
        headline_hash=title_hash(headline),
        body_hash=body_hash(
            b.text for i, b in enumerate(body.markup.blocks) if i not in body.stripped.recognised
        ),
        content_hash=content_hash(headline, body.text, dates.published_ms),
        **dates._asdict(),
    )


def raw_hash(entry: ParsedEntry) -> bytes:
    """8 bytes over every field of a parsed entry: the same bytes, the same article, nothing to do."""
    try:
        data = _encode(entry)
    except UnicodeEncodeError:  # half a surrogate pair, as JSON can hold
        data = repr(entry).encode("utf-8", "surrogatepass")
    return blake2b(data, digest_size=8).digest()


def content_hash(headline: str, body: str, published_ms: int | None) -> bytes:
    """8 bytes of BLAKE2b over headline, body and publication, as the contract says.

    Hashed are the UTF-8 bytes of three lines: the headline, the body, and the epoch milliseconds (or
    nothing), each in NFC (as both texts are already) with white space folded to single spaces.
    """
    date = "" if published_ms is None else str(published_ms)
    lines = f"{' '.join(headline.split())}\n{_folded(body)}\n{date}"
    return blake2b(lines.encode("utf-8", "replace"), digest_size=8).digest()


def _folded(body: str) -> str:
    """White space folded to single spaces; of a plain body, whose lines are folded, only line feeds."""
    if body.isascii():
        line = body.replace("\n\n", " ").replace("\n", " ")
        if "  " not in line and line.strip() == line:
            return line
    return " ".join(body.split())


class _Dates(NamedTuple):
    """The fields of an article that tell its dates."""

    published_ms: int | None
    published_raw: str
    published_source: str
    published_confidence: str
    modified_ms: int | None
    date_hash: bytes


def _dates(entry: ParsedEntry, language: str, now_ms: int) -> _Dates:
    """The publication from its own element, else from the update's.

    An update's date stands in for a missing publication, but is not compared: it moves whenever the feed
    is written anew, and tells nothing that headline and body do not.
    """
    updated = parse_date(entry.updated, now_ms, language) if entry.updated else None
    raw, source = entry.published, entry.published_source or "published"
    if not raw.strip():
        raw, source = entry.updated, "updated"
    parsed = updated if source == "updated" else parse_date(raw, now_ms, language)
    raw = fold(raw[: 2 * _MAX_RAW_DATE])[:_MAX_RAW_DATE]
    compared_date = NO_HASH
    if raw and source != "updated":
        compared_date = text_hash(str(parsed.exact_ms) if parsed else raw)
    return _Dates(
        parsed.ms if parsed else None,
        raw,
        fold(source[:_MAX_DATE_SOURCE]) if raw else "",
        parsed.confidence if parsed else "",
        updated.ms if updated and source != "updated" else None,
        compared_date,
    )


def _language(
    entry: ParsedEntry, feed: ParsedFeed, context: NormaliseContext, text: str
) -> tuple[str, str, float]:
    """The first declaration that the text can be in, else what the text looks like."""
    for declared, source in (
        (entry.language, "entry"),
        (feed.language, "feed"),
        (context.language, "list"),
    ):
        tag = normalise_tag(declared) if declared else ""
        if tag and plausible(tag, text):
            return tag, source, 1.0
    tag, confidence = detect(text)
    return (tag, "detected", round(min(max(confidence, 0.0), 1.0), 3)) if tag else ("", "", 0.0)


def _keywords(tags: Sequence[str]) -> tuple[str, ...]:
    found: dict[str, str] = {}
    for tag in tags[: 4 * MAX_LIST]:
        word = to_plain(tag, MAX_KEYWORD)
        if word:
            found.setdefault(word.casefold(), word)
    return tuple(found.values())[:MAX_LIST]
