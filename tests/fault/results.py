"""The file of results, and the table that sums it up over runs of the same code."""

from __future__ import annotations

import hashlib
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from tests.fault.faults import FAULTS
from tests.support.kafka_jars import ROOT

RESULTS = Path(__file__).with_name("results.jsonl")


class Result(msgspec.Struct, kw_only=True, omit_defaults=True):
    """One run of one fault. ``without`` names the guard that was off: then it is a control.

    ``lost`` counts articles and revisions that a required reader never got; ``twice`` those that came
    again or went back; ``wrong`` whatever else broke the contract, or a worker that ended unasked.
    """

    code: str
    commit: str
    seed: int
    fault: str
    without: str = ""
    injected: int
    articles: int
    lost: int
    twice: int
    wrong: int = 0
    longest_delay_s: float
    points: dict[str, int] = {}
    findings: list[str] = []

    @property
    def clean(self) -> bool:
        """Nothing lost, nothing twice, nothing else."""
        return not (self.lost or self.twice or self.wrong)

    @property
    def harmed(self) -> bool:
        """Something is lost or came twice: what a control must come to."""
        return bool(self.lost or self.twice)


def code_hash() -> str:
    """A hash over everything that a worker consists of: same hash, same code."""
    digest = hashlib.sha256()
    files = [
        p
        for d in ("workers", "schemas")
        for p in (ROOT / d).rglob("*")
        if p.suffix in (".py", ".lua")
    ]
    for path in sorted(files):
        digest.update(str(path.relative_to(ROOT)).encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()[:12]


def commit() -> str:
    """The commit that is checked out, with ``+`` when the worker's code differs from it."""
    try:
        head = _git("rev-parse", "--short=10", "HEAD")
        return head + ("+" if _git("status", "--porcelain", "--", "workers", "schemas") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _git(*words: str) -> str:
    done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True)
    return done.stdout.strip()


def append(result: Result) -> None:
    """Write one more line."""
    with RESULTS.open("ab") as file:
        file.write(msgspec.json.encode(result) + b"\n")


def load() -> list[Result]:
    """All results there are."""
    if not RESULTS.exists():
        return []
    return [msgspec.json.decode(line, type=Result) for line in RESULTS.read_bytes().splitlines()]


def table(results: Sequence[Result], code: str) -> str:
    """One line a fault, summed over the runs of this code; of the code run last when this was never run.
    Nothing is rounded up."""
    if results and all(r.code != code for r in results):
        last = results[-1]
        head = f"No run yet of the code as it is now. Of commit {last.commit}, run last:\n\n"
        return head + _table(results, last.code)
    return _table(results, code)


def _table(results: Sequence[Result], code: str) -> str:
    mine = [r for r in results if r.code == code]
    rows = [("fault", "injected/wanted", "articles", "lost", "twice", "longest delay", "control")]
    for fault in FAULTS.values():
        runs = [r for r in mine if r.fault == fault.name and not r.without]
        rows.append(
            (
                fault.name,
                f"{sum(r.injected for r in runs)}/{fault.wanted}",
                str(sum(r.articles for r in runs)),
                str(sum(r.lost for r in runs)),
                str(sum(r.twice for r in runs))
                + (f" (+{w} wrong)" if (w := sum(r.wrong for r in runs)) else ""),
                f"{max((r.longest_delay_s for r in runs), default=0):.1f} s" if runs else "-",
                "; ".join(_control(mine, fault.name, guard) for guard in fault.controls),
            )
        )
    other = sum(r.code != code for r in results)
    widths = [max(len(row[n]) for row in rows) for n in range(len(rows[0]))]
    lines = [
        "| " + " | ".join(c.ljust(w) for c, w in zip(row, widths, strict=True)) + " |"
        for row in rows
    ]
    lines.insert(1, "| " + " | ".join("-" * w for w in widths) + " |")
    if any(r.fault == "worker killed" and not r.without for r in mine):
        lines += ["", _points(mine)]
    if other:
        lines += ["", f"{other} results of other code are not counted."]
    return "\n".join(lines)


def _control(results: Iterable[Result], fault: str, guard: str) -> str:
    runs = [r for r in results if r.fault == fault and r.without == guard]
    if not runs:
        return f"{guard}: not run"
    lost, twice = sum(r.lost for r in runs), sum(r.twice for r in runs)
    if not lost + twice:
        return f"{guard}: control did NOT fail"
    return f"{guard}: {lost} lost, {twice} twice"


def _points(results: Iterable[Result]) -> str:
    sums: dict[str, int] = {}
    for result in results:
        if not result.without:
            for name, n in result.points.items():
                sums[name] = sums.get(name, 0) + n
    return "Workers died at: " + ", ".join(f"{name} {n}" for name, n in sorted(sums.items()))
