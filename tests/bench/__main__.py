"""``make bench``: what a poll costs, path by path, beside a plain loop of the same libraries in one run."""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import msgspec

from tests.bench import polling_simulation
from tests.bench.chart import chart
from tests.bench.delay import LOAD, P50_S, P99_S, Delay, measure_delay
from tests.bench.paths import FEEDS, Cost, Ground, baseline_ms, measure
from tests.bench.profile import summary
from tests.fault.results import commit
from tests.support.kafka_jars import ROOT, KafkaMissingError

TARGETS = {
    "not-modified": 0.45,
    "unchanged": 0.05,
    "no-news": 0.08,
    "one-new": 0.1,
    "all-new": 0.2,
    "mix": 0.12,
}
"""The most that a poll may cost, as a part of the baseline's."""
NAMES = {
    "not-modified": "304",
    "unchanged": "200, the same bytes",
    "no-news": "200, changed, nothing new",
    "one-new": "one new article of 20",
    "all-new": "all 20 new",
    "mix": "real mix",
}


DELAY_S = 20.0


class Report(msgspec.Struct, kw_only=True):
    """One run, as it is written to a file."""

    commit: str
    machine: str
    seconds: float
    costs: list[Cost]
    delay: Delay | None = None


def table(costs: list[Cost]) -> str:
    """The figures for people."""
    rows = [(
        "path", "CPU ms a poll", "baseline", "ratio", "wanted", "polls/s", "million/h", "memory MB",
        "Redis ms", "Redis commands",
    )]  # fmt: skip
    for c in costs:
        rows.append((
            NAMES[c.kind], f"{c.worker_ms:.2f}", f"{c.baseline_ms:.2f}" if c.baseline_ms else "-",
            f"{c.ratio:.3f}" if c.baseline_ms else "-", f"{TARGETS[c.kind]:.2f}",
            f"{c.polls_per_s:.0f}", f"{3.6 / c.worker_ms:.2f}", f"{c.resident_mb:.0f}",
            f"{c.redis_ms:.3f}", f"{c.redis_commands:.1f}",
        ))  # fmt: skip
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(r, widths, strict=True)) + " |" for r in rows
    ]
    lines.insert(1, "| " + " | ".join("-" * w for w in widths) + " |")
    return "\n".join(lines)


def machine() -> str:
    """What this ran on."""
    cpu = "an unknown CPU"
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    return f"{os.cpu_count()} cores of {cpu}, Python {platform.python_version()}"


class Wishes(NamedTuple):
    """What of a run is asked for."""

    kinds: list[str]
    seconds: float
    baseline: bool
    profiler: str
    beside: Path | None


def _say(kind: str, cost: Cost, what: str = "") -> None:
    loop = f"{cost.loop_ms:.3f} in the event loop's thread"
    figures = f"{cost.worker_ms:.3f} ms ({loop}), {cost.redis_ms:.3f} ms of Redis"
    print(f"{time.strftime('%H:%M:%S')} {NAMES[kind]}{what}: {figures}", flush=True)


def _run(wishes: Wishes) -> tuple[list[Cost], Delay | None]:
    base = ROOT / ".run" / "bench"
    base.mkdir(parents=True, exist_ok=True)
    directory = Path(tempfile.mkdtemp(dir=base))
    costs: list[Cost] = []
    delay: Delay | None = None
    ground = Ground(directory)
    try:
        for kind in wishes.kinds:
            if wishes.beside:
                beside = measure(ground, kind, wishes.seconds, tree=wishes.beside)
                _say(kind, beside, ", beside")
            cost = measure(ground, kind, wishes.seconds, profiler=wishes.profiler)
            if wishes.baseline:
                cost.baseline_ms = baseline_ms(ground, kind, min(wishes.seconds, 10.0))
            costs.append(cost)
            _say(kind, cost)
            if wishes.profiler:
                print(summary((base / f"{kind}.stacks").read_text()), flush=True)
            if kind == "one-new" and not wishes.profiler:
                delay = measure_delay(ground, cost.worker_ms, DELAY_S)
    finally:
        ground.close()
        shutil.rmtree(directory, ignore_errors=True)
    return costs, delay


def _against(costs: list[Cost], path: Path) -> str:
    before = msgspec.json.decode(path.read_bytes(), type=Report)
    old = {c.kind: c.worker_ms for c in before.costs}
    lines = [f"Against {before.commit}:"]
    for c in costs:
        if c.kind in old:
            lines.append(f"  {NAMES[c.kind]}: {old[c.kind]:.2f} to {c.worker_ms:.2f} ms")
    return "\n".join(lines)


def _main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", action="append", choices=[*FEEDS], default=[])
    parser.add_argument("--seconds", type=float, default=15.0, help="of measuring each path")
    parser.add_argument("--worker-alone", action="store_true", help="no baseline")
    parser.add_argument("--profile", default="", metavar="PY-SPY", help="tell where the time goes")
    parser.add_argument("--beside", type=Path, help="a checkout to measure in turn with this one")
    parser.add_argument("--json", type=Path, help="write the figures here")
    parser.add_argument("--chart", type=Path, help="write an SVG here")
    parser.add_argument("--against", type=Path, help="figures of an earlier run to compare with")
    options = parser.parse_args()
    try:
        costs, delay = _run(
            Wishes(
                options.only or [*FEEDS],
                options.seconds,
                baseline=not (options.worker_alone or options.profile),
                profiler=options.profile,
                beside=options.beside and options.beside.resolve(),
            )
        )
    except KafkaMissingError as missing:
        print(f"The benchmark needs Apache Kafka: {missing}", file=sys.stderr)
        return 1
    report = Report(
        commit=commit(), machine=machine(), seconds=options.seconds, costs=costs, delay=delay
    )
    print(f"\n{report.machine}; commit {report.commit}\n\n{table(costs)}\n")
    if delay:
        print(
            f"From due to read as committed, at {LOAD:.0%} load ({delay.polls_per_s:.0f} polls/s): "
            f"p50 {delay.p50_s:.2f} s (wanted {P50_S}), p99 {delay.p99_s:.2f} s (wanted {P99_S})\n"
        )
    if options.against:
        print(_against(costs, options.against))
    if options.json:
        options.json.write_bytes(msgspec.json.format(msgspec.json.encode(report)) + b"\n")
    if options.chart:
        options.chart.write_text(
            chart([(NAMES[c.kind], c.worker_ms, c.baseline_ms) for c in costs])
        )
    if not options.only:
        return polling_simulation.main(["--short"])
    return 0


if __name__ == "__main__":
    sys.exit(_main())
