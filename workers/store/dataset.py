"""The marker of a dataset: which state this Redis holds, so that an emptied or foreign one is noticed."""

from __future__ import annotations

import secrets
from collections.abc import Mapping

import msgspec

from workers.errors import ConfigError, StateRegressedError
from workers.model import FORMAT_VERSION
from workers.store.store import Store

REMEDY = (
    "Restore Redis from its append-only file or a backup, or run 'newswire rebuild' to fill it from the "
    "articles topic, or 'newswire run --start-empty' to begin anew (what feeds still show is announced again)."
)


class Marker(msgspec.Struct, frozen=True):
    """What stands in every shard's ``meta`` key."""

    dataset: str
    version: int
    shards: int
    prefix: str


def dumps(marker: Marker) -> str:
    """The exact text that scripts compare."""
    return msgspec.json.encode(marker).decode()


def new_marker(shards: int, prefix: str) -> Marker:
    """The marker of a dataset that begins now."""
    return Marker(secrets.token_hex(8), FORMAT_VERSION, shards, prefix)


async def read_markers(store: Store) -> list[str]:
    """The marker text of every shard, empty where there is none."""
    raw = [
        await store.client.command("GET", store.keys.key(s, "meta"))
        for s in range(store.keys.shards)
    ]
    return [bytes(r or b"").decode() for r in raw]


async def open_dataset(
    store: Store, prefix: str, published: Mapping[int, str], *, start_empty: bool = False
) -> Marker:
    """Find or begin the dataset, and set ``store.marker``.

    Args:
        published: the dataset of the last published position by shard, as Kafka remembers it.
        start_empty: begin a new dataset in an empty Redis although Kafka remembers another.

    Raises:
        ConfigError: a setting disagrees with what is stored.
        StateRegressedError: Kafka remembers a dataset that this Redis does not hold.
    """
    found = await read_markers(store)
    first = next((m for m in found if m), "")
    marker = (
        msgspec.json.decode(first, type=Marker) if first else new_marker(store.keys.shards, prefix)
    )
    _check(marker, store, prefix)
    for shard, text in enumerate(found):
        known = published.get(shard, "")
        if known and known != marker.dataset and not start_empty and not text:
            raise StateRegressedError(
                f"Redis is empty, but Kafka remembers dataset {known}. {REMEDY}"
            )
        if known == marker.dataset and not text:
            raise StateRegressedError(f"Redis lost shard {shard} of dataset {known}. {REMEDY}")
    for shard in range(store.keys.shards):
        reply = await store.client.script(
            "init", [store.keys.key(shard, "meta")], [dumps(marker), "1"]
        )
        marker = msgspec.json.decode(reply, type=Marker) if shard == 0 else marker
        if bytes(reply).decode() != dumps(marker):
            raise ConfigError(
                f"Redis holds more than one dataset under instance {store.keys.instance!r} "
                f"(shard {shard} differs). Give each environment its own NEWSWIRE_INSTANCE."
            )
    store.marker = dumps(marker)
    return marker


def _check(marker: Marker, store: Store, prefix: str) -> None:
    if marker.version > FORMAT_VERSION:
        raise ConfigError(
            f"Redis holds state of version {marker.version}; this release knows {FORMAT_VERSION}. "
            "Run a newer release."
        )
    if marker.shards != store.keys.shards:
        raise ConfigError(
            f"NEWSWIRE_SHARDS is {store.keys.shards}, but this instance was started with {marker.shards} "
            f"shards, which is fixed from then on. Set NEWSWIRE_SHARDS={marker.shards}."
        )
    if marker.prefix != prefix:
        raise ConfigError(
            f"NEWSWIRE_TOPIC_PREFIX is {prefix!r}, but this instance publishes to {marker.prefix!r}. "
            f"Set it back, or use another NEWSWIRE_INSTANCE for the other topics."
        )
