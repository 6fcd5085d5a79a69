"""Bytes to articles under a coverage-guided fuzzer: ``make fuzz`` (``RUNS=100000``).

Every input is a document and its content type. It must come out as articles within the contract's bounds, or
as a reason; nothing else may be raised, and none may take longer than a second. A finding is a file
``crash-…`` or ``slow-unit-…`` in ``.run/fuzz``, and ``python -m tests.fuzz.reading <file>`` runs it again.
"""

from __future__ import annotations

import sys

import atheris

with atheris.instrument_imports(include=["workers"]):
    from schemas.fields import MAX_BODY, MAX_HEADLINE, MAX_HTML, MAX_LIST, MAX_URL
    from workers.articles.context import document_context
    from workers.articles.normalise import normalise
    from workers.errors import ParseError
    from workers.parsing.child import parse_document

NOW = 1_771_300_000_000
URL = "https://news.example/feed"
TYPES = (
    "",
    "text/xml; charset=utf-8",
    "application/feed+json",
    "text/html; charset=shift_jis",
    'a; b=c; charset="x',
)
REASONS = frozenset({"empty_body", "not_a_feed", "parse_failed", "parser_killed", "too_large"})
MAX_ARTICLES = 50


def read_any(data: bytes) -> None:
    """Read one document as a poll would; the first byte chooses its content type."""
    body = data[1:]
    try:
        feed = parse_document(body, TYPES[data[0] % len(TYPES)] if data else "", URL)
    except ParseError as error:
        if error.reason not in REASONS:
            raise AssertionError(error.reason) from error
        return
    context = document_context(feed.entries, now_ms=NOW, feed_url=URL)
    for entry in feed.entries[:MAX_ARTICLES]:
        article = normalise(entry, feed, context)
        within = (
            len(article.headline) <= MAX_HEADLINE
            and len(article.body) <= MAX_BODY
            and len(article.body_html) <= MAX_HTML
            and max(len(article.authors), len(article.keywords), len(article.media)) <= MAX_LIST
            and all(len(u) <= MAX_URL for u in (article.url, article.canonical_url, article.image))
        )
        if not within:
            raise AssertionError("a field over its bound")
        article.body.encode()
        again = normalise(entry, feed, context)
        if again != article:
            raise AssertionError("the same entry read twice differs")


def main() -> None:
    """Hand over to libFuzzer, whose arguments are those of the command line."""
    atheris.Setup(sys.argv, read_any)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
