"""Articles that were taken back: one script an article, in the article's own shard, once for good."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import Literal, cast

import msgspec

from workers.model import OutboxEvent
from workers.store.client import Arg
from workers.store.store import Store, event_args

PAGE = 200
Outcome = Literal["withdrawn", "withdrawn_before", "contended"]
_OUTCOMES: dict[int, Outcome] = {1: "withdrawn", 0: "withdrawn_before", -1: "contended"}


class Waiting(msgspec.Struct, frozen=True):
    """An unpublished article event in the outbox. ``source`` is its ``ce_source``."""

    sequence: int
    article: str
    ce_id: str
    source: str


def gone_field(store: Store, article: bytes) -> bytes:
    """The name of an article in its shard's ``gone``: its bucket's, and its field there."""
    bucket, field = store.keys.bucket(article)
    return bucket[-4:].encode() + field


async def withdraw(
    store: Store,
    article: bytes,
    *,
    expected: bytes,
    new: bytes,
    event: OutboxEvent | None,
    unpublished: Sequence[int],
    window_ms: int,
) -> Outcome:
    """Take an article back: its record, its unpublished events (sequences), and the event that says so.

    Safe to repeat. ``contended``: the record is not ``expected``, and nothing was changed.

    Raises:
        StoreError, StateRegressedError: ask again; it happens once.
    """
    shard = store.keys.article_shard(article)
    bucket, field = store.keys.bucket(article)
    keys = [*(store.keys.key(shard, n) for n in ("meta", "out", "ob", "gone")), bucket]
    args: list[Arg] = [store.marker, 2 * window_ms, field, expected, new, *event_args(event)]
    reply = await store.client.script("withdraw", keys, [*args, *unpublished])
    return _OUTCOMES[cast(int, reply)]


async def withdrawn(store: Store, articles: Sequence[bytes]) -> list[bool]:
    """Which of these articles were taken back."""
    return [
        bool(
            await store.client.command(
                "HEXISTS",
                store.keys.key(store.keys.article_shard(article), "gone"),
                gone_field(store, article),
            )
        )
        for article in articles
    ]


async def waiting(
    store: Store, shards: Collection[int], chosen: Collection[str] | None = None
) -> list[Waiting]:
    """Article events in the outboxes of these shards that are not published, of all or of chosen ids."""
    found: list[Waiting] = []
    for shard in sorted(shards):
        counters, out = store.keys.key(shard, "ob"), store.keys.key(shard, "out")
        after = int(await store.client.command("HGET", counters, "pub") or 0)
        while rows := await store.client.command("XRANGE", out, f"({after}-0", "+", "COUNT", PAGE):
            for row_id, fields in rows:
                after = int(bytes(row_id).split(b"-")[0])
                raw = (
                    fields.items()
                    if isinstance(fields, dict)
                    else zip(fields[::2], fields[1::2], strict=True)
                )
                pairs = {bytes(k): bytes(v) for k, v in raw}
                article = pairs[b"k"].decode()
                if pairs[b"t"] != b"articles" or (chosen is not None and article not in chosen):
                    continue
                headers = dict(msgspec.msgpack.decode(pairs[b"h"]))
                ce_id, source = (
                    bytes(headers.get(n, b"")).decode() for n in ("ce_id", "ce_source")
                )
                found.append(Waiting(after, article, ce_id, source))
    return found
