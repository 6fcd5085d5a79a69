"""A parsed entry to an article: every field decided, cleaned and bounded. Pure.

What is compared and what is published are two things. The compared body leaves out what changes by
itself, and what wording alone shows to be boilerplate; it does not depend on what was learned from other
articles, so that learning never looks like an edit.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from functools import lru_cache
from hashlib import blake2b
from itertools import islice
from typing import NamedTuple

import msgspec

from schemas.fields import MAX_ABSTRACT, MAX_LIST, MAX_URL
from workers.articles import wording
from workers.articles.boilerplate import Stripped, strip
from workers.articles.canonical import canonical_url, clean_url
from workers.articles.characters import fold
from workers.articles.dates import parse_date
from workers.articles.language import detect, normalise_tag, plausible
from workers.articles.markup import Embedded
from workers.articles.noise import NO_HASH, body_hash, text_hash, title_hash
from workers.articles.people import split_authors
from workers.articles.repetition import Learned, Shown, learn, prints_of, repeated_in, shown
from workers.articles.text import (
    Block,
    Markup,
    first_sentence,
    read,
    render,
    shorten,
    to_html,
    to_plain,
)
from workers.model import Article, Media, ParsedEntry, ParsedFeed

MAX_GUID = 2_000
MAX_KEYWORD = 200
_MAX_LABEL = 1_000
_MAX_RIGHTS = 2_000
_MAX_CAPTION = 2_000
_MAX_TYPE = 200
_MAX_RAW_DATE = 200
_MAX_DATE_SOURCE = 40
_SAMPLE_ENTRIES = 40
_SAMPLE_CHARACTERS = 400_000
_SAMPLE_TAGS = 8_000
_WHOLE_IN_SUMMARY = 1_500  # characters: nobody writes so long a teaser
_SHORT_CONTENT = 1_500
_THUMBNAIL = 200  # pixels
_SUFFIXES = {
    "image": (".jpg", ".jpeg", ".png", ".webp", ".gif", ".avif", ".svg"),
    "audio": (".mp3", ".m4a", ".ogg", ".oga", ".opus", ".aac", ".wav", ".flac"),
    "video": (".mp4", ".m4v", ".webm", ".mov", ".m3u8", ".ogv"),
}  # fmt: skip

_encode = msgspec.msgpack.Encoder().encode


class NormaliseContext(msgspec.Struct, frozen=True):
    """What an entry is normalised against; the same for all entries of one document.

    ``language`` is the feed list's. ``repeated`` are fingerprints of blocks that this document repeats.
    ``learned`` is the feed's memory of blocks *after* this document: to be stored when it is another
    object than the one that was given. ``markup`` are the bodies that were read for it, by source and kind;
    ``prints`` the fingerprints of their blocks, by source, kind and title.
    """

    now_ms: int
    feed_url: str = ""
    language: str = ""
    repeated: frozenset[bytes] = frozenset()
    learned: Learned = {}
    markup: dict[tuple[str, str], Markup] = {}
    prints: dict[tuple[str, str, str], list[bytes]] = {}


class _Body(NamedTuple):
    """The field that became the body, read and stripped."""

    markup: Markup
    stripped: Stripped
    text: str
    cut: bool
    from_content: bool


def document_context(
    entries: Iterable[ParsedEntry],
    *,
    now_ms: int,
    feed_url: str = "",
    language: str = "",
    learned: Learned | None = None,
) -> NormaliseContext:
    """Compare the entries of one document: the context to normalise each of them with.

    Reads the first 40 entries, 400,000 characters and 8,000 tags at most: 8 ms for thirty entries of 2.5 KB,
    30 ms at worst. Call it only when the document has an entry to normalise.
    """
    before = learned or {}
    articles: list[Shown] = []
    markup: dict[tuple[str, str], Markup] = {}
    prints: dict[tuple[str, str, str], list[bytes]] = {}
    characters, tags = _SAMPLE_CHARACTERS, _SAMPLE_TAGS
    for entry in islice(entries, _SAMPLE_ENTRIES):
        source, kind = (entry.content, entry.content_type)
        if not source:
            source, kind = entry.summary, entry.summary_type
        characters -= len(source)
        tags -= source.count("<")
        if min(characters, tags) < 0:
            break
        if source:
            key = entry.guid or entry.link or entry.title
            markup[source, kind] = one = read(source, kind)
            title = to_plain(entry.title)
            prints[source, kind, title] = told = prints_of(one.blocks, title)
            articles.append(shown(one.blocks, told, key))
    repeated = repeated_in(articles)
    return NormaliseContext(
        now_ms,
        feed_url,
        normalise_tag(language),
        repeated,
        learn(articles, repeated, before),
        markup,
        prints,
    )


def normalise(entry: ParsedEntry, feed: ParsedFeed, context: NormaliseContext) -> Article:
    """Return the article that ``entry`` describes; every field is within the contract's bounds."""
    home = clean_url(feed.link, context.feed_url)
    url = clean_url(entry.link, home or context.feed_url) if entry.link else ""
    authors = split_authors(entry.authors)
    title = to_plain(entry.title)
    body = _body(entry, title, authors, context)
    headline = title or first_sentence(body.text)
    base = url or home or context.feed_url
    media = _media(entry, body.markup.media, base)
    tag, tag_source, tag_confidence = _language(entry, feed, context, f"{headline}\n{body.text}")
    dates = _dates(entry, tag or context.language, context.now_ms)
    return Article(
        headline=headline,
        url=url,
        canonical_url=canonical_url(url) if url else "",
        guid=fold(entry.guid[: 2 * MAX_GUID])[:MAX_GUID],
        body=body.text,
        body_html=to_html(body.markup, body.stripped.dropped, base) if body.markup.pieces else "",
        body_scope=_scope(entry, feed, body),
        body_truncated=body.cut,
        abstract=_abstract(entry, title, authors, body, context),
        authors=authors,
        keywords=_keywords(entry.tags),
        language=tag,
        language_source=tag_source,
        language_confidence=tag_confidence,
        image=_lead_image(media),
        media=media,
        rights=to_plain(entry.rights or feed.rights, _MAX_RIGHTS),
        license=clean_url(entry.license, base)[:MAX_URL] if entry.license else "",
        source_title=to_plain(entry.source_title, _MAX_LABEL),
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


def _body(
    entry: ParsedEntry, title: str, authors: Sequence[str], context: NormaliseContext
) -> _Body:
    """The content where it has text, else the summary; of two teasers the longer one."""
    best: _Body | None = None
    for source, kind, from_content in (
        (entry.content, entry.content_type, True),
        (entry.summary, entry.summary_type, False),
    ):
        if not source or (best is not None and best.text):
            continue
        markup = context.markup.get((source, kind)) or read(source, kind)
        if best is not None and best.markup.media and not markup.media:
            markup = markup._replace(media=best.markup.media)
        stripped = _strip(
            markup.blocks, title, authors, context, context.prints.get((source, kind, title))
        )
        text, cut = render(stripped.blocks, stripped.dropped)
        best = _Body(markup, stripped, text, cut or markup.cut, from_content)
    return best or _Body(Markup([], [], [], False), Stripped([], frozenset(), ()), "", False, False)


def _strip(
    blocks: Sequence[Block],
    title: str,
    authors: Sequence[str],
    context: NormaliseContext,
    prints: Sequence[bytes] | None = None,
) -> Stripped:
    return strip(
        blocks,
        headline=title,
        authors=authors,
        repeated=context.repeated,
        learned=context.learned,
        prints=prints,
    )


def _scope(entry: ParsedEntry, feed: ParsedFeed, body: _Body) -> str:
    """Say whether the body is the whole article.

    ``content`` (content:encoded, Atom content, JSON content) is, unless it is short and ends as a
    teaser does, or says no more than the summary. A summary is one, unless it is longer than any
    teaser, or stands alone without a title: RSS then calls the item complete in itself.
    """
    if not body.text:
        return "none"
    length = len(body.text)
    teaser = (
        body.cut
        or "read_more" in body.stripped.kinds
        or bool(wording.CUT_OFF.search(body.text[-20:]))
    )
    if body.from_content:
        if teaser and (length < _SHORT_CONTENT or body.cut):
            return "summary"
        return "full"
    if teaser or feed.format == "json":
        return "summary"
    whole = length >= _WHOLE_IN_SUMMARY or (not entry.title and length > 0)
    return "full" if whole else "summary"


def _abstract(
    entry: ParsedEntry,
    title: str,
    authors: Sequence[str],
    body: _Body,
    context: NormaliseContext,
) -> str:
    if not body.from_content or not entry.summary or entry.summary == entry.content:
        return ""
    blocks = read(entry.summary, entry.summary_type).blocks
    stripped = _strip(blocks, title, authors, context)
    text = render(stripped.blocks, stripped.dropped)[0]
    return "" if text == body.text else shorten(text, MAX_ABSTRACT)


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


def _media(entry: ParsedEntry, embedded: Sequence[Embedded], base: str) -> tuple[Media, ...]:
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
            title=to_plain(item.title, _MAX_CAPTION) if item.title else "",
            length=max(item.length, 0),
            width=max(item.width, 0),
            height=max(item.height, 0),
        )
    elif item.title and not known.title:
        found[url] = msgspec.structs.replace(known, title=to_plain(item.title, _MAX_CAPTION))


@lru_cache(maxsize=256)
def _known_type(kind: str) -> str:
    return fold(kind[:_MAX_TYPE]).lower()


def _media_type(declared: str, url: str) -> str:
    if declared and len(declared) <= _MAX_TYPE:
        return _known_type(declared)
    path = url.split("?", 1)[0].lower()
    return next((kind for kind, ends in _SUFFIXES.items() if path.endswith(ends)), "")


def _lead_image(media: Sequence[Media]) -> str:
    """The first image that is no mere thumbnail, as far as widths are told; else the widest."""
    images = [m for m in media if m.type.startswith("image")]
    wide = next((m for m in images if not 0 < m.width < _THUMBNAIL), None)
    best = wide or max(images, key=lambda m: m.width, default=None)
    return best.url if best else ""
