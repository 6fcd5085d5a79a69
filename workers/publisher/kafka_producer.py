"""The transactional producer of a shard.

Everything here blocks; it is called from the publisher's threads, never from the event loop. The hazards of
kafka-python 3.0.12 that shape it are named where they bite.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Sequence
from typing import Any

from kafka import KafkaProducer

from workers.errors import BrokerError
from workers.model import OutboxEvent
from workers.publisher import kafka_gzip
from workers.publisher.kafka_client import open_client
from workers.publisher.kafka_connection import FOREIGN, Doing, KafkaConnection, translate
from workers.publisher.topics import POSITIONS_PARTITION

COMMIT_FACTOR = 1.2
"""A commit ends this much after the sends' deadline, which is still before the transaction's."""


class Producer:
    """One transactional producer. Used by one thread; never used again after any error."""

    def __init__(
        self,
        connection: KafkaConnection,
        transactional_id: str,
        *,
        transaction_timeout_ms: int,
        compression: str | None,
        exactly_once: bool,
    ) -> None:
        """Connect and fence every earlier producer of this id. Raises BrokerError, ConfigError.

        Without ``exactly_once`` there are no transactions, for brokers that have none: after a crash
        the last batch may be sent again.
        """
        self._exactly_once = exactly_once
        self._doing = Doing(connection, ("Write",), transactional_id=transactional_id)
        # Delivery before call before transaction: a record must expire before what waits for it does.
        self._deadline_s = transaction_timeout_ms * 0.75 / 1000
        half = max(500, transaction_timeout_ms // 2)
        kafka_gzip.install()
        self._delivery_s = half / 1000
        try:
            self._producer = open_client(
                KafkaProducer,
                **{
                    **connection.kwargs(),
                    "client_id": f"{connection.client_id}-{transactional_id}",
                },
                transactional_id=transactional_id if exactly_once else None,
                transaction_timeout_ms=transaction_timeout_ms,
                delivery_timeout_ms=half,
                request_timeout_ms=half * 3 // 4,
                max_block_ms=half,
                bootstrap_timeout_ms=half,
                compression_type=compression,
                linger_ms=5,
                metrics_enabled=False,
                batch_size=262_144,
                allow_auto_create_topics=False,
            )
            if exactly_once:
                self._producer.init_transactions()
        except FOREIGN as error:
            self.abandon()
            raise translate(error, self._doing) from error

    def publish(self, events: Sequence[OutboxEvent], prefix: str, position: OutboxEvent) -> None:
        """Publish events and the position in one transaction.

        Raises:
            EventRefusedError: the broker will not take one of them; nothing was committed.
            FencedError: a successor is at work.
            BrokerError: anything else; the outcome may be unknown.

        After any of them the producer must be dropped: after a refusal and an abort it was seen to number
        its next records wrongly (OutOfOrderSequenceNumberError).
        """
        begun = time.monotonic()
        deadline = begun + self._deadline_s
        try:
            if not self._exactly_once:
                self._publish_plainly(events, prefix, position)
                return
            self._producer.begin_transaction()
            futures = [self._send(prefix, e) for e in events]
            futures.append(self._send(prefix, position, POSITIONS_PARTITION))
            self._producer.flush(timeout=self._deadline_s)
            # commit_transaction() returns normally although a record of it has expired: look at each.
            for future in futures:
                future.get(timeout=max(0.0, deadline - time.monotonic()))
            self._commit(begun + self._deadline_s * COMMIT_FACTOR)
        except FOREIGN as error:
            topics = sorted({prefix + e.topic for e in (*events, position)})
            raise translate(error, self._doing._replace(topics=topics)) from error

    def _commit(self, deadline: float) -> None:
        """``commit_transaction()`` with a bound, which the library has no argument for.

        A commit whose connection is cut while the broker is away was seen never to return, also with
        the broker back. Its outcome is unknown then, and is read from the position.
        """
        result = self._producer._transaction_manager.begin_commit()
        self._producer._sender.wakeup()
        if not result.wait(timeout_ms=max(1.0, deadline - time.monotonic()) * 1000):
            raise BrokerError("Kafka: a commit was not answered in time; its outcome is unknown")

    def _publish_plainly(
        self, events: Sequence[OutboxEvent], prefix: str, position: OutboxEvent
    ) -> None:
        futures = [self._send(prefix, e) for e in events]
        self._producer.flush(timeout=self._deadline_s)
        for future in futures:
            future.get(timeout=self._deadline_s)
        self._send(prefix, position, POSITIONS_PARTITION).get(timeout=self._deadline_s)

    def _send(self, prefix: str, event: OutboxEvent, partition: int | None = None) -> Any:
        return self._producer.send(
            prefix + event.topic,
            key=event.key,
            value=event.value or None,
            headers=list(event.headers),
            partition=partition,
        )

    def abandon(self) -> None:
        """Drop the producer without waiting for it; never raises.

        Nothing more is sent, as far as that is still ours to say: what has been sent belongs to a transaction
        that nobody commits, and that a successor's epoch ends.
        """
        producer = getattr(self, "_producer", None)
        if producer is not None:
            threading.Thread(
                target=_close, args=(producer, self._delivery_s), daemon=True, name="producer-close"
            ).start()


def _close(producer: Any, delivery_s: float) -> None:
    """End the sender first: ``close()`` does so only after a flush, and a flush never ends while a broker is
    away that was asked for part of a transaction; records do not even expire then."""
    with contextlib.suppress(Exception):  # whatever it is, nobody uses the producer any more
        producer._sender.force_close()
        producer._sender.join(delivery_s)
        producer.close(timeout=0)
