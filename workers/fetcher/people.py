"""Authors as feeds write them."""

from __future__ import annotations

from collections.abc import Sequence


def split_authors(raw: Sequence[str]) -> tuple[str, ...]:
    """Return the names of people and agencies in ``raw``, each once, at most 64 of 200 characters."""
    raise NotImplementedError
