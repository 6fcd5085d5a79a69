"""The workers of one instance: started, ended as planned, and followed by others; each end is noted."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

from tests.fault.nursery import Child, Nursery
from tests.support.kafka_jars import ROOT
from tests.support.processes import kill_session, spawn


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
        self.feeds_topic = f"{env['NEWSWIRE_TOPIC_PREFIX']}feeds"
        self.env = dict(env)
        self.slots = [Slot() for _ in range(3)]
        self.plan: Callable[[], Plan] = Plan
        self.crashes: Counter[str] = Counter()
        self.surprises: list[str] = []
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
            self.env,
            self._log,
            kill_at=slot.plan.kill_at,
            freeze_at=slot.plan.freeze_at,
            without=self._without,
        )

    def _note_end(self, slot: Slot, child: Child) -> None:
        code = child.exit_code
        if code == -9 and slot.asked == "killed":
            self.crashes["any_time"] += 1
        elif code == -9 and slot.plan.kill_at:
            self.crashes[slot.plan.kill_at.partition(":")[0]] += 1
        elif not (code == 0 and slot.asked):
            self.surprises.append(f"a worker of {self.name} ended with {code}")

    def rebuild(self, timeout_s: float = 60.0) -> None:
        """``newswire rebuild``, while the workers are there; a failure is a surprise."""
        inherited = {k: v for k, v in os.environ.items() if not k.startswith("NEWSWIRE_")}
        with self._log.open("ab") as log:
            process = spawn(
                [sys.executable, "-m", "workers.cli", "rebuild"],
                cwd=ROOT,
                env={**inherited, **self.env},
                stdout=log,
            )
            try:
                code: int | str = process.wait(timeout_s)
            except subprocess.TimeoutExpired:
                code = f"no end after {timeout_s} s"
                kill_session(process)
        if code:
            self.surprises.append(f"newswire rebuild of {self.name}: {code}")

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
