"""Boilerplate over real feeds and the seed article: what goes, and above all what stays."""

from __future__ import annotations

from itertools import count
from pathlib import Path

import pytest

from tests.corpus.boilerplate_eval import score, verdicts
from tests.corpus.differential import corpus
from workers.articles.context import document_context
from workers.articles.normalise import normalise
from workers.model import Article, ParsedEntry, ParsedFeed

pytestmark = pytest.mark.corpus

APPEAL = slice(3, 14)  # lines of the seed article that are a donation appeal
APPEAL_WORDS = ("gift of hope", "preach", "On the ground", "Calling out", "Join us", "Media Line")


@pytest.fixture(scope="module")
def folder() -> Path:
    """Return the corpus, or skip."""
    found = corpus()
    if found is None:
        pytest.skip("no feed corpus beside the checkout (NEWSWIRE_CORPUS)")
    return found


@pytest.fixture(scope="module")
def seed(folder: Path) -> list[str]:
    """The lines of the seed article."""
    path = next((folder / "seed").glob("*.txt"), None)
    if path is None:
        pytest.skip("no seed article in the corpus")
    return path.read_text().splitlines()


def read(*entries: ParsedEntry) -> list[Article]:
    """Normalise the entries as one document."""
    feed = ParsedFeed(entries=entries, format="rss")
    context = document_context(feed.entries, now_ms=1_771_300_000_000)
    return [normalise(entry, feed, context) for entry in entries]


def assert_whole(article: Article, lines: list[str]) -> None:
    """Every word of the article stands in the body, in order, and none of the appeal."""
    wanted = [line for at, line in enumerate(lines) if at and at not in range(*APPEAL.indices(99))]
    assert article.body == "\n\n".join(wanted)
    assert not [words for words in APPEAL_WORDS if words in article.body + article.body_html]
    assert article.boilerplate == ("appeal",)


def html(lines: list[str]) -> str:
    """The lines as paragraphs and, where they are items, as a list."""
    parts = [f"<li>{x[2:]}</li>" if x.startswith("- ") else f"<p>{x}</p>" for x in lines]
    return "\n".join(parts)


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("\n".join, "text"),
        ("\n".join, ""),
        ("\n\n".join, ""),
        ("\r\n".join, "html"),
        (html, "html"),
        (html, ""),
        ("<br>".join, ""),
        ("<br><br>".join, "html"),
        (lambda lines: "<p>" + "</p><p>".join(lines) + "</p>", "text"),
        (lambda lines: "".join(f"<div><div>{x}</div></div>" for x in lines), "html"),
    ],
)
def test_the_seed_article_loses_its_appeal_and_nothing_else(seed: list[str], form, kind) -> None:  # type: ignore[no-untyped-def]
    """As a single item, in any form, the article comes out whole and the appeal does not."""
    [article] = read(ParsedEntry(title=seed[0], content=form(seed[1:]), content_type=kind))
    assert_whole(article, seed)


def test_the_seed_article_among_nineteen_others(seed: list[str]) -> None:
    """Whether the others carry the appeal or not, the article comes out whole."""
    number = count()
    appeal = seed[APPEAL]

    def other(lines: list[str]) -> ParsedEntry:
        i = next(number)
        text = [f"Story {i} begins with facts that only it has, {i * 7919} of them in all."]
        text += [*lines, f"And so it ends after {i} days of talks between party {i} and the rest."]
        return ParsedEntry(guid=str(i), title=f"Story number {i}", content=html(text))

    for lines in ([], appeal):
        mine = ParsedEntry(guid="mine", title=seed[0], content=html(seed[1:]))
        articles = read(*(other(lines) for _ in range(10)), mine, *(other(lines) for _ in range(9)))
        assert_whole(articles[10], seed)
        assert articles[3].body.count("\n\n") == 1
        assert "Join us" not in articles[3].body


def test_hardly_a_block_of_an_article_is_removed(folder: Path) -> None:
    """Over the labelled blocks, what is removed is boilerplate, and most boilerplate is removed."""
    decided = verdicts(folder / "real-feeds")
    assert len(decided) >= 800
    alone, here = score(decided, document=False), score(decided, document=True)
    assert alone.precision >= 0.99
    assert alone.recall >= 0.6
    assert here.precision >= 0.98
    assert here.recall >= 0.8
