"""What stands in an article and is no part of it: appeals, newsletter boxes, share bars, feed notices.

Two kinds of evidence. *Repetition*: a block that many articles of one source repeat belongs to none of
them; a document shows 10-50 articles at once, and what it showed stays in the feed's memory. *Wording
and structure*: what is recognised with nothing to compare. A paragraph of journalism that is removed is
the worse mistake, so each rule needs more than one sign, and a doubtful block stays.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence, Set
from operator import itemgetter

import msgspec

from workers.articles import wording, wording_asks
from workers.articles.boxes import boxes
from workers.articles.pleas import ASK, MAIL, NONE, Plea, is_told, plea, stands_alone
from workers.articles.repetition import SHORT, Learned, known_blocks, prints_of
from workers.articles.text import Block

_REST = 80  # characters of an article that must be left when nothing but doubt removes the rest
_LOOKED_AT = 150  # blocks at each end of an article whose wording is looked at
_ASIDE = 160  # characters: a longer block that asks is read sentence by sentence
_LIMITS = {"newsletter": 350, "appeal": wording.MAX_LINE, "app": 220, "ad": 300}  # characters

_QUOTED = re.compile(r"[\"“”„«»]")
_NAMED = re.compile(r"[«„“][^\W\d_][^«»„“”.,!?]{0,24}[»“”]")
_REPORTED_POST = re.compile(r"The post [a-z]+ ")
"""A report of a post, where a feed's notice would name it by its headline."""
_CELL_NOTICES = ("submitted by", "[link]")  # a table that Reddit sets its notice in
_MARKS = " *#_>([{-–—•·→▶►👉📩✉️"
_STEM = itemgetter(slice(wording_asks.STEM))
_SENTENCES = re.compile(r"(?<=[.!?])\s+")
_WORDS = re.compile(r"[\w'-]+")


class Stripped(msgspec.Struct, frozen=True):
    """What ``strip`` left: blocks (the text of some may be shorter), which indices go, and their kinds.

    ``recognised`` are the indices that wording and structure alone gave away: they depend on nothing
    but the article.
    """

    blocks: list[Block]
    dropped: frozenset[int]
    kinds: tuple[str, ...]
    recognised: frozenset[int] = frozenset()


def strip(
    blocks: Sequence[Block],
    *,
    headline: str = "",
    authors: Sequence[str] = (),
    repeated: Set[bytes] = frozenset(),
    learned: Learned | None = None,
    prints: Sequence[bytes] | None = None,
) -> Stripped:
    """Decide which blocks are boilerplate. ``repeated``: fingerprints from ``repeated_in``; ``prints``: those
    of the blocks, where they are known already. Pure."""
    found = recognise(blocks, headline=headline, authors=authors)
    alone = frozenset(found)
    if repeated or learned:
        prints = prints_of(blocks, headline) if prints is None else prints
        known = known_blocks(prints, repeated, learned or {})
        found = _with_repeated(blocks, found, known)
    kinds = list(dict.fromkeys(found[i] for i in sorted(found)))
    shorter, tails = _without_tails(blocks, found)
    return Stripped(shorter, frozenset(found), tuple(dict.fromkeys(kinds + tails)), alone)


def recognise(
    blocks: Sequence[Block], *, headline: str = "", authors: Sequence[str] = ()
) -> dict[int, str]:
    """Blocks that wording and structure alone give away, each with its kind."""
    found: dict[int, str] = {}
    hints: dict[int, Plea] = {}
    names = {a.lower() for a in authors if len(a) > 2}
    last = len(blocks) - 1
    for index, block in enumerate(blocks):
        length = len(block.text)
        if _LOOKED_AT <= index <= last - _LOOKED_AT:
            continue
        if length > wording.MAX_LINE or block.kind == "pre":
            continue
        if block.kind == "cell" and not block.text.startswith(_CELL_NOTICES):
            continue
        low = block.text.lower().replace("’", "'").replace("‘", "'")
        edge = index < 3 or index > last - 3
        kind = _by_class(block) or _by_form(block, low, headline)
        if not kind and edge and length <= 120 + len(headline) and block.kind != "li":
            kind = _byline(low, names, headline.lower())
        if not kind:
            kind, sign = _by_wording(block, low)
            if kind == "newsletter":
                sign = Plea(sign.points + 1, sign.topics | ASK | MAIL)
            if sign.points:
                hints[index] = sign
        if kind:
            found[index] = kind
    if hints:
        found |= {i: found.get(i, kind) for i, kind in boxes(blocks, hints, found).items()}
    _add_related(blocks, found)
    _add_networks(blocks, found)
    return _if_something_is_left(blocks, found)


def _by_class(block: Block) -> str:
    if block.classes:
        for kind, pattern in wording.CLASSES:
            if pattern.search(block.classes):
                return kind
    return ""


def _by_form(block: Block, low: str, headline: str) -> str:
    """Kinds that are told by the whole line."""
    if _QUOTED.match(low):
        return ""
    if len(low) <= 160 and (kind := _by_whole_line(block, low)):
        return kind
    if len(low) <= 300 and (kind := _by_link(block, low, headline)):
        return kind
    if wording.SYNDICATION.match(low) and not _REPORTED_POST.match(block.text):
        return "" if wording.AMENDED.search(low) else "syndication"
    if not low.isascii() and wording.SYNDICATION_LATE.search(low):
        return "syndication"
    rights = "©" in low or "right" in low or len(low) <= 60
    return "rights" if rights and len(low) <= 220 and wording.RIGHTS.match(low) else ""


def _by_whole_line(block: Block, low: str) -> str:
    heading = block.kind == "h"
    if wording.READ_MORE.match(low):
        return "" if heading else "read_more"
    if wording.ADVERT.match(low):
        return "ad"
    if wording.COMMENTS.match(low) and not (heading and low == "comments"):
        return "comments"
    if len(low) <= wording.MAX_COUNTER and wording.COUNTER.match(low):
        return "counter"
    return "share" if _is_share_bar(block, low) else ""


def _by_link(block: Block, low: str, headline: str) -> str:
    """Kinds whose line is mostly a link to somewhere else."""
    mostly_link = block.linked * 2 >= len(low)
    if wording.READ_MORE_START.match(low):
        named = len(headline) > 9 and headline.lower() in low
        if mostly_link or named or low.endswith(("→", "»", "›", ">")):
            return "read_more"
    if mostly_link and wording.TAGS.match(low):
        return "tags"
    if mostly_link and wording.ALSO_START.match(low):
        return "related"
    return ""


def _is_share_bar(block: Block, low: str) -> bool:
    if block.href and len(low) <= 60 and wording.SHARE_LINK.search(block.href):
        return True
    first = _WORDS.search(low)
    if len(low) > 120 or not first or first[0] not in wording.SHARE_WORDS:
        return False
    words = _WORDS.findall(low)
    if len(words) > 24 or not wording.SHARE_WORDS.issuperset(words):
        return False
    return not wording.SHARE_KEYS.isdisjoint(words) or words in (
        ["like", "this"],
        ["like", "loading"],
    )


def _byline(low: str, names: Collection[str], headline: str) -> str:
    if low.startswith(headline) and headline and wording.HEADED_STAMP.search(low):
        return "byline"
    bare = low.strip(" .,:|–—-")
    if bare in names:
        return "byline"
    match = wording.BYLINE.match(low)
    if match and any(name in match["name"] or match["name"] in name for name in names):
        return "byline"
    return "byline" if len(low) <= 90 and wording.DATELINE.match(low) else ""


def _by_wording(block: Block, low: str) -> tuple[str, Plea]:
    """The kind that is told by what is said to the reader, never in quoted speech; and how it pleads."""
    if block.kind == "caption":
        return "", NONE
    if not low.isascii():
        if wording_asks.NEEDS_UNSPACED.search(low):
            match = wording_asks.UNSPACED.search(low) if len(low) <= 120 else None
            return (match.lastgroup or "", NONE) if match else ("", NONE)
        low = _NAMED.sub("", low)
    if _QUOTED.search(low):
        return "", NONE
    found = plea(low, block.href)
    kind = _asked(low)
    if kind and is_told(low):
        return "", NONE
    if kind and len(low) > _ASIDE and not _is_mainly(low, kind):
        return "", found
    if kind == "appeal" and block.kind != "h":
        return kind, found
    if not kind and block.kind != "h" and stands_alone(low, found):
        return "appeal", found
    return ("" if kind == "appeal" else kind), found


def _words(low: str) -> list[str]:
    for mark in ".,!?:":
        if mark in low:
            low = low.replace(mark, " ")
    return low.lstrip(_MARKS).split()


def _asked(low: str) -> str:
    """The kind of the first wording, in their order, that the line shows."""
    words = _words(low)
    within = wording_asks.BY_WORD.keys() & map(_STEM, words)
    near = {n for stem in within for n in wording_asks.BY_WORD[stem]}
    if words:
        near.update(wording_asks.BY_FIRST.get(_STEM(words[0]), ()))
    for number in sorted(near):
        ask = wording_asks.ASKS[number]
        if len(low) <= _LIMITS[ask.kind] and ask.found_in(low):
            return ask.kind
    return ""


def _is_mainly(low: str, kind: str) -> bool:
    """True when at least half of a paragraph asks, not only one sentence at its end."""
    asking = 0
    for sentence in _SENTENCES.split(low):
        if plea(sentence).points >= 2 or _asked(sentence) == kind:
            asking += len(sentence)
    return asking * 2 >= len(low)


def _add_related(blocks: Sequence[Block], found: dict[int, str]) -> None:
    """A heading like "Related" with the links below it."""
    for index, block in enumerate(blocks[:-1]):
        if len(block.text) > 60 or (index in found and found[index] != "related"):
            continue
        if not wording.RELATED_HEAD.match(block.text.lower().replace("’", "'")):
            continue
        end = index + 1
        while end < len(blocks) and _is_link(blocks[end]):
            end += 1
        if end > index + 1:
            found |= {i: found.get(i, "related") for i in range(index, end)}


def _is_link(block: Block) -> bool:
    return len(block.text) <= 200 and block.linked >= 0.8 * len(block.text)


def _add_networks(blocks: Sequence[Block], found: dict[int, str]) -> None:
    """Lines that only name a network are a share bar beside one, and nothing anywhere else."""
    if "share" not in found.values():
        return
    for step in (1, -1):
        for index in range(len(blocks))[::step]:
            if index in found or found.get(index - step) != "share":
                continue
            words = _WORDS.findall(blocks[index].text.lower())
            if len(words) <= 6 and wording.SHARE_WORDS.issuperset(words) and words:
                found[index] = "share"


def _if_something_is_left(blocks: Sequence[Block], found: dict[int, str]) -> dict[int, str]:
    """An article that consists of an appeal or a newsletter notice is about it: that text stays."""
    doubtful = {"appeal", "newsletter", "app", "byline"}
    if doubtful.isdisjoint(found.values()):
        return found
    if _left(blocks, found) >= _REST:
        return found
    return {i: kind for i, kind in found.items() if kind not in doubtful}


def _left(blocks: Sequence[Block], dropped: Collection[int]) -> int:
    return sum(len(b.text) for i, b in enumerate(blocks) if i not in dropped)


def _with_repeated(
    blocks: Sequence[Block], found: dict[int, str], known: Collection[int]
) -> dict[int, str]:
    """Add repeated blocks, but short lines and headings only where they touch other boilerplate."""
    if not known:
        return found
    result = dict(found)
    for index in known:
        if index not in result and len(blocks[index].text) >= SHORT and blocks[index].kind != "h":
            result[index] = "repeated"
    count = len(blocks)
    for order in (range(count), range(count - 1, -1, -1)):
        step = order.step
        for index in order:
            before = index - step
            touches = before in result or not 0 <= before < count
            if index in known and index not in result and touches:
                after = index + 1
                if blocks[index].kind != "h" or after in result or after == count:
                    result[index] = "repeated"
    kept = _left(blocks, result)
    total = _left(blocks, found)
    return result if kept >= _REST or kept * 2 >= total else found


def _without_tails(
    blocks: Sequence[Block], found: Collection[int]
) -> tuple[list[Block], list[str]]:
    """Cut "… Read more" and "The post … appeared first on …" off the end of the last paragraph."""
    result = list(blocks)
    kinds: list[str] = []
    index = next((i for i in range(len(result) - 1, -1, -1) if i not in found), -1)
    if index < 0:
        return result, kinds
    text = result[index].text
    if "ost" in text[-500:]:
        cut = wording.SYNDICATION_TAIL.search(text, max(0, len(text) - 500))
        if cut and cut.start() > 0:
            text = text[: cut.start()]
            kinds.append("syndication")
    cut = wording.READ_MORE_TAIL.search(text, max(0, len(text) - 60))
    if cut and cut.start() > 0:
        text = text[: cut.start()] + ("…" if cut[0].lstrip()[:1] in "[….(" else "")
        kinds.append("read_more")
    if kinds:
        result[index] = msgspec.structs.replace(result[index], text=text.rstrip())
    return result, kinds
