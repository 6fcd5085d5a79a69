"""Boilerplate in words that no rule was made from: ``python -m tests.corpus.wordings_eval [--wrong]``.

The boxes and paragraphs stand in ``wordings/``, written for this and in two halves: on ``train`` the rules
may be tuned, ``heldout`` was only measured. Each is set into an invented article, as a single item with
nothing to compare, at three places and in two forms.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from html import escape
from pathlib import Path
from typing import NamedTuple

from workers.articles.boilerplate import strip
from workers.articles.text import read

FOLDER = Path(__file__).with_name("wordings")
ARTICLE = (
    "The council voted nine to four on Tuesday to reopen the bridge, ending a dispute that had kept the "
    "crossing closed for eleven months and cost traders on both banks their winter season.",
    "Engineers found cracks in two of the piers in the spring. The repair took longer than planned, since "
    "the firm that made the steel had closed and nobody kept its drawings.",
    "“We had given up on it,” said Ada Brook, who sells fish at the northern end. Her takings fell by half.",
    "Cars will cross from June. A fourth lane, which the county had asked for, is not part of the plan.",
)
PLACES = (1, 2, 4)
"""After how many paragraphs of the article something is set in."""


class Share(NamedTuple):
    """Of ``count`` blocks ``removed`` were removed; ``article`` are blocks around them that went too."""

    removed: int
    count: int
    article: int
    missed: list[str]


def wordings(name: str) -> list[list[str]]:
    """The boxes of a file, each a list of lines."""
    text = (FOLDER / f"{name}.txt").read_text()
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    return [box.split("\n") for box in "\n".join(lines).strip().split("\n\n")]


def paragraphs(name: str) -> list[list[str]]:
    """The paragraphs of a file, each as a box of one line."""
    return [[line] for box in wordings(name) for line in box]


def as_html(lines: list[str]) -> str:
    """Lines as paragraphs, and items as a list."""
    return "\n".join(
        f"<ul><li>{escape(x[2:])}</li></ul>" if x.startswith("- ") else f"<p>{escape(x)}</p>"
        for x in lines
    )


def settings(box: list[str]) -> Iterator[tuple[range, list[str], str, str]]:
    """The box in the article: where it stands, all lines, and the document in each form."""
    for place in PLACES:
        lines = [*ARTICLE[:place], *box, *ARTICLE[place:]]
        where = range(place, place + len(box))
        yield where, lines, as_html(lines), "html"
        yield where, lines, "\n\n".join(lines), "text"


def measure(boxes: list[list[str]]) -> Share:
    """Count the blocks of all boxes that are removed, over all settings."""
    removed = count = article = 0
    missed: dict[str, None] = {}
    for box in boxes:
        for where, lines, source, kind in settings(box):
            blocks = read(source, kind).blocks
            assert len(blocks) == len(lines), source
            dropped = strip(blocks).dropped
            removed += len(dropped & set(where))
            count += len(box)
            article += len(dropped - set(where))
            missed.update((f"{box[i - where[0]]}", None) for i in where if i not in dropped)
    return Share(removed, count, article, list(missed))


def main() -> None:
    """Print both halves: what is removed of boxes, and of paragraphs that must stay."""
    for half in ("train", "heldout"):
        asks = measure(wordings(f"appeals_{half}"))
        prose = paragraphs(f"journalism_{half}")
        stays = measure(prose)
        print(
            f"{half:8} boxes: {asks.removed}/{asks.count} blocks removed ({asks.removed / asks.count:.3f}), "
            f"{asks.article} of the article around them; "
            f"journalism: {stays.removed}/{stays.count} blocks removed"
        )
        if "--wrong" in sys.argv:
            gone = set(map(" ".join, prose)) - set(stays.missed)
            print(
                "\n".join(
                    [*(f"  kept     {x}" for x in asks.missed), *(f"  REMOVED  {x}" for x in gone)]
                )
            )


if __name__ == "__main__":
    main()
