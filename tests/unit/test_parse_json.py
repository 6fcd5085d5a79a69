"""JSON Feed: what it says, and what is not one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from workers.errors import ParseError
from workers.model import Media, ParsedEntry, ParsedFeed
from workers.parsing.child import parse_document

URL = "https://news.example/feed.json"
VERSION = "https://jsonfeed.org/version/1.1"


def feed(**fields: Any) -> bytes:
    """Return a JSON Feed with ``fields``."""
    return json.dumps({"version": VERSION, "title": "N", "items": []} | fields).encode()


def test_whole_feed() -> None:
    """Every field of JSON Feed 1.1 that an article needs is read."""
    body = feed(
        home_page_url="/",
        language="en",
        icon="/icon.png",
        authors=[{"name": "Desk"}],
        items=[
            {
                "id": "1",
                "url": "/1",
                "external_url": "https://other.example/",
                "title": "T",
                "content_html": "<p>x</p>",
                "content_text": "x",
                "summary": "S",
                "image": "/1.jpg",
                "date_published": "P",
                "date_modified": "M",
                "authors": [{"name": "Ann"}, {"url": "https://x.example"}],
                "tags": ["a", "b", "a"],
                "language": "de",
                "attachments": [
                    {"url": "/1.mp3", "mime_type": "audio/mpeg", "size_in_bytes": 9, "title": "t"}
                ],
            }
        ],
    )
    assert parse_document(body, "application/feed+json", URL) == ParsedFeed(
        entries=(
            ParsedEntry(
                guid="1",
                link="https://news.example/1",
                title="T",
                title_type="text",
                summary="S",
                summary_type="text",
                content="<p>x</p>",
                content_type="html",
                published="P",
                published_source="date_published",
                updated="M",
                authors=("Ann",),
                tags=("a", "b"),
                language="de",
                media=(
                    Media("https://news.example/1.jpg", "image"),
                    Media("https://news.example/1.mp3", "audio/mpeg", "t", 9),
                ),
                source_url="https://other.example/",
            ),
        ),
        title="N",
        link="https://news.example/",
        language="en",
        publisher="Desk",
        format="json",
        parser="json",
    )


def test_version_10_author_and_numeric_id() -> None:
    """JSON Feed 1.0's author counts, and the feed's where the item has none; ids may be numbers."""
    items = [{"id": 7, "content_text": "x"}, {"id": 8.5, "author": {"name": "Ann"}}]
    body = feed(version="https://jsonfeed.org/version/1", author={"name": "Desk"}, items=items)
    entries = parse_document(body, "", URL).entries
    assert [(entry.guid, entry.authors) for entry in entries] == [
        ("7", ("Desk",)),
        ("8.5", ("Ann",)),
    ]
    assert (entries[0].content, entries[0].content_type) == ("x", "text")


@pytest.mark.parametrize(
    "wrong",
    [None, 5, "x", [], {}, [None], [5], [["x"]], [{"name": None}], True, -1, float("1e308")],
)
def test_fields_of_the_wrong_type_are_passed_by(wrong: object) -> None:
    """A field of another type than the format's is unknown or read as text; nothing raises."""
    names = (
        "id", "url", "external_url", "title", "content_html", "content_text", "summary", "image",
        "banner_image", "date_published", "date_modified", "authors", "author", "tags", "language",
        "attachments",
    )  # fmt: skip
    body = feed(items=[dict.fromkeys(names, wrong), wrong], authors=wrong, language=wrong)
    assert len(parse_document(body, "", URL).entries) >= 1


def test_lone_surrogates_are_replaced() -> None:
    """A lone surrogate, which JSON can spell and text cannot hold, becomes U+FFFD."""
    body = feed(items=[{"id": "1", "title": "a@b"}]).replace(b"@", rb"\ud800")
    result = parse_document(body, "", URL)
    assert result.entries[0].title == "a\ufffdb"
    assert result.recovered


def test_cut_document_keeps_its_whole_items() -> None:
    """Of a cut document the items before the cut are used."""
    body = feed(items=[{"id": str(n), "title": "T" * 50} for n in range(3)])
    result = parse_document(body[:-30], "", URL)
    assert [entry.guid for entry in result.entries] == ["0", "1"]
    assert result.recovered


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b'{"version": "2", "items": []}', "not_a_feed"),
        (b'{"items": [{"id": "1"}]}', "not_a_feed"),
        (b'{"error": {"items": [', "not_a_feed"),
        (feed()[:60], "parse_failed"),
        (feed().replace(b"[]", b"[" * 100_000), "parse_failed"),
        (b'{"a":' * 100_000, "not_a_feed"),
    ],
)
def test_other_json(body: bytes, reason: str) -> None:
    """JSON without the version is no feed; a JSON Feed cut before its first item has failed."""
    with pytest.raises(ParseError) as caught:
        parse_document(body, "", URL)
    assert caught.value.reason == reason


def test_items_are_limited() -> None:
    """The first 10,000 items are used."""
    result = parse_document(feed(items=[{"id": "1"}] * 10_001), "", URL)
    assert len(result.entries) == 10_000
    assert result.recovered
