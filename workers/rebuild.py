"""``newswire rebuild``: fills an emptied Redis from the articles topic, so that nothing is announced twice,
and from the feeds topic, so that paused feeds stay paused.

It only adds and never lowers a revision; it may be repeated and interrupted. Workers claim nothing while
it runs: an emptied Redis has no marker, which is written last, and one that is not empty is closed.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from typing import NamedTuple

import msgspec

from workers.errors import ConfigError, NewswireError, StateRegressedError, UnavailableError
from workers.fetcher.memory import NO_GUID, NO_URL, Memory, Remembered, pack, unpack
from workers.fetcher.records import alias
from workers.model import NEWEST_STATE, Pause
from workers.publisher.kafka_connection import KafkaConnection
from workers.publisher.kafka_reader import Batch, PositionReader, read_back
from workers.publisher.recall import DAY_MS, Recalled, recall, recall_pause
from workers.publisher.topics import Position
from workers.store.address import Address
from workers.store.dataset import Marker, check_marker, decode_marker, dumps
from workers.store.keys import Keys
from workers.store.restore import Restorer

LEASE_MS = 60_000
SAY_S = 2.0


class RebuildSettings(msgspec.Struct, frozen=True):
    """What a rebuild needs to know. Times in ms."""

    instance: str
    shards: int
    prefix: str
    window_ms: int
    settle_s: float


class Rebuilt(NamedTuple):
    """What came back: events read, article records added or raised, entries put into feeds' memories.

    ``since_ms``: the time of the topic's first record; what is dated before may have been announced.
    """

    events: int
    records: int
    entries: int
    since_ms: int


def rebuild(
    s: RebuildSettings, redis: Address, kafka: KafkaConnection, say: Callable[[str], None]
) -> Rebuilt:
    """Fill Redis from what the topic holds; ``say`` is told of the progress.

    Raises:
        ConfigError: a setting disagrees with what is stored, or nothing was ever published.
        StateRegressedError: Redis holds another dataset.
        UnavailableError: another rebuild runs; or Redis or Kafka is out of reach. Begin again.
    """
    keys = Keys(s.instance, s.shards)
    reader = PositionReader(kafka, f"{s.prefix}positions")
    positions = reader.read_all(s.instance, s.shards, s.settle_s)
    if not positions:
        raise ConfigError(
            f"Kafka remembers nothing of instance {s.instance!r} (topic {s.prefix}positions): there is "
            "nothing to rebuild. Start a worker."
        )
    marker, whole = _marker(s, redis, keys, positions)
    restorer = Restorer(redis, keys, marker=dumps(marker), fresh=True, window_ms=s.window_ms)
    token = secrets.token_hex(8)
    try:
        work = _Work(s, restorer, token, whole=whole)
        work.renew()
        rebuilt = work.read(kafka, say)
        work.restore_pauses(kafka)
        for shard, position in positions.items():
            if position.dataset == marker.dataset:
                restorer.settle(shard, position.sequence, position.ce_id)
        restorer.set_markers()
        restorer.open_shards()
        return rebuilt
    finally:
        with suppress(NewswireError):  # it runs out by itself
            restorer.unlease("rebuild", token)
        restorer.close()


def _marker(
    s: RebuildSettings, redis: Address, keys: Keys, positions: Mapping[int, Position]
) -> tuple[Marker, bool]:
    """The marker in force, else that of the dataset that Kafka remembers: workers know it again.

    Returns it, and whether every shard has it.
    """
    latest = max(positions.values(), key=lambda p: p.sequence).dataset
    looker = Restorer(redis, keys, marker="", fresh=True, window_ms=s.window_ms)
    try:
        markers = looker.markers()
        found = {m for m in markers if m}
    finally:
        looker.close()
    if len(found) > 1:
        raise ConfigError(f"Redis holds more than one dataset under instance {s.instance!r}.")
    if found:
        marker = decode_marker(found.pop())
        check_marker(marker, s.shards, s.prefix)
        if not marker.knows(latest):
            raise StateRegressedError(
                f"Redis holds dataset {marker.dataset}, but Kafka remembers {latest}: is "
                "NEWSWIRE_REDIS_URL right? Only an empty Redis can be filled."
            )
        return marker, all(markers)
    older = {p.dataset for p in positions.values()} - {latest}
    return Marker(latest, NEWEST_STATE, s.shards, s.prefix, tuple(sorted(older))), False


class _Work:
    """One run over the topic. ``whole``: no shard was emptied."""

    def __init__(self, s: RebuildSettings, restorer: Restorer, token: str, *, whole: bool) -> None:
        self._s = s
        self._whole = whole
        self._restorer = restorer
        self._token = token
        self._now_ms = int(time.time() * 1000)
        # URLs that are not their article's id; one that several articles show identifies none of them.
        self._urls: dict[bytes, bytes] = {}
        self._shared: set[bytes] = set()
        self._events = self._records = self._entries = self._since_ms = 0

    def renew(self) -> None:
        """Keep other rebuilds and all polling out."""
        if not self._restorer.lease("rebuild", self._token, LEASE_MS):
            raise UnavailableError("another rebuild of this instance runs; wait for its end")
        self._restorer.close_shards(LEASE_MS)

    def read(self, kafka: KafkaConnection, say: Callable[[str], None]) -> Rebuilt:
        """Read the whole topic."""
        said = time.monotonic()
        topic = f"{self._s.prefix}articles"
        for batch in read_back(kafka, topic, since_ms=0, settle_s=self._s.settle_s):
            self.renew()
            self._take(batch)
            if time.monotonic() - said > SAY_S:
                said = time.monotonic()
                say(f"{self._events} events read, about {batch.left} left")
        day = self._now_ms // DAY_MS
        rows = [(u, alias(day, a)) for u, a in self._urls.items() if u not in self._shared]
        self._records += self._restorer.records(rows)
        return Rebuilt(self._events, self._records, self._entries, self._since_ms)

    def restore_pauses(self, kafka: KafkaConnection) -> None:
        """Pause again what the last word on the feeds topic says is paused."""
        found: dict[str, Pause] = {}
        topic, source = f"{self._s.prefix}feeds", f"/newswire/{self._s.instance}/feeds/"
        for batch in read_back(kafka, topic, since_ms=0, settle_s=self._s.settle_s):
            self.renew()
            for r in batch.records:
                feed_id = r.key.decode("utf-8", "replace")
                if r.headers.get("ce_source") != f"{source}{feed_id}".encode():
                    continue
                found.pop(feed_id, None)
                if pause := recall_pause(r.value, r.timestamp_ms):
                    found[feed_id] = pause
        self._restorer.set_pauses(found)

    def _take(self, batch: Batch) -> None:
        recalled = []
        for r in batch.records:
            one = recall(r.value, r.headers, r.timestamp_ms, self._s.instance, self._now_ms)
            if one is not None:
                recalled.append(one)
        if not recalled:
            return
        first = min(one.at_ms for one in recalled)
        self._since_ms = min(self._since_ms or first, first)
        self._events += len(recalled)
        self._records += self._restorer.records(
            (one.article, one.record.pack()) for one in recalled
        )
        self._restorer.withdrawn(
            (one.article, one.record.pack()) for one in recalled if one.record.withdrawn
        )
        self._note_urls(recalled)
        self._remember([one for one in recalled if not one.record.withdrawn])
        # Where nothing is missing, feeds know themselves what they have shown, and what they show late is
        # news. Not at the end: a run that follows one that was interrupted finds less missing.
        if not self._whole or self._records or self._entries:
            self._restorer.set_horizon(self._since_ms)

    def _note_urls(self, recalled: Iterable[Recalled]) -> None:
        for one in recalled:
            if one.alias != NO_URL and self._urls.setdefault(one.alias, one.article) != one.article:
                self._shared.add(one.alias)

    def _remember(self, recalled: Iterable[Recalled]) -> None:
        by_feed: dict[str, list[Recalled]] = {}
        for one in recalled:
            by_feed.setdefault(one.feed_id, []).append(one)
        feeds = list(by_feed)
        memories: dict[str, bytes] = {}
        for feed, raw in zip(feeds, self._restorer.memories(feeds), strict=True):
            memory = unpack(raw)
            self._entries += sum(merge(memory, one) for one in by_feed[feed])
            memories[feed] = pack(memory.entries, memory.learned)
        self._restorer.set_memories(memories)


def merge(memory: Memory, one: Recalled) -> bool:
    """Put what was published into a feed's memory; True when the entry was not there.

    A guid or URL that goes by two articles identifies neither. What the feed itself has shown since is
    left as it is.
    """
    new = one.entry
    known = memory.by_article.get(one.article)
    if known is not None:
        if new.edited_min > known.edited_min:
            known.headline, known.body, known.date = new.headline, new.body, new.date
            known.edited_min = new.edited_min
        return False
    _part(memory, new)
    memory.add(new)
    return True


def _part(memory: Memory, new: Remembered) -> None:
    other = memory.by_guid.get(new.guid) if new.guid != NO_GUID else None
    if other is not None:
        other.guid = new.guid = NO_GUID
    other = memory.by_url.get(new.url) if new.url != NO_URL else None
    if other is not None:
        other.url = new.url = NO_URL
