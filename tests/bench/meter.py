"""What processes cost: CPU and memory of a process with its helpers, and what Redis was asked."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import redis

_TICKS = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """A process and all that it started, as far as they live."""
    found = [pid]
    for parent in found:  # grows while it is read
        tasks = Path(f"/proc/{parent}/task")
        with suppress(OSError):  # it, or a thread of it, has ended meanwhile
            for task in tasks.iterdir():
                found += [int(child) for child in (task / "children").read_text().split()]
    return found


def cpu_s(pid: int) -> float:
    """CPU seconds that a process and its living helpers have used."""
    return sum(_ticks(p) for p in family(pid)) / _TICKS


def first_thread_cpu_s(pid: int) -> float:
    """CPU seconds of a process's first thread: in a worker the event loop's."""
    return _ticks(pid, f"task/{pid}/") / _TICKS


def _ticks(pid: int, part: str = "") -> int:
    with suppress(OSError):
        fields = Path(f"/proc/{pid}/{part}stat").read_text().rpartition(")")[2].split()
        return int(fields[11]) + int(fields[12])
    return 0


def resident(pid: int) -> int:
    """Bytes of memory that a process and its helpers hold; what they share counts once."""
    return sum(_share(p) for p in family(pid))


def _share(pid: int) -> int:
    with suppress(OSError):
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                return int(line.split()[1]) * 1024
    return 0


class RedisLoad(NamedTuple):
    """What a Redis has done since it was started."""

    cpu_s: float
    calls: int
    memory: int


def redis_load(client: redis.Redis) -> RedisLoad:
    """The present counters. Scripts count once, and so does each command that they call."""
    info = client.info()
    cpu = info["used_cpu_user"] + info["used_cpu_sys"]
    return RedisLoad(cpu, int(info["total_commands_processed"]), int(info["used_memory"]))
