"""The write of a dead letter's replay: once for each letter and shard."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, cast

from workers.store.client import Arg
from workers.store.store import Admission, Store, event_args

KEEP_MS = 14 * 86_400_000
"""How long a replay is remembered: twice as long as the dead letters themselves."""

Outcome = Literal["sent", "sent_before", "contended"]
_OUTCOMES: dict[int, Outcome] = {1: "sent", 0: "sent_before", -1: "contended"}


async def replay(
    store: Store, shard: int, letter: str, items: Sequence[Admission], window_ms: int
) -> Outcome:
    """Send the events of one dead letter that fall into one shard, marked with the letter's offset.

    An item whose ``new`` record is empty is an event alone. ``contended``: a record was not the expected
    one, and nothing was changed.

    Raises:
        StoreError, StateRegressedError: nothing was changed, or it is marked and will not go out again.
    """
    buckets: dict[str, int] = {}
    args: list[Arg] = []
    for item in items:
        bucket, field = store.keys.bucket(item.article)
        args += [buckets.setdefault(bucket, len(buckets) + 1), field, item.expected, item.new]
        args += event_args(item.event)
    keys = [store.keys.key(shard, n) for n in ("meta", "out", "ob", "replayed")]
    head: list[Arg] = [store.marker, letter, KEEP_MS, 2 * window_ms, len(items)]
    reply = await store.client.script("replay", [*keys, *buckets], head + args)
    return _OUTCOMES[cast(int, reply)]
