"""A parsed entry to an article: every field decided, and only real edits compared."""

from __future__ import annotations

import unicodedata
from hashlib import blake2b
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.fields import MAX_ABSTRACT, MAX_BODY, MAX_HEADLINE, MAX_HTML, MAX_LIST, MAX_URL
from workers.articles.context import NormaliseContext, document_context
from workers.articles.noise import NO_HASH
from workers.articles.normalise import normalise, raw_hash
from workers.model import Article, Media, ParsedEntry, ParsedFeed

NOW = 1_771_300_000_000
CONTEXT = NormaliseContext(now_ms=NOW, feed_url="https://n.example/feed.xml")
FEED = ParsedFeed(title="News", link="https://n.example/", language="en", format="rss")
PROSE = (
    "The council voted nine to four on Tuesday to reopen the bridge, ending a dispute that had kept "
    "the crossing closed for eleven months and cost traders on both banks their winter season."
)


def read(feed: ParsedFeed = FEED, context: NormaliseContext = CONTEXT, **fields: object) -> Article:
    """The article of an entry with these fields."""
    return normalise(ParsedEntry(**fields), feed, context)  # type: ignore[arg-type]


def test_a_whole_entry() -> None:
    """Each field of a well-made entry arrives cleaned, and says where it came from."""
    article = read(
        guid=" tag:n.example,2026:1 ",
        link="HTTPS://N.example/a?utm_source=rss",
        title="Bridge &amp;amp; <b>road</b>",
        summary="<p>Short of it.</p>",
        content=f"<p>{PROSE}</p><p>It opens in <i>June</i>.</p><img src='/i.jpg' alt='Bridge'>",
        content_type="html",
        published="Tue, 17 Feb 2026 03:00:00 +0100",
        published_source="pubDate",
        updated="2026-02-17T04:00:00Z",
        authors=("By Maria Gomez",),
        tags=("Bridges", "bridges", " ", "Traffic"),
        media=(Media(url="https://n.example/i.jpg", type="image/jpeg", width=800),),
        rights="© News",
        source_title="Wire",
        source_url="https://wire.example/",
    )
    assert article.headline == "Bridge & road"
    assert article.guid == "tag:n.example,2026:1"
    assert article.url == "https://n.example/a?utm_source=rss"
    assert article.canonical_url == "https://n.example/a"
    assert article.body == f"{PROSE}\n\nIt opens in June."
    assert article.body_html.startswith("<p>The council")
    assert (article.body_scope, article.body_truncated) == ("full", False)
    assert article.abstract == "Short of it."
    assert article.published_ms == 1_771_293_600_000
    assert article.published_source == "pubDate"
    assert article.published_confidence == "exact"
    assert article.modified_ms == 1_771_300_800_000
    assert article.authors == ("Maria Gomez",)
    assert article.keywords == ("Bridges", "Traffic")
    assert (article.language, article.language_source) == ("en", "feed")
    assert article.image == "https://n.example/i.jpg"
    assert article.media == (
        Media(url="https://n.example/i.jpg", type="image/jpeg", title="Bridge", width=800),
    )
    assert article.source_title == "Wire"
    assert article.boilerplate == ()
    assert [len(h) for h in (article.headline_hash, article.body_hash, article.date_hash)] == [
        4
    ] * 3
    assert len(article.content_hash) == 8


@pytest.mark.parametrize(
    ("scope", "fields"),
    [
        ("none", {"title": "t"}),
        ("none", {"title": "t", "content": "<img src='/x.png'>"}),
        ("full", {"title": "t", "content": PROSE}),
        ("full", {"title": "t", "content": PROSE * 12 + " And so on…"}),
        ("summary", {"title": "t", "content": PROSE + " […]"}),
        ("summary", {"title": "t", "content": PROSE + " <a href='/x'>Continue reading</a>"}),
        ("summary", {"title": "t", "summary": PROSE}),
        ("full", {"title": "t", "summary": PROSE * 12}),
        ("full", {"summary": "A note without a title."}),
        ("summary", {"summary": "A note that was cut…"}),
    ],
)
def test_body_scope(scope: str, fields: dict[str, Any]) -> None:
    """Content is the whole article unless it is a short teaser; a summary is one unless it is long."""
    assert read(**fields).body_scope == scope


def test_a_summary_stands_in_for_a_content_without_text() -> None:
    """A content that is only an image gives its image, the summary the text."""
    article = read(title="t", content="<img src='/i.png'>", summary=PROSE)
    assert article.body == PROSE
    assert article.body_scope == "summary"
    assert article.image == "https://n.example/i.png"
    assert article.abstract == ""


def test_an_entry_without_a_title_is_headed_by_its_first_sentence() -> None:
    """As microblogs do: the headline is the start of the text."""
    assert read(summary="Rain is coming. Take care.").headline == "Rain is coming. Take care."
    assert read(summary=PROSE + " Then more.").headline == PROSE
    assert read().headline == ""


def test_dates() -> None:
    """Published, else updated; a string that is no date is kept and dates nothing."""
    only_updated = read(title="t", updated="2026-02-17T04:00:00Z")
    assert only_updated.published_ms == 1_771_300_800_000
    assert only_updated.published_source == "updated"
    assert only_updated.modified_ms is None
    odd = read(title="t", published="the other day")
    assert (odd.published_ms, odd.published_raw) == (None, "the other day")
    assert odd.date_hash not in (NO_HASH, read(title="t", published="last week").date_hash)
    assert read(title="t").date_hash == NO_HASH


def test_an_update_that_stands_in_for_the_date_is_no_edit() -> None:
    """Feeds without a date of publication move their update's date at every build."""
    a = read(title="t", updated="2026-02-17T04:00:00Z")
    b = read(title="t", updated="2026-02-17T05:00:00Z")
    assert a.date_hash == b.date_hash == NO_HASH
    assert a.published_ms != b.published_ms


def test_a_clamped_date_is_compared_unclamped() -> None:
    """A date in the far future does not change with the clock."""
    a = read(title="t", published="2031-01-01T00:00:00Z")
    later = CONTEXT.__class__(now_ms=NOW + 3_600_000)
    b = read(context=later, title="t", published="2031-01-01T00:00:00Z")
    assert a.published_confidence == "clamped"
    assert a.date_hash == b.date_hash


def test_the_language_is_the_first_plausible_declaration() -> None:
    """Entry, feed, list; none of them where the script says otherwise; then what the text looks like."""
    text: dict[str, Any] = {"title": "t", "content": PROSE}
    assert read(**text, language="en-GB").language_source == "entry"
    bare = msgspec.structs.replace(FEED, language="")
    listed = msgspec.structs.replace(CONTEXT, language="en")
    assert read(bare, listed, **text).language_source == "list"
    detected = read(bare, **text)
    assert (detected.language, detected.language_source) == ("en", "detected")
    assert 0 < detected.language_confidence <= 1
    russian = "Совет проголосовал во вторник за то, чтобы снова открыть мост, закрытый одиннадцать месяцев."
    assert read(title="Мост", content=russian).language == "ru"


SAME = [
    ("<p>One two</p><p>three</p>", "<p>One  two\n</p> <div>three</div>"),
    ("<p>It’s “on” – now…</p>", '<p>It\'s "on" - now...</p>'),
    ("<p>Text.</p><img src='a.png' width='300'>", "<p>Text.</p><img width='640' src='a.png'>"),
    ("<p>Text.</p><!-- ad 1 -->", "<p>Text.</p><!-- ad 2 -->"),
    ("<p>Text. See https://e.com/?t=1</p>", "<p>Text. See https://e.com/?t=2</p>"),
    ("<p>Text.</p><p>12 comments</p>", "<p>Text.</p><p>15 comments</p>"),
    ("<p>Text. 12 comments</p>", "<p>Text. 13 comments</p>"),
    ("<p>5 min read</p><p>Text.</p>", "<p>6 min read</p><p>Text.</p>"),
    ("<p>Updated 3 hours ago</p><p>Text.</p>", "<p>Updated 4 hours ago</p><p>Text.</p>"),
    ("<p>Text.</p><p>1,204 views</p>", "<p>Text.</p><p>1,310 views</p>"),
    ("<p>Text. ad_id=77aa</p>", "<p>Text. ad_id=12bb</p>"),
    ("<p>Text. 0123456789abcdef0a</p>", "<p>Text. fedcba98765432100b</p>"),
    (f"<p>{PROSE}</p><p>Donate now</p>", f"<p>{PROSE}</p><p>Subscribe now</p>"),
    ("<p>Text.</p>", "<p class='x'>Text.</p><script>1</script>"),
]
EDITS = [
    ("5 people were killed.", "7 people were killed."),
    ("The bill drew 12 comments from them.", "The bill drew 13 comments from them."),
    ("It began 3 hours ago, he said.", "It began 4 hours ago, he said."),
    ("He was seen in Paris.", "He was not seen in Paris."),
    ("Flight MH370 is missing.", "Flight MH371 is missing."),
    ("It cost $5m.", "It cost $6m."),
    ("One. Two.", "One. Two. Three."),
    ("The vote was 12-9.", "The vote was 12-8."),
    ("Call 0800 123456.", "Call 0800 123457."),
]


@pytest.mark.parametrize(("a", "b"), SAME)
def test_noise_is_no_edit(a: str, b: str) -> None:
    """What changes by itself leaves the body's hash as it was."""
    assert read(title="t", content=a).body_hash == read(title="t", content=b).body_hash


@pytest.mark.parametrize(("a", "b"), EDITS)
def test_an_edit_is_an_edit(a: str, b: str) -> None:
    """A number, a name or a word that changes is seen, in the body and in the headline."""
    assert read(title="t", content=a).body_hash != read(title="t", content=b).body_hash
    assert read(title=a).headline_hash != read(title=b).headline_hash


def test_learning_never_looks_like_an_edit() -> None:
    """What repetition removes changes the published body, not what is compared."""
    box = "Our house stands on the hill since 1881 and everybody in town knows the way to it."
    entries = tuple(
        ParsedEntry(
            guid=str(i), title=f"Title {i}", content=f"<p>{PROSE} {chr(97 + i)}</p><p>{box}</p>"
        )
        for i in range(6)
    )
    feed = msgspec.structs.replace(FEED, entries=entries)
    context = document_context(feed.entries, now_ms=NOW)
    alone = normalise(entries[0], feed, CONTEXT)
    compared = normalise(entries[0], feed, context)
    assert box in alone.body
    assert box not in compared.body
    assert box not in compared.body_html
    assert compared.boilerplate == ("repeated",)
    assert compared.body_hash == alone.body_hash
    assert compared.content_hash != alone.content_hash
    again = document_context(feed.entries, now_ms=NOW, learned=context.learned)
    assert again.learned is context.learned
    one = document_context(entries[:1], now_ms=NOW, learned=context.learned)
    assert box not in normalise(entries[0], feed, one).body


def test_the_content_hash_is_as_the_contract_says() -> None:
    """A consumer can compute it from headline, body and date of publication."""
    article = read(title="Tí tle", content="<p>One</p><p>two</p>", published="2026-02-17T03:00:00Z")
    lines = "Tí tle\nOne two\n1771297200000".encode()
    assert article.content_hash == blake2b(lines, digest_size=8).digest()


def test_the_raw_hash_sees_every_field() -> None:
    """Entries are the same only when no field differs."""
    entry = ParsedEntry(guid="1", title="a", tags=("x", "y"))
    assert raw_hash(entry) == raw_hash(ParsedEntry(guid="1", title="a", tags=("x", "y")))
    assert len(raw_hash(entry)) == 8
    for field in ("title", "summary", "content", "updated", "link"):
        assert raw_hash(msgspec.structs.replace(entry, **{field: "z"})) != raw_hash(entry)
    odd = [ParsedEntry(title="\ud800" + end) for end in "xy"]  # JSON can escape half a character
    assert raw_hash(odd[0]) != raw_hash(odd[1])


TEXT = st.one_of(
    st.text(max_size=200),
    st.sampled_from(
        [
            "x" * 500_000, "&#xD800;\ud800", "\u202e" * 50, "<div>" * 3_000, "<p>a</p>" * 200, "a" * 5_000,
            "http://[", "https://e.com/" + "y" * 9_000, "//x", "javascript:1", "9" * 400, "\x00",
        ]
    ),
)  # fmt: skip
MEDIA = st.builds(Media, url=TEXT, type=TEXT, title=TEXT, width=st.integers(-5, 9))
ENTRY = st.builds(
    ParsedEntry,
    **{
        name: TEXT
        for name in ParsedEntry.__struct_fields__
        if name not in ("authors", "tags", "media", "title_type", "summary_type", "content_type")
    },
    content_type=st.sampled_from(["html", "text", ""]),
    authors=st.lists(TEXT, max_size=3).map(tuple),
    tags=st.lists(TEXT, max_size=90).map(tuple),
    media=st.lists(MEDIA, max_size=3).map(tuple),
)


def visible(text: str, allowed: str = "") -> bool:
    """No control characters or surrogates but the ``allowed``."""
    return all(c in allowed or unicodedata.category(c) not in ("Cc", "Cs") for c in text)


@given(ENTRY, TEXT)
def test_any_entry_gives_an_article_within_bounds(entry: ParsedEntry, link: str) -> None:
    """Whatever strings an entry holds, each field of the article is clean and within the contract."""
    feed = ParsedFeed(entries=(entry,), link=link, language=link, rights=link)
    context = document_context(feed.entries, now_ms=NOW, feed_url=link, language=link)
    article = normalise(entry, feed, context)
    assert len(article.headline) <= MAX_HEADLINE
    assert len(article.body) <= MAX_BODY
    assert len(article.body_html) <= MAX_HTML
    assert len(article.abstract) <= MAX_ABSTRACT
    assert len(article.guid) <= 2_000
    assert len(article.published_raw) <= 200
    assert len(article.published_source) <= 40
    assert len(article.rights) <= 2_000
    assert len(article.source_title) <= 1_000
    assert len(article.language) <= 35
    assert max(len(article.authors), len(article.keywords), len(article.media)) <= MAX_LIST
    assert all(0 < len(k) <= 1_000 for k in (*article.keywords, *article.authors))
    for url in (article.url, article.image, article.source_url, article.license):
        assert len(url) <= MAX_URL
        assert not url or url.startswith(("http://", "https://"))
    for item in article.media:
        assert item.url.startswith("http")
        assert len(item.type) <= 200
        assert len(item.title) <= 2_000
        assert min(item.width, item.height, item.length) >= 0
    for line in (article.headline, article.guid, *article.keywords, article.rights):
        assert visible(line)
    assert visible(article.body, "\n")
    assert visible(article.body_html, "\n")
    msgspec.json.encode(article)


@given(
    st.lists(
        st.sampled_from(
            ["<p>a b</p>", "<b>c</b>", "<ul><li>d</li></ul>", "e &amp; f", "<br>", "<p>Donate now</p>",
             "<img src='/x.png'>", "<td>g</td>", "<pre>h\n i</pre>", "<p>", "</p>", "<section>j</section>"]
        ),
        max_size=12,
    ).map("".join)
)  # fmt: skip
def test_normalising_is_idempotent(content: str) -> None:
    """An article published as a feed entry again gives the same headline and body."""
    once = read(title="Title", content=content, content_type="html")
    twice = read(title=once.headline, content=once.body_html or once.body, content_type="html")
    assert twice.headline == once.headline
    assert twice.body == once.body
    assert twice.body_hash == once.body_hash
