"""What a perfect worker would have published of a world; for tests of the judge, which spoil it."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable

from tests.support.topic import Record
from tests.support.world_documents import SITE, article_text
from tests.support.world_model import Expected, World, WorldArticle


def perfect(world: World, expected: Iterable[Expected]) -> list[Record]:
    """One record for each revision of each article, on partition 0."""
    records: list[Record] = []
    for wanted in expected:
        number = int(wanted.key.rpartition("k")[2].replace("m", "-"))
        article = world.article(wanted.feed, number)
        for revision in range(1, wanted.last_revision + 1):
            shown_ms = wanted.shown_ms[revision - 1]
            records.append(event(article, revision, offset=len(records), at_ms=shown_ms + 500))
    return records


def event(article: WorldArticle, revision: int, *, offset: int, at_ms: int) -> Record:
    """The event of one revision, published at ``at_ms``."""
    headline, paragraphs = article_text(article, revision)
    digest = hashlib.sha256(article.key.encode()).digest()
    ident = base64.b32encode(digest[:10]).decode().lower()
    value = {
        "articleId": ident,
        "revision": revision,
        "contentHash": f"{revision:016x}",
        "headline": headline,
        "articleBody": "\n\n".join(paragraphs),
        "firstSeen": "2026-03-01T07:30:00.000Z",
        "bodyScope": "full",
        "isPartOf": {"feedId": f"f{article.feed}"},
        "url": f"{SITE}{article.feed}/{article.key}",
    }
    headers = {
        "content-type": "application/json",
        "ce_specversion": "1.0",
        "ce_id": f"{ident}-{revision}-{revision:08x}",
        "ce_type": f"news.article.{'created' if revision == 1 else 'updated'}",
        "ce_source": f"/newswire/judged/feeds/f{article.feed}",
        "ce_subject": ident,
        "ce_time": "2026-03-01T07:30:00.000Z",
        "ce_dataschema": "urn:newswire:article:v1",
    }
    return Record("articles", 0, offset, ident, headers, value, at_ms)
