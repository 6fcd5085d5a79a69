"""The text of an article: which field of its entry is the body, and what of that stays. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from schemas.fields import MAX_ABSTRACT
from workers.articles import wording
from workers.articles.boilerplate import Stripped, strip
from workers.articles.context import NormaliseContext
from workers.articles.text import Block, Markup, read, render, shorten
from workers.model import ParsedEntry, ParsedFeed

_WHOLE_IN_SUMMARY = 1_500  # characters: nobody writes so long a teaser
_SHORT_CONTENT = 1_500


class Body(NamedTuple):
    """The field that became the body, read and stripped."""

    markup: Markup
    stripped: Stripped
    text: str
    cut: bool
    from_content: bool


def body_of(
    entry: ParsedEntry, title: str, authors: Sequence[str], context: NormaliseContext
) -> Body:
    """The content where it has text, else the summary; of two teasers the longer one."""
    best: Body | None = None
    for source, kind, from_content in (
        (entry.content, entry.content_type, True),
        (entry.summary, entry.summary_type, False),
    ):
        if not source or (best is not None and best.text):
            continue
        markup = context.markup.get((source, kind)) or read(source, kind)
        if best is not None and best.markup.media and not markup.media:
            markup = markup._replace(media=best.markup.media)
        stripped = _strip(
            markup.blocks, title, authors, context, context.prints.get((source, kind, title))
        )
        text, cut = render(stripped.blocks, stripped.dropped)
        best = Body(markup, stripped, text, cut or markup.cut, from_content)
    return best or Body(Markup([], [], [], False), Stripped([], frozenset(), ()), "", False, False)


def _strip(
    blocks: Sequence[Block],
    title: str,
    authors: Sequence[str],
    context: NormaliseContext,
    prints: Sequence[bytes] | None = None,
) -> Stripped:
    return strip(
        blocks,
        headline=title,
        authors=authors,
        repeated=context.repeated,
        learned=context.learned,
        prints=prints,
    )


def scope_of(entry: ParsedEntry, feed: ParsedFeed, body: Body) -> str:
    """Say whether the body is the whole article.

    ``content`` (content:encoded, Atom content, JSON content) is, unless it is cut, or short and ends as a
    teaser does. A summary is one, unless it is longer than any teaser, or stands alone without a title:
    RSS then calls the item complete in itself.
    """
    if not body.text:
        return "none"
    length = len(body.text)
    teaser = (
        body.cut
        or "read_more" in body.stripped.kinds
        or bool(wording.CUT_OFF.search(body.text[-20:]))
    )
    if body.from_content:
        if teaser and (length < _SHORT_CONTENT or body.cut):
            return "summary"
        return "full"
    if teaser or feed.format == "json":
        return "summary"
    return "full" if length >= _WHOLE_IN_SUMMARY or not entry.title else "summary"


def abstract_of(
    entry: ParsedEntry,
    title: str,
    authors: Sequence[str],
    body: Body,
    context: NormaliseContext,
) -> str:
    """The summary as text, where it is another than the body; else empty."""
    if not body.from_content or not entry.summary or entry.summary == entry.content:
        return ""
    blocks = read(entry.summary, entry.summary_type).blocks
    stripped = _strip(blocks, title, authors, context)
    text = render(stripped.blocks, stripped.dropped)[0]
    return "" if text == body.text else shorten(text, MAX_ABSTRACT)
