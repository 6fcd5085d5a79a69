"""The guards of the product, each with a way to switch it off from outside: the harness's controls.

A control runs the same faults on a worker without one guard. When the consumer that judges finds
nothing wrong then, it would not find anything wrong ever. Where only a small window separates right
from wrong, the control widens it with a pause; a worker with the guard would not mind a pause there.
"""

from __future__ import annotations

import asyncio
import os
import secrets
import time
from collections import defaultdict
from collections.abc import Callable, Sequence
from typing import Any

from kafka import KafkaProducer

from tests.fault.points import wrap
from workers.errors import StoreError
from workers.model import OutboxEvent
from workers.publisher.kafka_connection import translate
from workers.publisher.rollback import Healed
from workers.store.outbox import ShardOutbox

_PAUSE_S = 0.1
_STORE = "workers.store.store:Store"
_POSITIONS_PARTITION = 0
_PRODUCER = "workers.publisher.kafka_producer:Producer"


def publish_before_commit() -> None:
    """Events go to Kafka while Redis does not know them yet."""
    producers: list[KafkaProducer] = []

    def send(events: Sequence[OutboxEvent]) -> None:
        if not producers:
            servers = os.environ["NEWSWIRE_KAFKA_BOOTSTRAP_SERVERS"]
            producers.append(KafkaProducer(bootstrap_servers=servers))
        prefix = os.environ["NEWSWIRE_TOPIC_PREFIX"]
        for e in events:
            producers[0].send(
                prefix + e.topic, key=e.key, value=e.value or None, headers=list(e.headers)
            )
        producers[0].flush()
        time.sleep(_PAUSE_S)

    def make(admit: Any) -> Any:
        async def admit_last(self: Any, items: Any, today: int) -> Any:
            if events := [item.event for item in items if item.event]:
                await asyncio.to_thread(send, events)
            return await admit(self, [item._replace(event=None) for item in items], today)

        return admit_last

    wrap(f"{_STORE}.admit", make)


def feed_before_articles() -> None:
    """What a poll learned of its feed is written first, the articles and their events last."""
    held: dict[Any, list[Any]] = defaultdict(list)
    real: dict[str, Any] = {}

    def make_admit(admit: Any) -> Any:
        real["admit"] = admit

        async def hold(_self: Any, items: Any, today: int) -> Any:
            held[asyncio.current_task()].append((items, today))
            return [None] * len(items)

        return hold

    def make_commit(commit: Any) -> Any:
        async def commit_first(self: Any, *args: Any, **kwargs: Any) -> None:
            await commit(self, *args, **kwargs)
            for items, today in held.pop(asyncio.current_task(), ()):
                await asyncio.sleep(_PAUSE_S)
                await real["admit"](self, items, today)

        return commit_first

    wrap(f"{_STORE}.admit", make_admit)
    wrap(f"{_STORE}.commit", make_commit)


def position_outside() -> None:
    """The position is committed in a transaction of its own, after that of the events."""

    def make(_publish: Any) -> Any:
        def publish(self: Any, events: Any, prefix: str, position: OutboxEvent) -> None:
            try:
                _transaction(self, prefix, events)
                time.sleep(_PAUSE_S)
                _transaction(self, prefix, [position])
            except Exception as error:
                raise translate(error) from error

        return publish

    wrap(f"{_PRODUCER}.publish", make)


def _transaction(self: Any, prefix: str, events: Sequence[OutboxEvent]) -> None:
    self._producer.begin_transaction()
    futures = [
        self._send(prefix, e, _POSITIONS_PARTITION if e.topic == "positions" else None)
        for e in events
    ]
    self._producer.flush(timeout=self._deadline_s)
    for future in futures:
        future.get(timeout=self._deadline_s)
    self._producer.commit_transaction()


def unchecked_sends() -> None:
    """Nobody looks at what became of the single sends: the commit's word counts."""

    def make(_publish: Any) -> Any:
        def publish(self: Any, events: Any, prefix: str, position: OutboxEvent) -> None:
            try:
                self._producer.begin_transaction()
                for e in events:
                    self._send(prefix, e)
                self._producer.flush(timeout=self._deadline_s)
                self._send(prefix, position, _POSITIONS_PARTITION)
                self._producer.commit_transaction()
            except Exception as error:
                raise translate(error) from error

        return publish

    wrap(f"{_PRODUCER}.publish", make)


def no_fencing() -> None:
    """Each producer has a transactional id of its own: nobody's epoch ends another's."""

    def make(init: Any) -> Any:
        def with_own_id(self: Any, connection: Any, ident: str, **kwargs: Any) -> None:
            init(self, connection, f"{ident}-{secrets.token_hex(4)}", **kwargs)

        return with_own_id

    wrap(f"{_PRODUCER}.__init__", make)


def position_in_redis() -> None:
    """After an error it goes on from where Redis was trimmed, whatever Kafka has committed."""
    wrap("workers.publisher.kafka_reader:PositionReader.read", lambda _: lambda *_a, **_k: None)


def plain_counter() -> None:
    """Sequences count up from what Redis remembers: after a rollback they are used again.

    Healing would make good for that, so it is off as well; as it is for the guard below.
    """
    no_healing()
    clock = "if us > seq then seq = us end"

    def edit(_name: str, text: str) -> str:
        assert clock in text, "common.lua counts in another way than this control knows"
        return text.replace(clock, "")

    _edit_scripts(edit)


def waitaof_elsewhere() -> None:
    """WAITAOF on a connection that has written nothing: it confirms at once what it knows nothing of."""
    no_healing()

    def make(_renew: Any) -> Any:
        def renew(self: ShardOutbox, token: str, ttl_ms: int, *_: Any) -> tuple[bool, bool]:
            return self.acquire(token, ttl_ms), True

        return renew

    wrap("workers.store.outbox:ShardOutbox.renew_durably", make)


def refusal_ignored() -> None:
    """A Redis that is full refuses the articles, and what is known of the feed is written all the same."""
    _edit_scripts(
        lambda name, text: (
            text.replace("#!lua\n", "#!lua flags=allow-oom\n", 1) if name == "commit" else text
        )
    )

    def make(admit: Any) -> Any:
        async def admit_or_not(self: Any, items: Any, today: int) -> Any:
            try:
                return await admit(self, items, today)
            except StoreError as error:
                if error.reason != "full":
                    raise
                return [None] * len(items)

        return admit_or_not

    wrap(f"{_STORE}.admit", make)


def abrupt_stop() -> None:
    """SIGTERM ends it on the spot, with the feed written before its articles."""
    feed_before_articles()
    wrap("workers.worker:Worker._on_signal", lambda _: lambda _self: os._exit(0))


def start_empty() -> None:
    """An emptied Redis is begun anew at the next start, as with ``newswire run --start-empty``."""

    def make(init: Any) -> Any:
        return lambda self, settings, **_: init(self, settings, start_empty=True)

    wrap("workers.worker:Worker.__init__", make)


def at_least_once() -> None:
    """No transactions: NEWSWIRE_DELIVERY=at_least_once, and a slow record of the position."""
    os.environ["NEWSWIRE_DELIVERY"] = "at_least_once"

    def make(send: Any) -> Any:
        def slow(self: Any, prefix: str, event: OutboxEvent, partition: int | None = None) -> Any:
            if event.topic == "positions":
                time.sleep(_PAUSE_S)
            return send(self, prefix, event, partition)

        return slow

    wrap(f"{_PRODUCER}._send", make)


def no_healing() -> None:
    """Where Redis was rolled back, the publisher goes on from Kafka's position and asks no more."""

    def heal(*, outbox: Any, position: Any, **_: Any) -> Healed:
        mark = ["pub", position.sequence, "pubid", position.ce_id]
        outbox._client.command("HSET", outbox._counters, *mark)
        return Healed(0, 0, 0)

    wrap("workers.publisher.publish:heal", lambda _: heal)


def _edit_scripts(edit: Callable[[str, str], str]) -> None:
    def make(real: Callable[[str], str]) -> Callable[[str], str]:
        return lambda name: edit(name, real(name))

    wrap("workers.store.client:script_text", make)


GUARDS: dict[str, Callable[[], None]] = {
    guard.__name__: guard
    for guard in (
        publish_before_commit,
        feed_before_articles,
        position_outside,
        unchecked_sends,
        no_fencing,
        position_in_redis,
        plain_counter,
        waitaof_elsewhere,
        no_healing,
        refusal_ignored,
        abrupt_stop,
        start_empty,
        at_least_once,
    )
}
"""By name; each is called once in a worker process before anything of it runs."""
