"""Which feeds a web page names, and what a hostile page costs."""

from __future__ import annotations

from collections.abc import Generator

import pytest

from workers.fetcher.page_links import MAX_FEEDS, MAX_PAGE, SLICE, feeds_of, is_page

PAGE = "https://news.example/world/index.html"
RSS = '<link rel="alternate" type="application/rss+xml" href="{}">'


def found(head: str | bytes, content_type: str = "text/html") -> list[str]:
    """The feeds of a page with such a head."""
    body = head if isinstance(head, bytes) else f"<!doctype html><head>{head}</head>".encode()
    return list(ended(feeds_of(body, content_type, PAGE))[0])


def ended(
    steps: Generator[None, None, tuple[str, ...]],
) -> tuple[tuple[str, ...], int]:
    """The result of the steps, and how many there were."""
    count = 0
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value, count
        count += 1


@pytest.mark.parametrize(
    ("head", "feeds"),
    [
        (RSS.format("/feed"), ["https://news.example/feed"]),
        (RSS.format("feed.xml"), ["https://news.example/world/feed.xml"]),
        (RSS.format("//cdn.example/f"), ["https://cdn.example/f"]),
        (RSS.format("http://other.example/f?a=1&amp;b=2#x"), ["http://other.example/f?a=1&b=2"]),
        ('<base href="/blog/">' + RSS.format("f"), ["https://news.example/blog/f"]),
        (RSS.format("f") + '<base href="/blog/">', ["https://news.example/blog/f"]),
        ("<LINK REL='Alternate nofollow' TYPE='Application/Atom+XML; charset=x' HREF=/a>",
         ["https://news.example/a"]),
        ('<link rel=alternate type=application/feed+json href=/j>', ["https://news.example/j"]),
        ('<link rel=feed href=/f>', ["https://news.example/f"]),
        (RSS.format("/a") + RSS.format("/b") + RSS.format("/a"),
         ["https://news.example/a", "https://news.example/b"]),
        # the likeliest first
        (RSS.format("/comments/feed") + RSS.format("/feed"),
         ["https://news.example/feed", "https://news.example/comments/feed"]),
        ('<link rel=alternate type=text/xml href=/rss>' + RSS.format("/feed"),
         ["https://news.example/feed", "https://news.example/rss"]),
        # no feeds
        ('<link rel=alternate type=application/json href=/wp-json/wp/v2/pages/5>', []),
        ('<link rel=alternate hreflang=de href=/de>', []),
        ('<link rel="alternate stylesheet" type=application/rss+xml href=/f>', []),
        ('<link rel=stylesheet type=text/css href=/feed.css>', []),
        (RSS.format(""), []),
        (RSS.format(PAGE), []),
        (RSS.format("javascript:alert(1)"), []),
        (RSS.format("ftp://news.example/f"), []),
        (RSS.format("http://[::1"), []),
        (RSS.format("/" + "x" * 2_000), []),
        ("<!-- " + RSS.format("/f") + " -->", []),
        ("<script>'" + RSS.format("/f") + "'</script>", []),
        ("<textarea>" + RSS.format("/f") + "</textarea>", []),
    ],
)  # fmt: skip
def test_what_a_page_names(head: str, feeds: list[str]) -> None:
    """Links of feed types count, resolved, each once; what is text, comment or no feed does not."""
    assert found(head) == feeds


def test_userinfo_of_a_page_is_not_taken_over() -> None:
    """A page cannot make us send credentials."""
    assert found(RSS.format("https://u:p@other.example/f")) == ["https://other.example/f"]


def test_a_page_in_another_encoding() -> None:
    """The address is read in the page's encoding."""
    head = RSS.format("/caf\u00e9").encode("utf-16")
    assert found(head) == ["https://news.example/caf\u00e9"]


def test_feeds_are_bounded() -> None:
    """Of a thousand feeds the first few are taken."""
    assert len(found("".join(RSS.format(f"/{n}") for n in range(1_000)))) == MAX_FEEDS


@pytest.mark.parametrize(
    "piece",
    ["<link>", "<b>", "<div>", "<a>", "<table><tr><td><b><i><a><p>", "<!-- ", '<link "', "<", "&amp",
     "<script>", "\0", "<title>", "<link a=", "<svg><style>"],
)  # fmt: skip
def test_a_hostile_page_is_read_in_slices_up_to_a_bound(piece: str) -> None:
    """Whatever is repeated, no more is read than the bound, in slices that let other feeds run."""
    body = (piece * (2 * MAX_PAGE // len(piece))).encode()
    feeds, steps = ended(feeds_of(body, "", PAGE))
    assert feeds == ()
    assert steps <= MAX_PAGE // SLICE


def test_links_are_read_up_to_a_bound() -> None:
    """A page of links alone ends early."""
    _, steps = ended(feeds_of(b"<link>" * (MAX_PAGE // 6), "", PAGE))
    assert steps < 3


@pytest.mark.parametrize(
    ("body", "content_type", "page"),
    [
        (b"anything", "text/html; charset=utf-8", True),
        (b"<?xml version='1.0'?>\n<!DOCTYPE html>", "application/xml", True),
        (b"\n<HTML lang=en>", "", True),
        (b'{"error": "not found"}', "application/json", False),
        (b"<opml version='2.0'/>", "text/xml", False),
        (b"%PDF-1.7", "application/pdf", False),
    ],
)
def test_what_is_a_page(body: bytes, content_type: str, page: bool) -> None:
    """By its type, or by how it begins."""
    assert is_page(body, content_type) is page
