"""Attributes of HTML elements: read from a start tag, judged, and written again."""

from __future__ import annotations

import re
from functools import lru_cache
from html import unescape

import msgspec

from workers.articles.elements import ATTRIBUTES, BLOCK, FORMATTING, KINDS, TAGS, UNSEEN

_COMMON = 160  # characters
_DISTINCT = frozenset({"a", "audio", "img", "source", "video"})
"""Elements whose start tags are each another."""
_MAX_ATTRIBUTES = 16_000
_LONG_ATTRIBUTES = 1_000
_CANDIDATES = re.compile(r",\s+|(?<=\d[wx]),")
"""What parts the images of a ``srcset``; other commas are of their URLs."""
_SIZE = re.compile(r"\d{1,6}(?:\.\d{1,3})?(?=[wx]$)")
_ATTRIBUTE = re.compile(
    r"([^\s\"'<>/=]++)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'>][^\s>]*+)))?"
)
_HIDDEN_HINT = re.compile(
    r"hidden|display\s*+:\s*+none|font-size\s*+:\s*+0(?![.\d])", re.IGNORECASE
)
"""Stands in every start tag that ``is_hidden`` finds hidden: a cheap first look."""
_HIDDEN_STYLE = re.compile(
    r"display\s*:\s*none|visibility\s*:\s*hidden|font-size\s*:\s*0(?![.\d])", re.IGNORECASE
)


class Start(msgspec.Struct, frozen=True):
    """A start tag by itself. ``hidden``: the element is not shown; ``relative``: a link needs a base;
    ``names``: its class and id; ``written``: how it is written for the sanitiser, empty for not at all."""

    attributes: dict[str, str]
    hidden: bool
    relative: bool
    names: str
    written: str


def start_of(tag: str, raw: str) -> Start:
    """Read a start tag: its name in lower case, and what stands behind that."""
    if len(raw) > _COMMON or tag in _DISTINCT:
        return _start(tag, raw)
    return _common_start(tag, raw)


def _start(tag: str, raw: str) -> Start:
    attributes: dict[str, str] = {}
    hidden, relative = tag in UNSEEN, False
    if len(raw) > 1:
        hint = _HIDDEN_HINT.search(raw)
        if hint or tag == "a" or tag not in FORMATTING:
            attributes = attributes_of(raw)
            hidden = hidden or bool(hint and is_hidden(attributes))
            relative = needs_base(attributes)
    names = ""  # a heading's id repeats its words
    if attributes and KINDS.get(tag) != "h" and ("class" in attributes or "id" in attributes):
        names = f"{attributes.get('class', '')} {attributes.get('id', '')}".lower()
    # A block that the sanitiser or its parser would drop leaves its text glued to the rest.
    name = tag if tag in TAGS else "div" if tag in BLOCK else ""
    written = start_tag(name, raw, attributes) if name else ""
    return Start(attributes, hidden, relative, names, written)


_common_start = lru_cache(maxsize=2_048)(_start)
"""Of a feed's start tags, nearly all are alike."""


def attributes_of(raw: str) -> dict[str, str]:
    """The attributes in the text of a start tag after its name, values unescaped."""
    found: dict[str, str] = {}
    for match in _ATTRIBUTE.finditer(raw, 0, _MAX_ATTRIBUTES):
        name = match[1].lower()
        if name not in found:
            found[name] = unescape(match[2] or match[3] or match[4] or "").strip()
    return found


def start_tag(tag: str, raw: str, attributes: dict[str, str]) -> str:
    """The start tag for the sanitiser: only attributes that it keeps, when there are many."""
    wanted = ATTRIBUTES.get(tag)
    if not wanted or not attributes:
        return f"<{tag}>"
    if raw and len(raw) < _LONG_ATTRIBUTES and '"' in raw and "'" not in raw:
        return f"<{tag}{raw}>"
    kept = "".join(
        f' {name}="{_quoted(attributes[name])}"' for name in sorted(wanted) if name in attributes
    )
    return f"<{tag}{kept}>"


def _quoted(value: str) -> str:
    return value.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;")


def needs_base(attributes: dict[str, str]) -> bool:
    """True when a link or an image is not absolute."""
    for name in ("href", "src", "data-src", "cite"):
        url = attributes.get(name)
        if url and not url.startswith(("http:", "https:")):
            return True
    return False


def is_hidden(attributes: dict[str, str]) -> bool:
    """True when the element is not shown."""
    return (
        "hidden" in attributes
        or attributes.get("aria-hidden", "").lower() == "true"
        or bool(_HIDDEN_STYLE.search(attributes.get("style", "")))
    )


def widest(srcset: str) -> str:
    """The URL of the widest or densest image of a ``srcset``, empty for none."""
    best, url = 0.0, ""
    for candidate in _CANDIDATES.split(srcset[:_MAX_ATTRIBUTES]):
        words = candidate.split()
        size = _SIZE.match(words[-1]) if len(words) > 1 else None
        if words and (width := float(size[0]) if size else 1.0) > best:
            best, url = width, words[0].strip(",")
    return url


def pixels(value: str | None) -> int:
    """A width or height in pixels, 0 when it is none."""
    digits = re.match(r"\d{1,5}", value) if value else None
    return int(digits[0]) if digits and not value.endswith("%") else 0  # type: ignore[union-attr]
