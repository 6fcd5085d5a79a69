"""The fast path and feedparser read the real feeds alike."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.corpus.differential import INTENDED, URL, Case, compare, corpus, fast, verdict
from workers.model import ParsedFeed
from workers.parsing.child import parse_document

pytestmark = pytest.mark.corpus

# feedparser's own cases that differ and will: formats, tags and broken inputs that news feeds do not use.
KNOWN_IN_CASES = 21


@pytest.fixture(scope="module")
def folder() -> Path:
    """Return the corpus, or skip."""
    found = corpus()
    if found is None:
        pytest.skip("no feed corpus beside the checkout (NEWSWIRE_CORPUS)")
    return found


def test_no_unexplained_difference_over_real_feeds(folder: Path) -> None:
    """Each field of each entry of the real feeds is equal or differs for a stated reason."""
    table, unexplained = compare(folder / "real-feeds")
    assert table["documents", "compared"] >= 99
    assert table["guid", "equal"] > 3000
    assert unexplained == []


def test_feedparsers_own_cases_differ_in_what_is_known(folder: Path) -> None:
    """Over feedparser's own test documents no more fields differ than were looked at."""
    table, unexplained = compare(folder / "feedparser-tests")
    assert table["documents", "compared"] > 900
    assert len(unexplained) <= KNOWN_IN_CASES, "\n".join(unexplained)


def test_json_feed_of_the_corpus_is_read(folder: Path) -> None:
    """The one JSON Feed among the real feeds, which feedparser cannot read, has entries."""
    bodies = [path.read_bytes() for path in (folder / "real-feeds").iterdir()]
    feeds = [fast(body) for body in bodies if body.lstrip().startswith(b"{")]
    assert [feed.format for feed in feeds] == ["json"]
    assert feeds[0].entries


def test_a_difference_without_a_reason_is_unexplained() -> None:
    """The reasons are narrow: another title, link or date has none."""
    feeds = (ParsedFeed(), ParsedFeed())
    for field in ("title", "link", "guid", "published", "summary", "content", "tags"):
        case = Case(field, "ours", "theirs", None, feeds, b"<rss/>")
        assert verdict(case) == "unexplained", field
    assert len(INTENDED) < 25


@pytest.mark.parametrize(
    "soup", [b"<title>x<br>y</title>", b"<br><title>x</title>"], ids=["mended", "feedparser"]
)
def test_soup_in_one_entry_changes_no_other(folder: Path, soup: bytes) -> None:
    """An entry of tag soup put into a real feed changes no id, link, title or date of the others."""
    for path in sorted((folder / "real-feeds").iterdir()):
        body = path.read_bytes()
        start = re.search(rb"<(item|entry)[\s>]", body)
        if start is None or len(body) > 200_000:
            continue
        entry = b"<%b>%b</%b>" % (start[1], soup, start[1])
        broken = body[: start.start()] + entry + body[start.start() :]
        whole = parse_document(body, "", URL).entries
        entries = parse_document(broken, "", URL).entries
        assert len(entries) == len(whole) + 1, path.name
        for one, other in zip(whole, entries[1:], strict=True):
            for field in ("guid", "link", "title", "published", "updated"):
                assert getattr(one, field) == getattr(other, field), (path.name, field)
