"""The marker of a dataset: which state this Redis holds, so that an emptied or foreign one is noticed."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from workers.errors import REMEDY, ConfigError, StateRegressedError, StateVersionError
from workers.model import NEWEST_STATE, OLDEST_STATE
from workers.store.store import Store


class Marker(msgspec.Struct, frozen=True, omit_defaults=True):
    """What stands in every shard's ``meta`` key.

    ``version`` is that of all state of the instance, whichever releases its workers are of.
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
    return Marker(secrets.token_hex(8), NEWEST_STATE, shards, prefix, tuple(sorted(set(replaces))))


async def read_markers(store: Store) -> list[str]:
    """The marker text of every shard, empty where there is none."""
    raw = [
        await store.client.command("GET", store.keys.key(s, "meta"))
        for s in range(store.keys.shards)
    ]
    return [bytes(r or b"").decode() for r in raw]


async def last_marker(store: Store) -> str:
    """The marker text of the last shard, which is the last to get a new version; empty: none."""
    key = store.keys.key(store.keys.shards - 1, "meta")
    return bytes(await store.client.command("GET", key) or b"").decode()


async def existing_marker(store: Store) -> str:
    """The marker text in force, for commands that begin nothing.

    Raises:
        ConfigError: no worker has run against this Redis yet, or the state cannot be used by this release.
    """
    found = await read_markers(store)
    if not all(found):
        raise ConfigError("Redis holds no state of this instance: start a worker first.")
    check_version(decode_marker(found[0]))
    return found[0]


async def finalize(store: Store) -> tuple[Marker, Marker]:
    """Put the state into the newest version of this release. Returns the marker before and after.

    It may be interrupted and repeated. Workers of releases that know the version go on with it.

    Raises:
        ConfigError: there is no state of this instance, or not of one dataset, or too old or new a one.
    """
    await existing_marker(store)
    texts = await read_markers(store)
    markers = [decode_marker(text) for text in texts]
    after = msgspec.structs.replace(markers[0], version=NEWEST_STATE)
    for marker in markers:
        check_version(marker)
        if msgspec.structs.replace(marker, version=after.version) != after:
            raise ConfigError("Redis holds more than one dataset under this instance.")
    for shard, text in enumerate(texts):
        await store.client.script("finalize", [store.keys.key(shard, "meta")], [text, dumps(after)])
    return min(markers, key=lambda m: m.version), after


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
        if reply.decode() == text:
            continue
        if decode_marker(reply.decode()).dataset == decode_marker(text).dataset:
            raise ConfigError(
                f"Shard {shard} has another version of the state than those before it: run 'newswire "
                "state finalize' again, it was interrupted."
            )
        raise ConfigError(
            f"Redis holds more than one dataset under instance {store.keys.instance!r} "
            f"(shard {shard} differs). Give each environment its own NEWSWIRE_INSTANCE."
        )
    return text


def known_versions() -> str:
    """The versions of the state that this release reads and writes, in words."""
    if OLDEST_STATE == NEWEST_STATE:
        return f"version {NEWEST_STATE}"
    return f"versions {OLDEST_STATE} to {NEWEST_STATE}"


def check_version(marker: Marker) -> None:
    """Raise StateVersionError when this release does not know the version that is in force."""
    known = known_versions()
    if marker.version > NEWEST_STATE:
        raise StateVersionError(
            f"Redis holds state of version {marker.version}, which a newer release has finalised; this "
            f"release knows {known}. Run the newer release: what was finalised does not go back."
        )
    if marker.version < OLDEST_STATE:
        raise StateVersionError(
            f"Redis holds state of version {marker.version}; this release knows {known}. Run the release "
            "before this one, then 'newswire state finalize' with it, then this one."
        )


def check_marker(marker: Marker, shards: int, prefix: str) -> None:
    """Raise ConfigError when the settings disagree with what was fixed at the first start."""
    check_version(marker)
    if marker.shards != shards:
        raise ConfigError(
            f"NEWSWIRE_SHARDS is {shards}, but this instance was started with {marker.shards} "
            f"shards, which is fixed from then on. Set NEWSWIRE_SHARDS={marker.shards}; how to change it "
            "stands in deploy/RUNBOOK.md."
        )
    if marker.prefix != prefix:
        raise ConfigError(
            f"NEWSWIRE_TOPIC_PREFIX is {prefix!r}, but this instance publishes to {marker.prefix!r}. "
            f"Set it back, or use another NEWSWIRE_INSTANCE for the other topics."
        )


def _names(published: Mapping[int, str]) -> str:
    return ", ".join(sorted(set(published.values())))
