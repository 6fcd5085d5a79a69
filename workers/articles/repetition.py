"""What the articles of one source repeat: within a document, and from poll to poll. Pure.

A block that many articles repeat belongs to none of them. A document shows 10-50 articles at once; what
it showed, and the edges of articles in documents too small to tell, stay in the feed's memory.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence, Set
from hashlib import blake2b

import msgspec

from workers.articles.pleas import tells
from workers.articles.text import Block

Learned = Mapping[bytes, bytes]
"""Memory of one feed: a block's fingerprint to the distinct articles (4 bytes each) that showed it."""

ARTICLES_TO_LEARN = 3
MAX_LEARNED = 256
SHORT = 40
"""Characters: a shorter line may be a heading or a greeting, and needs more evidence."""
_LONG = 200
_MAX_REPEATED = 1_500
_TAG_BYTES = 4
_SMALL_DOCUMENT = 8  # with fewer entries a document cannot tell by itself
_TOP, _BOTTOM = 2, 3  # blocks at the ends of an article where a source puts what is in all of them
_NEARLY_ALL = 0.8
_EDGE = 8  # blocks at each end of an article that are remembered from small documents
_DIGITS = re.compile(r"\d+")
_RUN_OF_ZEROS = re.compile(rb"00+")
_ZEROS = bytes.maketrans(b"123456789", b"000000000")


def fingerprint(text: str, headline: str = "") -> bytes:
    """8 bytes that name a block whatever numbers and whichever headline stand in it."""
    low = text.lower()
    if len(headline) > 9 and len(text) > len(headline) + 3:
        low = low.replace(headline.lower(), "@")
    if low.isascii():
        data = _RUN_OF_ZEROS.sub(b"0", low.encode().translate(_ZEROS))
    else:
        data = _DIGITS.sub("0", low).encode("utf-8", "replace")
    return blake2b(data, digest_size=8).digest()


def prints_of(blocks: Sequence[Block], headline: str) -> list[bytes]:
    """The fingerprint of each block; empty for one that repetition says nothing of."""
    return [
        b""
        if b.kind in ("pre", "cell", "caption") or len(b.text) > _MAX_REPEATED
        else fingerprint(b.text, headline)
        for b in blocks
    ]


def known_blocks(prints: Sequence[bytes], repeated: Set[bytes], learned: Learned) -> set[int]:
    """Indices of blocks that other articles of the source show too, by their fingerprints."""
    return {
        index
        for index, name in enumerate(prints)
        if name in repeated or len(learned.get(name, b"")) >= ARTICLES_TO_LEARN * _TAG_BYTES
    }


class Shown(msgspec.Struct, frozen=True):
    """The blocks of one article of a document, as far as repetition is judged by them."""

    tag: bytes  # 4 bytes that name the article
    prints: list[bytes]
    texts: list[str]


def shown(blocks: Sequence[Block], prints: Sequence[bytes], key: str) -> Shown:
    """An article by the fingerprints of its blocks; ``key`` names the article (guid or link)."""
    usable = [(p, b.text) for b, p in zip(blocks, prints, strict=True) if p]
    tag = blake2b(key.encode("utf-8", "replace"), digest_size=_TAG_BYTES).digest()
    return Shown(tag, [p for p, _ in usable], [text for _, text in usable])


def repeated_in(articles: Iterable[Shown]) -> frozenset[bytes]:
    """Fingerprints of the blocks that many articles of one document share.

    Many is three or more, and at least 60 % of the articles for a short line, 30 % for a sentence, 40 %
    for a paragraph: a follow-up repeats the paragraph of background of the story before it. Prose that
    tells of others is such background, however many follow-ups there are, unless it stands at the same end of
    nearly all articles.
    """
    seen: dict[bytes, int] = {}
    text: dict[bytes, str] = {}
    at_edge: dict[bytes, int] = {}
    bodies: set[bytes] = set()
    for article in articles:
        body = b"".join(article.prints)
        if not body or body in bodies:  # the same article twice says nothing
            continue
        bodies.add(body)
        text.update(zip(article.prints, article.texts, strict=True))
        for name in set(article.prints):
            seen[name] = seen.get(name, 0) + 1
        for name in {*article.prints[:_TOP], *article.prints[-_BOTTOM:]}:
            at_edge[name] = at_edge.get(name, 0) + 1
    total = len(bodies)
    many = [n for n, k in seen.items() if k >= 3 and k >= _share(len(text[n])) * total]
    return frozenset(
        n
        for n in many
        if not _background(text[n])
        or (total >= _SMALL_DOCUMENT and at_edge.get(n, 0) >= _NEARLY_ALL * total)
    )


def _share(length: int) -> float:
    return 0.6 if length < SHORT else 0.3 if length <= _LONG else 0.4


def _background(text: str) -> bool:
    return len(text) >= SHORT and tells(text)


def learn(articles: Sequence[Shown], repeated: Set[bytes], learned: Learned) -> Learned:
    """The memory after this document; the same object when nothing is new.

    What the document shows to be repeated is remembered as it is. A small document adds the edges of
    its articles, so that a feed of one item learns from poll to poll, but for prose about others: too
    few articles tell whether it is background. Articles are told apart by their tags, and the same article
    seen again teaches nothing.
    """
    small = len(articles) < _SMALL_DOCUMENT
    updates: dict[bytes, bytes] = {}
    for article in articles:
        edges = _edges(article) if small else []
        for name in dict.fromkeys(edges if small else (n for n in article.prints if n in repeated)):
            tags = updates.get(name, learned.get(name, b""))
            if len(tags) < ARTICLES_TO_LEARN * _TAG_BYTES and article.tag not in _split(tags):
                updates[name] = tags + article.tag
    if not updates:
        return learned
    merged = {**learned, **updates}
    if len(merged) > MAX_LEARNED:
        shown_now = {n for a in articles for n in a.prints}
        best = sorted(merged, key=lambda n: (len(merged[n]), n in shown_now), reverse=True)
        merged = {n: merged[n] for n in best[:MAX_LEARNED]}
    return learned if merged == learned else merged


def _edges(article: Shown) -> list[bytes]:
    named = list(zip(article.prints, article.texts, strict=True))
    return [n for n, text in named[:_EDGE] + named[_EDGE:][-_EDGE:] if not _background(text)]


def _split(tags: bytes) -> list[bytes]:
    return [tags[i : i + _TAG_BYTES] for i in range(0, len(tags), _TAG_BYTES)]
