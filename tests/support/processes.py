"""Processes that die with the test run, whatever ends it; each in a session of its own."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO

LOOPBACK = "127.0.0.1"

# The kernel kills a child when the *thread* that started it ends, so one thread starts them all.
_spawner = ThreadPoolExecutor(max_workers=1, thread_name_prefix="spawner")

# A launcher rather than preexec_fn: running Python between fork and exec can deadlock in a process
# with threads, and the suite has many (librdkafka, proxies, log readers).
_LAUNCHER = """
import ctypes, os, signal, sys
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGKILL, 0, 0, 0)
if os.getppid() != int(sys.argv[1]):
    os._exit(1)
os.execvp(sys.argv[2], sys.argv[2:])
"""


def spawn(
    command: Sequence[str | Path],
    *,
    cwd: Path,
    env: Mapping[str, str],
    stdout: IO[bytes] | int = subprocess.DEVNULL,
    stderr: IO[bytes] | int | None = subprocess.STDOUT,
    stdin: int = subprocess.DEVNULL,
) -> subprocess.Popen[bytes]:
    """Start ``command`` in its own session; on Linux it cannot outlive this process.

    ``stderr`` goes with stdout; None: to our own.
    """
    launcher = [sys.executable, "-I", "-S", "-c", _LAUNCHER, str(os.getpid())]
    argv = [*launcher, *(str(part) for part in command)]
    return _spawner.submit(
        subprocess.Popen,
        argv,
        cwd=cwd,
        env=dict(env),
        stdin=stdin,
        stdout=stdout,
        stderr=stderr,
        start_new_session=True,
    ).result()


def kill_session(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL the process and what it started, and reap it. Its session is its own (see spawn)."""
    # Before the leader is reaped its number cannot belong to anybody else.
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(process.pid, signal.SIGKILL)
    process.wait()


def free_port() -> int:
    """A TCP port nobody listens on, below the range that the kernel hands out by itself.

    A port of that range would not stay ours while its server is down: a client that keeps trying to
    reconnect is given it as its own end sooner or later, connects to itself, and the server can
    never bind again.
    """
    for _ in range(1000):
        port = random.randrange(10_000, _ephemeral_start())
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            return port
    raise OSError("no free TCP port found")


def _ephemeral_start() -> int:
    try:
        text = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text()
    except OSError:
        return 32_768
    return max(int(text.split()[0]), 11_000)
