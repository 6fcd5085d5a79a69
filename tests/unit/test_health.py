"""The command that health checks run."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Callable

import pytest
import structlog

from workers import health
from workers.ops.server import OpsServer


async def _asked(live: Callable[[], list[str]], listen: str = "127.0.0.1") -> str:
    """What ``health.problem`` says of a worker whose liveness probe is ``live``."""
    server = OpsServer(listen, 0, live=live, ready=list, metrics=bytes, log=structlog.get_logger())
    with structlog.testing.capture_logs():
        await server.start()
        try:
            return await asyncio.to_thread(health.problem, listen, server.port)
        finally:
            await server.stop()


@pytest.mark.parametrize("listen", ["127.0.0.1", "0.0.0.0"])
async def test_a_worker_that_lives_has_no_problem(listen: str) -> None:
    """Also where it listens on all addresses."""
    assert await _asked(list, listen) == ""


def test_any_free_port_is_none_to_ask() -> None:
    """With NEWSWIRE_OPS_PORT=0 the log has the port."""
    assert "ops_started" in health.problem("127.0.0.1", 0)


async def test_what_is_wrong_is_told() -> None:
    """The worker's own words are passed on."""
    assert "a thread died" in await _asked(lambda: ["a thread died"])


def test_a_worker_that_is_not_there_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1, and the address on standard error."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, and nobody listens
        port = taken.getsockname()[1]
        monkeypatch.setenv("NEWSWIRE_OPS_PORT", str(port))
        assert health.main() == 1
    assert f"127.0.0.1:{port}" in capsys.readouterr().err


def test_a_wrong_setting_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Such a worker cannot have started."""
    monkeypatch.setenv("NEWSWIRE_OPS_PORT", "many")
    assert health.main() == 1
    assert "NEWSWIRE_OPS_PORT" in capsys.readouterr().err
