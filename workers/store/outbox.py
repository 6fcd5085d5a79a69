"""One shard's outbox, as its publisher sees it: blocking calls on a connection of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from workers.model import OutboxEvent
from workers.store.address import Address
from workers.store.client import Arg, SyncClient
from workers.store.keys import Keys

_headers_decoder = msgspec.msgpack.Decoder(tuple[tuple[str, bytes], ...])


class Entry(NamedTuple):
    """One unpublished event. ``total`` is the cumulative size of the outbox up to it, in bytes."""

    sequence: int
    total: int
    event: OutboxEvent

    @property
    def ce_id(self) -> str:
        """The event's CloudEvents id, empty for a tombstone without one."""
        return dict(self.event.headers).get("ce_id", b"").decode()


class Trimmed(NamedTuple):
    """How far the outbox was trimmed: nothing at or below ``sequence`` but that entry itself is left."""

    sequence: int
    ce_id: str


class ShardOutbox:
    """The outbox of one shard. Every method raises StoreError or StateRegressedError."""

    def __init__(self, address: Address, keys: Keys, shard: int, marker: str) -> None:
        self._client = SyncClient(address)
        self._marker = marker
        self._meta, self._out, self._counters, self._lease, self._healing = (
            keys.key(shard, n) for n in ("meta", "out", "ob", "lease", "healing")
        )

    def close(self) -> None:
        """Close the connection."""
        self._client.close()

    def acquire(self, token: str, ttl_ms: int) -> bool:
        """Take or renew the shard's lease."""
        return int(self._client.script("lease", [self._lease], [token, ttl_ms])) == 1

    def give_up(self, token: str) -> None:
        """Give the lease back if it is ours."""
        self._client.script("unlease", [self._lease], [token])

    def holder(self) -> str:
        """The token of whoever has the lease, empty when nobody has."""
        return bytes(self._client.command("GET", self._lease) or b"").decode()

    def run(self) -> str:
        """Which run of Redis this is. Raises StateRegressedError when it does not hold our dataset."""
        return self._compare()[0]

    def unchanged_since(self, sequence: int, run: str, *, opened: bool) -> bool:
        """True while all is as this publisher left it: trimmed to ``sequence``, and ``opened`` in this run.

        Raises StateRegressedError when it does not hold our dataset.
        """
        now, opened_in, trimmed = self._compare()
        return now == run and trimmed == sequence and (opened_in == run or not opened)

    def _compare(self) -> tuple[str, str, int]:
        keys = [self._meta, self._counters]
        now, opened, pub = self._client.script("compare", keys, [self._marker])
        return bytes(now).decode(), bytes(opened).decode(), int(pub)

    def close_shard(self, ttl_ms: int) -> None:
        """Let no article in for so long: the shard's past is being restored."""
        self._client.command("SET", self._healing, "1", "PX", ttl_ms)

    def open_shard(self, run: str) -> bool:
        """Let articles in: all is as Kafka remembers it. False when Redis was restarted since ``run``."""
        keys = [self._meta, self._counters, self._healing]
        return int(self._client.script("verified", keys, [self._marker, run])) == 1

    def renew_durably(
        self, token: str, ttl_ms: int, replicas: int, timeout_ms: int
    ) -> tuple[bool, bool]:
        """Renew the lease and wait for the disk. Returns (lease held, all that was written is durable)."""
        held, local, copies = self._client.renew_durably(
            self._lease, token, ttl_ms, replicas, timeout_ms
        )
        return held, local >= 1 and copies >= replicas

    def wait(self, after: int, timeout_ms: int) -> bool:
        """Block until an entry behind ``after`` may be there, at most ``timeout_ms``."""
        args: list[Arg] = [
            "XREAD",
            "COUNT",
            1,
            "BLOCK",
            timeout_ms,
            "STREAMS",
            self._out,
            f"{after}-0",
        ]
        return bool(self._client.command(*args))

    def read(self, after: int, count: int, max_bytes: int) -> list[Entry]:
        """The next entries behind ``after``, in order: one to ``count``, about ``max_bytes``."""
        rows = self._client.command("XRANGE", self._out, f"({after}-0", "+", "COUNT", count)
        entries: list[Entry] = []
        size = 0
        for row_id, fields in rows:
            entry = _entry(row_id, fields)
            size += len(entry.event.value)
            if entries and size > max_bytes:
                break
            entries.append(entry)
        return entries

    def at(self, sequence: int) -> Entry | None:
        """The entry with exactly this sequence, if it is still there."""
        rows = self._client.command("XRANGE", self._out, f"{sequence}-0", f"{sequence}-0")
        return _entry(*rows[0]) if rows else None

    def trimmed(self) -> Trimmed:
        """How far the outbox says that it was published and trimmed (0 and '' when never)."""
        pub, pubid = self._client.command("HMGET", self._counters, "pub", "pubid")
        return Trimmed(int(pub or 0), bytes(pubid or b"").decode())

    def trim(self, sequence: int, total: int, ce_id: str) -> None:
        """Trim what is published, keeping the entry at ``sequence``. Safe to repeat."""
        keys = [self._meta, self._out, self._counters]
        self._client.script("trim", keys, [self._marker, sequence, total, ce_id])

    def requeue(self, floor: int, sequences: Sequence[int]) -> int:
        """Append unpublished entries anew, in this order, above ``floor``. Returns how many."""
        keys = [self._meta, self._out, self._counters]
        ids = [f"{s}-0" for s in sequences]
        return int(self._client.script("requeue", keys, [self._marker, floor, *ids]))

    def drop(self, sequences: Sequence[int]) -> int:
        """Remove entries that are published already. Returns how many there were."""
        return int(self._client.command("XDEL", self._out, *(f"{s}-0" for s in sequences)))

    def settle(self, sequence: int, ce_id: str) -> None:
        """Set the trim mark to what Kafka says is published."""
        keys = [self._meta, self._out, self._counters]
        self._client.script("settle", keys, [self._marker, "0", sequence, ce_id])


def _entry(row_id: Any, fields: Any) -> Entry:
    pairs = (
        fields if isinstance(fields, dict) else dict(zip(fields[::2], fields[1::2], strict=True))
    )
    event = OutboxEvent(
        topic=bytes(pairs[b"t"]).decode(),
        key=bytes(pairs[b"k"]),
        value=bytes(pairs[b"v"]),
        headers=_headers_decoder.decode(pairs[b"h"]),
    )
    return Entry(int(bytes(row_id).split(b"-")[0]), int(pairs[b"b"]), event)
