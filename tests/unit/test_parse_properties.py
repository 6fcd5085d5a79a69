"""Any bytes in: a feed or a reason out, and what comes out can be written down."""

from __future__ import annotations

from collections.abc import Callable

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from workers.errors import ParseError
from workers.model import ParsedFeed
from workers.parsing.child import parse_document
from workers.parsing.reference import parse_reference

REASONS = {"empty_body", "not_a_feed", "parse_failed"}
URL = "https://news.example/feed"

PIECES = st.sampled_from(
    [
        b"<rss>", b"</rss>", b"<channel>", b"</channel>", b"<item>", b"</item>", b"<item/>",
        b"<title>", b"</title>", b"<link>", b"</link>", b"<guid>", b"</guid>", b"<description>",
        b"</description>", b"<feed xmlns='http://www.w3.org/2005/Atom'>", b"</feed>", b"<entry>",
        b"</entry>", b"<link href='/a' xml:base='http://[x'/>", b"<content type='xhtml'>",
        b"</content>", b"<div>", b"</div>", b"<br>", b"<br/>", b"<![CDATA[", b"]]>", b"<!--",
        b"-->", b"<?xml version='1.0' encoding='", b"utf-16", b"'?>", b"&amp;", b"&nbsp;", b"&",
        b"&#xD800;", b"&#0;", b"&#150;", b"<", b">", b"'", b'"', b"text", b"\xff", b"\x00",
        b"\xc3\xa9", b"\xed\xa0\x80", b"<!DOCTYPE rss [", b"<!ENTITY a '&#1;'>", b"]>", b"&a;",
        b"<urlset xmlns:news='http://www.google.com/schemas/sitemap-news/0.9'>", b"<url>",
        b"<media:group>", b"<author>", b"</author>", b'{"version":"https://jsonfeed.org/version/1"',
        b',"items":[', b'{"id":1}', b"]", b"}", b",", b'"\\ud800"', b"\xef\xbb\xbf", b"\xfe\xff",
    ]
)  # fmt: skip


def check(body: bytes, content_type: str) -> None:
    """Parse; the reason must be a known one, the feed must survive being written."""
    try:
        feed = parse_document(body, content_type, URL)
    except ParseError as error:
        assert error.reason in REASONS
        return
    written = msgspec.msgpack.encode(feed)  # raises for a lone surrogate
    assert msgspec.msgpack.decode(written, type=ParsedFeed) == feed


@given(body=st.binary(max_size=200), content_type=st.text(max_size=40))
@settings(max_examples=300, deadline=None)
def test_any_bytes(body: bytes, content_type: str) -> None:
    """Any bytes under any content type are a feed or a reason."""
    check(body, content_type)


@given(pieces=st.lists(PIECES, max_size=40), wrap=st.booleans())
@settings(max_examples=600, deadline=None)
def test_any_markup(pieces: list[bytes], wrap: bool) -> None:
    """Any sequence of what feeds are made of is a feed or a reason."""
    body = b"".join(pieces)
    check(b"<rss><channel><item>" + body + b"</item></channel></rss>" if wrap else body, "text/xml")


@given(
    title=st.text(
        st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"),
        max_size=60,
    )
)
@settings(max_examples=300, deadline=None)
def test_any_title_survives(title: str) -> None:
    """Text that XML can hold comes out as it went in, outer white space aside."""
    written = title.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    body = f"<rss><channel><item><title>x{written}x</title></item></channel></rss>".encode()
    assert parse_document(body, "", URL).entries[0].title == f"x{title}x"


_NAMES = [f"{n} " + "A name " * 100 for n in range(200)]
_ATOM = "<feed xmlns='http://www.w3.org/2005/Atom'><title>t</title>{}{}</feed>".format(
    "".join(f"<author><name>{name}</name></author>" for name in _NAMES),
    "".join(f"<entry><id>{n}</id><title>t</title></entry>" for n in range(2_000)),
)
_JSON = {
    "version": "https://jsonfeed.org/version/1.1",
    "authors": [{"name": name} for name in _NAMES],
    "items": [{"id": str(n), "content_text": "x"} for n in range(2_000)],
}


@pytest.mark.parametrize(
    ("parse", "body"),
    [
        (parse_document, _ATOM.encode()),
        (parse_reference, _ATOM.encode()),
        (parse_document, msgspec.json.encode(_JSON)),
    ],
)
def test_no_document_multiplies_itself(
    parse: Callable[[bytes, str, str], ParsedFeed], body: bytes
) -> None:
    """What entries inherit of their feed is bounded: the reply is no gigabyte."""
    feed = parse(body, "", URL)
    assert len(feed.entries) == 2_000
    assert len(feed.entries[-1].authors) > 0
    assert len(msgspec.msgpack.encode(feed)) < 40 * len(body)
