"""Appeals in any words: what pleads, what only tells of pleading, and boxes that go whole."""

from __future__ import annotations

import pytest

from tests.corpus.wordings_eval import measure, paragraphs, wordings
from workers.articles import pleas
from workers.articles.boilerplate import strip
from workers.articles.pleas import ASK, CRAFT, MONEY, READER, US, is_told, plea
from workers.articles.text import to_blocks

LONG = (
    "The council voted nine to four on Tuesday to reopen the bridge, ending a dispute that had kept the "
    "crossing closed for eleven months and cost traders on both banks their winter season."
)


@pytest.mark.parametrize("half", ["train", "heldout"])
def test_most_of_a_box_goes_and_nothing_around_it(half: str) -> None:
    """Boxes of many languages lose at least three quarters of their lines, the article none."""
    share = measure(wordings(f"appeals_{half}"))
    assert share.article == 0
    assert share.removed >= 0.75 * share.count


@pytest.mark.parametrize("half", ["train", "heldout"])
def test_reports_about_giving_and_the_press_stay(half: str) -> None:
    """No paragraph that tells of donations, subscriptions or newsletters is taken for one of them."""
    prose = paragraphs(f"journalism_{half}")
    assert len(prose) >= 30
    share = measure(prose)
    assert (share.removed, share.article) == (0, 0)


def test_topics_of_a_line() -> None:
    """A plea speaks as somebody, to somebody, of money and of journalism, and asks."""
    found = plea("give to our newsroom: your gift pays for reporting")
    assert found.topics & (US | READER | MONEY | CRAFT | ASK) == US | READER | MONEY | CRAFT | ASK
    assert plea("the river rose by two metres").points == 0


@pytest.mark.parametrize(
    ("told", "line"),
    [
        (True, "support us, the editor said"),
        (True, "abonnez-vous, disent les vendeurs"),
        (True, "he gave all that was asked"),
        (False, "support us today"),
        (False, "if she helped you, help us"),
    ],
)
def test_a_request_that_is_told_is_none(told: bool, line: str) -> None:
    """Who is quoted or reported asks nothing of the reader."""
    assert is_told(line) is told


def test_a_list_said_twice_is_a_box() -> None:
    """The form helps where words are few: a list that is said twice, slogans of two words."""
    items = ["- Teams in four cities", "- Ninety young people taught"] * 2
    lines = [LONG, "Our word to you:", "journalism that stays.", *items, "Come along.", LONG]
    assert strip(to_blocks("\n".join(lines), "text")).dropped == set(range(1, 8))


def test_a_list_of_an_article_stays() -> None:
    """Lists, short sentences and a "we" are no box without journalism in it."""
    lines = [
        LONG,
        "What we did:",
        "- Washed the pots",
        "- Fed the hens",
        "Help us next year.",
        LONG,
    ]
    assert strip(to_blocks("\n".join(lines), "text")).dropped == frozenset()


@pytest.mark.parametrize("name", ["appeals", "journalism"])
@pytest.mark.parametrize("half", ["train", "heldout"])
def test_a_request_is_looked_for_wherever_there_may_be_one(
    name: str, half: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The words of a line rule out most that is no request, and nothing that is one."""
    texts = wordings(f"{name}_{half}") if name == "appeals" else paragraphs(f"{name}_{half}")
    lines = [line.lower().replace("’", "'") for text in texts for line in text]
    quick = [plea(line) for line in lines]
    signs = pleas._signs
    everything = pleas._STARTS | pleas._NEEDS
    monkeypatch.setattr(pleas, "_signs", lambda low: signs(low) | everything)
    assert [plea(line) for line in lines] == quick
    assert len(lines) >= 30
