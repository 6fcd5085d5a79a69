"""Which of two lists counts, when workers see different ones; pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec


class ListVersion(msgspec.Struct, frozen=True):
    """Which list is in force. Times as in ``source.Loaded``; ``source`` names its place.

    ``stamp_ms`` compares lists of one place, ``loaded_ms`` those of different places.
    """

    hash: str
    source: str
    stamp_ms: int
    loaded_ms: int
    count: int = 0


Verdict = Literal["in_force", "newer", "older"]


def compare(found: ListVersion, in_force: ListVersion | None, seen_in_force: str) -> Verdict:
    """Whether a list that a worker found takes the place of the one in force.

    During a deployment old and new workers see different files, and each would undo the other. So
    the newer file wins. Another place is a decision of its own: there the later start wins, and no
    file time counts. And a worker that saw the very list in force change into the one it found
    needs no clock: what it found comes after.

    Args:
        found: what the worker sees.
        in_force: what was applied last, if anything.
        seen_in_force: the hash of the list that this worker saw in force last while it stood at its
            own place; empty when it saw none.
    """
    if in_force is None:
        return "newer"
    if in_force.hash == found.hash:
        return "in_force"
    if in_force.hash == seen_in_force:
        return "newer"
    if in_force.source != found.source:
        return "newer" if found.loaded_ms > in_force.loaded_ms else "older"
    return "newer" if found.stamp_ms > in_force.stamp_ms else "older"


def following(found: ListVersion, in_force: ListVersion | None) -> ListVersion:
    """``found`` as the version to store: later than the one before it by every measure, so that a
    worker that still has that one (or a clock ahead of ours) does not undo it."""
    if in_force is None or in_force.hash == found.hash:
        return found
    return msgspec.structs.replace(
        found,
        stamp_ms=max(found.stamp_ms, in_force.stamp_ms + 1),
        loaded_ms=max(found.loaded_ms, in_force.loaded_ms + 1),
    )


def version_fields(version: ListVersion) -> dict[str, str]:
    """A version as strings, the way it is stored."""
    return {key: str(value) for key, value in msgspec.structs.asdict(version).items()}


def read_version(stored: Mapping[str, str]) -> ListVersion | None:
    """The version of stored strings; None when nothing (or nothing that can be read) is stored."""
    try:
        return msgspec.convert(stored, ListVersion, strict=False)
    except msgspec.ValidationError:
        return None
