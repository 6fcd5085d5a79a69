"""A Redis that went back, was emptied or replaced is noticed, and a rollback is healed from the topic."""

from __future__ import annotations

import pytest

from tests.conftest import Names
from tests.integration.helpers import until
from tests.integration.shards import FEED, Shards, article, publish_all, settled
from tests.support.servers import ValkeyServer
from workers.errors import ClaimLostError, StateRegressedError, StoreError
from workers.fetcher.identity import url_key
from workers.fetcher.records import ArticleRecord, unpack
from workers.model import Claim, FeedState
from workers.publisher.publish import Session
from workers.store.listing import put_feeds
from workers.store.store import Store

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("kafka_server")]


@pytest.fixture
def shards(names: Names, kafka: str, own_valkey: ValkeyServer) -> Shards:
    """An instance of one shard in it."""
    return Shards(names, kafka, own_valkey.url)


def size_on_disk(server: ValkeyServer) -> int:
    """The length of the AOF with all that was written until now."""
    with server.client() as client:
        client.set("probe", "1")
        assert client.execute_command("WAITAOF", 1, 0, 5000)[0] == 1
    return server.aof.stat().st_size


def roll_back(server: ValkeyServer, size: int) -> None:
    """Kill it, cut its file there, and start it again."""
    server.kill()
    server.cut_aof(size)
    server.start()


def records(shards: Shards, numbers: range) -> list[ArticleRecord | None]:
    """The article records in Redis."""
    ids = [url_key(article(n).canonical_url) for n in numbers]
    raws = shards.store(lambda s: s.records(ids))
    found = [unpack(raw) for raw in raws]
    return [r if isinstance(r, ArticleRecord) else None for r in found]


def test_a_rollback_brings_the_records_back(shards: Shards, own_valkey: ValkeyServer) -> None:
    """What was published in the lost window is in Redis again, at its last revision, and goes not out
    again; what is admitted later does."""
    ids = shards.admit([article(n) for n in range(5)])
    publish_all(shards)
    size = size_on_disk(own_valkey)
    ids += shards.admit([article(n, f"edit {n}") for n in range(3)], revision=2)
    ids += shards.admit([article(n) for n in range(5, 10)])
    publish_all(shards)
    before = records(shards, range(10))
    roll_back(own_valkey, size)
    assert records(shards, range(5, 10)) == [None] * 5
    publish_all(shards)
    assert records(shards, range(10)) == before
    ids += shards.admit([article(10)])
    publish_all(shards)
    assert shards.ce_ids() == sorted(ids)


def test_an_entry_that_kafka_has_is_not_sent_again(
    shards: Shards, own_valkey: ValkeyServer
) -> None:
    """An outbox that comes back with entries from before their publication drops them."""
    ids = shards.admit([article(n) for n in range(5)])
    size = size_on_disk(own_valkey)
    publish_all(shards)
    ids += shards.admit([article(n) for n in range(5, 8)])
    publish_all(shards)
    roll_back(own_valkey, size)
    publish_all(shards)
    assert shards.ce_ids() == sorted(ids)
    outbox = shards.outbox()
    assert outbox.read(outbox.trimmed().sequence, 10, 1 << 20) == []
    outbox.close()


def test_entries_below_the_position_are_not_lost(shards: Shards, own_valkey: ValkeyServer) -> None:
    """Events that got in while Redis's clock was behind Kafka's position come out all the same."""
    first = shards.admit([article(1)])
    size = size_on_disk(own_valkey)
    shards.admit([article(2)])
    with own_valkey.client() as client:  # as if a clock far ahead had numbered this one
        client.hset(shards.keys.key(0, "ob"), "seq", 4_000_000_000_000_000)
    ahead = shards.admit([article(3)])
    publish_all(shards)
    two = [i for i in shards.ce_ids() if i not in first + ahead]
    roll_back(own_valkey, size)
    with own_valkey.client() as client:  # no publisher has looked yet: an older one opened it
        client.hdel(shards.keys.key(0, "ob"), "run")
    late = shards.admit([article(4)])
    publish_all(shards)
    assert shards.ce_ids() == sorted(first + two + ahead + late)


def test_after_a_restart_nothing_gets_in_before_the_publisher_has_looked(
    shards: Shards, own_valkey: ValkeyServer
) -> None:
    """A restarted Redis takes no article until it was held against Kafka: it may have forgotten some."""
    shards.admit([article(1)])
    publish_all(shards)
    own_valkey.kill()
    own_valkey.start()
    with pytest.raises(StoreError) as caught:
        shards.admit([article(2)])
    assert caught.value.reason == "healing"
    publish_all(shards)
    shards.admit([article(2)])


def test_a_rollback_under_a_running_publisher_is_noticed(
    shards: Shards, own_valkey: ValkeyServer
) -> None:
    """State that changes under a publisher's feet, without a restart, ends it before it sends more."""
    session = shards.session()
    session.start()
    shards.admit([article(1)])
    outbox = shards.outbox()
    settled(session, outbox)
    outbox.close()
    with own_valkey.client() as client:
        client.hset(shards.keys.key(0, "ob"), "pub", 1)
    shards.admit([article(2)])
    session.join(20)
    assert session.error is not None and "compared with Kafka" in str(session.error)


def test_healing_can_be_interrupted(shards: Shards, own_valkey: ValkeyServer) -> None:
    """A publisher that is stopped while it heals leaves the rest to the next."""
    ids = shards.admit([article(n) for n in range(5)])
    size = size_on_disk(own_valkey)
    ids += shards.admit([article(n) for n in range(5, 30)])
    publish_all(shards)
    roll_back(own_valkey, size)
    session = shards.session()

    def interrupted(*_: object) -> None:
        raise StoreError("pulled", "down")

    session._outbox.settle = interrupted  # type: ignore[method-assign]
    session.start()
    session.join(20)
    assert isinstance(session.error, StoreError)
    publish_all(shards)
    assert shards.ce_ids() == sorted(ids)


def regressed(session: Session) -> str:
    """Start it; it must end because of the state of Redis."""
    session.start()
    session.join(20)
    assert isinstance(session.error, StateRegressedError)
    return str(session.error)


def test_an_emptied_redis_claims_and_publishes_nothing(
    shards: Shards, own_valkey: ValkeyServer
) -> None:
    """Every script fails closed, the publisher ends, and a start names both ways out."""
    shards.admit([article(1)])
    publish_all(shards)
    with own_valkey.client() as client:
        client.flushall()
    with pytest.raises(StateRegressedError, match="newswire rebuild"):
        shards.admit([article(2)])
    with pytest.raises(StateRegressedError):
        shards.store(lambda s: s.claim(0, 10))
    assert "newswire rebuild" in regressed(shards.session())
    with pytest.raises(StateRegressedError, match="--start-empty"):
        shards.open()
    with own_valkey.client() as client:
        assert client.dbsize() == 0


def test_a_publisher_at_rest_notices_an_emptied_redis(
    shards: Shards, own_valkey: ValkeyServer
) -> None:
    """Without any event to publish it sees within its lease that its state is gone."""
    session = shards.session(lease_ms=2_000, transaction_timeout_ms=1_000)
    session.start()
    until(lambda: session.state == "idle", 20, "it is ready")
    with own_valkey.client() as client:
        client.flushall()
    session.join(10)
    assert isinstance(session.error, StateRegressedError)


def test_start_empty_replaces_the_dataset(shards: Shards, own_valkey: ValkeyServer) -> None:
    """A dataset begun on purpose goes on where Kafka remembers the one it replaces, and no other."""
    ids = shards.admit([article(1)])
    publish_all(shards)
    old = shards.marker.dataset
    with own_valkey.client() as client:
        client.flushall()
    assert shards.open(start_empty=True).replaces == (old,)
    assert shards.open().replaces == (old,)
    ids += shards.admit([article(2)])
    publish_all(shards)
    position = shards.position()
    assert position is not None and position.dataset == shards.marker.dataset != old
    assert shards.ce_ids() == sorted(ids)


def test_a_foreign_dataset_is_refused(shards: Shards, own_valkey: ValkeyServer) -> None:
    """A Redis with another history than Kafka's is refused at the start and by a publisher."""
    shards.admit([article(1)])
    publish_all(shards)
    with own_valkey.client() as client:
        marker = client.get(shards.keys.key(0, "meta"))
        foreign = marker.replace(shards.marker.dataset.encode(), b"another")
        client.set(shards.keys.key(0, "meta"), foreign)
    with pytest.raises(StateRegressedError, match="NEWSWIRE_REDIS_URL"):
        shards.open()
    shards.marker_text = foreign.decode()
    session = shards.session(dataset="another")
    assert shards.marker.dataset in regressed(session)


def test_a_claim_does_not_outlive_a_restart(shards: Shards, own_valkey: ValkeyServer) -> None:
    """What a poll admitted may be gone after a restart of Redis, so its claim is void."""

    async def claim_one(store: Store) -> Claim:
        await put_feeds(store, [(FEED, 0)])
        return (await store.claim(0, 1)).claims[0]

    claim = shards.store(claim_one)
    size_on_disk(own_valkey)
    own_valkey.kill()
    own_valkey.start()
    with pytest.raises(ClaimLostError):
        shards.store(lambda s: s.commit(claim, FeedState(), b"", 0))


def test_each_shard_heals_its_own(names: Names, kafka: str, own_valkey: ValkeyServer) -> None:
    """Each shard heals what is its own; together they have all records again."""
    shards = Shards(names, kafka, own_valkey.url, shards=3)
    ids = shards.admit([article(n) for n in range(4)])
    publish_all(shards)
    size = size_on_disk(own_valkey)
    ids += shards.admit([article(n) for n in range(4, 30)])
    publish_all(shards)
    roll_back(own_valkey, size)
    publish_all(shards)
    assert None not in records(shards, range(30))
    assert shards.ce_ids() == sorted(ids)
