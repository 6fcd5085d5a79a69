"""Feeds as publishing systems write them, bytes to article: one small document of each kind."""

from __future__ import annotations

import pytest

from workers.articles.context import document_context
from workers.articles.normalise import normalise
from workers.model import Article
from workers.parsing.child import parse_document

NOW = 1_771_300_000_000
MORNING = 1_771_228_800_000  # Mon, 16 Feb 2026 08:00:00 GMT
TEXT = (
    "The council voted nine to four on Tuesday to reopen the bridge, ending a dispute that had kept the "
    "crossing closed for eleven months."
)
RSS = (
    "<?xml version='1.0' encoding='{encoding}'?><rss version='2.0' "
    "xmlns:dc='http://purl.org/dc/elements/1.1/' "
    "xmlns:content='http://purl.org/rss/1.0/modules/content/' xmlns:media='http://search.yahoo.com/mrss/' "
    "xmlns:itunes='http://www.itunes.com/dtds/podcast-1.0.dtd'><channel><title>F</title>"
    "<link>https://f.example/</link>{channel}<item>{item}</item></channel></rss>"
)


def rss(item: str, channel: str = "", encoding: str = "utf-8", codec: str = "") -> Article:
    """The article of an RSS document with one item."""
    text = RSS.format(encoding=encoding, channel=channel, item=item)
    return article(text.encode(codec or encoding))


def article(body: bytes, content_type: str = "application/xml") -> Article:
    """The article of a document with one entry."""
    feed = parse_document(body, content_type, "https://f.example/feed")
    [entry] = feed.entries
    context = document_context(feed.entries, now_ms=NOW, feed_url="https://f.example/feed")
    return normalise(entry, feed, context)


def test_wordpress() -> None:
    """Numeric entities in the title, captions, lists, and the notice that it appends."""
    got = rss(
        f"""<title>It&#8217;s here &#8211; now</title><link>https://b.example/2026/02/here/</link>
        <dc:creator><![CDATA[Jane Doe]]></dc:creator><pubDate>Mon, 16 Feb 2026 08:00:00 +0000</pubDate>
        <category><![CDATA[R&amp;D]]></category><guid isPermaLink="false">https://b.example/?p=1</guid>
        <description><![CDATA[<p>Short. [&#8230;]</p>]]></description><content:encoded><![CDATA[
        <p class="wp-block-paragraph">{TEXT}</p><figure><img width="1024" src="https://b.example/a.jpg"/>
        <figcaption class="wp-element-caption">A bridge.</figcaption></figure>
        <ul class="wp-block-list"><li>One</li>

        <li>Two</li></ul>
        <p>The post <a href="https://b.example/2026/02/here/">It&#8217;s here &#8211; now</a> appeared first
        on <a href="https://b.example">Blog</a>.</p>]]></content:encoded>""",
        "<language>en-US</language>",
    )
    assert got.headline == "It’s here – now"
    assert got.body == f"{TEXT}\n\nA bridge.\n\nOne\nTwo"
    assert (got.body_scope, got.boilerplate, got.abstract) == (
        "full",
        ("syndication",),
        "Short. […]",
    )
    assert (got.authors, got.keywords, got.language) == (("Jane Doe",), ("R&D",), "en-US")
    assert (got.published_ms, got.published_confidence) == (MORNING, "exact")
    assert got.image == "https://b.example/a.jpg"


def test_substack() -> None:
    """The box that asks to subscribe and the share button stand in the text and go."""
    got = rss(
        f"""<title>On rivers</title><link>https://l.example/p/rivers</link><description>Why</description>
        <content:encoded><![CDATA[<p>{TEXT}</p><div class="subscription-widget-wrap-editor"><div
        class="subscription-widget show-subscribe"><div class="preamble"><p class="cta-caption">Letters is a
        reader-supported publication. To receive new posts and support my work, consider becoming a free or
        paid subscriber.</p></div></div></div><p>And so it ends.</p><p class="button-wrapper"><a
        class="button primary" href="https://l.example/p/rivers?action=share"><span>Share</span></a></p>]]>
        </content:encoded>"""
    )
    assert got.body == f"{TEXT}\n\nAnd so it ends."
    assert got.boilerplate == ("newsletter", "share")
    assert got.abstract == "Why"


def test_medium() -> None:
    """The notice at the end and the counting pixel go, the link loses its source."""
    got = rss(
        f"""<title>Tools</title><link>https://medium.com/@a/tools-1?source=rss-abc------2</link>
        <content:encoded><![CDATA[<figure><img src="https://cdn.example/1.png"/></figure><p>{TEXT}</p><img
        src="https://medium.com/_/stat?event=post" width="1" height="1"><hr><p><a href="x">Tools</a> was
        originally published in <a href="y">Pub</a> on Medium, where people are continuing the conversation by
        highlighting and responding to this story.</p>]]></content:encoded>"""
    )
    assert got.body == TEXT
    assert got.canonical_url == "https://medium.com/@a/tools-1"
    assert [m.url for m in got.media] == ["https://cdn.example/1.png"]


def test_ghost_and_drupal() -> None:
    """A form to sign up, and the line of headline, author and date, are no text."""
    got = rss(
        f"""<title>Post</title><content:encoded><![CDATA[<p>{TEXT}</p><div class="kg-card kg-signup-card">
        <h2>Sign up</h2><p>News weekly</p></div>]]></content:encoded>"""
    )
    assert (got.body, got.boilerplate) == (TEXT, ("newsletter",))
    got = rss(
        f"""<title>Notice 5</title><dc:creator>admin</dc:creator><description><![CDATA[<span>Notice 5</span>
        <span><span>admin</span></span> <span><time>Mon, 02/16/2026 - 08:00</time></span>
        <div class="field"><p>{TEXT}</p></div>]]></description>"""
    )
    assert (got.body, got.authors) == (TEXT, ())


def test_reddit_and_mastodon() -> None:
    """A link's notice is no text; a note without a title is headed by its first sentence."""
    got = rss(
        """<title>Story</title><description>&lt;table&gt;&lt;tr&gt;&lt;td&gt;&lt;img
        src="https://p.example/a.jpg"/&gt;&lt;/td&gt;&lt;td&gt; &amp;#32; submitted by &amp;#32; &lt;a
        href="u"&gt; /u/someone &lt;/a&gt; &lt;br/&gt; &lt;a href="l"&gt;[link]&lt;/a&gt; &amp;#32; &lt;a
        href="c"&gt;[comments]&lt;/a&gt;&lt;/td&gt;&lt;/tr&gt;&lt;/table&gt;</description>"""
    )
    assert (got.body, got.body_scope, got.boilerplate) == ("", "none", ("syndication", "comments"))
    got = rss(
        """<link>https://m.example/@ann/1</link><description>&lt;p&gt;Rain is coming to the coast. &lt;a
        href="t"&gt;#&lt;span&gt;rain&lt;/span&gt;&lt;/a&gt;&lt;/p&gt;&lt;p&gt;&lt;a href="https://l.example/b"
        &gt;&lt;span class="invisible"&gt;https://&lt;/span&gt;&lt;span&gt;l.example&lt;/span&gt;&lt;span
        class="invisible"&gt;/b&lt;/span&gt;&lt;/a&gt;&lt;/p&gt;</description>"""
    )
    assert got.headline == "Rain is coming to the coast."
    assert got.body == "Rain is coming to the coast. #rain\n\nhttps://l.example/b"


def test_youtube() -> None:
    """The description of the media group is the text; the video's id names it."""
    got = article(
        b"""<feed xmlns:yt="http://www.youtube.com/xml/schemas/2015" xmlns="http://www.w3.org/2005/Atom"
        xmlns:media="http://search.yahoo.com/mrss/"><entry><id>yt:video:abc</id><title>How</title><link
        rel="alternate" href="https://www.youtube.com/watch?v=abc"/><author><name>Chan</name></author>
        <published>2026-02-16T08:00:00+00:00</published><media:group><media:thumbnail
        url="https://i1.ytimg.com/vi/abc/hq.jpg" width="480" height="360"/><media:description>We look.

Second.</media:description></media:group></entry></feed>"""
    )
    assert (got.body, got.authors, got.guid) == ("We look.\n\nSecond.", ("Chan",), "yt:video:abc")
    assert got.canonical_url == "https://youtube.com/watch?v=abc"
    assert (got.image, got.published_ms) == ("https://i1.ytimg.com/vi/abc/hq.jpg", MORNING)


def test_podcast() -> None:
    """The enclosure is audio with its length; the episode has its own image."""
    got = rss(
        """<title>Ep. 12</title><enclosure url="https://c.example/e.mp3" length="12345" type="audio/mpeg"/>
        <itunes:image href="https://c.example/e.jpg"/><pubDate>Sun, 15 Feb 2026 05:00:00 EST</pubDate>
        <itunes:summary>We visit the dam.</itunes:summary>"""
    )
    assert got.body == "We visit the dam."
    assert [(m.type, m.length) for m in got.media] == [("audio/mpeg", 12345), ("image", 0)]
    assert got.image == "https://c.example/e.jpg"
    assert got.published_ms == 1_771_149_600_000


def test_news_agencies_and_aggregators() -> None:
    """BBC's campaign, Google News' source, the widest of the Guardian's pictures."""
    got = rss(
        """<title><![CDATA[PM 'to quit']]></title>
        <link>https://www.bbc.com/news/articles/c1?at_medium=RSS&amp;at_campaign=rss</link>"""
    )
    assert got.canonical_url == "https://bbc.com/news/articles/c1"
    got = rss('<title>Bridge - Ex</title><source url="https://www.ex.example">Ex</source>')
    assert (got.source_title, got.source_url) == ("Ex", "https://www.ex.example")
    got = rss(
        """<title>T</title><media:content width="140" url="https://i.g/140.jpg"/>
        <media:content width="460" url="https://i.g/460.jpg"/><media:content width="72" url="https://i.g/s.jpg"/>"""
    )
    assert got.image == "https://i.g/460.jpg"


@pytest.mark.parametrize(
    ("encoding", "codec", "title", "language"),
    [
        ("Shift_JIS", "cp932", "橋が再び開通、①番目の記事です", "ja"),
        ("EUC-JP", "euc_jp", "橋が再び開通した市議会の決定", "ja"),
        ("iso-2022-jp", "iso2022_jp", "橋が再び開通した市議会の決定", "ja"),
        ("gb2312", "gbk", "市议会决定重新开放大桥 镕", "zh"),
        ("big5", "big5", "市議會決定重新開放這座橋樑", "zh"),
        ("windows-1251", "cp1251", "Мост снова открыт «для всех»", "ru"),
        ("koi8-r", "koi8_r", "Совет решил снова открыть мост", "ru"),
        ("windows-1256", "cp1256", "قرر المجلس إعادة فتح الجسر", "ar"),
        ("euc-kr", "cp949", "시의회가 다리를 다시 열기로 결정했다", "ko"),
        ("iso-8859-9", "cp1254", "Meclis köprüyü yeniden açmaya karar verdi", "tr"),
        ("iso-8859-1", "cp1252", "Le pont est à nouveau ouvert – « enfin » à tous", "fr"),
        ("windows-874", "cp874", "สภาเมืองลงมติให้เปิดสะพานอีกครั้ง", "th"),
    ],
)
def test_legacy_encodings(encoding: str, codec: str, title: str, language: str) -> None:
    """Declared encodings are read as their writers mean them, with the letters of their extensions."""
    got = rss(f"<title>{title}</title>", encoding=encoding, codec=codec)
    assert got.headline == title
    assert got.language == language


@pytest.mark.parametrize("declared", ["utf-8", ""])
@pytest.mark.parametrize(
    ("codec", "text"),
    [
        ("cp932", "橋が再び開通した。市議会は火曜日の会議でそう決めた。"),
        ("euc_jp", "橋が再び開通した。市議会は火曜日の会議でそう決めた。"),
        ("gbk", "市议会在星期二的会议上决定，这座大桥将于六月重新开放，这是一年来的第一次。"),
        ("big5", "市議會在星期二的會議上決定，這座大橋將於六月重新開放，這是一年來的第一次。"),
        ("cp949", "시의회는 화요일 회의에서 이 다리를 유월에 다시 열기로 결정했다고 말했다."),
        ("cp1251", "Городской совет во вторник решил снова открыть мост, закрытый почти год."),
        ("koi8_r", "Городской совет во вторник решил снова открыть мост, закрытый почти год."),
        (
            "cp1252",
            "À Orléans, où l'été a été très sec, la rivière s'est retirée dès février; même là, ça déçoit.",
        ),
        (
            "cp1252",
            "Über die Brücke führen künftig vier Spuren; das ärgert Händler, Schüler und Fußgänger schön.",
        ),
        (
            "cp1252",
            "El año pasado la señora Núñez perdió más días de lluvia que ningún otro niño en la región.",
        ),
    ],
)
def test_undeclared_encodings(declared: str, codec: str, text: str) -> None:
    """Text that is no UTF-8, whatever it claims, is read by the letters that it would have."""
    body = RSS.format(encoding="utf-8", channel="", item=f"<title>{text}</title>")
    if not declared:
        body = body.partition("?>")[2]
    assert article(body.encode(codec)).headline == text
