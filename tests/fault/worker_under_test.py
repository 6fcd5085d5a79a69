"""``newswire run`` in a process that dies, freezes or lacks a guard, as it was told at its start.

    python -m tests.fault.worker_under_test --kill-at after_admit:3
    python -m tests.fault.worker_under_test --freeze-at before_end --without no_fencing

``--nursery`` serves tests.fault.nursery: a process that has loaded everything and forks a worker for
each line on its standard input, so that a thousand crashes do not cost a thousand starts of Python.
"""

from __future__ import annotations

import argparse
import ctypes
import json
import os
import select
import signal
import sys
from pathlib import Path
from typing import Any

from tests.fault.guards import GUARDS
from tests.fault.points import die, freeze, install, wrap
from workers import cli

_PR_SET_PDEATHSIG = 1
_TICK_S = 0.02


def run(kill_at: str, freeze_at: str, without: str) -> int:
    """Be that worker; returns its exit code if it has one. Points are ``name`` or ``name:hit``."""
    if without:
        GUARDS[without]()
    if aof := os.environ.get("FAULT_AOF"):
        _note_confirmations(Path(aof), Path(os.environ["FAULT_CONFIRMED"]))
    for wanted, act in ((kill_at, die), (freeze_at, freeze)):
        if wanted:
            name, _, hit = wanted.partition(":")
            install(name, act, int(hit or 1))
    return cli.main(["run"])


def _note_confirmations(aof: Path, notes: Path) -> None:
    """Note how long Redis's file was each time that it was confirmed to be on the disk.

    The file's length is taken after the confirmation, so what was confirmed lies before it.
    """

    def make(renew: Any) -> Any:
        def renew_and_note(*args: Any, **kwargs: Any) -> Any:
            held, durable = renew(*args, **kwargs)
            if durable:
                with notes.open("a") as file:
                    file.write(f"{aof.stat().st_size}\n")
            return held, durable

        return renew_and_note

    wrap("workers.store.outbox:ShardOutbox.renew_durably", make)


def nursery() -> None:
    """Fork a worker for each ``{"id", "env", "log", "kill_at", …}``; say how each ended.

    ``{"pid", "signal"}`` sends a signal; as only this process reaps workers, a pid is never another's.
    Answers: ``{"id", "pid"}``, then ``{"pid", "status"}`` or ``{"pid", "stopped"}``.
    """
    alive: set[int] = set()
    buffered = b""
    while True:
        ready, _, _ = select.select([0], [], [], _TICK_S)
        if ready:
            chunk = os.read(0, 1 << 16)
            if not chunk:
                break
            *lines, buffered = (buffered + chunk).split(b"\n")
            for line in lines:
                _obey(json.loads(line), alive)
        _reap(alive)
    for pid in alive:
        os.kill(pid, signal.SIGKILL)


def _obey(order: dict[str, Any], alive: set[int]) -> None:
    if "signal" in order:
        if order["pid"] in alive:
            os.kill(order["pid"], order["signal"])
        return
    parent = os.getpid()
    pid = os.fork()
    if pid == 0:
        _become_worker(order, parent)
    alive.add(pid)
    _say(id=order["id"], pid=pid)


def _reap(alive: set[int]) -> None:
    for pid in list(alive):
        found, status = os.waitpid(pid, os.WNOHANG | os.WUNTRACED)
        if not found:
            continue
        if os.WIFSTOPPED(status):
            _say(pid=pid, stopped=True)
        else:
            alive.discard(pid)
            _say(pid=pid, status=os.waitstatus_to_exitcode(status))


def _say(**answer: Any) -> None:
    os.write(1, json.dumps(answer).encode() + b"\n")


def _become_worker(order: dict[str, Any], parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(1)
    log = os.open(order["log"], os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
    null = os.open(os.devnull, os.O_RDONLY)
    for source, target in ((null, 0), (log, 1), (log, 2)):
        os.dup2(source, target)
    os.environ.update(order["env"])
    sys.exit(run(order["kill_at"], order["freeze_at"], order["without"]))


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kill-at", default="", metavar="POINT[:HIT]")
    parser.add_argument("--freeze-at", default="", metavar="POINT[:HIT]")
    parser.add_argument("--without", default="", choices=["", *GUARDS], metavar="GUARD")
    parser.add_argument("--nursery", action="store_true")
    options = parser.parse_args()
    if options.nursery:
        nursery()
        return 0
    return run(options.kill_at, options.freeze_at, options.without)


if __name__ == "__main__":
    sys.exit(main())
