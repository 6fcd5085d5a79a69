"""Keys by which entries are compared, and the ids of articles. All pure; hashes are BLAKE2b."""

from __future__ import annotations

import base64
from hashlib import blake2b
from typing import NamedTuple

from workers.fetcher.memory import NO_GUID, NO_URL
from workers.model import Article

ARTICLE_BYTES = 10
"""With 80 bits, 10^9 articles collide with a chance below one in a million."""


class Candidate(NamedTuple):
    """One entry of a document that is not known to be unchanged, with its keys."""

    raw: bytes
    guid: bytes  # 8 bytes, NO_GUID when the entry has none
    url: bytes  # 10 bytes, NO_URL when it has no usable link
    article: Article


def candidate(raw: bytes, article: Article) -> Candidate:
    """The keys of a normalised entry.

    Without a guid, a link to a place in a page stands for one: on a page of many notices nothing else
    may tell them apart, and the canonical URL knows no places.
    """
    name = article.guid or (article.url if "#" in article.url else "")
    return Candidate(raw, guid_key(name), url_key(article.canonical_url), article)


def guid_key(guid: str) -> bytes:
    """A guid within its feed."""
    return _hash(guid.encode("utf-8", "replace"), 8) if guid else NO_GUID


def url_key(canonical: str) -> bytes:
    """A canonical URL, the same for every feed; also the id of an article that was first seen by it."""
    return (
        _hash(b"u\0" + canonical.encode("utf-8", "replace"), ARTICLE_BYTES) if canonical else NO_URL
    )


def article_by_guid(feed_id: str, guid: bytes) -> bytes:
    """The id of an article that has no usable URL, but a guid that deserves trust."""
    return _hash(b"g\0" + feed_id.encode() + b"\0" + guid, ARTICLE_BYTES)


def article_by_content(feed_id: str, article: Article) -> bytes:
    """The id of an article that has neither."""
    content = article.headline_hash + article.body_hash + article.date_hash
    return _hash(b"c\0" + feed_id.encode() + b"\0" + content, ARTICLE_BYTES)


def owner_key(feed_id: str) -> bytes:
    """A feed's id as it stands in article records: 8 bytes."""
    return _hash(b"f\0" + feed_id.encode(), 8)


def version_key(article: Article) -> bytes:
    """One version of an entry: 4 bytes over the compared fields."""
    return version_hash(article.headline_hash, article.body_hash, article.date_hash or bytes(4))


def text_key(article: Article) -> bytes:
    """What one version of an entry says, whenever it says it: 4 bytes, the date left out."""
    return version_hash(article.headline_hash, article.body_hash, bytes(4))


def version_hash(headline: bytes, body: bytes, date: bytes) -> bytes:
    """The hash behind ``version_key``, from the fields' own hashes (4 bytes each)."""
    return _hash(headline + body + date, 4)


def article_text(article: bytes) -> str:
    """A binary article id as events show it: 16 characters of lower-case base32."""
    return base64.b32encode(article).decode().lower()


def article_bytes(text: str) -> bytes:
    """The binary id of an ``articleId``. Raises ValueError when it is none."""
    raw = base64.b32decode(text.upper())
    if len(raw) != ARTICLE_BYTES:
        raise ValueError(f"not an articleId: {text!r}")
    return raw


def _hash(data: bytes, size: int) -> bytes:
    return blake2b(data, digest_size=size).digest()
