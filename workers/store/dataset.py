"""The marker of a dataset: which state this Redis holds, so that an emptied or foreign one is noticed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from workers.errors import REMEDY, ConfigError, StateRegressedError
from workers.model import FORMAT_VERSION
from workers.store.store import Store


class Marker(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands in every shard's ``meta`` key.

    ``replaces`` are datasets that Kafka may still remember: this one was begun in their place.
    """

    dataset: str
    version: int
    shards: int
    prefix: str
    replaces: tuple[str, ...] = ()

    def knows(self, dataset: str) -> bool:
        """True when a position of that dataset may be met under this marker."""
        return dataset == self.dataset or dataset in self.replaces


def dumps(marker: Marker) -> str:
    """The exact text that scripts compare."""
    return msgspec.json.encode(marker).decode()


def new_marker(shards: int, prefix: str, replaces: Iterable[str] = ()) -> Marker:
    """The marker of a dataset that begins now."""
    return Marker(
        secrets.token_hex(8), FORMAT_VERSION, shards, prefix, tuple(sorted(set(replaces)))
    )


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
    marker = find_marker(found, published, store.keys.shards, prefix, start_empty=start_empty)
    if marker is None:
        marker = new_marker(store.keys.shards, prefix, published.values())
    store.marker = await _claim_shards(store, marker)
    return decode_marker(store.marker)


def find_marker(
    found: Sequence[str],
    published: Mapping[int, str],
    shards: int,
    prefix: str,
    *,
    start_empty: bool = False,
) -> Marker | None:
    """The marker in force, or None where a dataset may begin; raises like ``open_dataset``.

    Args:
        found: the marker text of every shard, empty where there is none.
    """
    first = next((m for m in found if m), "")
    if not first:
        if published and not start_empty:
            raise StateRegressedError(
                f"Redis is empty, but Kafka remembers dataset {_names(published)}. {REMEDY}"
            )
        return None
    marker = decode_marker(first)
    check_marker(marker, shards, prefix)
    _check_published(marker, found, published)
    return marker


def decode_marker(text: str) -> Marker:
    """A marker from its text. Raises ConfigError when it is none."""
    try:
        return msgspec.json.decode(text, type=Marker)
    except msgspec.MsgspecError as error:
        raise ConfigError(
            f"Redis holds something else where this instance's marker should be: {error}"
        ) from error


def _check_published(marker: Marker, found: Sequence[str], published: Mapping[int, str]) -> None:
    for shard, dataset in published.items():
        if not marker.knows(dataset):
            raise StateRegressedError(
                f"Redis holds dataset {marker.dataset}, but Kafka remembers {dataset}: is "
                f"NEWSWIRE_REDIS_URL right? {REMEDY}"
            )
        if dataset == marker.dataset and not found[shard]:
            raise StateRegressedError(f"Redis lost shard {shard} of dataset {dataset}. {REMEDY}")


async def _claim_shards(store: Store, marker: Marker) -> str:
    """Write the marker where there is none; returns the text in force (another worker may be first)."""
    text = ""
    for shard in range(store.keys.shards):
        key = store.keys.key(shard, "meta")
        reply = bytes(await store.client.script("init", [key], [text or dumps(marker), "1"]))
        text = text or reply.decode()
        if reply.decode() != text:
            raise ConfigError(
                f"Redis holds more than one dataset under instance {store.keys.instance!r} "
                f"(shard {shard} differs). Give each environment its own NEWSWIRE_INSTANCE."
            )
    return text


def check_marker(marker: Marker, shards: int, prefix: str) -> None:
    """Raise ConfigError when the settings disagree with what was fixed at the first start."""
    if marker.version > FORMAT_VERSION:
        raise ConfigError(
            f"Redis holds state of version {marker.version}; this release knows {FORMAT_VERSION}. "
            "Run a newer release."
        )
    if marker.shards != shards:
        raise ConfigError(
            f"NEWSWIRE_SHARDS is {shards}, but this instance was started with {marker.shards} "
            f"shards, which is fixed from then on. Set NEWSWIRE_SHARDS={marker.shards}."
        )
    if marker.prefix != prefix:
        raise ConfigError(
            f"NEWSWIRE_TOPIC_PREFIX is {prefix!r}, but this instance publishes to {marker.prefix!r}. "
            f"Set it back, or use another NEWSWIRE_INSTANCE for the other topics."
        )


def _names(published: Mapping[int, str]) -> str:
    return ", ".join(sorted(set(published.values())))
