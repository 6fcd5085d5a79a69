"""Heals a shard whose Redis was rolled back: what Kafka remembers is brought back first."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
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


class _Waiting(NamedTuple):
    """An entry that the outbox holds as unpublished."""

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
    waiting = list(_unpublished(outbox, renew))
    kafka_has = _InKafka(waiting)
    since_ms = max(0, outbox.trimmed().sequence // 1000 - MARGIN_MS)
    restored = 0
    for topic in sorted({"articles", *(w.topic for w in waiting)}):
        for batch in read_back(kafka, prefix + topic, since_ms=since_ms, settle_s=settle_s):
            renew()
            recalled = _recalled(topic, batch, restorer.keys.instance, now_ms)
            kafka_has.note(batch, recalled)
            restored += _restore(restorer, recalled, shard)
    published = [w for w in waiting if kafka_has.published(w, position)]
    gone = {w.sequence for w in published}
    kept = [w for w in waiting if w.sequence not in gone]
    for page in _pages(published, PAGE):
        renew()
        outbox.drop(page)
    if any(w.sequence <= position.sequence for w in kept):
        # Redis's clock went back as well: these would be trimmed with what is published.
        for page in _pages(kept, REQUEUE):
            renew()
            outbox.requeue(position.sequence, page)
    outbox.settle(position.sequence, position.ce_id)
    return Healed(restored, len(published), len(kept))


class _InKafka:
    """Which of the entries that wait in a rolled back outbox Kafka has all the same."""

    def __init__(self, waiting: Sequence[_Waiting]) -> None:
        self._wanted = {w.ce_id for w in waiting if w.ce_id}
        self._wanted_versions = {w.version for w in waiting if w.version}
        self._ids: set[str] = set()
        self._versions: set[tuple[str, int]] = set()

    def note(self, batch: Batch, recalled: Sequence[Recalled]) -> None:
        """Take note of what a topic holds."""
        for record in batch.records:
            self._ids.update({record.headers.get("ce_id", b"").decode()} & self._wanted)
        self._versions.update({_version_of(r) for r in recalled} & self._wanted_versions)

    def published(self, one: _Waiting, position: Position) -> bool:
        """True when it is there, or something that stands in its place."""
        if one.ce_id in self._ids or one.version in self._versions:
            return True
        # A compacted topic forgets what it had; an old status is worth nothing beside a later one.
        return one.topic == "feeds" and one.sequence <= position.sequence


def _restore(restorer: Restorer, recalled: Sequence[Recalled], shard: int) -> int:
    """Bring back what this shard has lost; others are healed by their own publishers. Returns how many."""
    restored = restorer.records(_rows(recalled, restorer.keys, shard))
    ours = (r for r in recalled if restorer.keys.article_shard(r.article) == shard)
    restorer.withdrawn((r.article, r.record.pack()) for r in ours if r.record.withdrawn)
    return restored


def _pages(waiting: Sequence[_Waiting], size: int) -> Iterator[list[int]]:
    """Sequences, so many at a time."""
    for n in range(0, len(waiting), size):
        yield [w.sequence for w in waiting[n : n + size]]


def _unpublished(outbox: ShardOutbox, renew: Callable[[], None]) -> Iterator[_Waiting]:
    after = 0
    while page := outbox.read(after, PAGE, PAGE_BYTES):
        renew()
        for entry in page:
            yield _Waiting(entry.sequence, entry.event.topic, entry.ce_id, _version(entry))
        after = page[-1].sequence


def _version(entry: Entry) -> tuple[str, int] | None:
    """articleId and revision of an article's event, from its ``ce_id`` (see the contract)."""
    if entry.event.topic != "articles":
        return None
    article, revision, _ = entry.ce_id.rsplit("-", 2)
    return article, int(revision)


def _recalled(topic: str, batch: Batch, instance: str, now_ms: int) -> list[Recalled]:
    """The articles that a batch tells of."""
    if topic != "articles":
        return []
    found = (recall(r.value, r.headers, r.timestamp_ms, instance, now_ms) for r in batch.records)
    return [one for one in found if one is not None]


def _rows(recalled: Sequence[Recalled], keys: Keys, shard: int) -> Iterator[tuple[bytes, bytes]]:
    """Records and aliases of this shard."""
    for one in recalled:
        if keys.article_shard(one.article) == shard:
            yield one.article, one.record.pack()
    for one in recalled:
        if one.alias != NO_URL and keys.article_shard(one.alias) == shard:
            yield alias_row(one)


def _version_of(recalled: Recalled) -> tuple[str, int]:
    return article_text(recalled.article), recalled.record.revision
