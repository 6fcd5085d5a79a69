"""How much markup of one document is parsed. Pure.

A parser needs memory for each element, attribute and text, however few bytes they are written in: 16 MB of
``<a/>b`` are 6.7 million of them, and 865 MB. So they are counted before the first is parsed, by the bytes
that none of them can do without. Markup within texts counts as well: real feeds stay far below.
"""

from __future__ import annotations

MAX_MARKS = 1_000_000
"""Signs that begin a tag or give an attribute its value; in JSON, that begin or part values. About 250 bytes
of memory each at worst."""
_WITHIN = 1 << 16
_BLANK = b"\xef\xbb\xbf\xff\xfe \t\r\n\0"  # byte order marks too, and the other half of UTF-16's characters


def within_marks(body: bytes) -> bytes:
    """The document as far as it has no more than ``MAX_MARKS``; itself where it has not, as nearly all have.

    What is left out makes it a cut document, of which the whole entries are read.
    """
    if len(body) <= MAX_MARKS:
        return body
    is_json = body[:_WITHIN].lstrip(_BLANK).startswith(b"{")
    marks = (b"{", b"[", b",") if is_json else (b"<", b"=")
    left = MAX_MARKS
    for start in range(0, len(body), _WITHIN):
        left -= sum(body.count(mark, start, start + _WITHIN) for mark in marks)
        if left < 0:
            return body[:start]
    return body
