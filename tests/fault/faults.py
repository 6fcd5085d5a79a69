"""What is done to the worker and to what it lives on. Each function injects one kind of fault again and
again while ``more(count)``, and returns how often it truly happened."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal, NamedTuple

import redis

from tests.fault.crew import Instance, Plan
from tests.fault.points import FREEZING, POINTS
from tests.fault.stage import Stage
from tests.support.proxy import END_TXN, PRODUCE, Cut

More = Callable[[int], bool]
Inject = Callable[[Stage, More], int]

_PLAIN = [name for name, point in POINTS.items() if not point.stopping]
_STOPPING = [name for name, point in POINTS.items() if point.stopping]
_LEASE_S = 3.5
_RECORD_OUTAGE_S = 1.8
"""Longer than the records of a transaction live (half of NEWSWIRE_KAFKA_TRANSACTION_TIMEOUT)."""
_COMMIT_OUTAGE_S = 6.0
"""Longer than transaction and lease live: the broker has aborted, and another worker has taken over."""


class Fault(NamedTuple):
    """One kind of fault: how often it is wanted in sum over runs, how often in a short run, and the
    guards without which it must do harm."""

    name: str
    wanted: int
    short: int
    inject: Inject
    controls: tuple[str, ...]


def kill_workers(stage: Stage, more: More) -> int:
    """SIGKILL at each named point in turn, and at any time."""
    names = [*POINTS, "", ""]
    stage.random.shuffle(names)
    turn = 0

    def plan() -> Plan:
        nonlocal turn
        name = names[turn % len(names)]
        turn += 1
        rng = stage.random
        latest = rng.uniform(7, 10)
        if name in _STOPPING:
            return Plan(f"{name}:1", "", rng.uniform(2, 4), latest)
        if name:
            return Plan(f"{name}:{rng.choice((1, 1, 2, 3, 5, 9))}", "", 0, latest)
        return Plan("", "", 0, rng.uniform(0.2, 4))

    stage.release_point_feed()
    for instance in stage.instances:
        instance.plan = plan
        instance.kill_all()
        instance.crashes.clear()
        instance.away = False
    while more(stage.points.total()):
        stage.wait(0.2)
        stage.points = stage.instances[0].crashes + stage.instances[1].crashes
    return stage.points.total()


def kill_kafka(stage: Stage, more: More) -> int:
    """SIGKILL to the broker while both instances publish; back after up to a second."""
    done = 0
    while more(done):
        stage.flowing()
        stage.wait(stage.random.uniform(0, 1))
        stage.kafka.kill()
        done += 1
        stage.wait(stage.random.uniform(0, 1))
        stage.kafka.start()
    return done


def kill_valkey(stage: Stage, more: More) -> int:
    """SIGKILL to Valkey (its file everysec) while both instances publish."""
    done = 0
    while more(done):
        stage.flowing()
        stage.wait(stage.random.uniform(0, 0.7))
        stage.valkey.kill()
        done += 1
        stage.wait(stage.random.choice((0, 0, 0.5, 1)))
        stage.valkey.start()
    return done


def freeze_publishers(stage: Stage, more: More) -> int:
    """SIGSTOP to a publisher in the middle of its work; it goes on when a successor has published.

    Counted when every shard of its instance, its own among them, was published by others meanwhile.
    """
    done = 0
    while more(done):
        for instance in stage.instances:
            _start_one_that_freezes(stage, instance)
        stage.until(lambda: all(_frozen(i) for i in stage.instances), 10)
        frozen = [i for i in stage.instances if _frozen(i)]
        for instance in stage.instances:
            instance.plan, instance.staff = Plan, 3
        before = stage.published()
        stage.wait(_LEASE_S)
        for instance in frozen:
            own = {key: n for key, n in before.items() if key[0] == instance.name}
            done += _moves_on(stage, own)
        for instance in frozen:
            _frozen(instance).thaw()
        stage.wait(stage.random.uniform(0.5, 1.5))
    return done


def _start_one_that_freezes(stage: Stage, instance: Instance) -> None:
    """It is alone at first, so it takes all leases, and freezes when it gets to its point."""
    at, hit = stage.random.choice(FREEZING), stage.random.choice((1, 2, 4))
    instance.kill_all()
    instance.plan = lambda: Plan(freeze_at=f"{at}:{hit}")
    instance.away, instance.staff = False, 1


def _frozen(instance: Instance) -> Any:
    """The worker that stands still, None when there is none."""
    return next((s.child for s in instance.slots if s.child and s.child.stopped), None)


def _moves_on(stage: Stage, before: dict[tuple[str, int], int]) -> bool:
    """Whether each of these shards is soon published further."""

    def moved() -> bool:
        now = stage.published()
        return all(now.get(key, 0) > sequence for key, sequence in before.items())

    return stage.until(moved, 15)


def _cut(stage: Stage, more: More, api_key: int, when: Literal["before", "answer"]) -> int:
    """Cut connections at one kind of request: a few times, or until the client has had to give up."""
    done = 0
    while more(done):
        stage.flowing()
        rng = stage.random
        cut = stage.proxy.cut(
            api_key, when, skip=rng.choice((0, 0, 1, 2)), times=rng.choice((1, 1, 2, 3))
        )
        lasting = rng.random() < 0.5
        if lasting:  # nor does a later request get through to ask again
            stage.proxy.cut(api_key, "before", times=1000)
        _await_cut(stage, cut)
        if lasting:
            stage.wait(_RECORD_OUTAGE_S if api_key == PRODUCE else _COMMIT_OUTAGE_S)
        stage.proxy.reset()
        done += cut.done
    return done


def _await_cut(stage: Stage, cut: Cut) -> None:
    stage.until(lambda: cut.done >= cut.times, 3)


def cut_produce(stage: Stage, more: More) -> int:
    """The connection is cut at a produce request, which never reaches the broker."""
    return _cut(stage, more, PRODUCE, "before")


def cut_commit(stage: Stage, more: More) -> int:
    """The connection is cut when all is produced and the commit is about to be sent."""
    return _cut(stage, more, END_TXN, "before")


def cut_answer(stage: Stage, more: More) -> int:
    """The broker commits, and its answer is lost."""
    return _cut(stage, more, END_TXN, "answer")


def cut_file(stage: Stage, more: More) -> int:
    """Redis loses what was behind the last byte that anybody was told is on the disk.

    As when the machine crashes: a cut anywhere between that byte and the file's end. Kafka stands
    still for the second before it, so that there is something unconfirmed to lose.
    """
    waits = stage.without != "waitaof_elsewhere"  # else a worker's word means nothing
    done = 0
    while more(done):
        stage.flowing()
        probed = _probe(stage)
        if waits:
            stage.proxy.stall()
        stage.wait(stage.random.uniform(0.3, 1.2))
        stage.valkey.kill()
        stage.proxy.flow()
        time.sleep(1.0)  # whoever was confirmed last has noted it by now
        end = stage.valkey.aof.stat().st_size
        notes = [int(n) for n in stage.confirmed.read_text().split()] if waits else []
        confirmed = max([probed, *notes])
        at = stage.random.randint(confirmed, end - 1) if confirmed < end else end
        stage.valkey.cut_aof(at)
        stage.confirmed.write_text("")
        stage.valkey.start()
        done += at < end
    return done


def _probe(stage: Stage) -> int:
    """The length of Valkey's file at a time before which all was confirmed to be on the disk."""
    size = stage.valkey.aof.stat().st_size
    with stage.valkey.client() as client, suppress(redis.RedisError):
        client.set("probe", "1")
        client.execute_command("WAITAOF", 1, 0, 5000)
    return size


def cut_deeper(stage: Stage, more: More) -> int:
    """Redis is set back to where it was seconds ago, behind what is published since, as by a backup.

    Counted when each shard had published something that Redis does not know any more.
    """
    done = 0
    while more(done):
        stage.flowing(30)
        size, before = stage.valkey.aof.stat().st_size, stage.published()
        stage.wait(stage.random.uniform(1, 5))
        moved = _moves_on(stage, before)
        stage.valkey.kill()
        stage.valkey.cut_aof(size)
        stage.confirmed.write_text("")
        stage.valkey.start()
        done += moved
    return done


def empty_valkey(stage: Stage, more: More) -> int:
    """Redis loses everything while Kafka remembers; ``newswire rebuild`` fills it from the topic.

    Not before the feeds' newest entries are dated after the topic's first record (dates know whole
    seconds): older ones are remembered and not announced, as it is promised.
    """
    done = 0
    stage.wait(3)
    while more(done):
        stage.flowing(30)
        stage.wait(stage.random.uniform(0, 1))
        stage.valkey.kill()
        stage.valkey.empty()
        stage.valkey.start()
        stage.confirmed.write_text("")
        stage.wait(stage.random.uniform(0, 3))
        done += 1
        for instance in stage.instances:
            if stage.without:
                instance.kill_all()
                instance.away = False
            else:
                instance.rebuild()
    return done


def fill_valkey(stage: Stage, more: More) -> int:
    """Memory runs out for some seconds; counted when Valkey has refused somebody."""
    done = 0
    while more(done):
        stage.flowing()
        done += _fill_once(stage)
    return done


def _fill_once(stage: Stage) -> bool:
    with stage.valkey.client() as client:
        before = _refusals(client)
        used = int(client.info("memory")["used_memory"])
        client.config_set("maxmemory", used + stage.random.choice((0, 4096)))
        refused = stage.until(lambda: _refusals(client) > before, 8)
        stage.wait(stage.random.uniform(0.5, 2))
        client.config_set("maxmemory", 0)
    return refused


def _refusals(client: redis.Redis) -> int:
    found = client.info("errorstats").get("errorstat_OOM", {})
    return int(found.get("count", 0)) if isinstance(found, dict) else 0


def roll(stage: Stage, more: More) -> int:
    """Three workers are stopped one after the other, each followed by its successor, under load."""
    done = 0
    while more(done):
        for index in range(3):
            stage.wait(stage.random.uniform(0.3, 1.5))
            _replace(stage, index)
        done += 1
    return done


def _replace(stage: Stage, index: int) -> None:
    slots = [instance.slots[index] for instance in stage.instances]
    children = [slot.child for slot in slots if slot.child]
    for slot in slots:
        if slot.child:
            slot.asked = "terminated"
            slot.child.terminate()
    if not stage.until(lambda: all(child.ended.is_set() for child in children), 10):
        stage.instances[0].surprises.append("a worker did not end within 10 s of SIGTERM")


FAULTS: dict[str, Fault] = {
    f.name: f
    for f in (
        Fault(
            "worker killed",
            1000,
            60,
            kill_workers,
            ("publish_before_commit", "feed_before_articles"),
        ),
        Fault("Kafka killed", 100, 3, kill_kafka, ("at_least_once",)),
        Fault("Valkey killed", 100, 6, kill_valkey, ("feed_before_articles",)),
        Fault("publisher frozen past its lease", 50, 4, freeze_publishers, ("no_fencing",)),
        Fault("cut before produce", 50, 5, cut_produce, ("unchecked_sends",)),
        Fault("cut between produce and commit", 50, 5, cut_commit, ("position_outside",)),
        Fault("commit's answer lost", 50, 5, cut_answer, ("position_in_redis",)),
        Fault(
            "Redis rolled back behind the confirmed byte", 20, 4, cut_file, ("waitaof_elsewhere",)
        ),
        Fault("Redis rolled back deeper", 20, 3, cut_deeper, ("no_healing", "plain_counter")),
        Fault("Redis emptied", 20, 2, empty_valkey, ("start_empty",)),
        Fault("Redis full", 20, 3, fill_valkey, ("refusal_ignored",)),
        Fault("rolling restart of three workers", 20, 2, roll, ("abrupt_stop",)),
    )
}
