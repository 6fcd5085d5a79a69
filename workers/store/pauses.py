"""Pauses of feeds: the operator's word, which stands above the feed list's and every poll's."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, NamedTuple

import msgspec

from workers.model import FeedConfig, FeedState, OutboxEvent, Pause
from workers.store.client import Arg
from workers.store.forms import pack_state, version_of
from workers.store.scheduled import claimed
from workers.store.store import NEVER_MS, Store, event_args, unpack_feed

_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Pause)
_TURNS: dict[int, Literal["due", "under_way", "never"]] = {1: "due", 0: "under_way", -1: "never"}


class Held(NamedTuple):
    """All that is known of a feed, with the bytes that a change of it expects.

    ``due_ms``: when it is due, while it is ``claimed`` when the claim ends; ``NEVER_MS`` when it is paused
    or disabled.
    """

    config: FeedConfig
    state: FeedState
    pause: Pause | None
    due_ms: int
    claimed: bool
    raw: tuple[bytes, bytes, bytes]


async def held(store: Store, feed_id: str) -> Held | None:
    """One feed, or None when it is not listed."""
    shard = store.keys.feed_shard(feed_id)
    names = [store.keys.key(shard, f"{kind}:{feed_id}") for kind in ("c", "f", "p")]
    raw = tuple(bytes(r or b"") for r in await store.client.command("MGET", *names))
    due = await store.client.command("ZSCORE", store.keys.key(shard, "due"), feed_id)
    config, state, pause = raw
    if not config or due is None:
        return None
    return Held(
        *unpack_feed(feed_id, config, state),
        decode_pause(pause),
        int(float(due)),
        await claimed(store, feed_id),
        (config, state, pause),
    )


async def turn(
    store: Store, before: Held, state: FeedState, pause: Pause | None, event: OutboxEvent
) -> bool:
    """Pause a feed, or resume it (``pause`` None: due now), with the ``event`` that says so.

    A poll of it that runs is fenced. False when the feed is no more as it was ``before``: look again.
    """
    feed_id, shard = before.config.id, store.keys.feed_shard(before.config.id)
    names = ("meta", "due", "claims", f"c:{feed_id}", f"f:{feed_id}", f"p:{feed_id}", "out", "ob")
    never = pause is not None or not before.config.enabled
    packed = pack_state(state, version_of(store.marker), before.config.url)
    args: list[Arg] = [store.marker, feed_id, *before.raw, packed]
    args += [encode_pause(pause) if pause else b"", NEVER_MS if never else "", *event_args(event)]
    keys = [store.keys.key(shard, name) for name in names]
    return int(await store.client.script("turn_feed", keys, args)) == 1


async def poll_now(store: Store, feed_id: str) -> Literal["due", "under_way", "never"]:
    """Make a feed due now; ``under_way``: a worker holds its claim, ``never``: it is not to be polled."""
    shard = store.keys.feed_shard(feed_id)
    keys = [store.keys.key(shard, name) for name in ("meta", "due", "claims")]
    return _TURNS[int(await store.client.script("poll_now", keys, [store.marker, feed_id]))]


async def pauses(
    store: Store, feeds: Sequence[tuple[FeedConfig, FeedState, int]]
) -> dict[str, Pause]:
    """Which of these feeds, all of one shard and each with when it is due, are paused."""
    feed_ids = [config.id for config, _, due_ms in feeds if due_ms >= NEVER_MS]
    if not feed_ids:
        return {}
    shard = store.keys.feed_shard(feed_ids[0])
    names = [store.keys.key(shard, f"p:{i}") for i in feed_ids]
    found = zip(feed_ids, await store.client.command("MGET", *names), strict=True)
    return {feed_id: _decoder.decode(raw) for feed_id, raw in found if raw}


def encode_pause(pause: Pause) -> bytes:
    """A pause in its stored form."""
    return _encoder.encode(pause)


def decode_pause(raw: bytes) -> Pause | None:
    """A pause from its stored form, None where there is none."""
    return _decoder.decode(raw) if raw else None
