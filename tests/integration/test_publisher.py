"""The publisher against a real Kafka and a real Valkey: one event once, whatever fails."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Iterator

import pytest
from confluent_kafka.admin import AdminClient
from confluent_kafka.cimpl import NewTopic
from kafka import KafkaProducer

from tests.conftest import Names
from tests.integration.helpers import until
from tests.integration.shards import Shards, article, settled, stop
from tests.support.proxy import ADD_PARTITIONS_TO_TXN, END_TXN, PRODUCE, Proxy
from tests.support.servers import KafkaServer, ValkeyServer
from workers.errors import BrokerError
from workers.publisher.kafka_connection import FencedError
from workers.publisher.kafka_producer import Producer
from workers.publisher.kafka_reader import PositionReader
from workers.publisher.publish import Session
from workers.store.outbox import ShardOutbox

pytestmark = [pytest.mark.servers, pytest.mark.usefixtures("kafka_server", "redis_hygiene")]


@pytest.fixture
def shards(names: Names, kafka: str, valkey: str) -> Shards:
    """An instance of one shard."""
    return Shards(names, kafka, valkey)


@pytest.fixture
def outbox(shards: Shards) -> Iterator[ShardOutbox]:
    """The outbox of that shard."""
    outbox = shards.outbox()
    yield outbox
    outbox.close()


def published_by(session: Session, outbox: ShardOutbox) -> None:
    """Start it, let it publish all there is, and stop it."""
    session.start()
    settled(session, outbox)
    stop(session)


def ended(before: set[threading.Thread]) -> None:
    """Wait until every thread that was begun since has ended."""
    deadline = time.monotonic() + 60
    while left := [t.name for t in threading.enumerate() if t not in before]:
        assert time.monotonic() < deadline, f"still running: {left}"
        time.sleep(0.1)


def drained(outbox: ShardOutbox) -> bool:
    """All there is was published."""
    return not outbox.read(outbox.trimmed().sequence, 1, 1)


def test_events_come_once_and_in_order(shards: Shards, outbox: ShardOutbox) -> None:
    """Revisions of an article come in order, and a second publisher sends nothing again."""
    first = shards.admit([article(n) for n in range(20)])
    second = shards.admit([article(n, f"edited {n}") for n in range(20)], revision=2)
    published_by(shards.session(), outbox)
    published_by(shards.session(), outbox)
    assert shards.ce_ids() == sorted(first + second)
    revisions: dict[str, list[int]] = {}
    for record in shards.published():
        assert record.value
        revisions.setdefault(record.key, []).append(record.value["revision"])
    assert all(found == [1, 2] for found in revisions.values())


def test_the_position_is_the_last_event(shards: Shards, outbox: ShardOutbox) -> None:
    """Kafka remembers the last event's id and dataset, and the outbox keeps that entry alone."""
    ids = shards.admit([article(n) for n in range(3)])
    published_by(shards.session(), outbox)
    position = shards.position()
    assert position is not None
    assert (position.dataset, position.ce_id) == (shards.marker.dataset, ids[-1])
    assert [e.sequence for e in outbox.read(0, 10, 1 << 20)] == [position.sequence]
    assert outbox.trimmed() == (position.sequence, ids[-1])


def test_a_refused_event_gives_way(names: Names, kafka: str, valkey: str) -> None:
    """An event too large for its topic becomes a dead letter at its position; the rest goes on."""
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    small = {"max.message.bytes": "20000"}
    admin.create_topics([NewTopic(names.articles, 2, 1, config=small)])[names.articles].result()
    shards = Shards(names, kafka, valkey)
    outbox = shards.outbox()
    texts = ["", "", "x" * 60_000, "", ""]
    ids = shards.admit([article(n, text) for n, text in enumerate(texts)])
    published_by(shards.session(), outbox)
    outbox.close()
    assert shards.ce_ids() == sorted(i for n, i in enumerate(ids) if n != 2)
    (letter,) = shards.published(topic="dead-letters")
    assert letter.value
    assert (letter.value["stage"], letter.value["reason"]) == ("publish", "event_refused")
    assert letter.value["feedId"] == "a-feed" and letter.value["articleId"] == ids[2].split("-")[0]
    assert letter.value["length"] > 60_000


def test_a_dead_letter_that_is_refused_too_goes_without_its_bytes(
    names: Names, kafka: str, valkey: str
) -> None:
    """Where not even the dead letter fits, one without the bytes keeps the shard going."""
    admin = AdminClient({"bootstrap.servers": kafka, "log_level": 0})
    for topic in ("articles", "dead-letters"):
        name = names.topic_prefix + topic
        new = NewTopic(name, 1, 1, config={"max.message.bytes": "20000"})
        admin.create_topics([new])[name].result()
    shards = Shards(names, kafka, valkey)
    outbox = shards.outbox()
    ids = shards.admit([article(0, "x" * 60_000), article(1)])
    published_by(shards.session(), outbox)
    outbox.close()
    assert shards.ce_ids() == [ids[1]]
    (letter,) = shards.published(topic="dead-letters")
    assert letter.value and letter.value["truncated"] and "body" not in letter.value


def test_a_successor_fences(
    shards: Shards, outbox: ShardOutbox, valkey_server: ValkeyServer
) -> None:
    """A publisher that lost its lease and its epoch ends at its next event, and sends nothing twice."""
    first = shards.session()
    first.start()
    ids = shards.admit([article(1)])
    settled(first, outbox)
    with valkey_server.client() as client:
        client.delete(shards.keys.key(0, "lease"))
    second = shards.session()
    second.start()
    until(lambda: second.state == "idle", 20, "the successor is ready")
    ids += shards.admit([article(n) for n in range(2, 10)])
    first.join(20)
    assert isinstance(first.error, FencedError)
    settled(second, outbox)
    stop(second)
    assert shards.ce_ids() == sorted(ids)


def test_an_epoch_fences_without_any_lease(shards: Shards, outbox: ShardOutbox) -> None:
    """Kafka itself refuses a publisher whose successor has begun, whatever Redis says of leases."""
    first = shards.session()
    first.start()
    until(lambda: first.state == "idle", 20, "the first is ready")
    assert first._producer
    first._outbox.renew_durably = lambda *_: (True, True)  # type: ignore[method-assign]
    Producer(
        shards.connection, f"{shards.names.instance}-00", transaction_timeout_ms=3_000,
        compression=None, exactly_once=True,
    ).abandon()  # fmt: skip
    ids = shards.admit([article(1)])
    first.join(20)
    assert isinstance(first.error, FencedError)
    published_by(shards.session(), outbox)
    assert shards.ce_ids() == ids


def test_a_position_behind_an_open_transaction_is_waited_for(shards: Shards, kafka: str) -> None:
    """While another's transaction is open on the topic no position is told, least of all an old one."""
    outbox = shards.outbox()
    shards.admit([article(1)])
    published_by(shards.session(), outbox)
    topic = f"{shards.names.topic_prefix}positions"
    other = KafkaProducer(
        bootstrap_servers=kafka,
        transactional_id=f"{shards.names.instance}-x",
        transaction_timeout_ms=60_000,
    )
    other.init_transactions()
    other.begin_transaction()
    other.send(topic, key=b"other/00", value=b"{}", partition=0).get(10)
    ids = shards.admit([article(2)])
    session = shards.session(transaction_timeout_ms=3_000)
    session.start()
    reader = PositionReader(shards.connection, topic)
    with pytest.raises(BrokerError, match="stays open"):
        reader.read(shards.names.instance, 0, 1.0)
    assert session.state == "starting"
    other.abort_transaction()
    other.close()
    settled(session, outbox)
    stop(session)
    outbox.close()
    found = reader.read(shards.names.instance, 0, 10)
    assert found is not None and found.ce_id == ids[0]


@pytest.mark.parametrize("api_key", [PRODUCE, END_TXN])
@pytest.mark.parametrize("when", ["before", "answer"])
def test_a_connection_cut_at_any_step_doubles_nothing(
    names: Names, kafka_proxy: Proxy, kafka: str, valkey: str, api_key: int, when: str
) -> None:
    """Cut before a request or before its answer, all events come once when publishing goes on."""
    shards = Shards(names, kafka_proxy.address, valkey)

    async def run() -> list[str]:
        publisher = shards.supervisor()
        task = asyncio.create_task(publisher.run())
        cut = kafka_proxy.cut(api_key, when)  # type: ignore[arg-type]
        ids = []
        for n in range(5):
            ids += await asyncio.to_thread(shards.admit, [article(n * 10 + i) for i in range(5)])
            await asyncio.sleep(0.2)
        await asyncio.to_thread(cut.wait)
        outbox = shards.outbox()
        await asyncio.to_thread(until, lambda: drained(outbox), 40, "all is published")
        outbox.close()
        await publisher.close(10)
        task.cancel()
        return ids

    ids = asyncio.run(run())
    assert shards.ce_ids(kafka) == sorted(ids)


def test_a_commit_that_is_not_answered_is_given_up(
    names: Names, kafka_proxy: Proxy, kafka: str, valkey: str
) -> None:
    """With the broker gone at the commit the publisher ends in its time; once the broker is back all
    is sent once, and no thread is left over."""
    shards = Shards(names, kafka_proxy.address, valkey)
    before = set(threading.enumerate())

    async def run() -> list[str]:
        publisher = shards.supervisor()
        task = asyncio.create_task(publisher.run())
        cut = kafka_proxy.cut(END_TXN, "before")
        ids = await asyncio.to_thread(shards.admit, [article(n) for n in range(5)])
        first = publisher._sessions[0]
        await asyncio.to_thread(cut.wait)
        kafka_proxy.refuse = True
        await asyncio.to_thread(until, lambda: not first.is_alive(), 10, "the publisher ends")
        assert "outcome is unknown" in str(first.error)
        await asyncio.sleep(3)
        assert publisher.threads_alive() and not publisher._abandoned
        kafka_proxy.refuse = False
        outbox = shards.outbox()
        await asyncio.to_thread(until, lambda: drained(outbox), 40, "all is published")
        outbox.close()
        await publisher.close(10)
        task.cancel()
        return ids

    ids = asyncio.run(run())
    assert shards.ce_ids(kafka) == sorted(ids)
    ended(before)


@pytest.mark.parametrize("api_key", [ADD_PARTITIONS_TO_TXN, PRODUCE, END_TXN])
def test_a_producer_ends_while_the_broker_stays_away(
    names: Names, kafka_proxy: Proxy, kafka: str, valkey: str, api_key: int
) -> None:
    """A producer that is dropped in the midst of a transaction ends its thread with the broker still away."""
    shards = Shards(names, kafka_proxy.address, valkey)
    before = set(threading.enumerate())
    session = shards.session()
    session.start()
    cut = kafka_proxy.cut(api_key, "before")
    shards.admit([article(n) for n in range(5)])
    cut.wait()
    kafka_proxy.refuse = True
    kafka_proxy.sever()
    ended(before)
    assert session.error


def test_a_hanging_step_is_given_up(shards: Shards, outbox: ShardOutbox) -> None:
    """A publisher that does not come back from a call is replaced at once, under the same lease, and
    what it does when it comes back changes nothing."""
    release = threading.Event()

    async def run() -> list[str]:
        publisher = shards.supervisor()
        task = asyncio.create_task(publisher.run())
        await asyncio.to_thread(until, lambda: 0 in publisher._sessions, 10, "there is one")
        first = publisher._sessions[0]
        await asyncio.to_thread(until, lambda: first.state == "idle", 10, "it is ready")
        assert first._producer
        first._producer.publish = lambda *_: release.wait(60)  # type: ignore[method-assign,assignment]
        ids = await asyncio.to_thread(shards.admit, [article(n) for n in range(5)])
        await asyncio.to_thread(until, lambda: drained(outbox), 40, "all is published")
        assert publisher._abandoned == {0: first} and first.is_alive()
        assert publisher._sessions[0].token == first.token
        release.set()
        await asyncio.to_thread(until, lambda: not first.is_alive(), 10, "it ends")
        ids += await asyncio.to_thread(shards.admit, [article(9)])
        await asyncio.to_thread(until, lambda: drained(outbox), 40, "it goes on")
        await publisher.close(10)
        task.cancel()
        return ids

    ids = asyncio.run(run())
    assert shards.ce_ids() == sorted(ids)


@pytest.mark.timeout(240)
def test_a_killed_broker_hangs_nobody_for_good(
    names: Names, kafka_server: KafkaServer, valkey: str
) -> None:
    """With the broker killed under load and back, publishing goes on by itself and doubles nothing;
    no publisher's or producer's thread is left over."""
    shards = Shards(names, kafka_server.bootstrap, valkey)
    before = set(threading.enumerate())

    async def run() -> list[str]:
        publisher = shards.supervisor()
        task = asyncio.create_task(publisher.run())
        ids = []
        for n in range(12):
            ids += await asyncio.to_thread(shards.admit, [article(n * 50 + i) for i in range(50)])
            if n == 4:
                await asyncio.to_thread(kafka_server.kill)
            if n == 10:
                await asyncio.sleep(8)
                assert publisher.threads_alive()
                await asyncio.to_thread(kafka_server.start)
            await asyncio.sleep(0.1)
        outbox = shards.outbox()
        await asyncio.to_thread(until, lambda: drained(outbox), 120, "all is published")
        outbox.close()
        await publisher.close(10)
        task.cancel()
        return ids

    ids = asyncio.run(run())
    assert shards.ce_ids() == sorted(ids)
    ended(before)


def test_what_is_not_durable_is_not_published(shards: Shards, outbox: ShardOutbox) -> None:
    """As long as an awaited replica does not confirm, nothing is sent."""
    session = shards.session(replicas=1)
    session.start()
    shards.admit([article(1)])
    until(lambda: session.state == "undurable", 30, "the publisher waits")
    stop(session)
    assert shards.ce_ids() == []


def test_the_lease_is_kept_while_idle(
    shards: Shards, outbox: ShardOutbox, valkey_server: ValkeyServer
) -> None:
    """A publisher with nothing to do keeps its lease for longer than a lease lasts."""
    session = shards.session(lease_ms=1_500, transaction_timeout_ms=1_000)
    session.start()
    until(lambda: session.state == "idle", 20, "it is ready")
    end = time.monotonic() + 3
    with valkey_server.client() as client:
        while time.monotonic() < end:
            assert client.get(shards.keys.key(0, "lease")) == session.token.encode()
            time.sleep(0.1)
    stop(session)
    with valkey_server.client() as client:
        assert client.get(shards.keys.key(0, "lease")) is None
