"""``make faults``: every fault and its controls once in a short form, or until MINUTES are over."""

from __future__ import annotations

import argparse
import contextlib
import itertools
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from tests.fault.faults import FAULTS, Fault
from tests.fault.nursery import Nursery
from tests.fault.results import Result, append, code_hash, commit, load, table
from tests.fault.runs import Ground, control, perform
from tests.support.kafka_jars import ROOT, KafkaMissingError
from tests.support.processes import LOOPBACK
from tests.support.proxy import Proxy
from tests.support.server import ServerError
from tests.support.servers import KafkaServer

_CHUNK_S = 150.0
"""A run lasts so long at most; then the world stands still and the judge counts."""
_LAPS = 20
"""In a shorter session runs are shorter, so that every fault has its turn."""
_AT_ONCE = 3
"""After so many faults, those furthest from what is wanted, a control follows, and the order is
decided anew."""


@contextlib.contextmanager
def _ground(directory: Path) -> Iterator[Ground]:
    with Proxy(protocol="kafka") as proxy:
        kafka = KafkaServer(directory / "kafka", advertised_port=proxy.port)
        try:
            kafka.start()
            proxy.target = (LOOPBACK, kafka.proxied_port)
            with Nursery() as nursery:
                yield Ground(kafka, proxy, nursery, code_hash(), commit())
        finally:
            kafka.close()


class _Session:
    """One call of ``make faults``; ``good`` stays True while all is as it must be."""

    def __init__(self, ground: Ground, directory: Path, end: float | None) -> None:
        self.good = True
        self._ground, self._directory, self._end = ground, directory, end
        self._chunk_s = min(_CHUNK_S, (end - time.monotonic()) / _LAPS) if end else _CHUNK_S
        self._numbers = itertools.count(1)
        self._broken = 0

    @property
    def over(self) -> bool:
        """The time is up."""
        return self._end is not None and time.monotonic() > self._end

    def inject(self, fault: Fault) -> None:
        """One run of a fault."""
        stop = time.monotonic() + self._chunk_s

        def more(n: int) -> bool:
            if self._end is None:
                return n < fault.short and time.monotonic() < stop
            return n < 1 or time.monotonic() < min(stop, self._end)

        seed = random.randrange(1 << 30)
        try:
            result = perform(self._ground, self._folder(), fault, seed, more)
        except (RuntimeError, TimeoutError, ServerError) as error:
            # Not counted; a second one in a row means that nothing works here any more.
            print(f"{fault.name}: the run broke off: {error}", flush=True)
            self.good, self._broken = False, self._broken + 1
            if self._broken > 1:
                raise
            return
        self._broken = 0
        self.good &= result.clean
        _note(result)

    def control(self, fault: Fault, guard: str) -> None:
        """One control, until it has failed."""
        results = control(self._ground, self._folder(), fault, guard)
        for result in results:
            _note(result)
        if not results[-1].harmed:
            self.good = False
            print(f"{fault.name}: without {guard} the control did NOT fail", flush=True)

    def _folder(self) -> Path:
        return self._directory / f"run-{next(self._numbers)}"


def _note(result: Result) -> None:
    append(result)
    name = f"{result.fault} without {result.without}" if result.without else result.fault
    print(
        f"{time.strftime('%H:%M:%S')} {name}: {result.injected} injected, {result.articles} "
        f"articles, {result.lost} lost, {result.twice} twice, {result.wrong} wrong, longest delay "
        f"{result.longest_delay_s} s",
        flush=True,
    )
    if not result.clean and not result.without:
        print(*(f"  {line}" for line in result.findings), sep="\n", flush=True)


def _short(session: _Session, faults: Sequence[Fault]) -> None:
    for fault in faults:
        session.inject(fault)
        for guard in fault.controls:
            session.control(fault, guard)


def _long(session: _Session, faults: Sequence[Fault], code: str) -> None:
    while not session.over:
        done = [r for r in load() if r.code == code]
        injected = {
            f.name: sum(r.injected for r in done if r.fault == f.name and not r.without)
            for f in faults
        }
        failed = {(r.fault, r.without) for r in done if r.harmed}
        missing = [(f, g) for f in faults for g in f.controls if (f.name, g) not in failed]
        short = [f for f in faults if injected[f.name] < f.wanted]
        turn = sorted(short or faults, key=lambda f: injected[f.name] / f.wanted)[:_AT_ONCE]
        for fault in turn if short or not missing else ():
            if not session.over:
                session.inject(fault)
        if missing and not session.over:
            session.control(*random.choice(missing))


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=0, help="0: the short form")
    parser.add_argument("--only", action="append", choices=[*FAULTS], default=[])
    options = parser.parse_args()
    signal.signal(
        signal.SIGTERM, lambda *_: sys.exit(143)
    )  # what was started is ended, and counted
    faults = [FAULTS[name] for name in options.only] or [*FAULTS.values()]
    base = ROOT / ".run" / "faults"
    base.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=base))
    end = time.monotonic() + options.minutes * 60 if options.minutes else None
    try:
        with _ground(directory) as ground:
            session = _Session(ground, directory, end)
            if end is None:
                _short(session, faults)
            else:
                _long(session, faults, ground.code)
    except KafkaMissingError as missing:
        print(f"Faults are only worth something against Apache Kafka: {missing}", file=sys.stderr)
        return 1
    finally:
        print(table(load(), code_hash()), flush=True)
        if not any(directory.rglob("workers.log")):
            shutil.rmtree(directory, ignore_errors=True)
        else:
            print(f"Logs of runs that went wrong: {directory}", flush=True)
    return 0 if session.good else 1


if __name__ == "__main__":
    sys.exit(_main())
