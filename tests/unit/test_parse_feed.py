"""The fast path: what each format says, as it says it."""

from __future__ import annotations

import pytest

from workers.errors import ParseError
from workers.model import Media, ParsedEntry, ParsedFeed
from workers.parsing.child import parse_document
from workers.parsing.feed import UnsureError, parse_fast

URL = "https://news.example/feeds/all.xml"
NAMESPACES = (
    'xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" '
    'xmlns:content="http://purl.org/rss/1.0/modules/content/" '
    'xmlns:media="http://search.yahoo.com/mrss/" '
    'xmlns:itunes="http://www.itunes.com/dtds/podcast-1.0.dtd" '
    'xmlns:atom="http://www.w3.org/2005/Atom" '
    'xmlns:sy="http://purl.org/rss/1.0/modules/syndication/" '
    'xmlns:feedburner="http://rssnamespace.org/feedburner/ext/1.0" '
    'xmlns:cc="http://backend.userland.com/creativeCommonsRssModule"'
)


def rss(inside: str, head: str = "") -> bytes:
    """Return an RSS 2.0 document; ``head`` is what its channel says."""
    return (
        f'<?xml version="1.0"?><rss version="2.0" {NAMESPACES}><channel><title>News</title>{head}'
        f"{inside}</channel></rss>"
    ).encode()


def item(inside: str) -> ParsedEntry:
    """Return the one RSS item with ``inside`` in it."""
    feed = parse_fast(rss(f"<item>{inside}</item>"), "", URL)
    assert len(feed.entries) == 1
    return feed.entries[0]


def atom(inside: str, attributes: str = "", head: str = "") -> ParsedFeed:
    """Return the Atom feed around ``inside``."""
    body = f'<feed xmlns="http://www.w3.org/2005/Atom" {attributes}>{head}{inside}</feed>'
    return parse_fast(body.encode(), "application/atom+xml", URL)


def test_rss_item_is_read_raw() -> None:
    """An RSS item's strings come out as written, entities resolved once."""
    entry = item(
        "<title>A &amp;amp; B</title><link>https://news.example/1</link>"
        "<guid isPermaLink='false'> x-1 </guid><pubDate>Mo, 2 Mär 26</pubDate>"
        "<author>desk@news.example (News Desk)</author><category>World</category>"
        "<category>World</category><category domain='d'>Asia</category>"
        "<description>&lt;p&gt;Short &amp;amp; sweet&lt;/p&gt;</description>"
        "<content:encoded><![CDATA[<p>Long&nbsp;text</p>]]></content:encoded>"
        "<source url='https://wire.example/rss'>Wire</source><comments>/1/c</comments>"
        "<enclosure url='/a.mp3' type='audio/mpeg' length='12'/>"
    )
    assert entry == ParsedEntry(
        guid="x-1",
        link="https://news.example/1",
        title="A &amp; B",
        summary="<p>Short &amp; sweet</p>",
        content="<p>Long&nbsp;text</p>",
        content_type="html",
        published="Mo, 2 Mär 26",
        published_source="pubDate",
        authors=("desk@news.example (News Desk)",),
        tags=("World", "Asia"),
        media=(Media("https://news.example/a.mp3", "audio/mpeg", length=12),),
        source_title="Wire",
        source_url="https://wire.example/rss",
        comments="https://news.example/1/c",
    )


@pytest.mark.parametrize(
    ("inside", "link"),
    [
        ("<guid>https://news.example/g</guid>", "https://news.example/g"),
        ("<guid isPermaLink='true'>/g</guid>", "https://news.example/g"),
        ("<guid isPermaLink='false'>https://news.example/g</guid>", ""),
        ("<guid>tag:news.example,2026:g</guid>", ""),
        ("<link>/1</link><guid>https://news.example/g</guid>", "https://news.example/1"),
        ("<link> \n https://news.example/1?a=1&amp;b=2\n</link>", "https://news.example/1?a=1&b=2"),
        ("<link>//cdn.example/1</link>", "https://cdn.example/1"),
        ("<link></link><atom:link href='2'/>", "https://news.example/feeds/2"),
        ("<atom:link rel='self' href='/self'/>", ""),
        (
            "<link>https://proxy.example/~r/1</link>"
            "<feedburner:origLink>https://news.example/1</feedburner:origLink>",
            "https://news.example/1",
        ),
        ("<link>http://[bad/</link>", "http://[bad/"),
        ("<link xml:base='https://other.example/a/'>b</link>", "https://other.example/a/b"),
    ],
)
def test_link_of_an_rss_item(inside: str, link: str) -> None:
    """The original link outranks link, that outranks atom:link, that a permalink guid."""
    assert item(inside).link == link


@pytest.mark.parametrize(
    ("inside", "published", "source", "updated"),
    [
        ("<dc:date>d</dc:date><pubDate>p</pubDate>", "p", "pubDate", ""),
        ("<dc:date>d</dc:date>", "d", "dc:date", ""),
        ("<dcterms:issued>i</dcterms:issued><dcterms:modified>m</dcterms:modified>",
         "i", "dcterms:issued", "m"),
        ("<pubdate>p</pubdate>", "p", "pubDate", ""),
        ("<atom:updated>u</atom:updated>", "", "", "u"),
    ],
)  # fmt: skip
def test_dates_of_an_rss_item(inside: str, published: str, source: str, updated: str) -> None:
    """The raw date of the best element is kept, with the element's name."""
    entry = item(inside)
    assert (entry.published, entry.published_source, entry.updated) == (published, source, updated)


@pytest.mark.parametrize(
    ("inside", "authors"),
    [
        ("<dc:creator>Ann</dc:creator><dc:creator>Bob</dc:creator><author>x@y</author>",
         ("Ann", "Bob")),
        ("<author>x@y.example (Ann)</author>", ("x@y.example (Ann)",)),
        ("<author><name>Ann</name><email>x@y</email></author>", ("Ann",)),
        ("<atom:author><atom:email>x@y</atom:email></atom:author>", ("x@y",)),
        ("<itunes:author>Show</itunes:author>", ("Show",)),
        ("<dc:creator></dc:creator>", ()),
    ],
)  # fmt: skip
def test_authors_of_an_rss_item(inside: str, authors: tuple[str, ...]) -> None:
    """dc:creator outranks author, that outranks itunes:author; nothing is rewritten."""
    assert item(inside).authors == authors


def test_second_description_is_the_content() -> None:
    """Of two descriptions the second is taken as the content."""
    entry = item("<description>short</description><description>long</description>")
    assert (entry.summary, entry.content) == ("short", "long")


def test_description_of_a_picture_is_its_caption() -> None:
    """media:description beside a picture captions it, and is not the entry's summary."""
    entry = item(
        "<media:content url='https://i.example/1.jpg' medium='image' width='9' height='8'/>"
        "<media:description>A bridge</media:description>"
    )
    assert entry.summary == ""
    assert entry.media == (
        Media("https://i.example/1.jpg", "image", "A bridge", width=9, height=8),
    )


def test_description_of_a_media_group_is_the_summary() -> None:
    """media:group/media:description (videos) is the summary when there is no other."""
    entry = item(
        "<media:group><media:title>T</media:title><media:description>About</media:description>"
        "<media:content url='https://v.example/1' type='video/mp4'/>"
        "<media:thumbnail url='https://v.example/1.jpg'/></media:group>"
    )
    assert (entry.title, entry.summary, entry.summary_type) == ("T", "About", "text")
    assert [media.url for media in entry.media] == [
        "https://v.example/1",
        "https://v.example/1.jpg",
    ]


def test_media_title_does_not_replace_the_title() -> None:
    """The item's own title outranks media:title, wherever they stand."""
    entry = item(
        "<title>Own</title><media:content url='u'><media:title>M</media:title></media:content>"
    )
    assert entry.title == "Own"


def test_markup_in_a_title_is_kept_for_the_normaliser() -> None:
    """Real child elements of a title are written as HTML."""
    entry = item("<title>A <b class='x'>bold</b> &lt;move&gt;<br/></title>")
    assert entry.title == 'A <b class="x">bold</b> &lt;move&gt;<br />'
    assert entry.title_type == "html"


def test_license_rights_and_language_of_an_item() -> None:
    """Rights, license and language are read from their modules."""
    entry = item(
        "<dc:rights>© A</dc:rights><cc:license>https://cc.example/by</cc:license>"
        "<dc:language>de</dc:language>"
    )
    assert (entry.rights, entry.license, entry.language) == ("© A", "https://cc.example/by", "de")


def test_channel_of_rss() -> None:
    """The channel's names, links and wishes about polling are read."""
    feed = parse_fast(
        rss(
            "",
            "<link>/home</link><atom:link rel='self' href='/self'/><language>en-GB</language>"
            "<copyright>© N</copyright><dc:publisher>Press</dc:publisher><generator>G 1</generator>"
            "<image><url>/logo.png</url><title>not this</title></image><ttl>15</ttl>"
            "<sy:updatePeriod> hourly </sy:updatePeriod><sy:updateFrequency>4</sy:updateFrequency>"
            "<sy:updateBase>2000-01-01T12:00+00:00</sy:updateBase>"
            "<skipHours><hour>24</hour><hour>7</hour><hour>99</hour></skipHours>"
            "<skipDays><day>Sunday</day><day>someday</day></skipDays>",
        ),
        "",
        URL,
    )
    assert feed == ParsedFeed(
        title="News",
        link="https://news.example/home",
        language="en-GB",
        rights="© N",
        publisher="Press",
        format="rss",
        ttl_s=900,
        update_period_s=900,
        update_base="2000-01-01T12:00+00:00",
        skip_hours=(0, 7),
        skip_days=(6,),
        parser="fast",
    )


@pytest.mark.parametrize("ttl", ["-5", "soon", "", "9" * 40])
def test_absurd_ttl_is_bounded(ttl: str) -> None:
    """A ttl that is no number is unknown; one beyond a year counts as a year."""
    assert parse_fast(rss("", f"<ttl>{ttl}</ttl>"), "", URL).ttl_s in (0, 31_536_000)


def test_rss_091_with_a_doctype() -> None:
    """The DTD of RSS 0.91 is never loaded; its entities are resolved all the same."""
    body = (
        b'<?xml version="1.0"?><!DOCTYPE rss PUBLIC "-//Netscape//DTD RSS 0.91//EN" '
        b'"http://127.0.0.1:9/rss-0.91.dtd"><rss version="0.91"><channel><title>N</title>'
        b"<item><title>caf&eacute;</title><link>https://n.example/1</link></item></channel></rss>"
    )
    assert parse_document(body, "", URL).entries[0].title == "café"


def test_rss_10() -> None:
    """RSS 1.0: items beside the channel, rdf:about as id, dc:date as date."""
    body = (
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        b'xmlns="http://purl.org/rss/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/">'
        b'<channel rdf:about="https://n.example/"><title>N</title><link>https://n.example/</link>'
        b"<dc:language>fr</dc:language></channel>"
        b'<item rdf:about="urn:1"><title>T</title><link>https://n.example/1</link>'
        b"<dc:date>2026-03-02</dc:date><dc:subject>S</dc:subject></item></rdf:RDF>"
    )
    feed = parse_fast(body, "", URL)
    assert (feed.format, feed.title, feed.link, feed.language) == (
        "rdf", "N", "https://n.example/", "fr",
    )  # fmt: skip
    assert feed.entries == (
        ParsedEntry(
            guid="urn:1",
            link="https://n.example/1",
            title="T",
            published="2026-03-02",
            published_source="dc:date",
            tags=("S",),
        ),
    )


def test_rss_090_and_root_level_items() -> None:
    """RSS 0.90's namespace and RSS with items outside the channel are read."""
    body = (
        b'<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" '
        b'xmlns="http://my.netscape.com/rdf/simple/0.9/"><channel><title>N</title></channel>'
        b"<item><title>T</title><link>https://n.example/1</link></item></rdf:RDF>"
    )
    assert parse_fast(body, "", URL).entries[0].title == "T"
    outside = b"<rss><channel><title>N</title></channel><item><title>T</title></item></rss>"
    assert parse_fast(outside, "", URL).entries[0].title == "T"


def test_atom_entry() -> None:
    """An Atom entry's constructs come out with their types; the author is inherited from the feed."""
    feed = atom(
        "<entry xml:lang='de'><id>urn:1</id><title type='html'>&lt;b&gt;T&lt;/b&gt;</title>"
        "<link rel='alternate' type='application/json' href='/1.json'/>"
        "<link rel='alternate' type='text/html' href='/1'/>"
        "<link rel='enclosure' type='audio/ogg' href='/1.ogg' length='5'/>"
        "<link rel='license' href='https://cc.example/'/>"
        "<link rel='replies' type='text/html' href='/1#c'/>"
        "<published>P</published><updated>U</updated><category term='t' label='Label'/>"
        "<summary>plain &lt;i&gt;</summary><rights>R</rights>"
        "<content type='xhtml'><div xmlns='http://www.w3.org/1999/xhtml'><p>A &amp; B<br/></p></div>"
        "</content></entry>",
        head="<title>F</title><author><name>Ann</name></author><link href='/'/>",
    )
    assert (feed.format, feed.title, feed.link) == ("atom", "F", "https://news.example/")
    assert feed.entries == (
        ParsedEntry(
            guid="urn:1",
            link="https://news.example/1",
            title="<b>T</b>",
            title_type="html",
            summary="plain <i>",
            summary_type="text",
            content="<p>A &amp; B<br /></p>",
            content_type="html",
            published="P",
            published_source="published",
            updated="U",
            authors=("Ann",),
            tags=("Label",),
            language="de",
            media=(Media("https://news.example/1.ogg", "audio/ogg", length=5),),
            rights="R",
            license="https://cc.example/",
            comments="https://news.example/1#c",
        ),
    )


def test_atom_source_and_its_author() -> None:
    """atom:source names where the entry comes from, and its author is the entry's."""
    entry = atom(
        "<entry><id>1</id><source><title>Wire</title><link href='https://wire.example/'/>"
        "<author><name>W. Riter</name></author></source></entry>"
    ).entries[0]
    assert (entry.source_title, entry.source_url, entry.authors) == (
        "Wire", "https://wire.example/", ("W. Riter",),
    )  # fmt: skip


def test_xml_base_nests() -> None:
    """Relative links are resolved against the nearest xml:base, that against the next, last the URL."""
    feed = atom(
        "<entry xml:base='b/'><id>1</id><link href='c'/></entry><entry><id>2</id><link href='c'/></entry>",
        attributes="xml:base='https://base.example/a/'",
    )
    assert [entry.link for entry in feed.entries] == [
        "https://base.example/a/b/c", "https://base.example/a/c",
    ]  # fmt: skip


def test_atom_03() -> None:
    """Atom 0.3: its namespace, issued and modified, escaped HTML."""
    body = (
        b'<feed version="0.3" xmlns="http://purl.org/atom/ns#"><title>F</title><entry><id>1</id>'
        b"<title mode='escaped'>a &lt;b&gt;</title><issued>I</issued><modified>M</modified>"
        b"<content type='text/html' mode='escaped'>&lt;p&gt;x&lt;/p&gt;</content></entry></feed>"
    )
    entry = parse_fast(body, "", URL).entries[0]
    assert (entry.title, entry.title_type) == ("a <b>", "")
    assert (entry.published, entry.published_source, entry.updated) == ("I", "issued", "M")
    assert (entry.content, entry.content_type) == ("<p>x</p>", "html")


def test_atom_without_namespace() -> None:
    """A feed that forgot its namespace is an Atom feed."""
    body = (
        b"<feed><entry><id>1</id><title>T</title><link href='https://n.example/1'/></entry></feed>"
    )
    entry = parse_fast(body, "", URL).entries[0]
    assert (entry.title, entry.link) == ("T", "https://n.example/1")


def test_deleted_entries() -> None:
    """at:deleted-entry names what is withdrawn."""
    feed = atom(
        "<at:deleted-entry ref='urn:1' when='2026-03-02T00:00:00Z'/>",
        attributes="xmlns:at='http://purl.org/atompub/tombstones/1.0'",
    )
    assert feed.deleted == ("urn:1",)


def test_misspelt_namespace_is_read_by_its_prefix() -> None:
    """A well-known prefix with an unknown namespace means what it usually means."""
    body = (
        b'<rss version="2.0" xmlns:media="http://search.yahoo.com/mrss/typo/"><channel><item>'
        b'<media:thumbnail url="https://i.example/1.jpg"/></item></channel></rss>'
    )
    assert parse_fast(body, "", URL).entries[0].media[0].url == "https://i.example/1.jpg"


def test_another_prefix_for_a_known_namespace() -> None:
    """The namespace counts, whatever prefix a document chose; the name of any prefix alone does not."""
    body = (
        b'<rss version="2.0" xmlns:c="http://purl.org/rss/1.0/modules/content/" '
        b'xmlns:content="https://nobody.example/ns"><channel><item>'
        b"<c:encoded>yes</c:encoded></item></channel></rss>"
    )
    assert parse_fast(body, "", URL).entries[0].content == "yes"


def test_news_sitemap() -> None:
    """A news sitemap's pages are entries without a guid."""
    body = (
        b'<urlset xmlns="http://www.sitemaps.org/schemas/sitemap/0.9" '
        b'xmlns:news="http://www.google.com/schemas/sitemap-news/0.9" '
        b'xmlns:image="http://www.google.com/schemas/sitemap-image/1.1">'
        b"<url><loc>https://n.example/1</loc><news:news><news:publication><news:name>N</news:name>"
        b"<news:language>en</news:language></news:publication>"
        b"<news:publication_date>2026-03-02</news:publication_date><news:title>T</news:title>"
        b"<news:keywords>a, b</news:keywords></news:news>"
        b"<image:image><image:loc>/i.jpg</image:loc></image:image></url>"
        b"<url><loc>https://n.example/about</loc></url></urlset>"
    )
    feed = parse_fast(body, "", URL)
    assert (feed.format, feed.title, feed.language) == ("sitemap", "N", "en")
    assert feed.entries == (
        ParsedEntry(
            link="https://n.example/1",
            title="T",
            title_type="text",
            published="2026-03-02",
            published_source="news:publication_date",
            tags=("a", "b"),
            language="en",
            media=(Media("https://news.example/i.jpg", "image"),),
        ),
    )


@pytest.mark.parametrize(
    "body",
    [
        b"<!doctype html><html><head><title>Sorry</title>",
        b'<?xml version="1.0"?><!DOCTYPE html><html xmlns="http://www.w3.org/1999/xhtml"/>',
        b'<html><body><script>var x = "<rss><channel>";</script></body></html>',
        b"<b>Fatal error</b>: database",
        b"Not found",
        b"<opml version='2.0'/>",
        b"<urlset xmlns='http://www.sitemaps.org/schemas/sitemap/0.9'><url><loc>u</loc></url></urlset>",
        b"<sitemapindex/>",
        b'{"error": "rate limited"}',
        b"[1, 2]",
        b'"text"',
        b"{",
        b"<!-- only a comment",
        b"<!DOCTYPE rss [ <!ENTITY a 'b'>",
        b"\x89PNG\r\n\x1a\n\x00\x00",
        b"%PDF-1.7",
    ],
)
def test_what_is_no_feed(body: bytes) -> None:
    """A page, an error in JSON, another XML format or a picture is not a feed."""
    with pytest.raises(ParseError) as caught:
        parse_document(body, "application/rss+xml", URL)
    assert caught.value.reason == "not_a_feed"


@pytest.mark.parametrize(
    "body", [b"", b" \r\n\t", b"\xef\xbb\xbf", b"\xef\xbb\xbf \n", b"\x00\x00"]
)
def test_nothing_is_an_empty_body(body: bytes) -> None:
    """White space, a byte order mark and zeros are nothing."""
    with pytest.raises(ParseError) as caught:
        parse_document(body, "", URL)
    assert caught.value.reason == "empty_body"


def test_feed_without_items_is_a_feed() -> None:
    """A feed with no items is read, with no entries, and not as broken."""
    feed = parse_document(rss(""), "", URL)
    assert feed.entries == ()
    assert not feed.recovered
    assert parse_document(b"<rss/>", "", URL).entries == ()


def test_item_markup_quoted_in_text_makes_no_entry() -> None:
    """'<item>' inside CDATA of a feed without items is text, whatever parser looks at it."""
    body = rss("", "<description><![CDATA[write <item> to start]]></description>")
    with pytest.raises(UnsureError):
        parse_fast(body, "", URL)
    assert parse_document(body, "", URL).entries == ()


def test_items_in_an_unknown_wrapper_are_found_in_order() -> None:
    """Items wrapped in an element of nobody's are found, in order."""
    feed = parse_fast(
        rss("<list><item><title>1</title></item><x><item><title>2</title></item></x></list>"),
        "",
        URL,
    )
    assert [entry.title for entry in feed.entries] == ["1", "2"]


def test_more_than_ten_thousand_entries_are_cut() -> None:
    """The first 10,000 entries are used, and the feed says that it was cut."""
    feed = parse_fast(rss("<item><title>t</title></item>" * 10_001), "", URL)
    assert len(feed.entries) == 10_000
    assert feed.recovered
