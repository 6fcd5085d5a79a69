"""``make faults``: every fault and its controls once in a short form, or until MINUTES are over."""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.fault.faults import FAULTS, Fault
from tests.fault.nursery import Nursery
from tests.fault.results import Result, append, code_hash, commit, load, table
from tests.fault.stage import Stage
from tests.support.kafka_jars import ROOT
from tests.support.proxy import Proxy
from tests.support.servers import KafkaServer

_CONTROL_TRIES = 4
_CHUNK_S = 60.0
"""A run of the long form: so long, then the world stands still and the judge counts."""


class Harness:
    """The Kafka and the process that all runs of one call share."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.proxy = Proxy(protocol="kafka")
        self.kafka = KafkaServer(directory / "kafka", advertised_port=self.proxy.port)
        self.kafka.start()
        self.proxy.target = ("127.0.0.1", self.kafka.proxied_port)
        self.nursery = Nursery()
        self.code, self.commit = code_hash(), commit()
        self._runs = 0

    def close(self) -> None:
        """End everything."""
        self.nursery.close()
        self.proxy.close()
        self.kafka.close()

    def run(
        self, fault: Fault, seed: int, more: Callable[[int], bool], *, without: str = ""
    ) -> Result:
        """Run one fault while ``more(count)``, and judge. Result is not written anywhere yet."""
        self._runs += 1
        directory = self.directory / f"run-{self._runs}"
        stage = Stage(
            self.kafka,
            self.proxy,
            self.nursery,
            directory,
            seed,
            without=without,
            valkey_settings={"appendfsync": "no"} if without == "waitaof_elsewhere" else None,
        )
        clean = False
        try:
            if not stage.flowing(60):
                raise RuntimeError(f"nothing is published; see {stage.log}")
            injected = fault.inject(stage, more)
            verdicts = stage.settle()
            result = self._result(fault, seed, without, stage, injected, verdicts)
            clean = result.clean
            return result
        finally:
            stage.close(keep_log=not clean and not without)

    def _result(self, fault, seed, without, stage, injected, verdicts) -> Result:
        surprises = [s for i in stage.instances for s in i.surprises]
        lost = [x for v in verdicts for x in [*v.lost, *v.stale]]
        twice = [x for v in verdicts for x in [*v.twice, *v.reverted]]
        wrong = [x for v in verdicts for x in [*v.unexpected, *v.malformed]] + surprises
        points: dict[str, int] = {}
        if fault.name == "worker killed":
            for instance in stage.instances:
                for name, n in instance.crashes.items():
                    points[name] = points.get(name, 0) + n
        return Result(
            code=self.code,
            commit=self.commit,
            seed=seed,
            fault=fault.name,
            without=without,
            injected=injected,
            articles=sum(v.articles for v in verdicts),
            lost=len(lost),
            twice=len(twice),
            wrong=len(wrong),
            longest_delay_s=round(max(v.longest_delay_ms for v in verdicts) / 1000, 1),
            points=points,
            findings=[*lost[:5], *twice[:5], *wrong[:5]],
        )


def _say(result: Result) -> None:
    name = f"{result.fault} without {result.without}" if result.without else result.fault
    print(
        f"{time.strftime('%H:%M:%S')} {name}: {result.injected} injected, {result.articles} articles, "
        f"{result.lost} lost, {result.twice} twice, {result.wrong} wrong, "
        f"longest delay {result.longest_delay_s} s",
        flush=True,
    )
    if not result.clean and not result.without:
        print(*(f"  {line}" for line in result.findings), sep="\n", flush=True)


def _control(harness: Harness, fault: Fault, guard: str) -> bool:
    """Run a control until it fails, as it must. False when it does not."""
    for _ in range(_CONTROL_TRIES):
        end = time.monotonic() + 15
        result = harness.run(
            fault,
            random.randrange(1 << 30),
            lambda n, end=end: n < 2 * fault.short and (time.monotonic() < end or n < 2),
            without=guard,
        )
        append(result)
        _say(result)
        if result.lost or result.twice:
            return True
    print(f"{fault.name}: without {guard} the control did NOT fail", flush=True)
    return False


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=0, help="0: the short form")
    parser.add_argument("--only", action="append", choices=[*FAULTS], default=[])
    parser.add_argument("--no-controls", action="store_true")
    options = parser.parse_args()
    faults = [FAULTS[name] for name in options.only] or [*FAULTS.values()]
    end = time.monotonic() + options.minutes * 60
    good = True
    base = ROOT / ".run" / "faults"
    base.mkdir(parents=True, exist_ok=True)
    harness = Harness(Path(tempfile.mkdtemp(dir=base)))
    try:
        while True:
            for fault in _worst_first(faults, harness.code) if options.minutes else faults:
                good &= _once(harness, fault, end if options.minutes else None)
                if options.minutes and time.monotonic() > end:
                    break
            if not options.no_controls:
                good &= all(_controls_once(harness, faults, end if options.minutes else None))
            if time.monotonic() > end:
                break
    finally:
        harness.close()
    print(table(load(), harness.code))
    return 0 if good else 1


def _worst_first(faults: list[Fault], code: str) -> list[Fault]:
    """What is furthest from what is wanted comes first."""
    done: dict[str, int] = {}
    for result in load():
        if result.code == code and not result.without:
            done[result.fault] = done.get(result.fault, 0) + result.injected
    return sorted(faults, key=lambda f: done.get(f.name, 0) / f.wanted)[:3]


def _once(harness: Harness, fault: Fault, end: float | None) -> bool:
    stop = time.monotonic() + _CHUNK_S

    def more(n: int) -> bool:
        if end is None:
            return n < fault.short and time.monotonic() < stop
        return time.monotonic() < min(stop, end) or n < 1

    result = harness.run(fault, random.randrange(1 << 30), more)
    append(result)
    _say(result)
    return result.clean


def _controls_once(harness: Harness, faults: list[Fault], end: float | None) -> list[bool]:
    """Each control that has not failed yet on this code."""
    failed = {(r.fault, r.without) for r in load() if r.code == harness.code and r.lost + r.twice}
    good = []
    for fault in faults:
        for guard in fault.controls:
            if (fault.name, guard) in failed and end is not None:
                continue
            if end is not None and time.monotonic() > end:
                return good
            good.append(_control(harness, fault, guard))
    return good


if __name__ == "__main__":
    sys.exit(_main())
