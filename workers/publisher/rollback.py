"""Heals a shard whose Redis was rolled back: what Kafka remembers is brought back first."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import NamedTuple

from workers.fetcher.identity import article_text
from workers.fetcher.memory import NO_URL
from workers.publisher.kafka_connection import KafkaConnection
from workers.publisher.kafka_reader import Batch, read_back
from workers.publisher.recall import Recalled, alias_row, recall
from workers.publisher.topics import Position
from workers.store.keys import Keys
from workers.store.outbox import Entry, ShardOutbox
from workers.store.restore import Restorer

MARGIN_MS = 600_000
"""Publication times come from workers, sequences from Redis: their clocks may differ by so much."""
HEALING_MS = 60_000
PAGE = 500
PAGE_BYTES = 4 << 20
REQUEUE = 50


class Healed(NamedTuple):
    """What was done: records restored, unpublished entries removed since Kafka has them, entries kept."""

    restored: int
    removed: int
    kept: int


class _Kept(NamedTuple):
    sequence: int
    topic: str
    ce_id: str
    version: tuple[str, int] | None  # articleId and revision


def heal(  # noqa: PLR0913 - all by name, from one caller
    *,
    outbox: ShardOutbox,
    restorer: Restorer,
    kafka: KafkaConnection,
    prefix: str,
    shard: int,
    position: Position,
    settle_s: float,
    now_ms: int,
    step: Callable[[], None],
) -> Healed:
    """Bring one shard back to what Kafka says is published. Safe to repeat after an interruption.

    The caller holds the shard's lease and has fenced earlier producers. No article gets into the shard
    meanwhile. ``step`` is called between short steps, to renew the lease and to stop.

    Raises:
        StoreError, StateRegressedError, BrokerError: it must be begun again.
    """

    def renew() -> None:
        step()
        outbox.close_shard(HEALING_MS)

    renew()
    keys = restorer.keys
    waiting = list(_unpublished(outbox, renew))
    known = outbox.trimmed().sequence
    since_ms = max(0, known // 1000 - MARGIN_MS)
    ids: set[str] = set()
    versions: set[tuple[str, int]] = set()
    wanted_ids = {w.ce_id for w in waiting if w.ce_id}
    wanted_versions = {w.version for w in waiting if w.version}
    restored = 0
    for topic in sorted({"articles", *(w.topic for w in waiting)}):
        for batch in _tail(kafka, prefix + topic, since_ms, settle_s):
            renew()
            for record in batch.records:
                ids.update({record.headers.get("ce_id", b"").decode()} & wanted_ids)
            if topic == "articles":
                recalled = _recalled(batch, keys.instance, now_ms)
                versions.update({_version_of(r) for r in recalled} & wanted_versions)
                restored += restorer.records(_rows(recalled, keys, shard))
                ours = [r for r in recalled if keys.article_shard(r.article) == shard]
                restorer.withdrawn((r.article, r.record.pack()) for r in ours if r.record.withdrawn)
    published = [w for w in waiting if _is_published(w, position, ids, versions)]
    gone = {w.sequence for w in published}
    kept = [w for w in waiting if w.sequence not in gone]
    for n in range(0, len(published), PAGE):
        renew()
        outbox.drop([w.sequence for w in published[n : n + PAGE]])
    if any(w.sequence <= position.sequence for w in kept):
        # Redis's clock went back as well: these would be trimmed with what is published.
        for n in range(0, len(kept), REQUEUE):
            renew()
            outbox.requeue(position.sequence, [w.sequence for w in kept[n : n + REQUEUE]])
    outbox.settle(position.sequence, position.ce_id)
    return Healed(restored, len(published), len(kept))


def _tail(kafka: KafkaConnection, topic: str, since_ms: int, settle_s: float) -> Iterator[Batch]:
    return read_back(kafka, topic, since_ms=since_ms, settle_s=settle_s)


def _unpublished(outbox: ShardOutbox, renew: Callable[[], None]) -> Iterator[_Kept]:
    after = 0
    while page := outbox.read(after, PAGE, PAGE_BYTES):
        renew()
        for entry in page:
            yield _Kept(entry.sequence, entry.event.topic, entry.ce_id, _version(entry))
        after = page[-1].sequence


def _version(entry: Entry) -> tuple[str, int] | None:
    """articleId and revision of an article's event, from its ``ce_id`` (see the contract)."""
    if entry.event.topic != "articles":
        return None
    article, revision, _ = entry.ce_id.rsplit("-", 2)
    return article, int(revision)


def _is_published(
    one: _Kept, position: Position, ids: set[str], versions: set[tuple[str, int]]
) -> bool:
    if one.ce_id in ids or one.version in versions:
        return True
    # A compacted topic forgets what it had; an old status is worth nothing beside a later one.
    return one.topic == "feeds" and one.sequence <= position.sequence


def _recalled(batch: Batch, instance: str, now_ms: int) -> list[Recalled]:
    found = (recall(r.value, r.headers, r.timestamp_ms, instance, now_ms) for r in batch.records)
    return [one for one in found if one is not None]


def _rows(recalled: list[Recalled], keys: Keys, shard: int) -> Iterator[tuple[bytes, bytes]]:
    """Records and aliases of this shard; others are healed by their own publishers."""
    for one in recalled:
        if keys.article_shard(one.article) == shard:
            yield one.article, one.record.pack()
    for one in recalled:
        if one.alias != NO_URL and keys.article_shard(one.alias) == shard:
            yield alias_row(one)


def _version_of(recalled: Recalled) -> tuple[str, int]:
    return article_text(recalled.article), recalled.record.revision
