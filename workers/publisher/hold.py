"""A publisher's hold on its shard in Redis: the lease, and how far the outbox is trimmed.

A Redis that answers but takes no writes (its disk is full, or it has become a replica) lets nobody take
or renew a lease. What waits in the outbox is published all the same: the producer's epoch fences any
second publisher, the position in Kafka remembers how far it got, and what such a Redis forgets in a
crash is healed from the topic like any rollback. Trimming waits until Redis takes writes again.
"""

from __future__ import annotations

import time

from workers.errors import BrokerError, StoreError
from workers.publisher.kafka_connection import FencedError
from workers.store.outbox import Entry, ShardOutbox

_REFUSALS = ("disk", "read_only")


class ShardHold:
    """One session's hold on one shard. Its methods raise StoreError, StateRegressedError.

    Attributes:
        trimmed: the sequence that Redis knows to be published.
        refused: why Redis takes no writes now (``disk``, ``read_only``), else empty.
    """

    def __init__(self, outbox: ShardOutbox, token: str, lease_ms: int) -> None:
        self.trimmed = 0
        self.refused = ""
        self._outbox = outbox
        self._token = token
        self._lease_ms = lease_ms
        self._run = ""
        self._renewed = 0.0
        self._opened = False
        self._untrimmed: Entry | None = None

    def take(self) -> bool:
        """Take the lease; False while another has it. Nothing without our dataset."""
        self._run = self._outbox.run()
        try:
            taken = self._outbox.acquire(self._token, self._lease_ms)
        except StoreError as error:
            self._refuse(error)
            taken = self._outbox.holder() in ("", self._token)
        if taken:
            self._renewed = time.monotonic()
        return taken

    def ages(self) -> bool:
        """True when the lease should be renewed."""
        return time.monotonic() - self._renewed > self._lease_ms / 4000

    def renew(self) -> None:
        """Keep the lease. Raises FencedError when it went to another worker.

        A replica is left, not held on to: a new connection may lead to the new primary.
        """
        try:
            self._held(self._outbox.acquire(self._token, self._lease_ms))
        except StoreError as error:
            if error.reason == "read_only":
                raise
            self._refuse(error)

    def confirm(self, replicas: int, timeout_ms: int) -> bool:
        """Keep the lease and wait for the disk; False when that did not confirm in time.

        Raises FencedError when the lease went to another worker.
        """
        try:
            held, durable = self._outbox.renew_durably(
                self._token, self._lease_ms, replicas, timeout_ms
            )
        except StoreError as error:
            self._refuse(error)
            return True
        self._held(held)
        return durable

    def check(self) -> None:
        """Raises BrokerError unless all is in Redis as this session left it."""
        if not self._outbox.unchanged_since(self.trimmed, self._run, opened=self._opened):
            raise BrokerError("Redis is not as this publisher left it: compared with Kafka anew")

    def open(self) -> None:
        """Let articles in: all is as Kafka remembers it. Raises BrokerError after a restart of Redis."""
        try:
            opened = self._outbox.open_shard(self._run)
        except StoreError as error:
            self._refuse(error)
            return
        if not opened:
            raise BrokerError("Redis was restarted while its state was compared with Kafka's")
        self._opened = True

    def trim(self, entry: Entry) -> None:
        """All up to this entry is published."""
        try:
            self._outbox.trim(entry.sequence, entry.total, entry.ce_id)
        except StoreError as error:
            self._refuse(error)
            self._untrimmed = entry
            return
        self.trimmed = entry.sequence
        self._untrimmed = None

    def _held(self, held: bool) -> None:
        if not held:
            raise FencedError("the shard's lease went to another worker")
        self._renewed = time.monotonic()
        if not self.refused:
            return
        self.refused = ""
        if self._untrimmed is not None:
            self.trim(self._untrimmed)
        if not self._opened:
            self.open()

    def _refuse(self, error: StoreError) -> None:
        """Go on without a lease that nobody can take. Raises the error when it is of another kind."""
        if error.reason not in _REFUSALS:
            raise error
        self.refused = error.reason
        self._renewed = time.monotonic()
