"""Which dataset a worker's Redis holds: found at the start, and followed when it becomes another."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

from structlog.typing import FilteringBoundLogger

from workers.errors import (
    OUTAGES,
    NewswireError,
    StateRegressedError,
    StateVersionError,
    StoreError,
)
from workers.publisher.kafka_connection import KafkaConnection
from workers.publisher.kafka_reader import PositionReader
from workers.settings import Settings
from workers.store.dataset import Marker, last_marker, open_dataset
from workers.store.store import Store
from workers.threads import in_daemon

FOLLOW_S = 2.0
REGRESSED_S = 5.0
"""A Redis that lost its state is looked at again so often: somebody may be putting it back."""


class DatasetWatch:
    """The dataset of a worker's Redis.

    Attributes:
        marker: what Redis said of it when it was last opened.
        problem: why it cannot be opened, in words; empty when it was.
    """

    marker: Marker

    def __init__(
        self,
        settings: Settings,
        store: Store,
        kafka: KafkaConnection,
        log: FilteringBoundLogger,
        *,
        start_empty: bool,
    ) -> None:
        self.problem = ""
        self._s = settings
        self._store = store
        self._kafka = kafka
        self._log = log
        self._start_empty = start_empty

    async def wait(self, deadline: float) -> None:
        """Open it; wait as long as it is lost, and until ``deadline`` (monotonic seconds) for a Redis that is
        out of reach. Raises StoreError, ConfigError."""
        while True:
            try:
                await self.open()
            except StateRegressedError as error:
                if self.problem != str(error):
                    self.problem = str(error)
                    self._log.error("state_regressed", detail=str(error))
                await asyncio.sleep(REGRESSED_S)
            except StoreError as error:  # loading, on another node of a cluster: it passes
                if error.reason not in OUTAGES or time.monotonic() > deadline:
                    raise
                await asyncio.sleep(0.5)
            else:
                self.problem = ""
                return

    async def open(self) -> None:
        """Compare what Redis holds with what Kafka remembers."""
        reader = PositionReader(self._kafka, f"{self._s.topic_prefix}positions")
        positions = await in_daemon(
            reader.read_all,
            self._s.instance,
            self._s.shards,
            self._s.kafka_transaction_timeout + 10 + self._s.connect_wait,
        )
        published = {shard: p.dataset for shard, p in positions.items()}
        self.marker = await open_dataset(
            self._store, self._s.topic_prefix, published, start_empty=self._start_empty
        )
        self._start_empty = False  # it was asked for once: a Redis emptied later is a fault

    async def follow(self, regressed: Callable[[], bool]) -> None:
        """Go on by itself once an emptied Redis was filled again, begun anew by another worker, or put
        into another version. Raises StateVersionError when that is one that this release does not know."""
        while True:
            await asyncio.sleep(FOLLOW_S)
            with suppress(StoreError):
                if not regressed() and not await self._is_another():
                    continue
            before = self.marker
            try:
                await self.open()
            except StateVersionError:
                raise
            except NewswireError:  # still empty, or out of reach: asked again
                continue
            if self.marker.dataset != before.dataset:
                self._log.info("dataset_adopted", dataset=self.marker.dataset)
            elif self.marker.version != before.version:
                self._log.info("state_finalized", state_version=self.marker.version)

    async def _is_another(self) -> bool:
        return await last_marker(self._store) not in ("", self._store.marker)
