"""HTML to blocks of text, in one pass and in time linear in its length whatever it holds.

A tree-building parser is quadratic on deep nesting, on thousands of attributes and on unclosed
formatting (20,000 nested elements cost lexbor 0.4 s and html5ever 0.9 s). Feeds need no tree: a
tokeniser and a stack of bounded depth give the same text. The markup is written out again with every
element closed, so that the sanitiser that reads it next never meets a quadratic case.
"""

from __future__ import annotations

import re
from html import unescape
from typing import NamedTuple

import msgspec

from workers.articles.attributes import Start, attributes_of, pixels, start_of, start_tag, widest
from workers.articles.characters import fold, fold_lines
from workers.articles.elements import (
    BLOCK,
    CELLS,
    CLOSED_BY,
    FORMATTING,
    KINDS,
    RAW,
    SCOPES,
    SHOWS_MEDIA,
    TABLE,
    TAGS,
    VOID,
)

MAX_INPUT = 400_000
"""Characters of HTML that are read; the rest is cut off."""
MAX_TOKENS = 10_000
"""Tags that are read: what the event loop can bear at once (about 20 ms)."""
MAX_DEPTH = 60
MAX_FORMATTING = 16
_MAX_LOOSE = 8
_NOTHING: frozenset[str] = frozenset()

# Quotes count only after "=", as in the HTML standard. Every repetition is possessive: no backtracking.
_STRICT = re.compile(
    r"<(?:(/?)([a-zA-Z][^\s/>]*+)((?:[^>=]++|=\s*+(?:\"[^\"]*+\"|'[^']*+'|(?![\"'])))*+)>"
    r"|!--(?:>|->|.*?(?:--!?>|\Z))|[!?/][^>]*+>|(/?)([a-zA-Z][^\s/>]*+)([^>]*+)>)",
    re.DOTALL,
)
_LOOSE = re.compile(
    r"<(?:(/?)([a-zA-Z][^\s/>]*+)([^>]*+)>|!--(?:>|->|.*?(?:--!?>|\Z))|[!?/][^>]*+>)", re.DOTALL
)
_PLAYER = re.compile(r"//(?:www\.)?(?:youtube(?:-nocookie)?\.com/embed|player\.vimeo\.com)/")
_PIXEL_URL = re.compile(
    r"^data:|feedburner\.com/~r/|feedsportal\.com|/(?:pixel|beacon|b|count(?:er)?)\.(?:gif|png)|"
    r"//(?:pixel|stats?|b\.scorecardresearch|analytics)\.|doubleclick\.net|google-analytics\.com|"
    r"feed-stats-post-id|/track(?:ing)?/(?:open|pixel)|[?&]utm_pixel|republication-tracker",
    re.IGNORECASE,
)


class Block(msgspec.Struct, frozen=True):
    """One line of text: a paragraph, a list item, a cell, a caption, or a line between two ``<br>``.

    ``text`` is folded (one space between words), only a ``pre`` holds newlines. ``glued``: one newline
    parts it from the block before, not a blank line. ``linked`` counts its characters inside links,
    ``href`` is its first link, ``classes`` the class names and ids around it.
    """

    text: str
    kind: str = "p"  # p, li, cell, caption, quote, h, pre
    glued: bool = False
    linked: int = 0
    href: str = ""
    classes: str = ""
    span: tuple[int, int] = (0, 0)  # where its pieces stand in ``Markup.pieces``


class Embedded(NamedTuple):
    """An image, audio or video in the HTML, its URL as written; sizes in pixels, 0 unknown."""

    url: str
    type: str
    title: str = ""
    width: int = 0
    height: int = 0


class Markup(NamedTuple):
    """HTML that was read: its blocks, what it embeds, and its markup piece by piece."""

    blocks: list[Block]
    media: list[Embedded]
    pieces: list[str]
    cut: bool  # longer than what is read
    relative: bool = False  # some link or image needs a base


class _Open(msgspec.Struct, frozen=True, gc=False):
    tag: str
    kind: str  # of the text around it
    hidden: bool
    classes: bool
    link: bool
    end: str  # the end tag of what was written for it


def read_html(source: str) -> Markup:
    """Read HTML, well-formed or not. Never raises; at most MAX_INPUT characters and MAX_TOKENS tags."""
    return _Reader().read(source)


class _Reader:
    def __init__(self) -> None:
        self.blocks: list[Block] = []
        self.media: list[Embedded] = []
        self.pieces: list[str] = []
        self._stack: list[_Open] = []
        self._relative = False
        self._overflow = 0
        self._formatting = 0
        self._tables = 0
        self._hidden = 0
        self._links = 0
        self._classes: list[str] = []
        self._kind = "p"
        self._buffer: list[str] = []
        self._linked = 0
        self._href = ""
        self._start = -1
        self._breaks = 0
        self._row = False  # the next cell is the first of its row

    def read(self, source: str) -> Markup:
        cut = len(source) > MAX_INPUT
        if cut:
            source = source[:MAX_INPUT]
        end = source.rfind(">") + 1  # a tag that never ends is dropped, as the standard has it
        at = loose = tokens = 0
        search = _STRICT.search
        while match := search(source, at, end):
            if (start := match.start()) > at:
                self._text(source[at:start])
            at = match.end()
            slash, name, raw = match.group(1, 2, 3)
            if match.lastindex == 6:
                slash, name, raw = match.group(4, 5, 6)
                loose += 1
                if loose > _MAX_LOOSE:
                    search = _LOOSE.search
            if name is None:
                continue
            tokens += 1
            if tokens > MAX_TOKENS:
                cut = True
                break
            name = name.lower()
            if slash:
                self._close(name)
            elif name in RAW:
                at = self._raw(source, name, raw, at)
            else:
                self._open(name, raw)
        else:
            rest = source[max(at, end):] if at < len(source) else ""  # fmt: skip
            tail = re.search(r"<[a-zA-Z/!?]", rest)
            self._text(source[at : max(at, end)] + (rest[: tail.start()] if tail else rest))
        while self._stack:
            self._pop()
        self._flush()
        return Markup(self.blocks, self.media, self.pieces, cut, self._relative)

    def _text(self, raw: str) -> None:
        if self._hidden:
            return
        if not self._buffer:
            if not raw or raw.isspace():
                return
            self._mark()
        text = unescape(raw) if "&" in raw else raw
        self._buffer.append(text)
        self.pieces.append(raw.replace("<", "&lt;"))
        if self._links:
            self._linked += len(text)

    def _mark(self) -> None:
        """A line begins with the next piece."""
        if self._start < 0:
            self._start = len(self.pieces)

    def _open(self, tag: str, raw: str) -> None:
        if tag in BLOCK:
            self._boundary(tag)
        elif tag == "br":
            self._break()
            return
        start = start_of(tag, raw)
        self._relative = self._relative or start.relative
        if tag in ("img", "source", "audio", "video"):
            self._embed(tag, start.attributes, start.hidden)
            if tag in ("img", "source"):
                return
        if tag in VOID:
            if tag == "hr" and not self._hidden:
                self.pieces.append("<hr>")
            return
        formatting = tag in FORMATTING
        if len(self._stack) >= MAX_DEPTH or (formatting and self._formatting >= MAX_FORMATTING):
            self._overflow += 1
            return
        self._push(tag, start, formatting=formatting)

    def _push(self, tag: str, start: Start, *, formatting: bool) -> None:
        if tag == "table":
            self._tables += 1
        loose = tag in CELLS and not self._tables
        kind = KINDS.get(tag) if not loose else None
        names = start.names
        if names:
            self._classes.append(names)
        href = start.attributes.get("href", "") if tag == "a" else ""
        self._hidden += start.hidden
        written = end = ""
        if start.written and not self._hidden:
            written = start.written if not loose else "<div>"
            end = f"</{tag}>" if tag in TAGS and not loose else "</div>"
        link = bool(href) and not self._hidden
        self._stack.append(_Open(tag, self._kind, start.hidden, bool(names), link, end))
        if written:
            if href and not self._buffer:
                self._mark()
            self.pieces.append(written)
        self._formatting += formatting
        if link:
            self._links += 1
            self._href = self._href or href
        if kind:
            self._kind = kind
        elif tag == "p" and self._kind == "cell":
            self._kind = "p"
        if names and "caption-text" in names:
            self._kind = "caption"

    def _close(self, tag: str) -> None:
        if tag == "br":
            self._break()
            return
        if self._overflow and tag not in VOID:
            self._overflow -= 1
            if tag in BLOCK:
                self._flush()
            return
        for depth in range(len(self._stack) - 1, -1, -1):
            if self._stack[depth].tag == tag:
                if tag in BLOCK:
                    self._boundary("")
                while len(self._stack) > depth:
                    self._pop()
                return
            if self._stack[depth].tag in ("td", "th") and tag not in TABLE:
                break
        if tag in BLOCK:  # nothing of that name is open: a break all the same
            self._boundary("")
            if not self._hidden:
                self.pieces.append("<br><br>")

    def _pop(self) -> None:
        top = self._stack.pop()
        if top.end:
            self.pieces.append(top.end)
        if self._buffer and top.tag in BLOCK:
            self._flush()
        self._hidden -= top.hidden
        self._links -= top.link
        self._formatting -= top.tag in FORMATTING
        self._tables -= top.tag == "table"
        if top.classes:
            self._classes.pop()
        self._kind = top.kind

    def _boundary(self, tag: str) -> None:
        """A block starts or ends: end the line, and close what the new element ends by itself."""
        if self._buffer:
            self._flush()
        else:
            self._start, self._href, self._linked = -1, "", 0
        self._breaks = 2
        if tag == "tr":
            self._row = True
        if not tag:
            return
        closes = CLOSED_BY.get(tag, _NOTHING)
        for depth in range(len(self._stack) - 1, max(-1, len(self._stack) - 9), -1):
            name = self._stack[depth].tag
            if name in closes or name == "p":
                while len(self._stack) > depth:
                    self._pop()
            elif name in SCOPES or (name in KINDS and name not in closes):
                return

    def _break(self) -> None:
        if self._hidden:
            return
        if self._kind == "pre":
            self._buffer.append("\n")
        elif self._buffer:
            self._flush()
            self._breaks = 1
        else:
            self._breaks += 1
        self.pieces.append("<br>")

    def _flush(self) -> None:
        if not self._buffer:
            self._start, self._href, self._linked = -1, "", 0
            return
        joined = "".join(self._buffer)
        text = fold_lines(joined) if self._kind == "pre" else fold(joined)
        if text:
            self.blocks.append(
                Block(
                    text,
                    self._kind,
                    self._is_glued(),
                    self._linked,
                    self._href,
                    " ".join(self._classes),
                    (self._start, len(self.pieces)),
                )
            )
            self._breaks = 0
        self._buffer = []
        self._start, self._href, self._linked = -1, "", 0

    def _is_glued(self) -> bool:
        first = self._kind == "cell" and self._row
        self._row = self._row and not first
        if not self.blocks or first:
            return False
        if self._kind == "cell":
            return self.blocks[-1].kind == "cell"
        if self._kind == "li" and self.blocks[-1].kind == "li":
            return True
        before = self.blocks[-1]
        sentences = len(before.text) > 80 and before.text[-1] in '.!?…"”»。'
        return self._breaks == 1 and before.kind == self._kind and not sentences

    def _raw(self, source: str, tag: str, raw: str, at: int) -> int:
        """Skip an element whose content is no markup; returns where reading goes on."""
        if tag == "iframe":
            attributes = attributes_of(raw)
            if _PLAYER.search(attributes.get("src", "")):
                self.media.append(Embedded(attributes["src"], "video", attributes.get("title", "")))
        if tag == "plaintext":
            return len(source)
        end = re.compile(rf"</{tag}(?=[\s/>])[^>]*+>?", re.IGNORECASE).search(source, at)
        return end.end() if end else len(source)

    def _embed(self, tag: str, attributes: dict[str, str], hidden: bool) -> None:
        url = attributes.get("src") or ""
        if tag == "img" and (not url or url.startswith("data:")):
            url = attributes.get("data-src") or attributes.get("data-lazy-src") or ""
            url = url or widest(attributes.get("srcset") or attributes.get("data-srcset") or "")
            self._relative = self._relative or not url.startswith(("http:", "https:"))
        parents = [o.tag for o in self._stack[-3:]]
        unseen = self._hidden and not any(p in SHOWS_MEDIA for p in parents)
        if not url or (hidden and tag == "img") or unseen:
            return
        if tag == "source" and not ("audio" in parents or "video" in parents):
            return
        width, height = pixels(attributes.get("width")), pixels(attributes.get("height"))
        if tag == "img" and (0 < width <= 3 or 0 < height <= 3 or _PIXEL_URL.search(url)):
            return
        if tag == "img" and "0" in (attributes.get("width"), attributes.get("height")):
            return
        kind = {"img": "image", "source": "audio" if "audio" in parents else "video"}.get(tag, tag)
        self.media.append(
            Embedded(url, attributes.get("type") or kind, attributes.get("alt", ""), width, height)
        )
        if tag == "img" and ("noscript" not in parents):
            self.pieces.append(start_tag(tag, "", {**attributes, "src": url}))
