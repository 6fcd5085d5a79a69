"""Where the time of a poll goes, from stacks that py-spy sampled: ``python -m tests.bench --profile py-spy``.

Each sample counts once, for the innermost of the known stages that its stack is in.
"""

from __future__ import annotations

import subprocess
from collections import Counter
from pathlib import Path

RATE = 200
"""Samples a second."""
STAGES = (
    ("publisher: thread of a shard", ("publisher/publish.py",)),
    ("publisher: Kafka's sender", ("kafka/",)),
    ("log line", ("workers/logs.py", "poll_log.py", "log_writer.py", "log_clean.py", "structlog/")),
    ("metrics, status page", ("workers/metrics.py", "workers/ops/", "prometheus_client/")),
    ("parse", ("fetcher/parse.py", "workers/parsing/")),
    ("text of articles", ("fasttext/", "workers/articles/")),
    (
        "reading, identity",
        tuple(
            f"fetcher/{n}.py"
            for n in ("reading", "dedupe", "identity", "memory", "uniqueness", "policy", "newness")
        ),
    ),
    ("decide, events", ("fetcher/decide.py", "fetcher/event.py", "fetcher/records.py", "schemas/")),
    ("Redis", ("workers/store/", "redis/")),
    (
        "fetch",
        (
            "workers/http/",
            "aiohttp/",
            "httpx/",
            "httpx_aiohttp/",
            "yarl/",
        ),
    ),
    (
        "schedule, state, status",
        tuple(
            f"fetcher/{n}.py"
            for n in ("schedule", "cadence", "wishes", "conclude", "validators", "status")
        ),
    ),
    ("the poll itself", ("workers/",)),
    ("event loop", ("asyncio/",)),
)
"""Name, and parts of the file names that belong to it. The innermost frame that is of any stage decides."""


def record(program: str, pid: int, seconds: float, out: Path) -> subprocess.Popen[bytes]:
    """Sample a process for so long; the stacks are in ``out`` when it has ended."""
    command = [
        program, "record", "--pid", str(pid), "--duration", str(int(seconds)), "--rate", str(RATE),
        "--format", "raw", "--full-filenames", "--gil", "--threads", "--output", str(out),
    ]  # fmt: skip
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.STDOUT)


def summary(stacks: str, most: int = 25) -> str:
    """Shares of the stages, and the functions that most time is spent in themselves."""
    stages: Counter[str] = Counter()
    functions: Counter[str] = Counter()
    for line in stacks.splitlines():
        stack, _, count = line.rpartition(" ")
        frames = stack.split(";")
        stages[_stage(frames)] += int(count)
        functions[_short(frames[-1])] += int(count)
    total = sum(stages.values()) or 1
    lines = [f"| {100 * n / total:4.1f} % | {name} |" for name, n in stages.most_common()]
    lines += ["", "In themselves:", ""]
    lines += [f"| {100 * n / total:4.1f} % | {f} |" for f, n in functions.most_common(most)]
    return "\n".join(lines)


def _stage(frames: list[str]) -> str:
    for frame in reversed(frames):
        for name, parts in STAGES:
            if any(part in frame for part in parts):
                return name
    return "the rest"


def _short(frame: str) -> str:
    return "/".join(frame.rsplit("/", 2)[-2:])
