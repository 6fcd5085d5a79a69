"""Languages: tags as feeds write them, and what a text is written in."""

from __future__ import annotations


def normalise_tag(tag: str) -> str:
    """Return ``tag`` in BCP 47 form (``en-US``), ``""`` when it is none."""
    raise NotImplementedError


def detect(text: str) -> tuple[str, float]:
    """Return the language of ``text`` (``""``: cannot tell) and the confidence, 0 to 1."""
    raise NotImplementedError


def plausible(declared: str, text: str) -> bool:
    """Say whether ``text`` can be in the ``declared`` language, by its script alone."""
    raise NotImplementedError
