"""Articles that are taken back: told once, purged, and never announced again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from schemas.events import TYPE_WITHDRAWN
from tests.conftest import Names
from tests.integration.helpers import settings, until
from tests.integration.shards import FEED, WINDOW_MS, Shards, article, publish_all
from tests.integration.test_feed_commands import newswire
from tests.support.hygiene import leaks
from tests.support.servers import ValkeyServer
from tests.support.static_site import StaticSite
from tests.support.topic import Record
from tests.support.worker import WorkerProcess
from workers.errors import ConfigError
from workers.fetcher.event import Revision, article_event
from workers.fetcher.identity import article_text, url_key
from workers.fetcher.records import ArticleRecord, unpack
from workers.fetcher.withdraw import Target, take_back
from workers.forget import ForgetSettings, forget
from workers.model import FeedState
from workers.rebuild import RebuildSettings, rebuild
from workers.store.address import Address
from workers.store.store import Admission, Store
from workers.store.withdrawals import withdraw

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("kafka_server")]
DAY_MS = 86_400_000


@pytest.fixture
def shards(names: Names, kafka: str, own_valkey: ValkeyServer) -> Iterator[Shards]:
    """An instance of two shards in it, whose keys all have a TTL or are on the list."""
    yield Shards(names, kafka, own_valkey.url, shards=2)
    with own_valkey.client() as client:
        assert leaks(client, names.instance) == []


def ident(number: int) -> bytes:
    """The binary id of an article."""
    return url_key(article(number).canonical_url)


def forgotten(shards: Shards, what: str, *, run: bool = True) -> list[str]:
    """``newswire forget``; what was said."""
    said: list[str] = []
    s = ForgetSettings(shards.names.instance, shards.names.topic_prefix, WINDOW_MS, 20)
    shards.store(lambda store: forget(s, store, shards.connection, what, run=run, say=said.append))
    return said


def events(shards: Shards, number: int) -> list[Record]:
    """The events of one article, in order."""
    return [r for r in shards.published() if r.key == article_text(ident(number))]


def types(shards: Shards, number: int) -> list[str]:
    """The kinds of an article's events: created, updated, withdrawn."""
    return [r.headers["ce_type"].rpartition(".")[2] for r in events(shards, number)]


def admitted(shards: Shards, number: int, revision: int = 1) -> bool:
    """Try to admit an article as a feed would that knows nothing of it; whether it was let in."""
    now_ms = int(time.time() * 1000)
    record = shards._record(article(number), revision, now_ms)

    async def run(store: Store) -> bool:
        made = Revision(ident(number), revision, now_ms, now_ms)
        event = article_event(shards.names.instance, FEED, FeedState(), article(number), made)
        (answer,) = await store.admit(
            [Admission(ident(number), b"", record, event)], now_ms // DAY_MS
        )
        if answer is not None:
            found = unpack(answer)
            assert isinstance(found, ArticleRecord) and found.withdrawn
        return answer is None

    return shards.store(run)


def lose_records(server: ValkeyServer, shards: Shards) -> None:
    """As if the window had passed: the article records have run out."""
    with server.client() as client:
        for key in list(client.scan_iter(match=f"{{{shards.names.instance}:s*}}:a:*")):
            client.delete(key)


@pytest.mark.parametrize("by", ["id", "feed"])
def test_an_article_is_taken_back(shards: Shards, by: str) -> None:
    """By its id, or with all of its feed: one event behind its revisions, without
    its text; a second time there is nothing to take back."""
    shards.admit([article(1), article(2)])
    shards.admit([article(1, "edited")], revision=2)
    publish_all(shards)
    what = {
        "id": article_text(ident(1)), "feed": FEED.id,
    }[by]  # fmt: skip
    assert "nothing was done" in forgotten(shards, what, run=False)[-1]
    publish_all(shards)
    assert types(shards, 1) == ["created", "updated"]
    forgotten(shards, what)
    publish_all(shards)
    assert types(shards, 1) == ["created", "updated", "withdrawn"]
    assert types(shards, 2) == ["created"] + ["withdrawn"] * (by == "feed")
    last = events(shards, 1)[-1]
    assert last.value is not None
    assert set(last.value) == {"articleId", "revision", "withdrawnAt", "reason"}
    assert (last.value["revision"], last.value["reason"]) == (3, "forgotten")
    assert last.headers["ce_source"].endswith(f"/feeds/{FEED.id}")
    with pytest.raises(ConfigError, match="taken back before"):
        forgotten(shards, what)


def test_what_is_unknown_is_told(shards: Shards) -> None:
    """A URL that nothing came from is no reason for an event."""
    shards.admit([article(1)])
    publish_all(shards)
    for what in ("http://feed.example/99", "a" * 16, "no-such-feed"):
        with pytest.raises(ConfigError, match="nothing that is published"):
            forgotten(shards, what)


def test_what_waits_is_purged(shards: Shards) -> None:
    """Events that are not published yet never are; the others of the shard go out as if nothing were."""
    shards.admit([article(n) for n in range(6)])
    publish_all(shards)
    shards.admit([article(1, "edited")], revision=2)
    shards.admit([article(10), article(11)])
    forgotten(shards, article_text(ident(1)))
    forgotten(shards, article_text(ident(10)))
    publish_all(shards)
    assert types(shards, 1) == ["created", "withdrawn"]
    assert [r.value and r.value["revision"] for r in events(shards, 1)] == [1, 3]
    assert types(shards, 10) == ["withdrawn"]
    assert types(shards, 11) == ["created"]
    outbox = shards.outbox(shards.keys.article_shard(ident(1)))
    assert outbox.at(outbox.trimmed().sequence) is not None
    outbox.close()


def test_it_is_never_announced_again(shards: Shards, own_valkey: ValkeyServer) -> None:
    """Neither while its record is there nor when that has run out."""
    shards.admit([article(1), article(2)])
    publish_all(shards)
    forgotten(shards, article_text(ident(1)))
    assert not admitted(shards, 1)
    lose_records(own_valkey, shards)
    assert not admitted(shards, 1)
    assert admitted(shards, 2)
    publish_all(shards)
    assert types(shards, 1) == ["created", "withdrawn"]


def test_a_rebuild_does_not_bring_it_back(shards: Shards, own_valkey: ValkeyServer) -> None:
    """The topic says that it was taken back, after Redis was emptied too."""
    shards.admit([article(1), article(2)])
    publish_all(shards)
    forgotten(shards, article_text(ident(1)))
    publish_all(shards)
    with own_valkey.client() as client:
        client.flushall()
    n = shards.names
    s = RebuildSettings(n.instance, shards.keys.shards, n.topic_prefix, WINDOW_MS, 20)
    rebuild(s, Address(shards.valkey), shards.connection, lambda _: None)
    shards.open()
    publish_all(shards)
    assert not admitted(shards, 1)
    lose_records(own_valkey, shards)
    assert not admitted(shards, 1)
    publish_all(shards)
    assert types(shards, 1) == ["created", "withdrawn"]


def test_a_rollback_does_not_bring_it_back(shards: Shards, own_valkey: ValkeyServer) -> None:
    """Redis forgets that it was taken back, Kafka does not: it is told once, and stays blocked."""
    shards.admit([article(1)])
    publish_all(shards)
    with own_valkey.client() as client:
        client.set("probe", "1", px=60_000)
        assert client.execute_command("WAITAOF", 1, 0, 5000)[0] == 1
    size = own_valkey.aof.stat().st_size
    forgotten(shards, article_text(ident(1)))
    publish_all(shards)
    own_valkey.kill()
    own_valkey.cut_aof(size)
    own_valkey.start()
    publish_all(shards)
    assert not admitted(shards, 1)
    lose_records(own_valkey, shards)
    assert not admitted(shards, 1)
    publish_all(shards)
    assert types(shards, 1) == ["created", "withdrawn"]


def test_it_is_told_once_however_often_it_is_asked(shards: Shards) -> None:
    """A repeated script changes nothing; one whose record has changed meanwhile is decided anew."""
    shards.admit([article(1)])
    target = Target(ident(1), FEED.id, 1)
    now_ms = int(time.time() * 1000)

    async def run(store: Store) -> None:
        outcome = await withdraw(
            store, ident(1), expected=b"stale", new=b"", event=None, unpublished=[],
            window_ms=WINDOW_MS,
        )  # fmt: skip
        assert outcome == "contended"
        for done in ([target], []):
            found = await take_back(
                store, shards.names.instance, [target], "forgotten", now_ms=now_ms,
                window_ms=WINDOW_MS,
            )  # fmt: skip
            assert found == done

    shards.store(run)
    publish_all(shards)
    assert types(shards, 1) == ["withdrawn"]


ATOM = """<feed xmlns='http://www.w3.org/2005/Atom' xmlns:at='http://purl.org/atompub/tombstones/1.0'>
<title>Harbour</title><id>urn:harbour</id><updated>2026-03-01T00:00:00Z</updated>{items}</feed>"""
ENTRY = """<entry><id>urn:{n}</id><title>Story {n}</title><link href='{base}/a/{n}'/>
<updated>2026-03-01T0{n}:00:00Z</updated>
<summary>The text of story {n}, which is its own.</summary></entry>"""
DELETED = "<at:deleted-entry ref='urn:{n}' when='2026-03-02T00:00:00Z'/>"


def test_a_feed_takes_its_own_back(
    kafka: str, valkey: str, names: Names, tmp_path: Path, redis_hygiene: None
) -> None:
    """at:deleted-entry is an event, once; another feed cannot take it back, and no feed, not the entry
    that comes back either, brings it again. An entry that only leaves is no event."""
    with StaticSite() as site:

        def page(name: str, *numbers: int, deleted: tuple[int, ...] = ()) -> None:
            items = [ENTRY.format(n=n, base=site.base) for n in numbers]
            items += [DELETED.format(n=n) for n in deleted]
            site.pages[name] = ATOM.format(items="".join(items)).encode()

        def told() -> list[tuple[str, str]]:
            env_shards = Shards(names, kafka, valkey, shards=4)
            return [
                (r.headers["ce_type"].rpartition(".")[2], (r.value or {}).get("headline", ""))
                for r in env_shards.published()
            ]

        page("/one", 1, 2, 3)
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/one\n{site.base}/two\n")
        page("/two", 5, deleted=(2,))
        env = settings(names, kafka, valkey, feeds)
        with WorkerProcess(env) as worker:
            until(lambda: len(told()) == 4, 30, "four articles")
            page("/one", 2, deleted=(1, 2))  # 3 only leaves; 2 is listed all the same
            until(lambda: len(told()) == 5, 30, "one is taken back")
            page("/one", 1, 2)
            page("/two", 1, 5, 6)
            until(lambda: ("created", "Story 6") in told(), 30, "the other feed was read")
            asked = site.requests["/one"]
            until(lambda: site.requests["/one"] > asked + 3, 30, "and the first")
            page("/one", 2)
            asked = site.requests["/one"]
            until(lambda: site.requests["/one"] > asked + 3, 30, "it has nothing new")
            page("/one", 2, deleted=(3,))  # the entries are, byte for byte, as they were
            until(lambda: [k for k, _ in told()].count("withdrawn") == 2, 30, "and another")
            assert worker.stop() == 0
        found = told()
        assert [kind for kind, _ in found].count("withdrawn") == 2
        assert sorted(h for k, h in found if k == "created") == [
            f"Story {n}" for n in (1, 2, 3, 5, 6)
        ]


def test_the_command(kafka: str, valkey: str, names: Names, tmp_path: Path) -> None:
    """`newswire forget <url>` (in any form of it) lists, with --run takes back; nonsense is exit 78."""
    with StaticSite() as site:
        items = ENTRY.format(n=1, base=site.base)
        site.pages["/one"] = ATOM.format(items=items).encode()
        feeds = tmp_path / "feeds.txt"
        feeds.write_text(f"{site.base}/one\n")
        env = settings(names, kafka, valkey, feeds)
        with WorkerProcess(env) as worker:
            shards = Shards(names, kafka, valkey, shards=4)
            until(lambda: len(shards.published()) == 1, 30, "the article")
            listed = newswire(env, "forget", f"{site.base}/a/1?utm_source=x")
            assert listed.returncode == 0 and "Story 1" in listed.stdout, listed.stderr
            assert len(shards.published()) == 1
            done = newswire(env, "forget", f"{site.base}/a/1", "--run")
            assert done.returncode == 0 and "1 article taken back" in done.stdout, done.stderr
            until(lambda: len(shards.published()) == 2, 30, "the withdrawal")
            assert shards.published()[-1].headers["ce_type"] == TYPE_WITHDRAWN
            wrong = newswire(env, "forget", f"{site.base}/a/7")
            assert wrong.returncode == 78 and "nothing that is published" in wrong.stderr
            assert worker.stop() == 0
