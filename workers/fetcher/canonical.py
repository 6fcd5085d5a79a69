"""Links: as a person should open them, and as two of them are compared."""

from __future__ import annotations


def clean_url(url: str, base: str = "") -> str:
    """Return ``url``, resolved against ``base``, as a usable http(s) link, or ``""``."""
    raise NotImplementedError


def canonical_url(url: str) -> str:
    """Return the comparable form of ``url``, ``""`` when it cannot identify an article."""
    raise NotImplementedError
