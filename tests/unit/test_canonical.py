"""Links as people open them and as articles are compared by."""

import os
import re
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from workers.articles.canonical import MAX_URL, canonical_url, clean_url

CORPUS = Path(os.environ.get("NEWSWIRE_CORPUS", Path(__file__).parents[3] / "shared" / "corpus"))
A = "https://example.com/2026/02/17/story"

# Each row: links of one article -> its form.
SAME: dict[str, list[str]] = {
    A: [
        # scheme, host, port
        "http://example.com/2026/02/17/story",
        "HTTP://EXAMPLE.COM/2026/02/17/story",
        "http://example.com:80/2026/02/17/story",
        "https://example.com:443/2026/02/17/story",
        "http://example.com:443/2026/02/17/story",
        "https://example.com:/2026/02/17/story",
        "https://example.com./2026/02/17/story",
        "https://www.example.com/2026/02/17/story",
        "https://WWW.Example.com/2026/02/17/story",
        "https://m.example.com/2026/02/17/story",
        "https://mobile.example.com/2026/02/17/story",
        "https://amp.example.com/2026/02/17/story",
        "https://www.m.example.com/2026/02/17/story",
        "https://user:secret@example.com/2026/02/17/story",
        # slashes, dots, index files
        "https://example.com/2026/02/17/story/",
        "https://example.com/2026/02/17/story//",
        "https://example.com//2026/02//17/story",
        "https://example.com/./2026/02/x/../17/story",
        "https://example.com/../2026/02/17/story",
        "https://example.com/2026/02/17/story/index.html",
        "https://example.com/2026/02/17/story/index.php",
        "https://example.com/2026/02/17/story/Default.aspx",
        "https://example.com\\2026\\02\\17\\story",
        # percent encoding
        "https://example.com/2026/02/17/%73tory",
        "https://example.com/2026/02/17/%73%74%6f%72%79",
        "https://example.com/2026/02/%2E/17/story",
        # fragments
        A + "#comments",
        A + "#xtor=RSS-450",
        A + "#ref=rss",
        A + "#Echobox=1644",
        A + "#utm_source=wri&utm_content=article",
        A + "#:~:text=some%20words",
        A + "#tk.rss_news",
        A + "#!",
        A + "#",
        # AMP
        A + "/amp",
        A + "/amp/",
        A + ".amp",
        A + "?amp",
        A + "?amp=1",
        A + "?amp=true",
        A + "?outputType=amp",
        A + "?output=amp",
        A + "?mode=amp",
        A + "?amp_js_v=a9&amp_gsa=1&usqp=mq331AQ",
        A + "/amp/?utm_source=x",
        "https://example-com.cdn.ampproject.org/c/s/example.com/2026/02/17/story/amp/",
        "https://example-com.cdn.ampproject.org/v/s/example.com/2026/02/17/story?amp_js_v=0.1",
        "https://cdn.ampproject.org/c/s/www.example.com/2026/02/17/story",
        "https://example-com.cdn.ampproject.org/c/example.com/2026/02/17/story",
        "https://www.google.com/amp/s/www.example.com/2026/02/17/story.amp",
        "https://www.google.co.uk/amp/example.com/2026/02/17/story",
        # campaigns
        A + "?utm_source=rss&utm_medium=feed&utm_campaign=all",
        A + "?UTM_SOURCE=rss&utm_MEDIUM=feed",
        A + "?utm%5Fsource=rss",
        A + "?utm_reader=feedly",
        A + "?fbclid=IwAR0bMF",
        A + "?gclid=x&dclid=y&gbraid=z&wbraid=1&srsltid=2",
        A + "?mc_cid=1&mc_eid=2",
        A + "?at_medium=RSS&at_campaign=rss",
        A + "?at_medium=RSS&at_campaign=KARANGA&at_custom1=x&at_bbc_team=editorial",
        A + "?xtor=EPR-511537822",
        A + "?maca=en-rss-en-all-1573-rdf",
        A + "?smid=tw-nytimes&smtyp=cur",
        A + "?partner=rss&emc=rss",
        A + "?cmpid=socialflow-twitter",
        A + "?ftag=CNM-00-10aab7e&intcid=CNR-02",
        A + "?CMP=share_btn_tw",
        A + "?ocid=winp1taskbar",
        A + "?ito=1490&ns_mchannel=rss&ns_campaign=1490",
        A + "?wt_mc=rss.red.ho",
        A + "?wt_zmc=x",
        A + "?WT.mc_id=x",
        A + "?mbid=synd_feed",
        A + "?.tsrc=rss",
        A + "?guccounter=1&guce_referrer=aHR0&guce_referrer_sig=AQ",
        A + "?ncid=rss_truncated",
        A + "?mod=rss_markets_main",
        A + "?ref=rss",
        A + "?ref=alexwlchan.net",
        A + "?ref_src=twsrc%5Etfw",
        A + "?source=rss",
        A + "?src=rss-feed",
        A + "?from=rss",
        A + "?rss=1",
        A + "?via=twitter",
        A + "?cid=rss",
        A + "?__twitter_impression=true&twclid=1",
        A + "?igshid=1&msclkid=2&yclid=3&_openstat=4&ttclid=5",
        A + "?_hsenc=p2&_hsmi=1&hsCtaTracking=3&__hssc=4",
        A + "?mkt_tok=eyJ&vero_id=1&oly_enc_id=2&s_kwcid=3&_ga=1.2&_gl=1",
        A + "?pk_campaign=feed&pk_kwd=title&mtm_campaign=x",
        A + "?itm_source=parsely-api",
        A + "?spref=fb",
        A + "?Echobox=1644",
        A + "?_=1644",
        A + "?PHPSESSID=abc",
        A + ";jsessionid=0A1B2C",
        A + "?",
        A + "?&",
        A + "?&&utm_source=x&",
        # mistakes of templates
        A + "?utm_source=rss&#038;utm_medium=rss",
        A + "?utm_source=rss&amp;utm_medium=rss",
        A + "?utm_source=rss&amp;amp;utm_medium=rss",
        A + "&utm_source=rss",
        A + "?amp&utm_source=rss",
        "  " + A + "\n",
        "\u202a" + A + "\u202c",
        "\ufeff" + A,
        A + "\u200b",
        "https://example.com/2026/\n    02/17/story",
        "http://https://example.com/2026/02/17/story",
        "http://http://example.com/2026/02/17/story",
        "https:/example.com/2026/02/17/story",
        "https:///example.com/2026/02/17/story",
        "//example.com/2026/02/17/story",
        "www.example.com/2026/02/17/story",
        "feed://example.com/2026/02/17/story",
        "feed:https://example.com/2026/02/17/story",
        # redirectors that carry their target
        "https://www.google.com/url?rct=j&sa=t&url=https://example.com/2026/02/17/story&ct=ga&cd=CA&usg=A",
        "https://www.google.de/url?q=https%3A%2F%2Fexample.com%2F2026%2F02%2F17%2Fstory&sa=D",
        "https://news.google.com/news/url?sa=t&fd=R&url=https://example.com/2026/02/17/story",
        "http://www.bing.com/news/apiclick.aspx?ref=FexRss&aid=&tid=6&url=https%3a%2f%2fexample.com%2f2026%2f02%2f17%2fstory&c=3&mkt=en-us",
        "https://r.search.yahoo.com/_ylt=AwrE/RV=2/RE=1644/RO=10/RU=https%3a%2f%2fexample.com%2f2026%2f02%2f17%2fstory/RK=2/RS=x",
        "http://us.rd.yahoo.com/dailynews/rss/search/x/*http://example.com/2026/02/17/story",
        "https://l.facebook.com/l.php?u=https%3A%2F%2Fexample.com%2F2026%2F02%2F17%2Fstory%3Ffbclid%3DI&h=AT",
        "https://www.facebook.com/l.php?u=https%3A%2F%2Fexample.com%2F2026%2F02%2F17%2Fstory",
        "https://l.instagram.com/?u=https%3A%2F%2Fexample.com%2F2026%2F02%2F17%2Fstory&e=ATP",
        "https://t.umblr.com/redirect?z=https%3A%2F%2Fexample.com%2F2026%2F02%2F17%2Fstory&t=x",
        "https://vk.com/away.php?to=https%3A%2F%2Fexample.com%2F2026%2F02%2F17%2Fstory",
        "https://duckduckgo.com/l/?uddg=https%3A%2F%2Fexample.com%2F2026%2F02%2F17%2Fstory&rut=1",
        "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fexample.com%2F2026%2F02%2F17%2Fstory&data=05",
        "https://www.google.com/url?url=https%3A%2F%2Fl.facebook.com%2Fl.php%3Fu%3Dhttps%253A%252F%252Fexample.com%252F2026%252F02%252F17%252Fstory",
    ],
    "https://example.com/a.html": [
        "http://example.com/a.amp.html",
        "http://example.com/a.amp.html?utm_source=x",
    ],
    "https://example.com/?p=123": [
        "https://example.com/?p=123",
        "https://www.example.com?p=123",
        "https://example.com/index.php?p=123",
        "https://example.com/?utm_source=rss&p=123",
        "https://example.com/?p=123&#038;utm_source=rss",
        "https://example.com/?p=123?utm_source=rss",
    ],
    "https://example.com/n?a=1&b=2": [
        "https://example.com/n?b=2&a=1",
        "https://example.com/n?b=2&utm_source=x&a=1",
        "https://example.com/n?a=1&amp;b=2",
    ],
    "https://example.com/n?q=a%20b": ["https://example.com/n?q=a+b", "https://example.com/n?q=a b"],
    "https://xn--mnchen-3ya.de/stra%C3%9Fe": [
        "http://münchen.de/straße",
        "http://MÜNCHEN.de/stra%c3%9fe",
        "http://xn--mnchen-3ya.de/straße/",
    ],
    "https://xn--e1afmkfd.xn--p1ai/%D0%BD": ["http://пример.рф/н", "http://www.пример.рф/%d0%bd"],
    "https://xn--i-7iq.ws/a": ["http://i❤.ws/a"],
    "https://127.0.0.1:8080/a/1": [
        "http://127.0.0.1:8080/a/1",
        "http://127.0.0.1:8080/a/1/?utm_source=x",
    ],
    "https://[::1]:8080/a": ["http://[::1]:8080/a", "http://[0:0:0:0:0:0:0:1]:8080/a"],
    "https://site:8080/a": ["http://site:8080/a"],
    "https://en.wikinews.org/wiki/A": ["https://en.m.wikinews.org/wiki/A"],
    "https://youtube.com/watch?v=h6chNEaXb-o": [
        "https://www.youtube.com/watch?v=h6chNEaXb-o",
        "https://m.youtube.com/watch?v=h6chNEaXb-o&feature=youtu.be",
        "https://www.youtube.com/watch?si=x&v=h6chNEaXb-o&t=10s",
    ],
    "https://me.blogspot.com/2026/02/a.html": ["http://me.blogspot.com/2026/02/a.html?m=1"],
    "https://example.com/#!/story/5": ["http://www.example.com/#!/story/5"],
    "https://example.com/app#/story/5": ["http://example.com/app/#/story/5"],
}

# Each row names different articles.
DIFFERENT: list[list[str]] = [
    ["https://example.com/?p=1", "https://example.com/?p=2", "https://example.com/?page_id=1"],
    ["https://example.com/a?id=1", "https://example.com/a?id=2", "https://example.com/a"],
    [
        "https://slashdot.org/article.pl?sid=08/03/01",
        "https://slashdot.org/article.pl?sid=08/03/02",
    ],
    ["https://example.com/a?cid=12", "https://example.com/a?cid=13"],
    ["https://example.com/a?eid=77", "https://example.com/a?eid=78"],
    ["https://example.com/a?source=5", "https://example.com/a?source=6"],
    ["https://example.com/a?ref=10234", "https://example.com/a?ref=10235"],
    ["https://example.com/a?s=12", "https://example.com/a?s=13"],
    ["https://example.com/a?story=rain", "https://example.com/a?story=snow"],
    ["https://example.com/a?m=1", "https://example.com/a?m=2"],
    ["https://example.com/a?t=1", "https://example.com/a?t=2"],
    ["https://example.com/a?session=4", "https://example.com/a?session=5"],
    ["https://example.com/a?from=2026", "https://example.com/a?from=2025"],
    ["https://example.com/a?src=atomic", "https://example.com/a?src=atomkraft"],
    ["https://example.com/a?mode=print", "https://example.com/a?mode=text"],
    ["https://example.com/a?lang=en", "https://example.com/a?lang=fr"],
    ["https://example.com/a?page=1", "https://example.com/a?page=2"],
    ["https://example.com/a?v=1&v=2", "https://example.com/a?v=2&v=1"],
    ["https://example.com/a?news/1", "https://example.com/a?news/2"],
    ["https://example.com/a?1234", "https://example.com/a?1235"],
    ["https://example.com/Story", "https://example.com/story"],
    ["https://example.com/a/b", "https://example.com/a%2Fb"],
    ["https://example.com/a?x=1%262", "https://example.com/a?x=1&2"],
    ["https://example.com/camp", "https://example.com/c"],
    ["https://example.com/amp/story", "https://example.com/story"],
    ["https://example.com/news/amp/1", "https://example.com/news/1"],
    ["https://a.example.com/x", "https://b.example.com/x", "https://example.com/x"],
    ["https://en.example.com/x", "https://fr.example.com/x"],
    ["https://example.com/x", "https://example.org/x"],
    ["https://mobile.de/x", "https://de/x"],
    ["https://amp.dev/x", "https://m.dev/x"],
    ["http://127.0.0.1:8080/a", "http://127.0.0.1:8081/a", "http://127.0.0.1/a"],
    ["https://example.com/index.php/2026/a", "https://example.com/2026/a"],
    ["https://example.com/#!/story/5", "https://example.com/#!/story/6"],
    ["https://news.google.com/articles/CBMiA?oc=5", "https://news.google.com/articles/CBMiB?oc=5"],
    ["http://feedproxy.google.com/~r/Feed/~3/abc/", "http://feedproxy.google.com/~r/Feed/~3/abd/"],
    ["http://feeds.feedburner.com/~r/F/~3/1/", "http://feeds.feedburner.com/~r/F/~3/2/"],
    ["https://www.google.com/url?url=news:1", "https://www.google.com/url?url=news:2"],
    ["https://www.youtube.com/watch?v=a", "https://www.youtube.com/watch?v=b"],
    ["https://web.archive.org/web/2020/http://x.org/a", "https://x.org/a"],
    ["https://example.com/a%zz", "https://example.com/a%25zy"],
    ["https://example.com/a;v=1", "https://example.com/a;v=2"],
    ["https://example.com/t?feed=12", "https://example.com/t?feed=13"],
    ["https://example.com/live/1#xtor=1", "https://example.com/live/2#xtor=1"],
]

NO_ARTICLE = [
    "",
    " ",
    "https://example.com",
    "https://example.com/",
    "https://www.example.com/index.html",
    "https://example.com/?utm_source=rss",
    "https://example.com/#top",
    "https://example.com/?",
    "https://example.com/amp/",
    "https://www.google.com/url?url=https://example.com/",
    "http://",
    "https:///",
    "javascript:alert(1)",
    "JaVaScRiPt:alert(1)//http://x.org/a",
    "data:text/html,x",
    "mailto:user@example.org",
    "tag:example.com,2026:1",
    "urn:uuid:1234",
    "ftp://example.com/a",
    "file:///etc/passwd",
    "/relative/path",
    "just words",
    "http://exa mple.com/a",
    "http://example|org/a",
    "http://example.com:99999/a",
    "http://example.com:port/a",
    "http://[::1/a",
    "http://[nonsense]/a",
    "http://.../a",
    "http://" + "a" * 300 + ".com/a",
    "http://\u0000/a",
    "https://example.com/" + "a" * MAX_URL,
    "http://example.com/" + "é" * 2000,
]


@pytest.mark.parametrize(
    ("form", "link"), [(form, link) for form, links in SAME.items() for link in links]
)
def test_links_of_one_article_have_one_form(form: str, link: str) -> None:
    """What publishers, templates and aggregators vary for one article does not count."""
    assert canonical_url(link) == form


@pytest.mark.parametrize("links", DIFFERENT, ids=lambda links: links[0])
def test_different_articles_are_never_merged(links: list[str]) -> None:
    """What identifies an article on some site is kept on every site."""
    forms = [canonical_url(link) for link in links]
    assert "" not in forms
    assert len(set(forms)) == len(links)


@pytest.mark.parametrize("link", NO_ARTICLE)
def test_what_names_no_article_has_no_form(link: str) -> None:
    """Home pages, other schemes and junk cannot match anything."""
    assert canonical_url(link) == ""


CLEAN = [
    # link, base, what a person opens
    ("https://example.com/a?utm_source=rss#top", "", "https://example.com/a?utm_source=rss#top"),
    ("http://example.com", "", "http://example.com"),
    ("HTTP://Example.COM/A", "", "http://example.com/A"),
    (" https://example.com/a\n", "", "https://example.com/a"),
    ("https://example.com/a b", "", "https://example.com/a%20b"),
    ("https://example.com/a\u202eb", "", "https://example.com/a%E2%80%AEb"),
    ("https://example.com/a\x01b", "", "https://example.com/a%01b"),
    ("https://example.com/a\tb", "", "https://example.com/ab"),
    ("https://example.com/straße?q=ü#ä", "", "https://example.com/stra%C3%9Fe?q=%C3%BC#%C3%A4"),
    ("https://example.com/%e4", "", "https://example.com/%e4"),
    ("https://example.com/100%", "", "https://example.com/100%25"),
    ('https://example.com/"<a>"', "", "https://example.com/%22%3Ca%3E%22"),
    ("https://example.com/a#b#c", "", "https://example.com/a#b%23c"),
    ("https://example.com/a\ud800", "", "https://example.com/a%EF%BF%BD"),
    ("https://user:pw@example.com/a", "", "https://example.com/a"),
    ("https://a@b@example.com/a", "", "https://example.com/a"),
    ("https://example.com/a?x=1&amp;y=2", "", "https://example.com/a?x=1&y=2"),
    ("http://example.com\\@evil.org/a", "", "http://example.com/@evil.org/a"),
    ("/a/1", "https://example.com/feed.xml", "https://example.com/a/1"),
    ("a/1", "https://example.com/blog/feed.xml", "https://example.com/blog/a/1"),
    ("../a", "https://example.com/blog/x/feed", "https://example.com/blog/a"),
    ("?p=3", "https://example.com/feed", "https://example.com/feed?p=3"),
    ("//cdn.example.com/a", "http://example.com/feed", "http://cdn.example.com/a"),
    ("//cdn.example.com/a", "", "https://cdn.example.com/a"),
    ("/a", "https://user:pw@example.com/feed", "https://example.com/a"),
    ("/a", "", ""),
    ("/a", "file:///etc/", ""),
    ("", "https://example.com/feed", ""),
    ("javascript:alert(1)", "https://example.com/feed", ""),
    ("mailto:a@b.org", "https://example.com/feed", ""),
    ("http://[::1", "https://example.com/feed", ""),
    ("//[", "https://example.com/feed", ""),
]


@pytest.mark.parametrize(("link", "base", "expected"), CLEAN)
def test_a_clean_link_is_what_a_browser_would_open(link: str, base: str, expected: str) -> None:
    """Repair loses nothing that a server reads, and credentials always."""
    assert clean_url(link, base) == expected


_PIECES = (
    "http:// https:// // / \\ . .. %2e %2F %zz % %25 ? & = # #! @ : ; [ ] * www. m. amp. amp .amp"
    " .amp.html index.html utm_source=x url= u= q= RU= http%3A%2F%2F google.com/url example.com"
    " cdn.ampproject.org/c/s/ us.rd.yahoo.com/ l.facebook.com/l.php 127.0.0.1 :8080 :80 ;jsessionid=1"
    " &amp; &#38; é ß \u202e \ud800 a A 1 + ~ _ - feed: youtube.com/redirect"
)
_PIECE = st.sampled_from(_PIECES.split(" "))
_LINKS = st.one_of(
    st.lists(_PIECE, max_size=14).map("".join),
    st.lists(_PIECE, max_size=12).map(lambda pieces: "https://example.com/" + "".join(pieces)),
    st.text(max_size=60).map(lambda text: "http://example.com/" + text),
    st.text(max_size=60),
)


@settings(max_examples=1500, deadline=None)
@given(_LINKS)
@example("https://www.google.com/url?url=https://m.google.com/url?url=http://x.org/amp/index.html")
@example("http://example.com/a/%2e%2E/amp/.amp//")
@example("http://example.com/..AMP")
def test_a_form_is_its_own_form(link: str) -> None:
    """Applying it twice changes nothing, and both results are safe ASCII http(s) links."""
    form = canonical_url(link)
    assert canonical_url(form) == form
    opened = clean_url(link)
    assert clean_url(opened) == opened
    assert canonical_url(opened) == form
    for result in (form, opened):
        assert len(result) <= MAX_URL
        assert result == "" or re.fullmatch(r"https?://[^/?#@\s]+([/?#][!-~]*)?", result)


@settings(max_examples=300, deadline=None)
@given(_LINKS, _LINKS)
def test_resolving_never_fails(link: str, base: str) -> None:
    """No link and no base make it raise, and what comes out is http(s) or nothing."""
    assert clean_url(link, base)[:4] in ("", "http")


def test_hostile_links_are_bounded() -> None:
    """The longest links with the worst repetitions are read to an answer, not to a hang."""
    for piece in (
        "/amp",
        "/..",
        "//",
        "%41",
        "&a=1",
        ";jsessionid=",
        "www.",
        "http://",
        "\\",
        "&amp;",
    ):
        link = "https://example.com/x" + piece * (MAX_URL // len(piece))
        assert len(canonical_url(link[:MAX_URL])) <= MAX_URL


@pytest.mark.corpus
def test_real_feeds_lose_no_article() -> None:
    """In real feeds, links that differ before their fragment keep different forms."""
    feeds = sorted((CORPUS / "real-feeds").glob("*.xml"))
    if not feeds:
        pytest.skip("the feed corpus is not beside the checkout")
    links: set[str] = set()
    for feed in feeds:
        text = feed.read_bytes().decode("utf-8", "replace")
        links.update(re.findall(r"<link>\s*(https?://[^<\s]+)\s*</link>", text))
    forms: dict[str, set[str]] = {}
    for link in links:
        bare = re.sub(r"[?&](utm_\w+|maca|ref)=[^&#]*", "", link.partition("#")[0]).replace(
            "&amp;", "&"
        )
        bare = re.sub(r"^https?://(www\.)?|/$", "", bare)
        forms.setdefault(canonical_url(link), set()).add(bare)
    forms.pop("", None)
    assert len(forms) > 1000
    assert {form: bare for form, bare in forms.items() if len(bare) > 1} == {}
