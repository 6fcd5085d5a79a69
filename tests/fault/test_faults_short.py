"""The short form of ``make faults`` for every test run, and that the harness can be believed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fault.faults import FAULTS, Fault, More, kill_kafka, kill_valkey, kill_workers
from tests.fault.guards import GUARDS
from tests.fault.nursery import Nursery
from tests.fault.points import FREEZING, POINTS
from tests.fault.results import Result, table
from tests.fault.runs import Ground, control, perform
from tests.fault.stage import Stage
from tests.support.kafka_jars import ROOT
from tests.support.proxy import Proxy
from tests.support.servers import KafkaServer

_KILLS = 30


@pytest.fixture
def ground(kafka_server: KafkaServer, kafka_proxy: Proxy) -> Iterator[Ground]:
    """The suite's Kafka, and workers to crash."""
    with Nursery() as nursery:
        yield Ground(kafka_server, kafka_proxy, nursery, "tests", "tests")


def _some_of_each(stage: Stage, more: More) -> int:
    done = kill_workers(stage, lambda n: more(n) and n < _KILLS)
    for instance in stage.instances:
        instance.heal()
    done += kill_kafka(stage, lambda n: n < 1)
    return done + kill_valkey(stage, lambda n: n < 1)


@pytest.mark.servers
@pytest.mark.timeout(240)
def test_nothing_lost_and_nothing_twice(ground: Ground, tmp_path: Path) -> None:
    """Workers killed at named points, then the broker, then Redis: a consumer gets each article once."""
    end = time.monotonic() + 25
    fault = Fault("some of each", _KILLS + 2, _KILLS + 2, _some_of_each, ())
    result = perform(ground, tmp_path / "run", fault, 1, lambda _: time.monotonic() < end)
    assert result.clean, "\n".join(result.findings)
    assert result.articles > 500
    # How many places are reached depends on the machine; that kills hit named places at all does not.
    assert len(result.points) > 3, "hardly any named place was reached"


@pytest.mark.servers
@pytest.mark.timeout(300)
def test_harness_sees_what_a_missing_guard_does(ground: Ground, tmp_path: Path) -> None:
    """A worker that publishes before it commits is convicted by the same harness."""
    results = control(ground, tmp_path, FAULTS["worker killed"], "publish_before_commit")
    assert results[-1].twice


def _worker(*arguments: str) -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-m", "tests.fault.worker_under_test", *arguments]
    env = {k: v for k, v in os.environ.items() if not k.startswith("NEWSWIRE_")}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, check=False, timeout=60)


_INSTALL_ALL = """
from tests.fault.guards import GUARDS
from tests.fault.points import POINTS, die, install
for name in POINTS:
    install(name, die)
for guard in GUARDS.values():
    guard()
"""


def test_all_points_and_guards_are_in_the_product() -> None:
    """Each named point and each guard to switch off is a function that the worker has."""
    done = subprocess.run(
        [sys.executable, "-c", _INSTALL_ALL], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert set(FREEZING) <= set(POINTS)
    assert {guard for fault in FAULTS.values() for guard in fault.controls} <= set(GUARDS)


def test_worker_under_test_is_a_worker() -> None:
    """Without a point it is ``newswire run``; an unknown point is an error, not a worker that lives."""
    done = _worker()
    assert done.returncode == 78
    assert b"NEWSWIRE_FEEDS" in done.stdout + done.stderr
    assert _worker("--kill-at", "no_such_point").returncode == 1


def test_child_that_is_killed_is_told_from_one_that_ends(tmp_path: Path) -> None:
    """The nursery knows of each worker how it ended, and sends signals to none that is gone."""
    with Nursery() as nursery:
        ends = nursery.start({}, tmp_path / "log")
        assert ends.wait() == 78
        ends.kill()
        frozen = nursery.start({"NEWSWIRE_FEEDS": "/nowhere"}, tmp_path / "log")
        nursery.signal(frozen, signal.SIGSTOP)
        frozen.kill()
        assert frozen.wait() == -signal.SIGKILL


def _result(
    fault: str, injected: int, *, code: str = "x", without: str = "", lost: int = 0
) -> Result:
    return Result(
        code=code,
        commit="c",
        seed=1,
        fault=fault,
        without=without,
        injected=injected,
        articles=100,
        lost=lost,
        twice=0,
        longest_delay_s=1.5,
    )


def _row(text: str, fault: str) -> list[str]:
    line = next(line for line in text.splitlines() if line.startswith(f"| {fault} "))
    return [cell.strip() for cell in line.strip("|").split("|")]


def test_table_sums_runs_of_the_same_code() -> None:
    """Counts are those of this code alone; what is not reached is shown as it is."""
    results = [
        _result("Kafka killed", 30),
        _result("Kafka killed", 69, lost=1),
        _result("Kafka killed", 500, code="other"),
        _result("Kafka killed", 7, without="at_least_once", lost=3),
    ]
    row = _row(table(results, "x"), "Kafka killed")
    assert row[:5] == ["Kafka killed", "99/100", "200", "1", "0"]
    assert "at_least_once: 3 lost" in row[6]


def test_table_accuses_a_control_that_did_not_fail() -> None:
    """A control without any harm is not passed over, and one that was not run is said to be missing."""
    text = table([_result("Kafka killed", 9, without="at_least_once")], "x")
    assert "control did NOT fail" in _row(text, "Kafka killed")[6]
    assert "not run" in _row(text, "Valkey killed")[6]
