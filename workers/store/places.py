"""Places in a host's line, for many feeds at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from workers.model import Claim
from workers.store.client import Arg
from workers.store.store import PLACED_MS, HostRules, Store


class Places(NamedTuple):
    """Places in a line: ms from now to the first, ms between two, and for how many ms the host is left
    alone by all."""

    first_ms: int
    pace_ms: float
    rest_ms: int


async def take_places(store: Store, host: str, count: int, rules: HostRules) -> Places:
    """Take so many places at the end of a host's line, one after the other.

    Raises:
        StoreError: Redis cannot be used now.
    """
    args: list[Arg] = [count, rules.gap_ms, rules.most, rules.ttl_ms]
    first, pace, rest = await store.client.script("places", store.keys.host(host)[:1], args)
    return Places(int(first), float(pace), int(rest))


async def release_placed(store: Store, shard: int, claims: Sequence[tuple[Claim, int]]) -> int:
    """Hand claims of one shard back, each with when its place comes. Returns how many were still ours.

    Raises:
        StoreError, StateRegressedError: Redis cannot be used now, or is another.
    """
    args: list[Arg] = [store.marker]
    for claim, due_ms in claims:
        args += [claim.feed_id, claim.token, due_ms + PLACED_MS]
    keys = [store.keys.key(shard, n) for n in ("meta", "due", "claims")]
    return int(await store.client.script("release", keys, args))
