"""Durations and sizes as people write them; pure, shared by the settings and the feed list."""

from __future__ import annotations

import re
from typing import Literal

Backfill = float | Literal["all", "none"]
"""What a feed's first poll announces: all, what is dated within so many seconds, or nothing."""

_QUANTITY = re.compile(r"(\d{1,15}(?:\.\d{1,9})?)\s*([a-z]*)", re.IGNORECASE | re.ASCII)
_SECONDS = {"": 1.0, "ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_BYTES = {
    "": 1,
    "b": 1,
    "kib": 1 << 10,
    "mib": 1 << 20,
    "gib": 1 << 30,
    "tib": 1 << 40,
    "kb": 10**3,
    "mb": 10**6,
    "gb": 10**9,
    "tb": 10**12,
}


def parse_duration(text: str) -> float:
    """Seconds of ``90``, ``0.5s``, ``500ms``, ``15m``, ``24h``, ``14d`` or ``2w``.

    Raises:
        ValueError: the text is no duration.
    """
    return _quantity(text, _SECONDS, "a duration such as 90, 500ms, 30s, 15m, 24h or 14d")


def parse_size(text: str) -> int:
    """Bytes of ``65536``, ``64KiB``, ``256MiB`` (powers of 1,024) or ``10MB`` (powers of 1,000).

    Raises:
        ValueError: the text is no size.
    """
    return int(_quantity(text, _BYTES, "a size such as 65536, 64KiB or 256MiB"))


def parse_backfill(text: str) -> Backfill:
    """``all``, ``none``, or a duration in seconds.

    Raises:
        ValueError: the text is none of these.
    """
    match text.strip().lower():
        case "all":
            return "all"
        case "none":
            return "none"
        case other:
            return parse_duration(other)


def format_duration(seconds: float) -> str:
    """The shortest form that ``parse_duration`` reads back: ``0s``, ``500ms``, ``15m``."""
    millis = round(seconds * 1000)
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000)):
        if millis % size == 0 and (millis or unit == "s"):
            return f"{millis // size}{unit}"
    return f"{millis}ms"


def several(count: int, noun: str) -> str:
    """``1 feed``, ``7 feeds``, ``12,000 feeds``."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def format_size(count: int) -> str:
    """The shortest form that ``parse_size`` reads back: ``256MiB``, ``1000``."""
    for unit, size in (("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10)):
        if count and count % size == 0:
            return f"{count // size}{unit}"
    return str(count)


def _quantity(text: str, units: dict[str, float] | dict[str, int], wanted: str) -> float:
    match = _QUANTITY.fullmatch(text.strip())
    factor = units.get(match[2].lower()) if match else None
    if match is None or factor is None:
        raise ValueError(f"not {wanted}")
    return float(match[1]) * factor
