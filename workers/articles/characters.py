"""Characters: what a text may hold, and how its white space is folded."""

from __future__ import annotations

import re
from unicodedata import is_normalized, normalize

# Never shown, or shown only to deceive: C0/C1 controls, surrogates, noncharacters, bidi marks and
# overrides, zero-width spaces, fillers, tags and variation selectors that carry hidden text.
_BAD = re.compile(
    "[\x00-\x08\x0e-\x1f\x7f-\x84\x86-\x9f\xad\u034f\u061c\u180e\u200b\u200e\u200f\u202a-\u202e"
    "\u2060-\u206f\u3164\ufdd0-\ufdef\ufeff\uffa0\ufff0-\ufffc\ufffe\uffff\ud800-\udfff"
    "\U000e0000-\U000e0fff\U0001fffe\U0001ffff]+"
)
# A joiner is spelling in Arabic, Persian and Indic scripts and in emoji, and a trick anywhere else.
_JOINED = "\u0590-\u1dff\u2190-\u2bff\ufe0f\U00010000-\U0001ffff"
_JOINER = re.compile(
    f"[\u200c\u200d]+(?![{_JOINED}])|(?<![{_JOINED}])[\u200c\u200d]+|(?<=[\u200c\u200d])[\u200c\u200d]+"
)
_RUN_OF_MARKS = re.compile(
    "([\u0300-\u036f\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]{4})[\u0300-\u036f\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff]+"
)


def clean(text: str) -> str:
    """Remove characters that no reader sees, put the rest in NFC. White space is left alone."""
    if text.isascii():
        return text if text.isprintable() else _BAD.sub("", text)
    if not text.isprintable():
        text = _BAD.sub("", text)
        if "\u200d" in text or "\u200c" in text:
            text = _JOINER.sub("", text)
    return text if is_normalized("NFC", text) else normalize("NFC", text)


def unstack(text: str) -> str:
    """Leave at most four marks on one letter."""
    return text if text.isascii() else _RUN_OF_MARKS.sub(r"\1", text)


def fold(text: str) -> str:
    """``clean``, on one line, one space between words."""
    # Of white space, only the space is printable: most texts are folded as they come.
    if text.isprintable() and "  " not in text and text[:1] != " " != text[-1:]:
        return text if text.isascii() or is_normalized("NFC", text) else normalize("NFC", text)
    folded = clean(" ".join(text.split()))
    # What was removed may have stood alone between two spaces.
    return (
        " ".join(folded.split())
        if "  " in folded or folded[:1] == " " or folded[-1:] == " "
        else folded
    )


def fold_lines(text: str) -> str:
    """``clean``, with the lines and the indentation of preformatted text; no blank lines."""
    lines = (clean(line.expandtabs(4)).rstrip() for line in text.splitlines())
    return "\n".join(line for line in lines if line.strip())
