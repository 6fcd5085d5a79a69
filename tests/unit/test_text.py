"""HTML and text to blocks, plain lines and sanitised HTML."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.fields import MAX_BODY, MAX_HEADLINE, MAX_HTML
from workers.articles.markup import MAX_INPUT, MAX_TOKENS, read_html
from workers.articles.text import (
    Block,
    first_sentence,
    read,
    render,
    sanitise,
    shorten,
    to_blocks,
    to_html,
    to_plain,
)

TAGS = (
    "<p>", "</p>", "<b>", "</b>", "<i>", "</i>", "<a href='x'>", "</a>", "<ul>", "<li>", "</li>", "</ul>",
    "<table>", "<tr>", "<td>", "</table>", "<pre>", "</pre>", "<br>", "<img src='http://e.com/a.png'>",
    "<script>", "</script>", "<!--", "-->", "<div hidden>", "</div>", "<blockquote>", "<![CDATA[", "]]>",
    "&amp;", "&#x202e;", "&#xD800;", "&lt;p&gt;", "<", ">", '"', "'", "=", "<h1>", "</h1>", "<style>",
    "<svg>", "<section>", "</section>", "<font size=1>", "\n", "\n\n", "\t", " ",
)  # fmt: skip
SOUP = st.lists(st.one_of(st.sampled_from(TAGS), st.text(max_size=12)), max_size=40).map("".join)


def text_of(html: str, kind: str = "html") -> str:
    """The body that ``html`` gives."""
    return render(to_blocks(html, kind))[0]


@pytest.mark.parametrize(
    ("html", "text"),
    [
        ("<p>One</p><p>Two</p>", "One\n\nTwo"),
        ("<p>One<p>Two", "One\n\nTwo"),
        ("<div>One</div>Two<div>Three</div>", "One\n\nTwo\n\nThree"),
        ("One<br>Two<br><br>Three", "One\nTwo\n\nThree"),
        ("<p>A <b>bo</b>ld w<i>or</i>d</p>", "A bold word"),
        ("<p>a</p>\n<ul>\n<li>x</li>\n<li>y</li></ul><p>b</p>", "a\n\nx\ny\n\nb"),
        ("<ul><li>x<ul><li>y</li></ul></li><li>z</li></ul>", "x\ny\nz"),
        ("<ul><li>x<li>y</ul>", "x\ny"),
        ("<dl><dt>t<dd>d</dl>", "t\nd"),
        ("<table><tr><th>a<th>b<tr><td>1<td>2</table>", "a\nb\n\n1\n2"),
        ("<table><tr><td><p>Long</p><p>Short</p></td></tr></table>", "Long\n\nShort"),
        ("<figure><img src=a><figcaption>Cap</figcaption></figure><p>x</p>", "Cap\n\nx"),
        ("<blockquote><p>a</p><p>b</p></blockquote>c", "a\n\nb\n\nc"),
        ("<pre>if x:\n    y\n\n\tz</pre>", "if x:\n    y\n    z"),
        ("<h2>Head</h2>Text", "Head\n\nText"),
        ("x &lt; y &amp;&nbsp;z", "x < y & z"),
        ("a<!-- b -->c<!---->d<!--> e", "acd e"),
        ("<p>a</p><script>if (a<b) {'</p>'}</script><style>p{}</style><p>b</p>", "a\n\nb"),
        ("a<script>never closed", "a"),
        ("<p>a<span style='display: none'>b</span>c</p>", "ac"),
        ("<p>a</p><div hidden><p>b</p></div><p>c</p>", "a\n\nc"),
        ("<p title='the hidden gem'>a</p>", "a"),
        ("<p>a<span aria-hidden=true>#</span></p>", "a"),
        ("<a href='x>y' title=\"a>b\">link</a> text", "link text"),
        ("<p class=x'>It's</p>", "It's"),
        ("3 < 4 and 5 > 4", "3 < 4 and 5 > 4"),
        ("cut <a href='http://x", "cut"),
        ("<noscript>Enable scripts</noscript>a<button>Press</button>", "a"),
        ("<ruby>漢<rp>(</rp><rt>kan</rt><rp>)</rp></ruby>", "漢kan"),
        ("</div></p>a</td>b", "a\n\nb"),
        ("<P>A</P><BR/><Li>B", "A\n\nB"),
        ("<![CDATA[<p>a</p>]]>", "a"),
    ],
)
def test_html_to_text(html: str, text: str) -> None:
    """Nothing is glued, nothing torn; what is not shown is not text."""
    assert text_of(html) == text


@pytest.mark.parametrize(
    ("source", "kind", "text"),
    [
        ("One\n\nTwo", "", "One\n\nTwo"),
        ("&lt;p&gt;One&lt;/p&gt;&lt;p&gt;Two&lt;/p&gt;", "html", "One\n\nTwo"),
        ("<p>One</p><p>Two</p>", "text", "One\n\nTwo"),
        ("Use <b>bold</b> here", "text", "Use <b>bold</b> here"),
        ("AT&amp;T &#8217;s", "", "AT&T ’s"),
        ("- a\n- b", "", "- a\n- b"),
        ("Roses are red\nViolets are blue", "text", "Roses are red\nViolets are blue"),
        (
            "A sentence that ends.\nAnother that ends.",
            "text",
            "A sentence that ends.\n\nAnother that ends.",
        ),
        ("x" * 90 + "\n" + "y" * 90, "", "x" * 90 + "\n\n" + "y" * 90),
        ("a\r\n\r\nb\x0bc", "text", "a\n\nb\nc"),
        ("Vec<T> and x<y", "", "Vec<T> and x<y"),
    ],
)
def test_the_kind_is_believed_only_where_the_text_agrees(source: str, kind: str, text: str) -> None:
    """Text that is called HTML, HTML that is called text, and HTML that was escaped twice are found out."""
    assert text_of(source, kind) == text


def test_lines_that_were_wrapped_are_one_paragraph() -> None:
    """Lines broken only because the next word did not fit belong together; verse does not."""
    wrapped = (
        "The quick brown fox jumps over the lazy dog and then it goes\n"
        "back to where it came from because nothing else is happening\n"
        "today."
    )
    assert "\n" not in text_of(wrapped, "text")
    verse = "The quick brown fox jumps over the lazy dog and then it goes\nHome\nToday"
    assert text_of(verse, "text") == verse


@pytest.mark.parametrize(
    ("title", "plain"),
    [
        ("  A \n title\t", "A title"),
        ("<b>Bold</b> &amp; <i>new</i>", "Bold & new"),
        ("AT&amp;amp;T", "AT&T"),
        ("It&amp;#8217;s &quot;on&quot;", 'It’s "on"'),
        ("&lt;i&gt;Dune&lt;/i&gt; at last", "Dune at last"),
        ("The <b> tag and Vec<T>", "The <b> tag and Vec<T>"),
        ("if a&lt;b and c&gt;d", "if a<b and c>d"),
        ("if a<b and c=d>e", "if a<b and c=d>e"),
        ("See <a href='x'>the map", "See the map"),
        ("x < y > z", "x < y > z"),
        ("<![CDATA[News]]>", "News"),
        ("a<script>alert(1)</script>b", "ab"),
        ("One<br>Two", "One Two"),
        ("\u202eevil\u202c Pay\u200dPal \u200bx\ufeff", "evil PayPal x"),
        ("\U000e0041\U000e0042tag", "tag"),
        ("e\u0301te\u0301", "été"),
        ("می\u200cخواهم 👩\u200d💻", "می\u200cخواهم 👩\u200d💻"),
        ("Z" + "\u0301" * 40, "Ź" + "\u0301" * 4),
        ("a\ud800b\x00c\x85d", "abc d"),
    ],
)
def test_titles_are_plain_lines(title: str, plain: str) -> None:
    """No tags, no entities however often escaped, no tricks; what only looks like a tag stays."""
    assert to_plain(title) == plain


def test_html_is_sanitised() -> None:
    """No scripts, handlers, styles, forms; links absolute and http(s) only; images stay, pixels do not."""
    html = (
        "<p onclick='x()' style='color:red' class='c'>a <a href='/b' onfocus=y>b</a></p>"
        "<a href='javascript:z'>c</a><a href='mailto:x@y.z'>d</a><img src='i.png' alt='I' width=20>"
        "<img src='http://t.example/1.gif' width=1 height=1><iframe src='http://x'></iframe>"
        "<form><input name=q></form><script>q</script>"
    )
    safe = sanitise(html, "https://n.example/s/p")
    assert '<a href="https://n.example/b" rel="noopener noreferrer nofollow">b</a>' in safe
    assert 'src="https://n.example/s/i.png"' in safe
    for word in (
        "onclick",
        "style",
        "class",
        "javascript",
        "mailto",
        "1.gif",
        "iframe",
        "form",
        "script",
    ):
        assert word not in safe


def test_relative_links_without_a_base_are_dropped() -> None:
    """A link that nobody could follow is no link."""
    assert "href" not in sanitise("<a href='/b'>b</a>", "")
    assert "href" not in sanitise("<a href='/b'>b</a>", "not a url")


@pytest.mark.parametrize(
    ("html", "left"),
    [
        ("<p>One.</p><p><em>GONE</em></p><p>Two.</p>", "<p>One.</p><p>Two.</p>"),
        ("<p>One.</p><div><p><em><b>GONE</b></em></p><br></div>", "<p>One.</p>"),
        ('<p>One.</p><p><a href="https://e.com/give">GONE</a></p>', "<p>One.</p>"),
        ('<div><a href="https://e.com/"><p>GONE</p></a></div><p>One.</p>', "<p>One.</p>"),
        ("<ul><li>GONE</li></ul><ul><li>One.</li><li>GONE</li></ul>", "<ul><li>One.</li></ul>"),
        ("<p>GONE<br>One.</p>", "<p><br>One.</p>"),
        ("<p></p><p>One.</p><p><em>GONE</em></p>", "<p></p><p>One.</p>"),
        (
            "<table><tr><td></td><td>One.</td></tr><tr><td></td><td>GONE</td></tr></table>",
            "<table><tbody><tr><td></td><td>One.</td></tr></tbody></table>",
        ),
        (
            "<table><tr><td>GONE</td><td>One.</td></tr></table>",
            "<table><tbody><tr><td></td><td>One.</td></tr></tbody></table>",
        ),
        (
            '<figure><img src="https://e.com/i.png"><div><em>GONE</em></div></figure>',
            '<figure><img src="https://e.com/i.png"></figure>',
        ),
    ],
)
def test_what_is_removed_leaves_no_empty_element(html: str, left: str) -> None:
    """Elements go with all that they held; what the publisher left empty, a cell and an image stay."""
    markup = read(html, "html")
    dropped = [n for n, block in enumerate(markup.blocks) if block.text == "GONE"]
    assert dropped
    assert to_html(markup, dropped) == left


def test_media_of_the_html() -> None:
    """Images, audio, video and players are found, lazy ones by their real URL, pixels and emoji not."""
    html = (
        "<img src='a.png' alt='A'><img src='data:x' data-src='b.png'><img src='p.gif' width='1'>"
        "<video><source src='v.mp4' type='video/mp4'>old browser</video><audio src='s.mp3'></audio>"
        "<iframe src='https://www.youtube.com/embed/x'></iframe><noscript><img src='n.png'></noscript>"
        "<div style='display:none'><img src='h.png'></div>"
    )
    markup = read_html(html)
    assert [(m.url, m.type) for m in markup.media] == [
        ("a.png", "image"),
        ("b.png", "image"),
        ("v.mp4", "video/mp4"),
        ("s.mp3", "audio"),
        ("https://www.youtube.com/embed/x", "video"),
        ("n.png", "image"),
    ]
    assert markup.blocks == []


@pytest.mark.parametrize(
    ("srcset", "url"),
    [
        ("https://e.com/s.jpg 300w, https://e.com/b.jpg 600w", "https://e.com/b.jpg"),
        ("/s.jpg, /b.jpg 2x", "https://e.com/b.jpg"),
        ("b.jpg 1.5x,s.jpg 1x", "https://e.com/b.jpg"),
        ("https://e.com/w_9,h_5/s.jpg 9w, https://e.com/w_90,h_50/b.jpg 90w", "https://e.com/w_90,h_50/b.jpg"),
        ("b.jpg", "https://e.com/b.jpg"),
    ],
)  # fmt: skip
def test_an_image_without_src_is_the_widest_of_its_set(srcset: str, url: str) -> None:
    """Commas within a URL part nothing; the HTML shows the image as well."""
    markup = read_html(f"<img srcset='{srcset}'>")
    assert to_html(markup, (), "https://e.com/") == f'<img src="{url}">'
    assert url.endswith(markup.media[0].url.lstrip("/"))


@pytest.mark.parametrize("srcset", ["", ", ,", "x" * 20_000 + " y", "x " * 8_000, "," * 16_000])
def test_a_set_without_an_image_is_none(srcset: str) -> None:
    """Whatever a set holds is read in linear time; a URL too long to be one is not published."""
    markup = read_html(f"<img srcset='{srcset}'>")
    assert all(len(m.url) > 10_000 or m.url == "x" for m in markup.media)


def test_a_long_body_is_cut_at_a_paragraph() -> None:
    """The last paragraph that does not fit goes whole; a single one is cut between words."""
    paragraph = "word " * 2_000
    text, cut = render(to_blocks(f"<p>{paragraph}</p>" * 40, "html"))
    assert cut
    assert len(text) <= MAX_BODY
    assert text.endswith(paragraph.strip())
    text, cut = render([Block("word " * MAX_BODY)])
    assert cut
    assert text.endswith("word…")


HOSTILE = [
    "<div>" * 20_000 + "x",
    "<!--" * 70_000,
    "<b>" * 60_000,
    "".join(f"<font size={i}>" for i in range(20_000)) + "<p>" * 20_000,
    "".join(f"<p><font size={i}>x</p>" for i in range(20_000)),
    "<div>" * 20_000 + "</p>" * 20_000,
    "<a " + " ".join(f"a{i}=1" for i in range(60_000)) + ">",
    "<a href=" + "'" * 100_000 + ">",
    '<a ="' * 60_000 + ">",
    "<a b='\">" * 40_000,
    "<" * 280_000,
    "<a b c " * 50_000,
    "&" * 280_000,
    "&#x202e;&amp;" * 30_000,
    "<script>" * 40_000,
    "<table><tr><td>x" * 20_000,
    "<ul><li>" * 20_000,
    " \n" * 250_000,
    "word " * 200_000,
    "<pre>" + "\n" * 400_000,
]


@pytest.mark.parametrize("source", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_html_is_bounded(source: str) -> None:
    """What makes parsers quadratic is read in a bounded number of steps, and stays within bounds."""
    markup = read(source, "html")
    assert len(markup.blocks) <= MAX_TOKENS + 1 or not markup.pieces
    assert len(markup.pieces) <= 4 * MAX_TOKENS
    assert len(to_html(markup)) <= MAX_HTML
    assert len(render(markup.blocks)[0]) <= MAX_BODY
    assert len(to_plain(source)) <= MAX_HEADLINE


def test_more_tags_than_are_read_are_cut() -> None:
    """What is beyond the bounds is left out, and said to be."""
    assert read("<p>x</p>" * MAX_TOKENS, "html").cut
    assert read("x" * (MAX_INPUT + 1), "text").cut
    assert not read("<p>x</p>", "html").cut


def is_clean(text: str, allowed: str = "") -> bool:
    """No control, surrogate, format or private line-breaking character but the ``allowed`` ones."""
    return all(
        c in allowed
        or c in "\u200c\u200d"
        or unicodedata.category(c) not in ("Cc", "Cs", "Zl", "Zp")
        for c in text
    )


@given(SOUP, st.sampled_from(["html", "text", ""]))
def test_anything_gives_clean_bounded_text(source: str, kind: str) -> None:
    """Any string gives blocks without control characters, folded, in NFC."""
    for block in to_blocks(source, kind):
        assert is_clean(block.text, "\n" if block.kind == "pre" else "")
        assert block.text == block.text.rstrip()
        assert unicodedata.is_normalized("NFC", block.text)
    assert is_clean(to_plain(source))


@given(SOUP)
def test_sanitising_is_idempotent(source: str) -> None:
    """What is sanitised once gives the same text, and the same HTML, again."""
    once = sanitise(source, "https://e.com/")
    twice = sanitise(once, "https://e.com/")
    assert text_of(twice) == text_of(once)
    assert sanitise(twice, "https://e.com/") == twice
    assert "<script" not in once


@given(st.text(alphabet="ab .-*\n1)x", max_size=300))
def test_reading_text_is_idempotent(source: str) -> None:
    """The text of a text is that text."""
    once = text_of(source, "text")
    assert text_of(once, "text") == once


@given(st.text(max_size=60), st.integers(1, 50))
def test_shortening_respects_its_limit(text: str, limit: int) -> None:
    """A shortened text is never longer than its limit."""
    assert len(shorten(text, limit)) <= limit


def test_first_sentence() -> None:
    """A headline made of a body is its first sentence, or as much of it as fits."""
    assert first_sentence("This is what they said. Then more.") == "This is what they said."
    assert first_sentence("短い文です。これは二番目の文で、とても長いので切れます。") != ""
    assert len(first_sentence("word " * 500)) <= 200
