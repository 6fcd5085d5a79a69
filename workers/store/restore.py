"""Brings back what a Redis has forgotten: blocking calls, for a rollback's healing and a rebuild."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from workers.model import Pause
from workers.store.address import Address
from workers.store.client import Arg, SyncClient
from workers.store.forms import pack_memory, unpack_memory, version_of
from workers.store.keys import Keys
from workers.store.pauses import encode_pause

MAX_ROWS = 500


class Restorer:
    """Writes article records, feeds' memories and trim marks. Only adds, and never lowers a revision.

    Args:
        marker: the dataset's marker.
        fresh: the marker may still be missing (a rebuild sets it last).
        window_ms: the dedupe window.

    Every method raises StoreError or StateRegressedError.
    """

    def __init__(
        self, address: Address, keys: Keys, *, marker: str, fresh: bool, window_ms: int
    ) -> None:
        self.keys = keys
        self._client = SyncClient(address)
        self._marker = marker
        self._fresh = "1" if fresh else "0"
        self._window_ms = window_ms

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def records(self, rows: Iterable[tuple[bytes, bytes]]) -> int:
        """Restore records and aliases, given as (binary id, packed record). Returns how many were new."""
        by_shard: dict[int, list[tuple[bytes, bytes]]] = {}
        for row in rows:
            by_shard.setdefault(self.keys.article_shard(row[0]), []).append(row)
        return sum(
            self._records(shard, chosen[n : n + MAX_ROWS])
            for shard, chosen in by_shard.items()
            for n in range(0, len(chosen), MAX_ROWS)
        )

    def _records(self, shard: int, rows: Sequence[tuple[bytes, bytes]]) -> int:
        buckets: dict[str, int] = {}
        args: list[Arg] = []
        for article, record in rows:
            bucket, field = self.keys.bucket(article)
            args += [buckets.setdefault(bucket, len(buckets) + 1), field, record]
        keys = [self.keys.key(shard, "meta"), *buckets]
        head: list[Arg] = [self._marker, self._fresh, 2 * self._window_ms, len(rows)]
        return int(self._client.script("restore", keys, head + args))

    def withdrawn(self, rows: Iterable[tuple[bytes, bytes]]) -> None:
        """Remember for good that these articles were taken back, given as (binary id, packed record)."""
        for article, record in rows:
            bucket, field = self.keys.bucket(article)
            gone = self.keys.key(self.keys.article_shard(article), "gone")
            self._client.command("HSET", gone, bucket[-4:].encode() + field, record)

    def memories(self, feed_ids: Sequence[str]) -> list[bytes]:
        """The packed memories of feeds, empty where there is none."""
        stored = (self._client.command("GET", self._memory(f)) for f in feed_ids)
        return [unpack_memory(bytes(raw or b"")) for raw in stored]

    def set_memories(self, memories: Mapping[str, bytes]) -> None:
        """Write feeds' memories. They live for the window unless the feed is, or comes to be, listed."""
        version = version_of(self._marker)
        for feed_id, plain in memories.items():
            name, memory = self._memory(feed_id), pack_memory(plain, version)
            shard = self.keys.feed_shard(feed_id)
            if self._client.command("EXISTS", self.keys.key(shard, f"c:{feed_id}")):
                self._client.command("SET", name, memory)
            else:
                self._client.command("SET", name, memory, "PX", self._window_ms)

    def set_pauses(self, pauses: Mapping[str, Pause]) -> None:
        """Pause feeds that are not listed: Redis knows better of those that are. A pause lives for the
        window unless its feed comes to be listed."""
        for feed_id, pause in pauses.items():
            shard = self.keys.feed_shard(feed_id)
            if not self._client.command("EXISTS", self.keys.key(shard, f"c:{feed_id}")):
                name = self.keys.key(shard, f"p:{feed_id}")
                self._client.command("SET", name, encode_pause(pause), "PX", self._window_ms)

    def _memory(self, feed_id: str) -> str:
        return self.keys.key(self.keys.feed_shard(feed_id), f"m:{feed_id}")

    def close_shards(self, ttl_ms: int) -> None:
        """Let no article into any shard for so long."""
        for shard in range(self.keys.shards):
            self._client.command("SET", self.keys.key(shard, "healing"), "1", "PX", ttl_ms)

    def open_shards(self) -> None:
        """Let articles in again."""
        for shard in range(self.keys.shards):
            self._client.command("DEL", self.keys.key(shard, "healing"))

    def lease(self, name: str, token: str, ttl_ms: int) -> bool:
        """Take or renew one of the instance's leases; False while another holds it."""
        return int(self._client.script("lease", [self.keys.list_key(name)], [token, ttl_ms])) == 1

    def unlease(self, name: str, token: str) -> None:
        """Give a lease back if it is ours."""
        self._client.script("unlease", [self.keys.list_key(name)], [token])

    def markers(self) -> list[str]:
        """The marker text of every shard, empty where there is none."""
        raw = [
            self._client.command("GET", self.keys.key(s, "meta")) for s in range(self.keys.shards)
        ]
        return [bytes(r or b"").decode() for r in raw]

    def settle(self, shard: int, sequence: int, ce_id: str) -> None:
        """Set a shard's trim mark to what Kafka says is published."""
        keys = [self.keys.key(shard, n) for n in ("meta", "out", "ob")]
        self._client.script("settle", keys, [self._marker, self._fresh, sequence, ce_id])

    def set_horizon(self, before_ms: int) -> None:
        """Remember for the window that entries dated before this may have been announced."""
        self._client.command("SET", self.keys.list_key("rebuilt"), before_ms, "PX", self._window_ms)

    def set_markers(self) -> None:
        """Write the marker where there is none: from then on workers use what is here."""
        for shard in range(self.keys.shards):
            self._client.script("init", [self.keys.key(shard, "meta")], [self._marker, "1"])
