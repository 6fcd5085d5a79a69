"""How well boilerplate is told from articles: ``python -m tests.corpus.boilerplate_eval``.

The labels are of blocks of the real feeds, read one by one: what was removed, what stood at an edge of
an article with a telling word in it and was kept, and a random sample of everything else. A label holds
a hash and a kind, no text. The rules were tuned on the same feeds, so read the figures as "no worse on
what was looked at", not as a promise for unseen feeds.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from hashlib import blake2b
from pathlib import Path
from typing import NamedTuple

from tests.corpus.differential import URL, corpus
from workers.articles.boilerplate import strip
from workers.articles.context import document_context
from workers.articles.people import split_authors
from workers.articles.text import Block, read, to_plain
from workers.errors import NewswireError
from workers.model import ParsedEntry, ParsedFeed
from workers.parsing.feed import parse_fast

LABELS = Path(__file__).with_name("boilerplate_labels.txt")
MAX_ENTRIES = 60


class Verdict(NamedTuple):
    """One labelled block as it was decided. ``kind`` is its label; ``keep``: part of the article."""

    kind: str
    alone: bool  # removed with nothing to compare
    document: bool  # removed in its document
    text: str


class Score(NamedTuple):
    """Of the blocks removed, the share that is boilerplate; of the boilerplate, the share removed."""

    precision: float
    recall: float
    wrong: int  # blocks of articles that were removed


def block_hash(text: str) -> str:
    """The name of a block in the file of labels."""
    return blake2b(text.encode(), digest_size=8).hexdigest()


def labels() -> dict[str, str]:
    """Block hash to kind, as labelled."""
    lines = (line.split(" ") for line in LABELS.read_text().splitlines() if line[:1] != "#")
    return dict(lines)


def feeds(folder: Path) -> Iterator[ParsedFeed]:
    """The real feeds that the fast path reads."""
    for path in sorted(folder.iterdir()):
        try:
            yield parse_fast(path.read_bytes(), "", URL)
        except NewswireError:
            continue


def blocks_of(entry: ParsedEntry) -> list[Block]:
    """The blocks of the field that becomes the body."""
    if entry.content:
        return read(entry.content, entry.content_type).blocks
    return read(entry.summary, entry.summary_type).blocks


def verdicts(folder: Path) -> list[Verdict]:
    """Decide each labelled block where it first stands."""
    wanted = labels()
    found: dict[str, Verdict] = {}
    for feed in feeds(folder):
        context = document_context(feed.entries, now_ms=0)
        for entry in feed.entries[:MAX_ENTRIES]:
            blocks = blocks_of(entry)
            names = [block_hash(b.text) for b in blocks]
            if not any(n in wanted and n not in found for n in names):
                continue
            told = {"headline": to_plain(entry.title), "authors": split_authors(entry.authors)}
            alone = strip(blocks, **told).dropped  # type: ignore[arg-type]
            here = strip(blocks, **told, repeated=context.repeated).dropped  # type: ignore[arg-type]
            for index, name in enumerate(names):
                if name in wanted and name not in found:
                    text = blocks[index].text
                    found[name] = Verdict(wanted[name], index in alone, index in here, text)
    return list(found.values())


def score(decided: list[Verdict], *, document: bool) -> Score:
    """Precision and recall, with the document's repetition or without."""
    removed = [v for v in decided if (v.document if document else v.alone)]
    right = sum(v.kind != "keep" for v in removed)
    boilerplate = sum(v.kind != "keep" for v in decided)
    return Score(right / max(len(removed), 1), right / max(boilerplate, 1), len(removed) - right)


def main() -> None:
    """Print precision and recall, then kind by kind; with ``--wrong`` the blocks decided wrongly."""
    folder = corpus()
    if folder is None:
        sys.exit("no feed corpus beside the checkout (NEWSWIRE_CORPUS)")
    decided = verdicts(folder / "real-feeds")
    kinds = Counter(v.kind for v in decided)
    print(f"{len(decided)} labelled blocks, {len(decided) - kinds['keep']} of them boilerplate")
    for name, document in (("alone", False), ("in its document", True)):
        result = score(decided, document=document)
        print(
            f"{name:16} precision {result.precision:.3f}  recall {result.recall:.3f}  "
            f"article blocks removed {result.wrong}"
        )
    for kind, count in kinds.most_common():
        alone = sum(v.alone for v in decided if v.kind == kind)
        here = sum(v.document for v in decided if v.kind == kind)
        print(f"  {kind:12} {count:4}  removed alone {alone:4}  in its document {here:4}")
    if "--wrong" in sys.argv:
        for v in decided:
            if v.document != (v.kind != "keep"):
                print(f"{v.kind:12} {'removed' if v.document else 'kept':8} {v.text[:140]}")


if __name__ == "__main__":
    main()
