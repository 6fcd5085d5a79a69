"""What a run happens on: a Kafka, a Valkey, a world of feeds, and two instances of three workers each.

Both instances share the Kafka, the Valkey and the feeds, and each publishes all articles of them on
topics of its own: what one suffers must not show in the other.
"""

from __future__ import annotations

import random
import secrets
import shutil
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack, suppress
from datetime import datetime
from pathlib import Path

import redis
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.fault.crew import Instance
from tests.fault.nursery import Nursery
from tests.support.judge import Verdict, count, read_topic
from tests.support.proxy import Proxy
from tests.support.servers import KafkaServer, ValkeyServer
from tests.support.topic import Record, UnsettledError
from tests.support.worker import FAST
from tests.support.world_process import WorldProcess

SHARDS = 2
FEEDS, RATE, WINDOW = 10, 0.4, 40
MARGIN_S = 6.0
"""What was in a feed for so long since all feeds were read once is required. Every entry that comes
later stays for more than a minute, so that is each of them."""
_FIRST_POLLS_S = 30.0
"""The reading of all feeds once is waited for no longer: then what they show is required all the same."""
_HANGS = FEEDS - 1
_TICK_S = 0.05

SETTINGS: dict[str, str] = {
    **FAST,
    "NEWSWIRE_SHARDS": str(SHARDS),
    "NEWSWIRE_FETCH_DEADLINE": "1s",
    "NEWSWIRE_CLAIM_LEASE": "3s",
    "NEWSWIRE_KAFKA_TRANSACTION_TIMEOUT": "2500ms",
    "NEWSWIRE_PUBLISHER_LEASE": "3500ms",
    "NEWSWIRE_GRACE": "2s",
    "NEWSWIRE_LOG_POLLS": "changed",
    "NEWSWIRE_CONNECT_WAIT": "60s",
}


def _missing(verdicts: Sequence[Verdict]) -> int:
    return sum(len(v.lost) + len(v.stale) for v in verdicts)


class Stage:
    """A run's servers, world and workers; ``judge`` after ``settle`` says what came of it.

    ``without`` names the guard that all workers lack, '' for none.
    """

    def __init__(
        self,
        kafka: KafkaServer,
        proxy: Proxy,
        nursery: Nursery,
        directory: Path,
        seed: int,
        *,
        without: str = "",
        valkey_settings: Mapping[str, str] | None = None,
    ) -> None:
        self.kafka, self.proxy, self.seed = kafka, proxy, seed
        self.random = random.Random(seed)
        self.directory = directory
        self.without = without
        self.confirmed = directory / "confirmed"
        self.log = directory / "workers.log"
        directory.mkdir(parents=True)
        self.confirmed.touch()
        self._ready_s = self._epoch_s = 0.0
        self.points: Counter[str] = Counter()
        self._closing = ExitStack()
        self.valkey = ValkeyServer(directory / "valkey", settings=valkey_settings)
        self._closing.callback(self.valkey.close)
        try:
            self.valkey.start()
            # A control must not fail by itself: without shared articles, no feed races another.
            shared = 0.0 if without else 0.05
            self.world = self._closing.enter_context(
                WorldProcess(
                    seed=seed, feeds=FEEDS, rate=RATE, window=WINDOW, hosts=5, shared=shared
                )
            )
            self.instances = [self._instance(nursery, n, without) for n in "ab"]
        except BaseException:
            self._closing.close()
            raise

    def _instance(self, nursery: Nursery, letter: str, without: str) -> Instance:
        feeds = self.directory / "feeds.txt"
        feeds.write_text("\n".join(self.world.urls()) + "\n")
        name = f"{letter}{secrets.token_hex(4)}"
        env = SETTINGS | {
            "NEWSWIRE_INSTANCE": name,
            "NEWSWIRE_TOPIC_PREFIX": f"{name}.",
            "NEWSWIRE_FEEDS": str(feeds),
            "NEWSWIRE_REDIS_URL": self.valkey.url,
            "NEWSWIRE_KAFKA_BOOTSTRAP_SERVERS": self.proxy.address,
            "FAULT_AOF": str(self.valkey.aof),
            "FAULT_CONFIRMED": str(self.confirmed),
        }
        return Instance(nursery, env, self.log, without)

    def start(self) -> None:
        """Wait until both instances publish. Raises RuntimeError when they do not."""
        if not self.flowing(60):
            raise RuntimeError(f"nothing is published; see {self.log}")
        now = self.world.state()
        self._ready_s, self._epoch_s = float(now["now_s"]), now["epoch_ms"] / 1000

    # -- while it runs ----------------------------------------------------------------------------

    def wait(self, seconds: float) -> None:
        """Let time pass; workers that end are followed by others."""
        self.until(lambda: False, seconds)

    def until(self, done: Callable[[], bool], timeout_s: float) -> bool:
        """Let time pass until ``done``; False when ``timeout_s`` seconds were not enough."""
        deadline = time.monotonic() + timeout_s
        while True:
            for instance in self.instances:
                instance.tend()
            if done():
                return True
            if time.monotonic() > deadline:
                return False
            time.sleep(_TICK_S)

    def published(self) -> dict[tuple[str, int], int]:
        """How far each shard of each instance says that it is published: (instance, shard) to sequence."""
        found = {}
        with suppress(redis.RedisError), self.valkey.client() as client:
            for instance in self.instances:
                for shard in range(SHARDS):
                    key = f"{{{instance.name}:s{shard:02d}}}:ob"
                    found[instance.name, shard] = int(client.hget(key, "pub") or 0)
        return found

    def flowing(self, timeout_s: float = 20.0) -> bool:
        """Wait until every shard publishes: a fault is no test of what does nothing anyway."""
        before = self.published()
        return self.until(
            lambda: (
                len(now := self.published()) == 2 * SHARDS
                and all(now[k] > before.get(k, 0) for k in now)
            ),
            timeout_s,
        )

    def release_point_feed(self) -> None:
        """One feed hangs for ever, so that a worker that stops has something to hand back."""
        self.world.inject(_HANGS, "hang", 1e6)

    # -- what came of it ----------------------------------------------------------------------------

    def settle(self) -> list[Verdict]:
        """Nothing new any more, everything healthy: wait until all is published, or no more of it
        comes: then it is lost."""
        self.proxy.reset()
        self.world.freeze()
        for instance in self.instances:
            instance.away, instance.staff = False, len(instance.slots)
            instance.heal()
        self.wait(self._ready_s + MARGIN_S + 1)
        patience_s = 20 if self.without else 60
        missing = _missing(self.judge())
        deadline = time.monotonic() + patience_s
        while missing and time.monotonic() < deadline:
            self.wait(2)
            before, missing = missing, _missing(self.judge())
            if missing < before:  # late on a busy machine is not lost
                deadline = time.monotonic() + patience_s
        for instance in self.instances:
            instance.stop()
        return self.judge()

    def judge(self) -> list[Verdict]:
        """One verdict for each instance, on what its topic holds now."""
        return [
            count(self._records(i.topic), self.world.expected(self._read_s(i) + MARGIN_S))
            for i in self.instances
        ]

    def _read_s(self, instance: Instance) -> float:
        """When an instance had read each feed to its end once, as time of the world.

        With workers that are killed all the while on a busy machine that takes long, and what a feed showed
        at the world's beginning soon leaves it.
        """
        first: dict[str, float] = {}
        for record in self._records(instance.feeds_topic):
            if record.value and record.value["state"] == "healthy":
                at = datetime.fromisoformat(record.value["changedAt"]).timestamp() - self._epoch_s
                first[record.key] = min(at, first.get(record.key, at))
        read_s = max(first.values(), default=0.0)
        return min(max(self._ready_s, read_s), self._ready_s + _FIRST_POLLS_S)

    def _records(self, topic: str) -> list[Record]:
        try:
            return read_topic(self.kafka.bootstrap, topic, settle_s=20)
        except (KafkaException, UnsettledError):
            return []  # no such topic yet, or never readable: everything is lost then

    def close(self, *, keep_log: bool) -> None:
        """End all; the log of the workers stays when something was wrong."""
        for instance in self.instances:
            instance.kill_all()
        self._closing.close()
        self._remove_topics()
        if not keep_log:
            shutil.rmtree(self.directory, ignore_errors=True)

    def _remove_topics(self) -> None:
        admin = AdminClient({"bootstrap.servers": self.kafka.bootstrap, "log_level": 0})
        prefixes = tuple(i.env["NEWSWIRE_TOPIC_PREFIX"] for i in self.instances)
        with suppress(KafkaException):  # only tidying; the broker goes at the end
            names = [n for n in admin.list_topics(timeout=10).topics if n.startswith(prefixes)]
            for deleted in admin.delete_topics(names, request_timeout=10).values():
                deleted.result()
