"""Documents of which only what is new is parsed: they read as when all of it is."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.unit.newsdesk import HOUR, Desk
from workers.articles.normalise import raw_hash
from workers.errors import ParseError
from workers.fetcher.memory import pack, unpack
from workers.model import FeedState
from workers.parsing.feed import UnsureError, parse_fast, parse_part
from workers.parsing.pieces import find_pieces, tell

URL = "https://site.example/harbour.xml"
SALT = b"saltsalt"
APPEAL = "<p>Support our journalism: become a member of The Harbour Post today.</p>"


def item(n: int, **changes: str) -> str:
    """An RSS item; ``changes`` replace its title, guid, link, text, or add ``more``."""
    said = {
        "title": f"Harbour story number {n}",
        "guid": f"tag:site.example,2026:{n}",
        "link": f"/news/story-{n}",
        "text": f"<p>What happened at pier {n} was told by witness {n} to the paper.</p>{APPEAL}",
        "more": "",
    } | changes
    return (
        f"<item><title>{said['title']}</title><link>{said['link']}</link><guid isPermaLink='false'>"
        f"{said['guid']}</guid><pubDate>{n % 28 + 1:02d} May 2026 10:00:00 GMT</pubDate>"
        f"<description><![CDATA[{said['text']}]]></description>{said['more']}</item>\n"
    )


def rss(items: Sequence[str], *, built: int = 0, declared: str = "", title: str = "Post") -> bytes:
    """A document of these items, ``built`` at some time."""
    return (
        f'<?xml version="1.0"?><rss version="2.0"{declared}><channel><title>{title}</title>'
        f"<link>https://site.example/</link><lastBuildDate>{built}</lastBuildDate>"
        f"{''.join(items)}</channel></rss>"
    ).encode()


TEN = [item(n) for n in range(10)]
SEQUENCES = {
    "one new each time": [rss(TEN[n : n + 6], built=n) for n in range(4, -1, -1)],
    "nothing new": [rss(TEN, built=n) for n in range(4)],
    "an edit, and back": [
        rss(TEN),
        rss([item(0, title="Harbour story, corrected"), *TEN[1:]]),
        rss([item(0, title="Harbour story, corrected"), *TEN[1:]], built=1),
        rss(TEN, built=2),
        rss(TEN, built=3),
    ],
    "another order": [rss(TEN), rss(TEN[::-1]), rss(TEN[5:] + TEN[:5]), rss(TEN)],
    "two versions of one article": [
        rss(TEN),
        rss([item(3, title="Harbour story number 3, more of it"), *TEN]),
        rss([*TEN, item(3, title="Harbour story number 3, more of it")]),
        rss(TEN, built=1),
    ],
    "the same entry twice": [rss(TEN), rss(TEN + TEN[:3]), rss(TEN + TEN[:3], built=1)],
    "gone and back": [rss(TEN), rss(TEN[5:]), rss(TEN), rss(TEN, built=1)],
    "a counter in what is not read": [
        rss([item(n, more=f"<slash xmlns='urn:x'>{n * k}</slash>") for n in range(10)], built=k)
        for k in range(4)
    ],
    "a broken document between": [rss(TEN), rss(TEN)[:-300], rss(TEN, built=1), rss(TEN, built=2)],
    "a name for what had none": [
        rss([item(n, more="<x:creator>Ann Lee</x:creator>") for n in range(9)], declared=d, built=n)
        for n, d in enumerate(
            (" xmlns:x='urn:none'", " xmlns:x='http://purl.org/dc/elements/1.1/'") * 2
        )
    ],
    "bases of links": [
        rss(TEN, declared=" xml:base='https://a.example/'"),
        rss(TEN, declared=" xml:base='https://b.example/'"),
        rss(TEN, declared=" xml:base='https://b.example/'", built=1),
    ],
    "an example of markup in a text": [
        rss([item(0, text="Write </item> <item> and so on"), *TEN[1:]], built=n) for n in range(3)
    ],
    "learning what all repeat": [
        rss([item(n, text=f"<p>Pier {n} is new.</p><p>The tide of the day is high.</p>")], built=n)
        for n in range(6)
    ],
}


@pytest.mark.parametrize("name", SEQUENCES)
def test_what_is_new_alone_reads_as_the_whole(name: str) -> None:
    """Events, memory and state are the same whether known entries are parsed again or not."""
    whole, new = Desk(), Desk()
    for body in SEQUENCES[name]:
        assert told(new.poll_bytes(body)) == told(whole.poll_bytes(body, whole=True))
        for desk in (whole, new):
            desk.pass_time(HOUR)
        assert stored(new) == stored(whole)


def told(events: Sequence[Any]) -> list[Any]:
    """Events without what is another each time."""
    return [(e.type, e.article, e.revision, e.headline, e.changed, e.backfill) for e in events]


def stored(desk: Desk) -> tuple[FeedState, bytes]:
    """What is stored of the feed, without what tells its bytes; what is listed is as if just seen."""
    state, packed = desk.feeds["harbour"]
    memory = unpack(packed)
    for one in memory.entries:
        one.seen_min = max(one.seen_min, one.listed * state.last_success_ms // 60_000)
    return msgspec.structs.replace(state, pieces=b""), pack(memory.entries, memory.learned)


def test_only_what_is_new_is_parsed() -> None:
    """Of a document with one new entry that one is parsed, and none where all entries are known."""
    desk = Desk()
    counts = []
    for body in (rss(TEN[1:]), rss(TEN), rss(TEN, built=1), rss(TEN, built=2), rss(TEN[::-1])):
        desk.poll_bytes(body)
        counts.append(desk.parsed)
    assert counts == [9, 1, 0, 0, 0]


def test_a_document_of_known_entries_leaves_the_memory_alone() -> None:
    """Once a document brought nothing, the next with the same entries changes the feed's state alone."""
    desk = Desk()
    for built in range(3):
        desk.poll_bytes(rss(TEN, built=built))
    before = desk.feeds["harbour"][1]
    desk.poll_bytes(rss(TEN, built=3, title="The Post"))
    state, packed = desk.feeds["harbour"]
    assert packed == before
    assert state.title == "The Post"


def test_prints_of_another_memory_are_not_believed() -> None:
    """Where a release that does not know of them has written the memory anew, all entries are parsed."""
    desk = Desk()
    desk.poll_bytes(rss(TEN))
    state, packed = desk.feeds["harbour"]
    memory = unpack(packed)
    memory.entries.reverse()
    desk.feeds["harbour"] = (state, pack(memory.entries, memory.learned, None, memory.prints))
    assert desk.poll_bytes(rss(TEN, built=1)) == []
    assert desk.parsed == 10


_TOKENS = st.sampled_from(
    [
        "<item>",
        "</item>",
        "<item><title>a</title></item>",
        "<item><title>b</title></item>",
        "<item><guid>1</guid></item>",
        "<![CDATA[",
        "]]>",
        "<!--",
        "-->",
        "<?x ",
        "?>",
        " ",
        "x",
        "<title>",
        "</title>",
        "<item/>",
        "<item a='",
        "'>",
        "</item >",
        "<items>",
        "</items>",
        "<d>",
        "</d>",
        "&amp;",
        "<item xml:base='http://b/'><link>l</link></item>",
        "<link>l</link>",
    ]
)
_HEADS = st.sampled_from(["", "<title>t</title>", "<!-- <item> -->", "<w>", "<title><item>"])
_DOCUMENTS = st.builds(
    lambda head, tokens: f"<rss><channel>{head}{''.join(tokens)}</channel></rss>".encode(),
    _HEADS,
    st.lists(_TOKENS, min_size=1, max_size=10),
)


@settings(max_examples=600, deadline=None)
@given(st.lists(_DOCUMENTS, min_size=1, max_size=4))
def test_no_bytes_are_left_out_that_matter(documents: list[bytes]) -> None:
    """Whatever stands between the tags: a document without its known entries is well-formed only if all of it
    is, and then has the same entries and head."""
    known: dict[bytes, dict[bytes, bytes]] = {}
    for body in documents * 2:
        for context in [*known, b""]:
            pieces = find_pieces(body, "", URL)
            parts = tell(pieces, SALT, context, known.get(context, {})) if pieces else None
            if pieces is None or parts is None:
                continue
            try:
                data = pieces.document(parts.fresh)
                part = parse_part(data, pieces.source.root, URL, len(parts.fresh))
            except UnsureError:
                continue
            if any(parts.raws) and part.context != context:
                continue
            try:
                whole = parse_fast(body, "", URL)
            except (UnsureError, ParseError):
                pytest.fail(f"not well-formed: {body!r}")
            fresh = iter(part.feed.entries)
            raws = [raw or raw_hash(next(fresh)) for raw in parts.raws]
            assert raws == [raw_hash(entry) for entry in whole.entries]
            without = msgspec.structs.replace(whole, entries=())
            assert msgspec.structs.replace(part.feed, entries=()) == without
            known.setdefault(part.context, {}).update(zip(parts.prints, raws, strict=True))
