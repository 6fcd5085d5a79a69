"""NEWSWIRE_BODY and a feed's own ``body``: how much of a text is published, and that it is no edit."""

from __future__ import annotations

import pytest

from workers.fetcher.memory import Memory
from workers.fetcher.reading import Reading, read_document
from workers.model import Article, FeedConfig, FeedState, ParsedEntry, ParsedFeed

ENTRY = ParsedEntry(
    guid="1",
    link="https://site.example/1",
    title="Harbour",
    summary="What the paper says of it in short, in a sentence of its own.",
    content="<p>" + "The whole of the text, which is longer than the summary is. " * 8 + "</p>",
    content_type="html",
)


def read(setting: str, own: str = "") -> Article:
    """The article as it would be published."""
    config = FeedConfig("f", "https://site.example/f", body=own)
    steps = read_document(
        config, FeedState(), Memory(), ParsedFeed((ENTRY,)), config.url, 1_780_000_000_000, setting
    )
    while True:
        try:
            next(steps)
        except StopIteration as end:
            reading: Reading = end.value
            return reading.found[0].candidate.article


@pytest.mark.parametrize(
    ("setting", "own", "scope"),
    [
        ("full", "", "full"), ("summary", "", "summary"), ("none", "", "none"),
        ("none", "full", "full"), ("full", "summary", "summary"), ("full", "none", "none"),
    ],
)  # fmt: skip
def test_as_much_as_is_allowed(setting: str, own: str, scope: str) -> None:
    """The feed's own word goes before the setting; whatever is left out, the article is the same one."""
    article, whole = read(setting, own), read("full")
    assert article.body_scope == scope
    assert article.body.startswith({"full": "The whole", "summary": "What the", "none": ""}[scope])
    assert bool(article.body_html) == (scope == "full")
    if scope == "none":
        assert article.body == "" and article.abstract == ""
    assert (article.body_hash, article.content_hash) == (whole.body_hash, whole.content_hash)
