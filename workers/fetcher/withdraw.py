"""Taking articles back: asked for by the operator, or by a feed about its own (``at:deleted-entry``)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence, Set
from typing import Literal, NamedTuple

from schemas.events import TYPE_WITHDRAWN, WithdrawnEvent, encode
from workers.clock import rfc3339
from workers.cloudevents import headers
from workers.errors import StoreError
from workers.fetcher.identity import article_text, guid_key, owner_key
from workers.fetcher.memory import Memory
from workers.fetcher.records import ArticleRecord, unpack, withdrawn_record
from workers.model import Claim, OutboxEvent
from workers.store.store import Store
from workers.store.withdrawals import waiting, withdraw

Reason = Literal["forgotten", "deleted_by_feed"]
ATTEMPTS = 5
DAY_MS = 86_400_000
MAX_REVISION = 65_535


class Target(NamedTuple):
    """An article to take back. ``feed_id`` announced it; ``revision`` is the last that is known of."""

    article: bytes
    feed_id: str
    revision: int = 0


def withdrawn_event(
    instance: str, target: Target, revision: int, reason: Reason, now_ms: int
) -> OutboxEvent:
    """The event that takes an article back: without its text, in order behind its revisions."""
    text_id = article_text(target.article)
    value = WithdrawnEvent(
        article_id=text_id, revision=revision, withdrawn_at=rfc3339(now_ms), reason=reason
    )
    ce = headers(
        instance,
        target.feed_id,
        id=f"{text_id}-{revision}-withdrawn",
        type=TYPE_WITHDRAWN,
        subject=text_id,
        time_ms=now_ms,
        schema="article-withdrawn",
    )
    return OutboxEvent("articles", text_id.encode(), encode(value), ce)


async def take_back(
    store: Store,
    instance: str,
    targets: Sequence[Target],
    reason: Reason,
    *,
    now_ms: int,
    window_ms: int,
) -> list[Target]:
    """Take articles back, each once for good. Returns those that were not taken back before.

    Raises:
        StoreError, StateRegressedError: ask again; what was taken back is not taken back twice.
    """
    done: list[Target] = []
    pending = list(targets)
    for _ in range(ATTEMPTS):
        raws = await store.records([t.article for t in pending])
        shards = {store.keys.article_shard(t.article) for t in pending}
        chosen = {article_text(t.article) for t in pending}
        unpublished = await waiting(store, shards, chosen) if pending else []
        contended = []
        for target, raw in zip(pending, raws, strict=True):
            text_id = article_text(target.article)
            rows = [w for w in unpublished if w.article == text_id]
            old = unpack(raw)
            known = old.revision if isinstance(old, ArticleRecord) else 0
            last = max(known, target.revision, *(revision_of(w.ce_id) for w in rows), 0)
            revision = min(last + 1, MAX_REVISION)
            event = withdrawn_event(instance, target, revision, reason, now_ms) if last else None
            outcome = await withdraw(
                store,
                target.article,
                expected=raw,
                new=withdrawn_record(now_ms // DAY_MS, revision).pack(),
                event=event,
                unpublished=[w.sequence for w in rows],
                window_ms=window_ms,
            )
            if outcome == "contended":
                contended.append(target)
            elif outcome == "withdrawn":
                done.append(target)
        pending = contended
        if not pending:
            return done
    raise StoreError(f"{len(pending)} articles are contended; take them back again", "contended")


def revision_of(ce_id: str) -> int:
    """The revision that an article event's id names."""
    parts = ce_id.rsplit("-", 2)
    return int(parts[1]) if len(parts) == 3 and parts[1].isdigit() else 0


async def deleted_by_feed(
    store: Store,
    instance: str,
    claim: Claim,
    memory: Memory,
    deleted: Sequence[str],
    listed: Set[bytes],
    *,
    now_ms: int,
    window_ms: int,
) -> int:
    """Take back what the document says was deleted: entries that this feed has shown, lists no more, and
    whose articles it owns. Returns how many.

    ``deleted`` are guids; ``listed`` are the keys of those that the document lists all the same.

    Raises:
        StoreError, StateRegressedError: the document is read again, and finds what is left to do.
    """
    articles = _remembered(memory, (guid_key(ref) for ref in deleted), listed)
    if not articles:
        return 0
    owner = owner_key(claim.feed_id)
    records = [unpack(raw) for raw in await store.records(articles)]
    targets = [
        Target(article, claim.feed_id)
        for article, record in zip(articles, records, strict=True)
        if isinstance(record, ArticleRecord) and record.owner == owner
    ]
    done = await take_back(
        store, instance, targets, "deleted_by_feed", now_ms=now_ms, window_ms=window_ms
    )
    await store.outlast([target.article for target in targets], claim)
    return len(done)


def _remembered(memory: Memory, guids: Iterable[bytes], listed: Set[bytes]) -> list[bytes]:
    found = (memory.by_guid.get(guid) for guid in guids if guid not in listed)
    return list(dict.fromkeys(entry.article for entry in found if entry and not entry.foreign))
