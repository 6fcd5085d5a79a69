"""``newswire replay``: what was set aside goes through the pipeline again, once."""

from __future__ import annotations

import json

import msgspec
import pytest

from schemas.fields import MAX_LETTER
from tests.conftest import Names
from tests.integration.shards import FEED, WINDOW_MS, Shards, article, publish_all
from tests.integration.test_feed_commands import newswire
from workers.fetcher.event import Revision, article_event
from workers.fetcher.identity import article_bytes, article_text, url_key
from workers.fetcher.parse import Parser
from workers.fetcher.withdraw import Target, take_back
from workers.model import FeedState, OutboxEvent, ParsedEntry
from workers.publisher.dead_letter import dead_letter
from workers.replay import Letter, Replayer, ReplaySettings, Wanted, letters
from workers.store.store import Store

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("kafka_server", "redis_hygiene")]

ITEM = "<item><title>Story {n}</title><link>http://feed.example/{n}</link><guid>g{n}</guid></item>"


@pytest.fixture
def shards(names: Names, kafka: str, valkey: str) -> Shards:
    """An instance of two shards."""
    return Shards(names, kafka, valkey, shards=2)


def rss(*numbers: int) -> bytes:
    """A document with these articles."""
    items = "".join(ITEM.format(n=n) for n in numbers)
    return f"<rss version='2.0'><channel><title>T</title>{items}</channel></rss>".encode()


def letter(
    body: bytes, *, stage: str = "parse", reason: str = "parse_failed", article_id: str = ""
) -> tuple[str, str, bytes, str]:
    """A dead letter's outline."""
    return stage, reason, body, article_id


def set_aside(shards: Shards, *outlines: tuple[str, str, bytes, str]) -> None:
    """Publish dead letters."""
    for stage, reason, body, article_id in outlines:
        event = dead_letter(
            shards.names.instance, feed_id=FEED.id, stage=stage, reason=reason, body=body,
            now_ms=1_700_000_000_000, url=FEED.url, content_type="application/rss+xml",
            article_id=article_id,
        )  # fmt: skip
        shards.emit(event)
    publish_all(shards)


def replay_settings(shards: Shards) -> ReplaySettings:
    """What the command is told."""
    return ReplaySettings(shards.names.instance, shards.names.topic_prefix, "full", WINDOW_MS, 20)


def found(shards: Shards, wanted: Wanted = Wanted()) -> list[Letter]:  # noqa: B008 - immutable
    """The letters that are wanted."""
    return list(letters(replay_settings(shards), shards.connection, wanted))


def replayed(shards: Shards, wanted: Wanted = Wanted()) -> list[str]:  # noqa: B008 - immutable
    """Replay them; what was said."""
    said: list[str] = []
    chosen = found(shards, wanted)

    async def run(store: Store) -> None:
        parser = Parser()
        try:
            for one in chosen:
                await Replayer(replay_settings(shards), store, parser).run(one, said.append)
        finally:
            await parser.aclose()

    shards.store(run)
    return said


def headlines(shards: Shards) -> list[tuple[str, int]]:
    """What was published: headline and revision, sorted."""
    values = [r.value for r in shards.published() if r.value]
    return sorted((v["headline"], v["revision"]) for v in values)


def test_letters_are_listed_and_filtered(shards: Shards) -> None:
    """Each filter lets only its own pass."""
    set_aside(
        shards,
        letter(b"one"),
        letter(b"two", reason="parser_killed"),
        letter(b"{}", stage="normalise"),
    )
    assert len(found(shards)) == 3
    assert [x.event.length for x in found(shards, Wanted(reason="parser_killed"))] == [3]
    assert [x.event.stage for x in found(shards, Wanted(stage="normalise"))] == ["normalise"]
    assert found(shards, Wanted(feed="another")) == []
    assert found(shards, Wanted(since_ms=4_000_000_000_000)) == []
    assert FEED.id in str(found(shards)[0])


def test_a_document_is_replayed_once(shards: Shards) -> None:
    """All its articles come out in all shards, and a second replay sends none again."""
    set_aside(shards, letter(rss(*range(8))))
    (said,) = replayed(shards)
    assert "8 events" in said
    publish_all(shards)
    once = headlines(shards)
    assert once == [(f"Story {n}", 1) for n in range(8)]
    (said,) = replayed(shards)
    assert "replayed before" in said
    publish_all(shards)
    assert headlines(shards) == once


def test_a_replay_does_not_ask_what_was_seen(shards: Shards) -> None:
    """An article that was announced already comes again, as its next revision."""
    set_aside(shards, letter(rss(1)), letter(rss(1) + b" "))
    replayed(shards)
    publish_all(shards)
    assert [r for _, r in headlines(shards)] == [1, 2]


def test_an_entry_is_replayed(shards: Shards) -> None:
    """An entry that a stage could not read goes through today's stages."""
    entry = ParsedEntry(guid="g", link="http://feed.example/x", title="Repaired")
    set_aside(shards, letter(msgspec.json.encode(entry), stage="normalise"))
    replayed(shards)
    publish_all(shards)
    assert headlines(shards) == [("Repaired", 1)]


def test_a_refused_event_is_replayed_as_it_was(shards: Shards) -> None:
    """The very bytes go out, under the id that they had."""
    ident = url_key(article(7).canonical_url)
    event: OutboxEvent = article_event(
        shards.names.instance, FEED, FeedState(), article(7), Revision(ident, 3, 5_000, 6_000)
    )
    set_aside(shards, letter(event.value, stage="publish", article_id=article_text(ident)))
    replayed(shards)
    publish_all(shards)
    (record,) = shards.published()
    assert record.ce_id == dict(event.headers)["ce_id"].decode()
    assert record.value == json.loads(event.value)


def test_what_was_cut_is_refused_by_name(shards: Shards) -> None:
    """A letter without all its bytes is named and left alone, as is one that still cannot be read."""
    set_aside(shards, letter(rss(1) + b" " * MAX_LETTER), letter(b"no feed at all"))
    cut, unread = sorted(replayed(shards), key=lambda line: "cut" not in line)
    assert cut.startswith("refused ") and FEED.id in cut and "cut" in cut
    assert unread.startswith("refused ") and "cannot be read" in unread
    publish_all(shards)
    assert headlines(shards) == []


def test_the_command_sends_only_when_told(shards: Shards) -> None:
    """`newswire replay` lists and sends nothing; with --run it sends."""
    set_aside(shards, letter(rss(1)))
    env = {
        "NEWSWIRE_INSTANCE": shards.names.instance,
        "NEWSWIRE_TOPIC_PREFIX": shards.names.topic_prefix,
        "NEWSWIRE_KAFKA_BOOTSTRAP_SERVERS": shards.kafka,
        "NEWSWIRE_REDIS_URL": shards.valkey,
        "NEWSWIRE_SHARDS": str(shards.keys.shards),
    }
    listed = newswire(env, "replay")
    assert listed.returncode == 0 and FEED.id in listed.stdout, listed.stderr
    none = newswire(env, "replay", "--feed", "another")
    assert none.returncode == 0 and "No dead letters" in none.stdout, none.stderr
    publish_all(shards)
    assert headlines(shards) == []
    sent = newswire(env, "replay", "--run")
    assert sent.returncode == 0 and ": 1 event" in sent.stdout, sent.stderr
    publish_all(shards)
    assert headlines(shards) == [("Story 1", 1)]


def test_what_was_taken_back_is_not_replayed(shards: Shards) -> None:
    """A dead letter that holds an article that was taken back is refused, and says why."""
    set_aside(shards, letter(rss(1, 2)))
    replayed(shards)
    publish_all(shards)
    target = Target(article_bytes(shards.published()[0].key), FEED.id, 1)

    async def run(store: Store) -> None:
        await take_back(
            store, shards.names.instance, [target], "forgotten", now_ms=1_800_000_000_000,
            window_ms=WINDOW_MS,
        )  # fmt: skip

    shards.store(run)
    set_aside(shards, letter(rss(1, 2) + b" "))
    assert "taken back" in replayed(shards)[-1]
