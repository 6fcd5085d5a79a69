"""Child processes that never outlive this one: each in a session of its own, stopped as a group."""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import signal
import subprocess
import sys
from asyncio.subprocess import Process
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_PR_SET_PDEATHSIG = 1
_MAX_LINE = 1 << 20

_running: set[int] = set()
"""Groups (each named by its leader's pid) that this process started and has not seen the end of."""


class Child:
    """One process with whatever it starts itself. Make it with ``Child.start``.

    A session of its own keeps the terminal's Ctrl-C and hang-up from it: how it ends is for us to
    decide. On Linux the kernel kills it when we die without a chance to; elsewhere only an orderly
    end of ours (by any signal but SIGKILL) takes it along.
    """

    def __init__(self, process: Process, output: asyncio.StreamReader | None) -> None:
        self._process = process
        self._output = output
        self.pid = process.pid

    @classmethod
    async def start(
        cls, command: Sequence[str | Path], *, env: Mapping[str, str], cwd: Path, log: Path | None
    ) -> Child:
        """Start ``command``; its output is appended to ``log``, or readable as ``output``.

        The kernel's promise is to the *thread* that starts the child: start children in one that
        lives as long as they shall. Raises ``OSError`` when the program cannot be executed.
        """
        with contextlib.ExitStack() as files:
            output = None
            if log:
                target = files.enter_context(log.open("ab")).fileno()
            else:
                output, target = await _pipe(files)
            process = await asyncio.create_subprocess_exec(
                *command,
                stdin=subprocess.DEVNULL,
                stdout=target,
                stderr=subprocess.STDOUT,
                env=env,
                cwd=cwd,
                start_new_session=True,
                preexec_fn=_die_with_parent(),
            )
        _running.add(process.pid)
        return cls(process, output)

    @property
    def output(self) -> asyncio.StreamReader:
        """Stdout and stderr of a child that was started without a log."""
        assert self._output is not None  # noqa: S101 - started without a log
        return self._output

    @property
    def returncode(self) -> int | None:
        """Exit code; negative for a signal, None while it runs."""
        return self._process.returncode

    async def wait(self) -> int:
        """Wait for the end; the exit code, negative for a signal."""
        return await self._process.wait()

    async def stop(self, grace_s: float) -> int:
        """Ask it to end; after ``grace_s`` seconds kill all of its group; the exit code."""
        try:
            if grace_s > 0 and self.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    self._process.terminate()
                async with asyncio.timeout(grace_s):
                    await self.wait()
        except TimeoutError:
            pass
        finally:
            # Also after an orderly end: the leader may have left helpers behind.
            _kill_group(self.pid)
        code = await self.wait()
        _running.discard(self.pid)
        return code


def kill_all() -> None:
    """Kill every group that still runs, at once and without waiting; for a second Ctrl-C."""
    for pid in tuple(_running):
        _kill_group(pid)


async def _pipe(files: contextlib.ExitStack) -> tuple[asyncio.StreamReader, int]:
    """A reader, and the descriptor to write to it, which ``files`` closes on our side.

    Not asyncio's own pipe: with it ``wait`` waits for the pipe's end as well, which a helper that
    outlives its leader holds open.
    """
    reading, writing = os.pipe()
    files.callback(os.close, writing)
    reader = asyncio.StreamReader(limit=_MAX_LINE)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(reading, "rb", 0)
    )
    return reader, writing


def _kill_group(pid: int) -> None:
    # Never our own group: a pid is a group's name only while its leader or a member lives.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(pid, signal.SIGKILL)


def _die_with_parent() -> Callable[[], None] | None:
    """What the child runs between fork and exec: nothing but two system calls, loaded before."""
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    parent = os.getpid()

    def ask_kernel() -> None:
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
        if os.getppid() != parent:  # it died before we asked
            os._exit(1)

    return ask_kernel
