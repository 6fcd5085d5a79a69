"""``newswire tail``: articles as they come, chosen by source, tag, language or words.

It is a consumer like any other: it reads the published contract, and skips what it does not know.
"""

from __future__ import annotations

import argparse
import re
from collections import OrderedDict
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from typing import TextIO

import msgspec

from workers.errors import ConfigError
from workers.publisher.kafka_reader import Record
from workers.units import parse_duration

_REMEMBERED = 10_000
_SOURCE_WIDTH = 24
_HEADLINE_WIDTH = 300
# C0, DEL and C1 are obeyed by terminals; bidi controls and separators reorder or break the line.
_UNPRINTABLE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff\ufeff]"
)
_RESET, _BOLD, _DIM = "\x1b[0m", "\x1b[1m", "\x1b[2m"
_WITHDRAWN = "news.article.withdrawn"


class _Feed(msgspec.Struct, rename="camel"):
    feed_id: str = ""
    name: str = ""
    tags: list[str] = []


class Article(msgspec.Struct, rename="camel"):
    """What is looked at of an event; a withdrawal has even less."""

    article_id: str
    revision: int = 1
    headline: str = ""
    article_body: str = ""
    abstract: str = ""
    keywords: list[str] = []
    in_language: str = ""
    is_part_of: _Feed = msgspec.field(default_factory=_Feed)
    changed_fields: list[str] = []


class Wanted(msgspec.Struct, frozen=True):
    """Which articles are shown: every condition must hold, of several values one is enough.

    ``sources`` are feed ids or parts of a feed's name; ``tags`` are the feed's; ``languages`` are BCP 47
    ranges (``en`` takes ``en-GB``); ``texts`` stand in the headline, body, abstract or keywords. Case
    does not matter.
    """

    sources: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    languages: tuple[str, ...] = ()
    texts: tuple[str, ...] = ()

    def takes(self, article: Article) -> bool:
        """Whether the article is to be shown."""
        feed = article.is_part_of
        name, tags = feed.name.casefold(), {tag.casefold() for tag in feed.tags}
        language = article.in_language.casefold()
        texts = [article.headline, article.article_body, article.abstract, *article.keywords]
        said = "\n".join(texts).casefold() if self.texts else ""
        return (
            _one(self.sources, lambda s: s == feed.feed_id.casefold() or s in name)
            and _one(self.tags, lambda t: t in tags)
            and _one(self.languages, lambda r: language == r or language.startswith(f"{r}-"))
            and _one(self.texts, lambda t: t in said)
        )


def _one(values: tuple[str, ...], holds: Callable[[str], bool]) -> bool:
    return not values or any(holds(value.casefold()) for value in values)


def add_tail(parser: argparse.ArgumentParser) -> None:
    """The arguments of the command."""
    parser.add_argument("--json", action="store_true", help="one event a line, as published")
    start = parser.add_mutually_exclusive_group()
    start.add_argument("--from-beginning", action="store_true", help="all that is retained")
    start.add_argument("--since", metavar="WHEN", help="from then on: 2h, 1d, 2026-03-01T07:30:00Z")
    for name, meaning in (
        ("source", "feed id, or part of the feed's name"),
        ("tag", "tag of the feed"),
        ("language", "en takes en-GB, too"),
        ("text", "stands in headline, text or keywords"),
    ):
        parser.add_argument(
            f"--{name}", action="append", default=[], help=f"{meaning}; given twice: either"
        )


def wanted(args: argparse.Namespace) -> Wanted:
    """The conditions that were asked for."""
    return Wanted(tuple(args.source), tuple(args.tag), tuple(args.language), tuple(args.text))


def start_ms(args: argparse.Namespace, now_ms: int) -> int | None:
    """Where to begin: an epoch time, 0 for the beginning, None for now. Raises ConfigError."""
    if args.since:
        return since_ms(args.since, now_ms)
    return 0 if args.from_beginning else None


def since_ms(text: str, now_ms: int) -> int:
    """Epoch milliseconds of a duration before now (``2h``) or an ISO 8601 time; without zone it is local.

    Raises:
        ConfigError: the text is neither.
    """
    try:
        return max(1, now_ms - int(parse_duration(text) * 1000))
    except ValueError:
        pass
    try:
        return max(1, int(datetime.fromisoformat(text).timestamp() * 1000))
    except (ValueError, OverflowError, OSError):
        raise ConfigError(
            f"--since {printable(text)!r}: give a duration such as 2h, or a time such as "
            "2026-03-01T07:30:00Z"
        ) from None


class Tail:
    """Writes the chosen articles of a topic to a stream, one line each.

    Args:
        out: where to. On a terminal nothing is written that it would obey.
        as_json: the values as they were published, for another program.
        color: headlines stand out, if it is a terminal.
    """

    def __init__(self, out: TextIO, wanted: Wanted, *, as_json: bool, color: bool) -> None:
        self._out = out
        self._wanted = wanted
        self._json = as_json
        self._guard = out.isatty()
        self._color = color and self._guard
        self._shown: OrderedDict[str, Article] = OrderedDict()

    def run(self, records: Iterable[Record]) -> None:
        """Write until the records end."""
        for record in records:
            line = self.line(record)
            if line:
                self._out.write(f"{line}\n")
                self._out.flush()

    def line(self, record: Record) -> str:
        """The line of a record, or nothing when it is not wanted or no article event."""
        if record.value is None:
            return ""
        try:
            article = msgspec.json.decode(record.value, type=Article)
        except msgspec.MsgspecError:
            return ""  # a type that we do not know, or none of ours
        withdrawn = record.headers.get("ce_type", b"") == _WITHDRAWN.encode()
        known = self._shown.get(article.article_id)
        if withdrawn:
            # It says nothing of the article: shown is what takes back something that was shown.
            if known is None and self._wanted != Wanted():
                return ""
        elif not self._wanted.takes(article):
            return ""
        else:
            self._remember(article)
        if self._json:
            text = record.value.decode("utf-8", "replace")
            return _UNPRINTABLE.sub(_escape, text) if self._guard else text
        return self._readable(record, known if withdrawn and known else article, withdrawn)

    def _remember(self, article: Article) -> None:
        self._shown[article.article_id] = Article(
            article_id=article.article_id, headline=article.headline, is_part_of=article.is_part_of
        )
        self._shown.move_to_end(article.article_id)
        if len(self._shown) > _REMEMBERED:
            self._shown.popitem(last=False)

    def _readable(self, record: Record, article: Article, withdrawn: bool) -> str:
        at = datetime.fromtimestamp(record.timestamp_ms / 1000, UTC).astimezone()
        feed = article.is_part_of
        source = printable(feed.name or feed.feed_id)[:_SOURCE_WIDTH]
        headline = printable(article.headline or article.article_id)[:_HEADLINE_WIDTH]
        mark, note = "●", ""
        if withdrawn:
            mark, note = "✗", "withdrawn"
        elif article.revision > 1:
            mark, note = "↻", f"revision {article.revision}"
            if article.changed_fields:
                note += f": {printable(', '.join(article.changed_fields))}"
        parts = [f"{mark} {at:%Y-%m-%d %H:%M:%S}  {source:<{_SOURCE_WIDTH}}"]
        parts.append(self._paint(headline, _DIM if withdrawn else _BOLD))
        if note:
            parts.append(self._paint(f"({note})", _DIM))
        return "  ".join(parts)

    def _paint(self, text: str, style: str) -> str:
        return f"{style}{text}{_RESET}" if self._color else text


def printable(text: str) -> str:
    """``text`` on one line, without anything that a terminal would obey."""
    return " ".join(_UNPRINTABLE.sub(" ", text).split())


def _escape(found: re.Match[str]) -> str:
    return f"\\u{ord(found[0]):04x}"
