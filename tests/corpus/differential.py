"""The fast path against feedparser, field by field: ``python -m tests.corpus.differential``.

Every field of every entry of every document is equal, differs on purpose for a reason below, or is
unexplained. Over the real feeds, nothing may be unexplained.
"""

from __future__ import annotations

import contextlib
import os
import re
import statistics
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from html import unescape
from pathlib import Path
from typing import Any, NamedTuple

import fastfeedparser

from workers.errors import ParseError
from workers.model import Media, ParsedEntry, ParsedFeed
from workers.parsing.feed import UnsureError, parse_fast, parse_mended
from workers.parsing.guess import guess
from workers.parsing.reference import parse_reference
from workers.parsing.source import read_source

URL = "http://feeds.example/feed"
_TAG = re.compile(r"<[^>]*>")
ENTRY_FIELDS = tuple(name for name in ParsedEntry.__struct_fields__ if not name.endswith("_type"))
FEED_FIELDS = (
    "title",
    "link",
    "language",
    "rights",
    "ttl_s",
    "update_period_s",
    "update_base",
)


def corpus() -> Path | None:
    """Return the folder of feed documents beside the checkout, or None."""
    root = Path(__file__).resolve().parents[2]
    folder = Path(os.environ.get("NEWSWIRE_CORPUS") or root.parent / "shared" / "corpus")
    return folder if (folder / "real-feeds").is_dir() else None


class Case(NamedTuple):
    """One field of one entry (or of the feed: ``entry`` is then None) as both read it."""

    field: str
    ours: Any
    theirs: Any
    entry: tuple[ParsedEntry, ParsedEntry] | None
    feed: tuple[ParsedFeed, ParsedFeed]
    body: bytes


def fast(body: bytes) -> ParsedFeed:
    """Parse by the fast path, mended if need be."""
    try:
        return parse_fast(body, "", URL)
    except UnsureError:
        return parse_mended(read_source(body, ""), URL)


def cases(ours: ParsedFeed, theirs: ParsedFeed, body: bytes) -> Iterator[Case]:
    """Yield every field of the feed, the number of entries, and every field of every entry."""
    feeds = (ours, theirs)
    for field in FEED_FIELDS:
        yield Case(f"feed.{field}", getattr(ours, field), getattr(theirs, field), None, feeds, body)
    yield Case("entries", len(ours.entries), len(theirs.entries), None, feeds, body)
    for pair in zip(ours.entries, theirs.entries, strict=False):
        for field in ENTRY_FIELDS:
            yield Case(field, getattr(pair[0], field), getattr(pair[1], field), pair, feeds, body)


def verdict(case: Case) -> str:
    """Return ``equal``, the reason of an intended difference, or ``unexplained``."""
    if case.ours == case.theirs:
        return "equal"
    for reason, fields, holds in INTENDED:
        if (case.field in fields or "*" in fields) and holds(case):
            return reason
    return "unexplained"


def _urls(media: tuple[Media, ...]) -> set[str]:
    return {item.url for item in media}


def _captions(case: Case) -> set[str]:
    return {item.title for item in case.entry[0].media} if case.entry else set()


def _is_guessed(body: bytes) -> bool:
    return "\ufffd" in body.decode("utf-8", "replace") and bool(guess(body))


def _twice_utf8(case: Case) -> bool:
    try:
        return bool(str(case.ours).encode("latin-1").decode() == case.theirs)
    except UnicodeError:
        return False


Intended = tuple[str, tuple[str, ...], Callable[[Case], bool]]

# Reason, fields, and what must hold for it: an intended difference is narrow, or it would hide faults.
INTENDED: tuple[Intended, ...] = (
    (
        "an encoding that is declared nowhere is told by its letters; feedparser reads windows-1252",
        ("title", "summary", "content", "feed.title"),
        lambda c: _is_guessed(c.body),
    ),
    (
        "authors stay raw here ('mail (Name)'); they become people when normalised",
        ("authors",),
        lambda c: (
            len(c.ours) == len(c.theirs)
            and all(theirs in ours for ours, theirs in zip(c.ours, c.theirs, strict=True))
        ),
    ),
    (
        "an Atom entry inherits the author of its source",
        ("authors",),
        lambda c: not c.theirs and b"<source" in c.body,
    ),
    (
        "an id is no link unless it is a web address; feedparser takes any",
        ("link", "feed.link"),
        lambda c: not c.ours and b"id>" in c.body,
    ),
    (
        "media in document order, with captions, and from nested and plain image elements",
        ("media",),
        lambda c: _urls(c.theirs) <= _urls(c.ours),
    ),
    (
        "the caption of an image is not the text of the article",
        ("summary", "content"),
        lambda c: bool(c.theirs) and c.theirs in _captions(c),
    ),
    (
        "text that looks like UTF-8 read as Latin-1 is left as written",
        ("title", "summary", "content"),
        _twice_utf8,
    ),
    (
        "HTML5 entities, and the C1 references that mean windows-1252, are resolved",
        ("title", "summary", "content"),
        lambda c: unescape(c.theirs) == unescape(c.ours) and "&" in c.theirs,
    ),
    (
        "the div that XHTML is wrapped in is dropped in Atom 0.3 too",
        ("title", "summary", "content", "feed.title"),
        lambda c: c.theirs == f"<div>{c.ours}</div>",
    ),
    (
        "rights are plain text",
        ("rights", "feed.rights"),
        lambda c: _TAG.sub("", unescape(c.theirs)) == _TAG.sub("", unescape(c.ours)),
    ),
    (
        "base64 without a text type is no text",
        ("title", "summary", "content", "rights", "source_title", "feed.title", "feed.rights"),
        lambda c: b"base64" in c.body or b"octet-stream" in c.body,
    ),
    (
        "MathML and SVG are written without namespaces",
        ("content",),
        lambda c: ("<svg" in c.theirs or "<math" in c.theirs) and "xmlns" in c.theirs,
    ),
    (
        "the element that a date came from is told apart",
        ("published_source",),
        lambda c: bool(c.ours and c.theirs),
    ),
    (
        "feedparser keeps one date for updated, modified and dc:date",
        ("published", "published_source", "updated"),
        lambda c: b"dcterms:modified" in c.body,
    ),
    (
        "of a date twice in an entry the first counts",
        ("published", "updated"),
        lambda c: bool(c.ours and c.theirs) and c.body.count(c.ours.encode()) == 1,
    ),
    (
        "a source's link is its own, not its author's or id",
        ("source_url",),
        lambda c: not c.ours and b"<source" in c.body,
    ),
    ("feedparser has no dc:language of an entry", ("language",), lambda c: not c.theirs),
    ("a language tag is normalised later", ("feed.language",), lambda c: "_" in c.ours),
)


def compare(folder: Path) -> tuple[Counter[tuple[str, str]], list[str]]:
    """Return the verdicts by (field, verdict) over the documents in ``folder``, and the unexplained.

    Documents that either side calls no feed, or that the fast path hands to feedparser, are counted
    under the field ``documents``.
    """
    table: Counter[tuple[str, str]] = Counter()
    unexplained: list[str] = []
    for path in sorted(folder.rglob("*.xml")):
        if SKIPPED & set(path.parts):
            continue
        body = path.read_bytes()
        try:
            theirs = parse_reference(body, "", URL)
            ours = fast(body)
        except (ParseError, UnsureError) as error:
            table["documents", f"left out: {getattr(error, 'reason', 'feedparser decides')}"] += 1
            continue
        table["documents", "compared"] += 1
        for case in cases(ours, theirs, body):
            said = verdict(case)
            table[case.field, said] += 1
            if said == "unexplained":
                unexplained.append(
                    f"{path.name} {case.field}: {case.ours!r:.200} | {case.theirs!r:.200}"
                )
    return table, unexplained


# What no news feed is: channel definition format, podcast chapters; and feedparser's own sanitiser.
SKIPPED = {"sanitize", "psc", "cdf", "geo"}


def print_table(title: str, table: Counter[tuple[str, str]]) -> None:
    """Print fields by (equal, intended, unexplained), then the reasons."""
    print(f"\n{title}")
    for (field, said), count in sorted(table.items()):
        if field == "documents":
            print(f"  {said}: {count}")
    print(f"  {'field':<22}{'equal':>8}{'intended':>10}{'unexplained':>13}")
    fields = dict.fromkeys((*(f"feed.{name}" for name in FEED_FIELDS), "entries", *ENTRY_FIELDS))
    for field in fields:
        equal, unexplained = table[field, "equal"], table[field, "unexplained"]
        total = sum(count for (name, _), count in table.items() if name == field)
        print(f"  {field:<22}{equal:>8}{total - equal - unexplained:>10}{unexplained:>13}")
    print("  intended:")
    for reason, names, _ in INTENDED:
        count = sum(n for (_, said), n in table.items() if said == reason)
        if count:
            print(f"  {count:>6}  {', '.join(names)}: {reason}")


def sample_feed() -> bytes:
    """Return a feed of 20 entries of 2.5 KB each."""
    text = "<p>" + "Words of an article, with &amp;amp; and an accent é. " * 44 + "</p>"
    items = "".join(
        f"<item><title>Headline {n}</title><link>https://news.example/{n}</link>"
        f"<guid isPermaLink='false'>{n}</guid><pubDate>Mon, 02 Mar 2026 07:{n:02}:00 GMT</pubDate>"
        f"<dc:creator>A. Writer</dc:creator><category>World</category>"
        f"<description><![CDATA[{text}]]></description></item>"
        for n in range(20)
    )
    return (
        '<?xml version="1.0" encoding="utf-8"?><rss version="2.0" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><channel><title>Sample</title>'
        f"<link>https://news.example/</link>{items}</channel></rss>"
    ).encode()


def milliseconds(parse: Callable[[bytes], object], body: bytes, rounds: int) -> float:
    """Return the median time of ``parse(body)``."""
    times = []
    for _ in range(rounds):
        start = time.perf_counter()
        parse(body)
        times.append(time.perf_counter() - start)
    return statistics.median(times) * 1e3


def print_times(folder: Path) -> None:
    """Print what the parsers cost, all measured in this run."""
    feeds = [path.read_bytes() for path in sorted((folder / "real-feeds").glob("*.xml"))]
    parsers: list[tuple[str, Callable[[bytes], object]]] = [
        ("fast path", fast),
        ("fastfeedparser (no raw dates)", fastfeedparser.parse),
        ("feedparser", lambda body: parse_reference(body, "", URL)),
    ]
    print("\nmilliseconds            20 entries of 2.5 KB   a real feed (mean of 100)")
    for name, parse in parsers:
        sample = milliseconds(parse, sample_feed(), 50)
        start = time.perf_counter()
        for body in feeds:
            with contextlib.suppress(ParseError):
                parse(body)
        mean = (time.perf_counter() - start) / len(feeds) * 1e3
        print(f"  {name:<32}{sample:>10.2f}{mean:>24.2f}")


def main() -> int:
    """Print tables and times; exit 1 when a difference over the real feeds is unexplained."""
    folder = corpus()
    if folder is None:
        print("no corpus: set NEWSWIRE_CORPUS to its folder")
        return 0
    table, unexplained = compare(folder / "real-feeds")
    print_table("real feeds", table)
    print(*unexplained, sep="\n")
    cases_table, rest = compare(folder / "feedparser-tests")
    print_table("feedparser's own cases", cases_table)
    print(*rest, sep="\n")
    print_times(folder)
    return 1 if unexplained else 0


if __name__ == "__main__":
    sys.exit(main())
