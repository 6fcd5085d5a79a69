"""Connections to Redis that are cut while commands are written: each is answered or fails."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import uvloop

from tests.support.proxy import Proxy
from workers.errors import StoreError
from workers.store.client import Address, AsyncClient

_CUTS = 5
_ASKERS = 20


def test_no_command_waits_for_ever_when_connections_are_cut(valkey_proxy: Proxy) -> None:
    """uvloop raises RuntimeError for a write to a connection cut just now; it reads as Redis down."""
    uvloop.run(_ask_while_cutting(valkey_proxy))


async def _ask_while_cutting(proxy: Proxy) -> None:
    client = AsyncClient(Address(f"redis://{proxy.address}/0"))
    cut = asyncio.Event()

    async def ask() -> None:
        while not cut.is_set():
            try:
                await client.command("PING")
            except StoreError as error:
                assert error.reason == "down"

    asking = [asyncio.create_task(ask()) for _ in range(_ASKERS)]
    for _ in range(_CUTS):
        await asyncio.sleep(0.1)
        await asyncio.to_thread(proxy.sever)
    cut.set()
    _, hung = await asyncio.wait(asking, timeout=20)
    assert not hung, f"{len(hung)} of {_ASKERS} commands were never answered"
    for task in asking:
        task.result()
    await client.aclose()


async def test_a_bug_in_the_client_reaches_its_callers(monkeypatch: pytest.MonkeyPatch) -> None:
    """What nobody expects of the library is raised to all who asked, not kept from them."""
    client = AsyncClient(Address("redis://127.0.0.1:1/0"))

    def broken(_: Any) -> Any:
        raise AttributeError("no such thing")

    monkeypatch.setattr(client, "_round_trip", broken)
    async with asyncio.timeout(20):
        answers = await asyncio.gather(
            client.command("PING"), client.command("PING"), return_exceptions=True
        )
    assert [type(answer) for answer in answers] == [AttributeError, AttributeError]
    await client.aclose()
