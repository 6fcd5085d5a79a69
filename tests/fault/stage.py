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
from collections.abc import Callable, Mapping
from contextlib import ExitStack, suppress
from pathlib import Path
from typing import NamedTuple

import redis
from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from tests.fault.nursery import Child, Nursery
from tests.support.judge import Verdict, count, read_topic
from tests.support.proxy import Proxy
from tests.support.servers import KafkaServer, ValkeyServer
from tests.support.topic import UnsettledError
from tests.support.worker import FAST
from tests.support.world_process import WorldProcess

SHARDS = 2
FEEDS, RATE, WINDOW = 10, 0.4, 40
SHOWN_FOR_S = 5.0
"""Every entry stays in its feed for more than a minute, so each that was ever shown is required."""
_HANGS = FEEDS - 1
_TICK_S = 0.05

SETTINGS: dict[str, str] = {
    **FAST,
    "NEWSWIRE_SHARDS": str(SHARDS),
    "NEWSWIRE_FETCH_DEADLINE": "1s",
    "NEWSWIRE_CLAIM_LEASE": "3s",
    "NEWSWIRE_KAFKA_TRANSACTION_TIMEOUT": "1500ms",
    "NEWSWIRE_PUBLISHER_LEASE": "2s",
    "NEWSWIRE_GRACE": "2s",
    "NEWSWIRE_LOG_POLLS": "changed",
    "NEWSWIRE_CONNECT_WAIT": "60s",
}


class Plan(NamedTuple):
    """How a worker that starts now is to end; nothing set: not at all."""

    kill_at: str = ""
    freeze_at: str = ""
    stop_after_s: float = 0.0
    kill_after_s: float = 0.0


class Slot:
    """One worker of an instance, and its successors."""

    def __init__(self) -> None:
        self.child: Child | None = None
        self.plan = Plan()
        self.since = 0.0
        self.asked = ""  # what we did to it: "killed", "terminated"


class Instance:
    """Three workers of one NEWSWIRE_INSTANCE, brought back whenever one has ended."""

    def __init__(self, nursery: Nursery, env: Mapping[str, str], log: Path, without: str) -> None:
        self.name = env["NEWSWIRE_INSTANCE"]
        self.topic = f"{env['NEWSWIRE_TOPIC_PREFIX']}articles"
        self.env = dict(env)
        self.slots = [Slot() for _ in range(3)]
        self.plan: Callable[[], Plan] = Plan
        self.crashes: Counter[str] = Counter()
        self.surprises: list[str] = []
        self.arguments: list[str] = []
        self.away = False
        self.staff = len(self.slots)
        self._nursery = nursery
        self._log = log
        self._without = without

    def tend(self) -> None:
        """Note who has ended and start a successor; end those whose time has come."""
        for index, slot in enumerate(self.slots):
            if slot.child is not None and slot.child.ended.is_set():
                self._note_end(slot, slot.child)
                slot.child = None
            if slot.child is None:
                if not self.away and index < self.staff:
                    self._start(slot)
                continue
            age = time.monotonic() - slot.since
            if slot.plan.stop_after_s and age > slot.plan.stop_after_s and not slot.asked:
                slot.asked = "terminated"
                slot.child.terminate()
            if slot.plan.kill_after_s and age > slot.plan.kill_after_s and slot.asked != "killed":
                slot.asked = "killed"
                slot.child.kill()

    def _start(self, slot: Slot) -> None:
        slot.plan, slot.asked, slot.since = self.plan(), "", time.monotonic()
        slot.child = self._nursery.start(
            self.env, self._log, kill_at=slot.plan.kill_at, freeze_at=slot.plan.freeze_at,
            without=self._without, arguments=self.arguments,
        )  # fmt: skip

    def _note_end(self, slot: Slot, child: Child) -> None:
        code = child.exit_code
        if code == -9 and slot.asked == "killed":
            self.crashes["any_time"] += 1
        elif code == -9 and slot.plan.kill_at:
            self.crashes[slot.plan.kill_at.partition(":")[0]] += 1
        elif not (code == 0 and slot.asked):
            self.surprises.append(f"a worker of {self.name} ended with {code}")

    def heal(self) -> None:
        """From now on workers live; those that were to die are replaced by such that are not."""
        self.plan = Plan
        for slot in self.slots:
            if slot.child and slot.plan != Plan() and not slot.asked:
                slot.asked = "killed"
                slot.child.thaw()
                slot.child.kill()

    def kill_all(self) -> None:
        """SIGKILL to all workers; they stay away until ``away`` is False again."""
        self.away = True
        for slot in self.slots:
            if slot.child:
                slot.asked = "killed"
                slot.child.kill()
        for slot in self.slots:
            if slot.child:
                slot.child.wait()
        self.tend()

    def stop(self) -> None:
        """SIGTERM to all; whoever does not end well and in time is a surprise."""
        self.away = True
        for slot in self.slots:
            if slot.child:
                slot.asked = "terminated"
                slot.child.terminate()
        for slot in self.slots:
            if slot.child:
                try:
                    slot.child.wait(15)
                except TimeoutError as error:
                    self.surprises.append(f"{self.name}: {error}")
        self.tend()


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
        arguments: tuple[str, ...] = (),
    ) -> None:
        self.kafka, self.proxy, self.seed = kafka, proxy, seed
        self.random = random.Random(seed)
        self.directory = directory
        self.control = bool(without)
        self.confirmed = directory / "confirmed"
        self.log = directory / "workers.log"
        directory.mkdir(parents=True)
        self.confirmed.touch()
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
            self.instances = [self._instance(nursery, n, without, arguments) for n in "ab"]
        except BaseException:
            self._closing.close()
            raise

    def _instance(
        self, nursery: Nursery, letter: str, without: str, arguments: tuple[str, ...]
    ) -> Instance:
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
        instance = Instance(nursery, env, self.log, without)
        instance.arguments = list(arguments)
        return instance

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
        """Nothing new any more, everything healthy: wait until all is published, or given up as lost."""
        self.proxy.reset()
        self.world.freeze()
        for instance in self.instances:
            instance.away, instance.staff = False, len(instance.slots)
            instance.heal()
        deadline = time.monotonic() + (20 if self.control else 60)
        self.wait(SHOWN_FOR_S + 1)
        verdicts = self.judge()
        while time.monotonic() < deadline and any(v.lost or v.stale for v in verdicts):
            self.wait(2)
            verdicts = self.judge()
        for instance in self.instances:
            instance.stop()
        return self.judge()

    def judge(self) -> list[Verdict]:
        """One verdict for each instance, on what its topic holds now."""
        expected = self.world.expected(SHOWN_FOR_S)
        return [count(self._records(i.topic), expected) for i in self.instances]

    def _records(self, topic: str) -> list:
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
