"""Dates as feeds write them."""

from __future__ import annotations

from typing import Literal, NamedTuple

Confidence = Literal["exact", "assumed_zone", "guessed", "clamped"]


class ParsedDate(NamedTuple):
    """An instant and how sure we are. Epoch milliseconds UTC."""

    ms: int  # clamped to [1990-01-01, now + 2 days]
    exact_ms: int  # unclamped: what edits are recognised by
    confidence: Confidence


def parse_date(raw: str, now_ms: int, language: str = "") -> ParsedDate | None:
    """Return the instant that ``raw`` names, None when it names none."""
    raise NotImplementedError
