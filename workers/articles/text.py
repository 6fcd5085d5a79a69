"""Text of feeds: blocks, plain lines and sanitised HTML, all bounded.

``read`` is the one way in: HTML or text to blocks. ``render`` and ``to_html`` are the two ways out.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from functools import lru_cache
from html import unescape
from itertools import pairwise
from typing import Literal

import nh3

from schemas.fields import MAX_BODY, MAX_HEADLINE, MAX_HTML
from workers.articles.characters import clean, fold, unstack
from workers.articles.elements import ATTRIBUTES, TAGS, VOID
from workers.articles.markup import MAX_INPUT, Block, Markup, read_html

__all__ = ["Block", "Markup", "read", "render", "sanitise", "to_blocks", "to_html", "to_plain"]

_NAMES = (
    "a|abbr|b|big|blockquote|br|center|cite|code|del|div|em|figure|figcaption|font|h[1-6]|hr|i|iframe|img|"
    "ins|kbd|li|mark|ol|p|picture|pre|q|s|script|section|small|span|strike|strong|style|sub|sup|table|tbody|"
    "td|th|tr|tt|u|ul|video|audio|article|header|footer|aside|dl|dt|dd|wbr|time|noscript|object|svg|form"
)
_TAG = re.compile(rf"<(?=[a-z/!])/?(?:{_NAMES})(?=[\s/>])|<!--", re.IGNORECASE)
_ANY_TAG = re.compile(r"<[a-zA-Z/!]")
_WHOLE_TAG = re.compile(rf"<(/?)({_NAMES})((?:\s[^<>]*+)?)/?>", re.IGNORECASE)
_ATTRIBUTE = re.compile(r"\s+[a-z][\w:.-]*\s*=", re.IGNORECASE)
_ESCAPED_TAG = re.compile(rf"&(?:lt|#60|#x3c);/?(?:{_NAMES})(?=[\s/&])", re.IGNORECASE)
_ENTITY = re.compile(r"&(?:#\d{1,7}|#x[0-9a-f]{1,6}|[a-z][a-z0-9]{1,31});", re.IGNORECASE)
_ITEM = re.compile(r"(?:[-–—*•·‣◦▪►]|\d{1,2}[.)])\s")
_SENTENCE_END = re.compile(r"[.!?…。！？](?:[\"'”’»)\]]*)(?=\s|$)|[。！？]")
_PRE_START = re.compile(r"<pre>\n+")
_ALONE = ("<img", "<hr>", "<br>")
_CELL_ENDS = ("</td>", "</th>")
_MAX_LINES = 10_000
_MAX_TITLE_INPUT = 8 * MAX_HEADLINE


def read(source: str, kind: str = "") -> Markup:
    """Read ``source`` into blocks.

    ``kind`` is ``html``, ``text``, or empty when the format leaves it open. The declaration is not
    believed where the text itself says otherwise: HTML without one tag is text, escaped HTML is HTML.
    """
    if len(source) > MAX_INPUT:
        source, cut = source[:MAX_INPUT], True
    else:
        cut = False
    if "<![CDATA[" in source:
        source = source.replace("<![CDATA[", "").replace("]]>", "")
    tagged = bool((_ANY_TAG if kind == "html" else _TAG).search(source))
    if not tagged and len(_ESCAPED_TAG.findall(source)) > 1:
        source, tagged = unescape(source), True
    if tagged and (kind != "text" or _is_markup(source)):
        markup = read_html(source)
        return markup._replace(cut=True) if cut else markup
    if kind != "text" or _ENTITY.search(source):
        source = unescape(source)
    return Markup(_read_lines(source), [], [], cut or source.count("\n") > _MAX_LINES)


def to_blocks(source: str, kind: str = "") -> list[Block]:
    """The blocks of HTML or text; see ``read``."""
    return read(source, kind).blocks


def _is_markup(source: str) -> bool:
    """True when text that claims to be plain begins and ends as only HTML does."""
    stripped = source.strip()
    return stripped.startswith("<") and stripped.endswith(">") and "</" in stripped


def _read_lines(source: str) -> list[Block]:
    blocks: list[Block] = []
    paragraph: list[str] = []
    for line in [*source.splitlines()[:_MAX_LINES], ""]:
        folded = fold(line)
        if folded:
            paragraph.append(folded)
        elif paragraph:
            blocks.extend(_paragraph(paragraph))
            paragraph = []
    return blocks


def _paragraph(lines: list[str]) -> list[Block]:
    """Lines without a blank line between them: a wrapped paragraph, a list, verse, or paragraphs."""
    if _is_wrapped(lines):
        return [Block(" ".join(lines))]
    blocks: list[Block] = []
    before = ""
    for line in lines:
        item = bool(_ITEM.match(line))
        both = item and bool(blocks) and blocks[-1].kind == "li"
        verse = (
            bool(before) and len(before) <= 80 and len(line) <= 80 and before[-1] not in ".!?…:。"
        )
        blocks.append(Block(line, "li" if item else "p", both or (verse and not item)))
        before = line
    return blocks


def _is_wrapped(lines: Sequence[str]) -> bool:
    """True when each line was broken only because the next word did not fit (e-mail, old CMS)."""
    if len(lines) < 3 or any(_ITEM.match(line) for line in lines):
        return False
    width = max(map(len, lines))
    if not 50 <= width <= 100:
        return False
    return all(
        len(line) + 1 + len(after.split(" ", 1)[0]) > width for line, after in pairwise(lines)
    )


def render(blocks: Sequence[Block], dropped: Collection[int] = ()) -> tuple[str, bool]:
    """Join blocks: a blank line between paragraphs, one newline within. Returns (text, was it cut)."""
    parts: list[str] = []
    length = 0
    glued = True
    for index, block in enumerate(blocks):
        glued = glued and block.glued
        if index in dropped:
            continue
        separator = "" if not parts else "\n" if glued else "\n\n"
        if length + len(separator) + len(block.text) > MAX_BODY:
            room = MAX_BODY - length - len(separator)
            if not parts:
                parts.append(shorten(block.text, room))
            return "".join(parts), True
        parts += (separator, block.text)
        length += len(separator) + len(block.text)
        glued = True
    return "".join(parts), False


def shorten(text: str, limit: int) -> str:
    """``text`` in at most ``limit`` characters, cut between words and marked with an ellipsis."""
    if len(text) <= limit:
        return text
    head = text[: limit - 1]
    space = head.rfind(" ", limit // 2)
    return (head[:space] if space > 0 else head).rstrip() + "…"


def first_sentence(text: str, limit: int = 200) -> str:
    """The first sentence of ``text``, for an article without a headline."""
    line = text[: limit * 4].split("\n", 1)[0]
    end = _SENTENCE_END.search(line, min(20, len(line)))
    return shorten(line[: end.end()] if end else line, limit)


def to_plain(source: str, limit: int = MAX_HEADLINE) -> str:
    """One line of plain text from a title, name or label: no tags, no entities, however often escaped.

    Only tags that are used as tags go: ``Vec<T>``, ``the <b> tag`` and ``a<b and c>d`` stay.
    """
    text = source[:_MAX_TITLE_INPUT]
    if "<" in text or "&" in text:
        if "<![CDATA[" in text:
            text = text.replace("<![CDATA[", "").replace("]]>", "")
        text = _untag(text)
        for _ in range(3):
            if "&" not in text:
                break
            plain = unescape(text)
            if plain == text:
                break
            text = _untag(plain)
    return shorten(unstack(fold(text)), limit)


def _untag(text: str) -> str:
    if "<" not in text:
        return text
    text = _without_element(_without_element(text, "script"), "style")
    closed = {m[2].lower() for m in _WHOLE_TAG.finditer(text) if m[1]}

    def replace(match: re.Match[str]) -> str:
        name = match[2].lower()
        if name in VOID:
            return " " if name in ("br", "hr") else ""
        alone = match.start() == 0 and not match[3].strip()
        if name in closed or alone or _ATTRIBUTE.match(match[3]):
            return " " if name in ("p", "div", "li", "tr") or name[0] == "h" else ""
        return match[0]

    return _WHOLE_TAG.sub(replace, text)


def _without_element(text: str, name: str) -> str:
    lower = text.lower()
    start = lower.find(f"<{name}")
    while start >= 0 and len(lower) == len(text):
        end = lower.find(f"</{name}", start)
        close = lower.find(">", end) if end >= 0 else -1
        if close < 0:
            return text
        text, lower = text[:start] + text[close + 1 :], lower[:start] + lower[close + 1 :]
        start = lower.find(f"<{name}", start)
    return text


def sanitise(html: str, base: str = "") -> str:
    """HTML that is safe to show: no scripts, styles or forms; only absolute http(s) links; bounded."""
    return to_html(read_html(html), (), base)


def to_html(markup: Markup, dropped: Collection[int] = (), base: str = "") -> str:
    """The markup as sanitised HTML, without the blocks ``dropped`` by index; empty for plain text."""
    html = "".join(_without(markup, dropped) if dropped else markup.pieces)
    for limit in (MAX_HTML, MAX_HTML // 4):
        safe = _cleaner(base if markup.relative else "").clean(_cut(html, limit))
        if len(safe) <= MAX_HTML:
            return _tidy(safe)
    return ""


def _without(markup: Markup, dropped: Collection[int]) -> list[str]:
    """The pieces without some blocks, and without the elements that held nothing else.

    An element that was empty before is the publisher's; a cell keeps the others in their columns, and goes
    with its row.
    """
    pieces = markup.pieces.copy()
    gone = set().union(*(range(*markup.blocks[index].span) for index in dropped))
    opened: list[int] = []
    filled, emptied = [False], [False]  # of the elements that are open, the document first
    for at, piece in enumerate(pieces):
        if piece.startswith("</"):
            start, full, left = opened.pop(), filled.pop(), emptied.pop()
            if left and not full and piece not in _CELL_ENDS:
                pieces[start : at + 1] = [""] * (at + 1 - start)
            filled[-1] |= full
            emptied[-1] |= left
        elif piece.startswith("<") and not piece.startswith(_ALONE):
            opened.append(at)
            filled.append(False)
            emptied.append(False)
        elif at in gone:
            pieces[at] = ""
            emptied[-1] = True
        elif not (piece.isspace() or piece.startswith("<br>")):
            filled[-1] |= bool(piece)
    return pieces


def _cut(html: str, limit: int) -> str:
    if len(html) <= limit:
        return html
    end = html.rfind("</", 0, limit)
    return html[: end if end > 0 else limit]


def _tidy(html: str) -> str:
    """Remove unseen characters; keep line breaks, which ``pre`` needs."""
    if "<pre>\n" in html:  # parsers skip the first of them: it would vanish one by one
        html = _PRE_START.sub("<pre>", html)
    if html.isascii() and "\t" not in html and "\r" not in html and "\x0c" not in html:
        return html.strip() if html.replace("\n", "").isprintable() else clean(html).strip()
    html = html.replace("\r", "\n").replace("\t", " ").replace("\x0b", " ").replace("\x0c", " ")
    return clean(html).strip()


@lru_cache(maxsize=64)
def _cleaner(base: str) -> nh3.Cleaner:
    try:
        return _build(("rewrite_with_base", base))
    except ValueError:
        return _build("deny")


def _build(relative: Literal["deny"] | tuple[Literal["rewrite_with_base"], str]) -> nh3.Cleaner:
    return nh3.Cleaner(
        tags=set(TAGS),
        attributes=ATTRIBUTES,
        url_schemes={"http", "https"},
        link_rel="noopener noreferrer nofollow",
        url_relative=relative,
    )
