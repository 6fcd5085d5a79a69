"""What the worker publishes keeps the contract, whatever a feed says."""

from __future__ import annotations

import json
import re
from hashlib import blake2b
from typing import Any, Literal

import msgspec
import pytest
from cloudevents.core.bindings.kafka import KafkaMessage, from_binary_event
from cloudevents.core.formats.json import JSONFormat
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator, FormatChecker

from schemas.asyncapi import headers_schema
from schemas.fields import MAX_BODY, MAX_GUID, MAX_HTML, MAX_LIST, MAX_WHOLE
from schemas.generate import json_schemas
from schemas.topics import TOPICS
from workers.articles.context import document_context
from workers.articles.normalise import normalise
from workers.fetcher.event import MAX_VALUE, Revision, article_event
from workers.fetcher.memory import Memory
from workers.fetcher.reading import read_document
from workers.fetcher.schedule import Bounds
from workers.fetcher.status import status_event, status_headers
from workers.fetcher.withdraw import Target, withdrawn_event
from workers.model import (
    Article,
    FeedConfig,
    FeedState,
    Media,
    OutboxEvent,
    ParsedEntry,
    ParsedFeed,
)
from workers.publisher.dead_letter import dead_letter, same_letter
from workers.publisher.topics import Position, position_event, position_key

NOW_MS = 1_772_350_200_000
BOUNDS = Bounds(300.0, 86_400.0)
FEED = FeedConfig(id="courier", url="https://u:p@courier.example/f.xml?token=t0ps3cret&page=1")
SCHEMAS = {
    name: Draft202012Validator(schema, format_checker=FormatChecker())
    for name, schema in json_schemas().items()
}
MESSAGES = {m.ce_type: (t, m) for t in TOPICS for m in t.messages}


def published(
    article: Article, *, number: int = 1, config: FeedConfig = FEED, state: FeedState | None = None
) -> OutboxEvent:
    """The event of a revision."""
    revision = Revision(
        article=bytes(range(10)),
        number=number,
        first_seen_ms=NOW_MS,
        admitted_ms=NOW_MS,
        changed=("headline",) if number > 1 else (),
    )
    return article_event("blue", config, state or FeedState(), article, revision)


def test_a_withdrawal_keeps_the_contract() -> None:
    """It has no text and one more than the last revision, in headers and value as the schemas say."""
    target = Target(bytes(range(10)), FEED.id)
    event = withdrawn_event("blue", target, 3, "deleted_by_feed", NOW_MS)
    value = checked(event)
    assert set(value) == {"articleId", "revision", "withdrawnAt", "reason"}
    assert event.key == published(Article("Headline")).key
    assert dict(event.headers)["ce_id"] == f"{value['articleId']}-3-withdrawn".encode()


def checked(event: OutboxEvent) -> dict[str, Any]:
    """The event's value, after all that every event must keep."""
    headers = {name: raw.decode() for name, raw in event.headers}
    topic, message = MESSAGES[headers["ce_type"]]
    Draft202012Validator(headers_schema(topic, message)).validate(headers)
    assert topic.name == event.topic
    assert headers["ce_subject"] == event.key.decode()
    value = json.loads(event.value)
    SCHEMAS[message.schema].validate(value)
    assert len(event.value) <= MAX_VALUE
    assert not list(_unknown(value))
    return value


def _unknown(value: Any, path: str = "") -> Any:
    """Where something is null or empty."""
    inner = value.items() if isinstance(value, dict) else enumerate(value)
    for name, one in inner:
        if one is None or one in ("", [], {}):
            yield f"{path}/{name}"
        if isinstance(one, dict | list):
            yield from _unknown(one, f"{path}/{name}")


PLAIN = Article(
    headline="Market guild opens a tool library",
    url="https://courier.example/a/81",
    canonical_url="https://courier.example/a/81",
    guid="81",
    body="First.\n\nSecond.",
    body_scope="full",
    headline_hash=b"head",
    body_hash=b"body",
    date_hash=b"date",
    content_hash=b"contents",
)


def test_an_event_is_whole_and_leaves_out_what_is_unknown() -> None:
    """Of an article that has little, little is said: no null, no empty text, no empty list."""
    value = checked(published(PLAIN))
    assert value.keys() == {
        *("articleId", "revision", "contentHash", "headline", "firstSeen", "isPartOf"),
        *("bodyScope", "guid", "url", "canonicalUrl", "articleBody", "fieldHashes"),
    }


def test_a_move_is_told_at_once() -> None:
    """A feed that is polled elsewhere now says so with its next poll, once."""
    told = FeedState(status="healthy", status_at_ms=NOW_MS, last_success_ms=NOW_MS)
    assert status_event("blue", FEED, told, BOUNDS, NOW_MS, NOW_MS) is None
    moved = msgspec.structs.replace(told, url="https://moved.example/f")
    status = status_event("blue", FEED, moved, BOUNDS, NOW_MS, NOW_MS)
    assert status is not None and b"moved.example" in status.value
    known = msgspec.structs.replace(moved, status_url=moved.url)
    assert status_event("blue", FEED, known, BOUNDS, NOW_MS, NOW_MS) is None


def test_the_feeds_secrets_stay_secret() -> None:
    """Userinfo is gone and the values of secret parameters are masked, in articles and in status."""
    state = FeedState(url="https://k:s@moved.example/f?api_key=t0ps3cret", first_polled_ms=1)
    events = [published(PLAIN), published(PLAIN, state=state)]
    status = status_event("blue", FEED, state, BOUNDS, NOW_MS, NOW_MS)
    assert status is not None
    for event in [*events, status]:
        assert b"t0ps3cret" not in event.value
        assert b"u:p@" not in event.value
        assert b"k:s@" not in event.value
    part = checked(events[0])["isPartOf"]
    assert part["url"] == "https://courier.example/f.xml?token=***&page=1"
    assert checked(status)["movedTo"] == "https://moved.example/f?api_key=***"


@pytest.mark.parametrize(
    ("said", "name"),
    [
        ("Northway Press", "Northway Press"),
        ("desk@northway.example (Northway Press)", "Northway Press"),
        ("desk@northway.example", ""),
        ("", ""),
        ("<b>Northway</b> Press\x00", "Northway Press"),
    ],
)
def test_the_publisher_is_a_name(said: str, name: str) -> None:
    """Who publishes the feed, in the feed's words, without an address; unknown is absent."""
    steps = read_document(
        FEED, FeedState(), Memory(), ParsedFeed((), publisher=said), FEED.url, NOW_MS, "full"
    )
    with pytest.raises(StopIteration) as end:
        while True:
            next(steps)
    value = checked(published(PLAIN, state=end.value.value.state))
    assert value.get("publisher", {}).get("name", "") == name


def test_a_hostile_feed_title_is_plain_text() -> None:
    """A feed's own title and home page are cleaned as an article's are."""
    title = "The\x1b[31m <b>Courier</b>\ud800\u202e &amp; Sons"
    state = FeedState(title=title, link="javascript:alert(1)")
    part = checked(published(PLAIN, state=state))["isPartOf"]
    assert part["name"] == "The[31m Courier & Sons"
    assert "homePage" not in part


@pytest.mark.parametrize(
    ("article", "headline"),
    [
        (msgspec.structs.replace(PLAIN, headline=""), "https://courier.example/a/81"),
        (msgspec.structs.replace(PLAIN, headline="", url=""), "81"),
        (msgspec.structs.replace(PLAIN, headline="", url="", guid=""), "aaaqeayeaudaocaj"),
    ],
)
def test_there_is_always_a_headline(article: Article, headline: str) -> None:
    """An entry with neither title nor text is named by its URL, its guid or its id."""
    assert checked(published(article))["headline"] == headline


def test_numbers_that_json_readers_cannot_hold_are_left_out() -> None:
    """A length of 2^53 and more, or below one, is unknown."""
    media = tuple(
        Media(url=f"https://e.example/{n}", length=n) for n in (10**30, MAX_WHOLE + 1, -1, 7)
    )
    value = checked(published(msgspec.structs.replace(PLAIN, media=media)))
    assert [m.get("contentSize") for m in value["associatedMedia"]] == [None, None, None, 7]


WIDE = "\U0001f4f0"


def _worst(wide: str = WIDE, **changes: Any) -> Article:
    """An article at every bound of normalising at once."""
    path = "https://e.example/" + "p" * 4_000
    paragraph = wide * 999
    full = Article(
        headline=wide * 1_000,
        url=path,
        canonical_url=path,
        guid=wide * MAX_GUID,
        body="\n\n".join([paragraph] * (MAX_BODY // 1_001)),
        body_html=wide * MAX_HTML,
        body_scope="full",
        abstract=wide * 20_000,
        published_ms=NOW_MS,
        modified_ms=NOW_MS,
        published_raw=wide * 200,
        published_source="pubDate",
        published_confidence="exact",
        authors=tuple(f"{n:02}" + wide * 198 for n in range(MAX_LIST)),
        keywords=tuple(f"{n:02}" + wide * 198 for n in range(MAX_LIST)),
        language="en",
        image=path,
        media=tuple(
            Media(f"{path}{n}", wide * 200, wide * 2_000, 1, 1, 1) for n in range(MAX_LIST)
        ),
        rights=wide * 2_000,
        license=path,
        source_title=wide * 1_000,
        source_url=path,
        boilerplate=tuple(f"kind{n}" for n in range(20)),
        headline_hash=b"head",
        body_hash=b"body",
        date_hash=b"date",
        content_hash=b"contents",
    )
    return msgspec.structs.replace(full, **changes)


WORST_FEED = FeedConfig(
    id="f" * 64,
    url="https://e.example/" + "p" * 2_000,
    name=WIDE * 1_000,
    tags=tuple(f"{n:02}" + WIDE * 98 for n in range(MAX_LIST)),
)


@pytest.mark.parametrize("wide", [WIDE, '"', "\\", "\t", "é"])
def test_the_largest_event_fits_a_record(wide: str) -> None:
    """With every field at its bound, in characters that are costly in JSON, it stays within 900 KB."""
    state = FeedState(title=WIDE * 300, link="https://e.example/" + "p" * 1_900)
    value = checked(published(_worst(wide), config=WORST_FEED, state=state))
    assert len(value["articleBody"]) > 50_000


def test_a_body_that_is_cut_ends_with_a_paragraph_and_says_so() -> None:
    """What is kept are whole paragraphs; the markup goes before any of the text does."""
    article = _worst()
    value = checked(published(article))
    assert value["bodyTruncated"] is True
    assert "articleBodyHtml" not in value
    kept = value["articleBody"].split("\n\n")
    assert kept == article.body.split("\n\n")[: len(kept)]
    without = checked(published(_worst(abstract="", media=(), keywords=(), authors=())))
    assert without["articleBody"] == article.body
    assert "bodyTruncated" not in without


def test_one_endless_paragraph_is_cut_within() -> None:
    """A body without paragraphs keeps its beginning, of whole characters."""
    value = checked(published(_worst(body=WIDE * MAX_BODY)))
    assert value["bodyTruncated"] is True
    assert set(value["articleBody"]) == {WIDE}


def test_the_same_revision_is_the_same_bytes() -> None:
    """Encoding is deterministic, and another content, revision or kind has another ce_id."""
    again = published(PLAIN)
    assert again == published(PLAIN)
    others = [
        published(PLAIN, number=2),
        published(msgspec.structs.replace(PLAIN, content_hash=b"otherone")),
    ]
    ids = {dict(e.headers)["ce_id"] for e in [again, *others]}
    assert len(ids) == 3


def test_a_dead_letter_has_an_id_of_its_own_each_time() -> None:
    """The same bytes that fail again later are another event, and are known as the same trouble."""

    def letter(now_ms: int) -> OutboxEvent:
        return dead_letter(
            "blue",
            feed_id="courier",
            stage="parse",
            reason="parse_failed",
            body=b"\xff" * 300_000,
            now_ms=now_ms,
            url="https://courier.example/f",
            detail="x" * 5_000,
        )

    first, later = letter(NOW_MS), letter(NOW_MS + 1)
    assert dict(first.headers)["ce_id"] != dict(later.headers)["ce_id"]
    assert same_letter(first) == same_letter(later)
    value = checked(first)
    assert value["truncated"] is True
    assert value["length"] == 300_000


def test_status_and_position_keep_the_contract() -> None:
    """Each state of a feed and each position is valid; a tombstone carries headers of its own."""
    for state in (
        FeedState(first_polled_ms=1, rate=3.14159, last_new_ms=NOW_MS),
        FeedState(failures=5, failing_since_ms=NOW_MS, history=((NOW_MS, "timeout", 0),)),
        FeedState(retired=True),
    ):
        event = status_event("blue", WORST_FEED, state, BOUNDS, NOW_MS, NOW_MS)
        assert event is not None
        checked(event)
    assert dict(status_headers("blue", "courier", NOW_MS))["ce_subject"] == b"courier"
    place = position_event("blue", 3, Position("f3034ad4947407d0", 1, "a-1-b"))
    SCHEMAS["position"].validate(json.loads(place.value))
    key = next(t for t in TOPICS if t.name == "positions").key_pattern
    assert re.search(key, position_key("blue", 3).decode())


@pytest.mark.parametrize("number", [1, 2])
def test_the_cloudevents_sdk_reads_it(number: int) -> None:
    """The SDK takes record headers, key and value as a CloudEvent in binary mode."""
    event = published(PLAIN, number=number)
    message = KafkaMessage(headers=dict(event.headers), key=event.key, value=event.value)
    read = from_binary_event(message, JSONFormat())
    assert read.get_specversion() == "1.0"
    assert read.get_type() == f"news.article.{'created' if number == 1 else 'updated'}"
    assert read.get_source() == "/newswire/blue/feeds/courier"
    assert read.get_subject() == "aaaqeayeaudaocaj"
    assert read.get_datacontenttype() == "application/json"
    assert read.get_dataschema() == "urn:newswire:article:v1"
    when = read.get_time()
    assert when is not None
    assert int(when.timestamp() * 1000) == NOW_MS
    assert read.get_data() == json.loads(event.value)


def test_the_content_hash_can_be_computed_by_a_consumer() -> None:
    """It is what the schema's description says it is."""
    entry = ParsedEntry(
        guid="1",
        title="  The harbour\u00a0opens ",
        content="<p>First  line.</p><p>Zwe\u0069\u0308te.</p>",
        content_type="html",
        published="Sun, 01 Mar 2026 08:30:00 +0100",
    )
    feed = ParsedFeed(entries=(entry,))
    value = checked(
        published(normalise(entry, feed, document_context(feed.entries, now_ms=NOW_MS)))
    )
    assert value["datePublished"] == "2026-03-01T07:30:00.000Z"
    lines = [
        " ".join(value["headline"].split()),
        " ".join(value["articleBody"].split()),
        str(NOW_MS),
    ]
    digest = blake2b("\n".join(lines).encode(), digest_size=8).hexdigest()
    assert value["contentHash"] == digest


_nasty = st.one_of(
    st.text(max_size=60),
    st.sampled_from(
        [
            *("", " ", "\x00", "\ud800", "\u202e", "&#xD800;", "<p>", "<script>x</script>"),
            *("javascript:alert(1)", "http://", "//x", "https://[", "https://u:p@e.example/a b"),
            *("0001-01-01T00:00:00Z", "9999-12-31T23:59:59Z", "yesterday", "32 Foo 20261"),
            *("x" * 5_000, "https://e.example/" + "ä" * 3_000, "<b>" * 300, "{}", "\n\n\n"),
        ]
    ),
)
_kinds: st.SearchStrategy[Literal["html", "text", ""]] = st.sampled_from(["html", "text", ""])
_media = st.builds(
    Media,
    url=_nasty,
    type=_nasty,
    title=_nasty,
    length=st.integers(),
    width=st.integers(),
    height=st.integers(),
)
_lists = st.lists(_nasty, max_size=80).map(tuple)
_entries = st.builds(
    ParsedEntry,
    guid=_nasty,
    link=_nasty,
    title=_nasty,
    summary=_nasty,
    summary_type=_kinds,
    content=_nasty,
    content_type=_kinds,
    published=_nasty,
    published_source=_nasty,
    updated=_nasty,
    authors=_lists,
    tags=_lists,
    language=_nasty,
    media=st.lists(_media, max_size=70).map(tuple),
    rights=_nasty,
    license=_nasty,
    source_title=_nasty,
    source_url=_nasty,
)


@settings(max_examples=150, deadline=None)
@given(entry=_entries, title=_nasty, link=_nasty)
def test_whatever_a_feed_says_is_published_within_the_contract(
    entry: ParsedEntry, title: str, link: str
) -> None:
    """Any entry of any feed becomes a valid event: bounded, nothing null or empty, headers included."""
    feed = ParsedFeed(entries=(entry,), title=title, link=link)
    article = normalise(
        entry, feed, document_context(feed.entries, now_ms=NOW_MS, feed_url=FEED.url)
    )
    checked(published(article, state=FeedState(title=title[:300], link=link[:2_000])))
