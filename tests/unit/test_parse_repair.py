"""Broken documents: what is whole is used, what is cut is not, and nothing is invented."""

from __future__ import annotations

import pytest

from workers.errors import ParseError
from workers.model import ParsedFeed
from workers.parsing.child import parse_document

URL = "https://news.example/feed"


def rss(inside: str) -> bytes:
    """Return an RSS document around ``inside``."""
    return f'<rss version="2.0"><channel><title>N</title>{inside}</channel></rss>'.encode()


def titles(body: bytes, parser: str = "fast") -> list[str]:
    """Return the titles of the entries, read by ``parser``."""
    feed = parse_document(body, "", URL)
    assert feed.parser == parser
    return [entry.title for entry in feed.entries]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("a&nbsp;b", "a\xa0b"),
        ("caf&eacute; &mdash; &hellip;", "café — …"),
        ("AT&T", "AT&T"),
        ("a & b &amp; c", "a & b & c"),
        ("x?a=1&b=2", "x?a=1&b=2"),
        ("&unknown; &amp;nbsp;", "&unknown; &nbsp;"),
        ("1 < 2 &LT; 3", "1 < 2 < 3"),
        ("a\x08b\x00c", "abc"),
        ("a&#8;b&#0;c&#x1F;d", "abcd"),
        ("a&#xD800;b&#55296;c", "abc"),
        ("&#xD83D;&#xDE00;&#55357;&#56832;", "😀😀"),
        ("a&#1114112;b&#99999999;", "ab"),
        ("\ufffea\uffffb", "ab"),
        ("<![CDATA[<![CDATA[twice]]>]]>", "twice"),
        ("&lt;![CDATA[escaped]]&gt;", "escaped"),
        ("a ]]> b", "a ]]> b"),
        ("a<!-- -- -->b &x", "ab &x"),
        ("<![CDATA[a & b &nbsp;]]> & c", "a & b &nbsp; & c"),
    ],
)
def test_text_that_xml_forbids(written: str, read: str) -> None:
    """Entities, references, controls and CDATA that XML forbids are read as they were meant."""
    assert titles(rss(f"<item><title>{written}</title></item>")) == [read]


@pytest.mark.parametrize(
    ("written", "read"),
    [("it&#146;s &#150; &#x85;", "it’s – …"), ("it\x92s", "it’s"), ("&#x93;a&#x94;", "“a”")],
)
def test_c1_controls_are_windows_1252(written: str, read: str) -> None:
    """References to C1 controls mean the windows-1252 characters, as in HTML."""
    assert titles(rss(f"<item><title>{written}</title></item>")) == [read]


def test_whole_feed_is_not_called_broken_for_its_c1_references() -> None:
    """A document that needed no mending is not marked as recovered."""
    assert not parse_document(rss("<item><title>&#150;</title></item>"), "", URL).recovered


ITEM = "<item><title>T{0}</title><description><![CDATA[a </item> b]]></description></item>"
WHOLE = rss("".join(ITEM.format(n) for n in range(3)))


@pytest.mark.parametrize("cut", range(len(WHOLE) - len(b"</channel></rss>"), 40, -1))
def test_cut_anywhere(cut: int) -> None:
    """However a document is cut, exactly the entries before the cut that are whole come out."""
    whole = WHOLE[:cut].count(b"]]></description></item>")
    try:
        feed = parse_document(WHOLE[:cut], "", URL)
    except ParseError as error:
        assert error.reason == "parse_failed"
        assert whole == 0
    else:
        assert [entry.title for entry in feed.entries] == [f"T{n}" for n in range(whole)]
        assert feed.recovered


def test_cut_atom_feed() -> None:
    """Of a cut Atom feed the whole entries are used."""
    body = (
        b'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom"><title>F</title>'
        b"<entry><id>1</id><title>one</title></entry><entry><id>2</id><title>tw"
    )
    assert titles(body) == ["one"]


def test_cut_rss_10_feed() -> None:
    """Of a cut RSS 1.0 feed, whose channel is closed before its items, the whole items are used."""
    body = (
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        b'xmlns="http://purl.org/rss/1.0/"><channel rdf:about="x"><title>N</title></channel>'
        b"<item rdf:about='1'><title>one</title></item><item rdf:about='2'><title>tw</title></it"
    )
    assert titles(body) == ["one"]


def test_cut_tag_soup_loses_its_last_entry() -> None:
    """A document that is both tag soup and cut keeps its whole entries, whoever reads it."""
    for soup, parser in (
        ("<title>a<br>{0}</title>", "fast"),
        ("<br><title>a{0}</title>", "feedparser"),
    ):
        whole = "".join(f"<item>{soup.format(n)}</item>" for n in (1, 2))
        body = rss(whole + "<item><title>cut")[: -len("</channel></rss>")]
        assert len(titles(body, parser)) == 2


@pytest.mark.parametrize(
    "before",
    [
        b"\n\n  ",
        b"\xef\xbb\xbf",
        b"\xef\xbb\xbf\xef\xbb\xbf\n",
        b"<br />\n<b>Warning</b>: something in <b>feed.php</b> on line 3<br />\n",
        b"<!-- cached -->\n",
        b"<?xml version='1.0'?>\n<?xml version='1.0'?>",
        b"<?xml?xml version='1.0' encoding='utf-8'?>",
        b"<?xml version='1.1' encoding='utf-8'?><?xml-stylesheet href='x'?>",
        b"PHP Notice: x\n<?xml version='1.0'?>",
    ],
)
def test_junk_before_the_document(before: bytes) -> None:
    """White space, marks, warnings and doubled declarations before the root are stepped over."""
    assert titles(before + rss("<item><title>T</title></item>")) == ["T"]


@pytest.mark.parametrize(
    "after", [b"\x00\x00", b"<script>x</script>", b"<!-- 0.2 s -->", b"\nWarning: <b>x", b"</rss>"]
)
def test_junk_after_the_document(after: bytes) -> None:
    """What follows the root's end tag is dropped."""
    assert titles(rss("<item><title>T</title></item>") + after) == ["T"]


def test_undeclared_prefixes_mean_the_usual() -> None:
    """Prefixes that were never declared are read by their usual meaning; unknown ones are passed by."""
    body = rss(
        "<item><title>T</title><dc:creator>Ann</dc:creator><foo:bar>x</foo:bar>"
        "<content:encoded>text</content:encoded></item>"
    )
    entry = parse_document(body, "", URL).entries[0]
    assert (entry.title, entry.authors, entry.content) == ("T", ("Ann",), "text")


@pytest.mark.parametrize(
    "description",
    [
        "line<br>line<p>next",
        "<img src=x.png>",
        "<b><i>x</b></i>",
        "<a href='x' href='y'>l</a> &amp; &lt;",
        "<b>x<![CDATA[ & <i> ]]>",
        "<details><summary>s</summary><title>t<br></details>",
    ],
)
def test_tag_soup_is_read_as_the_html_it_is(description: str) -> None:
    """HTML that is no XML comes out as written, and leaves the entries around it alone."""
    around = "<item><guid>{0}&amp;</guid><title>{0}</title><description><b>x</b><hr/></description></item>"
    body = rss(
        around.format(1)
        + f"<item><title>2</title><description>{description}</description></item>"
        + around.format(3)
    )
    entries = parse_document(body, "", URL).entries
    whole = parse_document(rss(around.format(1) + around.format(3)), "", URL).entries
    assert (entries[0], entries[2]) == whole
    assert entries[1].summary == description.replace("<![CDATA[", "").replace("]]>", "").strip()


def test_soup_in_atom_is_html() -> None:
    """Soup in an Atom construct makes it HTML, whatever type it claims."""
    body = (
        b"<feed xmlns='http://www.w3.org/2005/Atom'><entry><id>1</id><title>a<br>b</title>"
        b"<content type='xhtml'><div>c<br>d</div></content></entry></feed>"
    )
    entry = parse_document(body, "", URL).entries[0]
    assert (entry.title, entry.title_type) == ("a<br>b", "html")
    assert (entry.content, entry.content_type) == ("<div>c<br>d</div>", "html")


def test_field_that_is_never_closed_ends_with_its_entry() -> None:
    """A description without an end tag takes nothing of the next entry."""
    body = rss("<item><title>1</title><description>text</item><item><title>2</title></item>")
    entries = parse_document(body, "", URL).entries
    assert [(entry.title, entry.summary) for entry in entries] == [("1", "text"), ("2", "")]


def test_soup_beyond_mending_goes_to_feedparser_and_changes_no_identity() -> None:
    """What feedparser has to read keeps ids, links and tags exactly as the fast path reads them."""
    items = (
        "<item><guid isPermaLink='false'>/p?a=1&amp;b=2</guid><link>/x?a=1&amp;b=2</link>"
        "<title>T</title><category>A &amp; B</category><pubDate>P</pubDate>"
        "<enclosure url='/1.mp3?a&amp;b' type='audio/mpeg'/></item>"
    )
    (whole,) = parse_document(rss(items), "", URL).entries
    feed = parse_document(rss("<item><br><title>soup</title></item>" + items), "", URL)
    assert feed.parser == "feedparser"
    assert feed.entries[1] == whole


def test_entity_bomb_is_defused() -> None:
    """Nested entities of a DTD are not expanded; a plain one is."""
    lines = "".join(f'<!ENTITY l{n + 1} "&l{n};&l{n};&l{n};&l{n};&l{n};">' for n in range(30))
    body = f'<!DOCTYPE rss [<!ENTITY l0 "lol"><!ENTITY site "News">{lines}]>'.encode() + rss(
        "<item><title>&site; &l30; &l0;</title></item>"
    )
    assert titles(body) == ["News &l30; lol"]


def test_external_entity_is_not_read() -> None:
    """An external entity stays what it is: a name."""
    body = b'<!DOCTYPE rss [<!ENTITY x SYSTEM "file:///etc/passwd">]>' + rss(
        "<item><title>&x;</title></item>"
    )
    assert titles(body) == ["&x;"]


def test_twenty_thousand_levels() -> None:
    """A document nested deeper than any parser allows ends in its other entries or a reason."""
    deep = "<div>" * 20_000 + "</div>" * 20_000
    body = rss(f"<item><title>1</title></item><item><description>{deep}</description></item>")
    assert titles(body) == ["1", ""]
    with pytest.raises(ParseError) as caught:
        parse_document(b"<rss>" + b"<a>" * 20_000, "", URL)
    assert caught.value.reason == "parse_failed"


def test_huge_title_and_author_are_read() -> None:
    """A title of 1 MB and an author of 24 KB pass; their bounds are set when normalising."""
    body = rss(f"<item><title>{'t&amp; ' * 170_000}</title><author>{'a.' * 12_000}</author></item>")
    entry = parse_document(body, "", URL).entries[0]
    assert len(entry.title) > 500_000
    assert len(entry.authors[0]) == 24_000


def test_feed_says_that_it_was_mended() -> None:
    """A mended document is marked, and keeps what the channel said."""
    feed: ParsedFeed = parse_document(
        rss("<ttl>5</ttl><item><title>a&nbsp;b</title></item>"), "", URL
    )
    assert (feed.recovered, feed.title, feed.ttl_s) == (True, "N", 300)
