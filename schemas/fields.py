"""How a field is described: its bounds, format, meaning and example, as msgspec's ``Meta``.

Only keywords that mean the same in JSON Schema draft-07, the dialect of AsyncAPI payloads, and in 2020-12.
Patterns are of the kind that all engines read alike: ``[0-9]``, never ``\\d``.
"""

from __future__ import annotations

from typing import Any

from msgspec import Meta

MAX_HEADLINE = 1_000
MAX_BODY = 200_000
MAX_HTML = 400_000
MAX_ABSTRACT = 20_000
MAX_URL = 4_096
MAX_LIST = 64
MAX_NAME = 1_000
MAX_PERSON = 200
MAX_NOTE = 200
MAX_KEYWORD = 200
MAX_GUID = 2_000
MAX_CAPTION = 2_000
MAX_LETTER = 256 * 1024
"""Bytes of a dead letter's original that are kept at most."""
MAX_WHOLE = 2**53 - 1
"""The largest whole number that every JSON reader reads exactly (RFC 8259)."""

_RFC3339 = r"^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}\.[0-9]{3}Z$"
FEED_ID = r"^[A-Za-z0-9._-]{1,64}$"
ARTICLE_ID = r"^[a-z2-7]{16}$"


def text(
    description: str, most: int, example: str, *, least: int = 1, pattern: str | None = None
) -> Meta:
    """Text of ``least`` to ``most`` characters (Unicode code points)."""
    return Meta(
        description=description,
        min_length=least,
        max_length=most,
        pattern=pattern,
        examples=[example],
    )


def matching(description: str, pattern: str, example: str) -> Meta:
    """Text of a fixed form; the pattern bounds its length."""
    return Meta(description=description, pattern=pattern, examples=[example])


def url(description: str, example: str = "https://example.org/a/1") -> Meta:
    """An absolute http(s) URL, ASCII (percent-encoded, IDNA), without userinfo."""
    return Meta(
        description=description,
        max_length=MAX_URL,
        pattern="^https?://",
        examples=[example],
        extra_json_schema={"format": "uri"},
    )


def timestamp(description: str, example: str = "2026-03-01T07:30:00.000Z") -> Meta:
    """RFC 3339, UTC, milliseconds, ``Z``: sorts as text."""
    return Meta(
        description=description,
        pattern=_RFC3339,
        examples=[example],
        extra_json_schema={"format": "date-time"},
    )


def whole(description: str, example: int, *, least: int = 0, most: int = MAX_WHOLE) -> Meta:
    """A whole number."""
    return Meta(description=description, ge=least, le=most, examples=[example])


def number(description: str, example: float, most: float) -> Meta:
    """A number from 0."""
    return Meta(description=description, ge=0, le=most, examples=[example])


def listing(description: str, example: list[Any], most: int = MAX_LIST) -> Meta:
    """A list of 1 to ``most``; of none it is absent."""
    return Meta(description=description, min_length=1, max_length=most, examples=[example])


def flag(description: str) -> Meta:
    """True, or absent."""
    return Meta(description=description, examples=[True])


def told(description: str) -> Meta:
    """Of a field whose type says everything else: an enumeration or an object."""
    return Meta(description=description)
