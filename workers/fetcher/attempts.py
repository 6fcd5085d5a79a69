"""What a poll is about to announce, written down before it does.

The id of an article comes from its first link. A poll that broke off between its articles and its feed
(the worker was killed, its claim ran out) is repeated by one that knows nothing of it; where links change
with each request, that one would make other ids of the same entries, and announce them again.
"""

from __future__ import annotations

import struct
from collections import Counter
from collections.abc import Sequence

from workers.fetcher.dedupe import Identified
from workers.fetcher.identity import article_by_content, article_by_guid, text_key
from workers.fetcher.memory import Memory
from workers.fetcher.records import ArticleRecord, unpack
from workers.model import Article, Claim
from workers.store.store import Store

_ROW = struct.Struct("10s10s")  # an entry's name within its feed, and the article's id


async def as_attempted(
    store: Store, claim: Claim, memory: Memory, found: Sequence[Identified], owner: bytes
) -> list[Identified]:
    """``found`` with the ids that a poll that broke off gave; notes those of first sights for the next poll.

    Only what was admitted then counts, and says the same still: a guid may go on to the next article.
    """
    fresh = _fresh(claim.feed_id, found)
    if not fresh:
        return list(found)
    before = _unpack(await store.attempt(claim))
    other = {
        name: article
        for name, article in before.items()
        if name in fresh and article != fresh[name].article and article not in memory.by_article
    }
    raws = await store.records(list(other.values())) if other else []
    ids = {
        id(fresh[name]): article
        for (name, article), raw in zip(other.items(), raws, strict=True)
        if _admitted(raw, fresh[name].candidate.article, owner)
    }
    same = [one._replace(article=ids[id(one)]) if id(one) in ids else one for one in found]
    rows = (_ROW.pack(name, ids.get(id(one), one.article)) for name, one in fresh.items())
    await store.set_attempt(claim, b"".join(rows))
    return same


def _fresh(feed_id: str, found: Sequence[Identified]) -> dict[bytes, Identified]:
    """First sights by what else than their link names them; of two with one name, neither."""
    named = [(_name(feed_id, one), one) for one in found if one.known is None]
    times = Counter(name for name, _ in named)
    return {name: one for name, one in named if times[name] == 1}


def _name(feed_id: str, one: Identified) -> bytes:
    if one.guid_ok:
        return article_by_guid(feed_id, one.candidate.guid)
    return article_by_content(feed_id, one.candidate.article)


def _admitted(raw: bytes, article: Article, owner: bytes) -> bool:
    record = unpack(raw)
    if not isinstance(record, ArticleRecord) or record.owner != owner:
        return False
    return record.version == text_key(article) or record.content == article.content_hash[:4]


def _unpack(raw: bytes) -> dict[bytes, bytes]:
    return dict(_ROW.iter_unpack(raw)) if len(raw) % _ROW.size == 0 else {}
