"""Connections to Redis that are cut while commands are written: each is answered or fails."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import Any

import pytest
import uvloop

from tests.support.proxy import Proxy
from workers.errors import StoreError
from workers.store.address import Address
from workers.store.client import MAX_FLUSHES, AsyncClient

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


async def _side_by_side(client: AsyncClient) -> list[int]:
    """A call on each connection that the client keeps; their ids at the server."""
    asked = []
    for _ in range(MAX_FLUSHES):  # each in a round trip, and on a connection, of its own
        asked.append(asyncio.create_task(client.command("CLIENT", "ID")))
        await asyncio.sleep(0)
        await asyncio.sleep(0)
    return await asyncio.gather(*asked)


async def test_a_connection_that_the_server_closed_while_idle_is_not_given_out(
    valkey_proxy: Proxy,
) -> None:
    """As after a restart of Redis that no call has met: the next ones find new connections."""
    client = AsyncClient(Address(f"redis://{valkey_proxy.address}/0"))
    closed = await _side_by_side(client)
    assert len(set(closed)) == MAX_FLUSHES
    other = AsyncClient(Address(f"redis://{valkey_proxy.address}/0"))
    await other.commands(("CLIENT", "KILL", "ID", number) for number in closed)
    await asyncio.sleep(0.2)  # until this end has heard of it
    assert not set(await _side_by_side(client)) & set(closed)
    await client.aclose()
    await other.aclose()


def test_one_call_that_meets_a_cut_spares_the_next(valkey_proxy: Proxy) -> None:
    """Connections reset while idle, which look whole, are dropped with the first that fails."""
    uvloop.run(_cut_once(valkey_proxy))


async def _cut_once(proxy: Proxy) -> None:
    client = AsyncClient(Address(f"redis://{proxy.address}/0"))
    await _side_by_side(client)
    await asyncio.to_thread(proxy.sever)
    await asyncio.sleep(0.2)  # until this end has heard of it
    with suppress(StoreError):
        await client.command("PING")
    await _side_by_side(client)
    await client.aclose()


async def test_answers_that_nobody_reads_are_nobody_elses(
    valkey_proxy: Proxy, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where an answer makes no sense, those behind it on the connection are not given to who asks next."""
    client = AsyncClient(Address(f"redis://{valkey_proxy.address}/0"))

    def broken(_: Any) -> Any:
        raise AttributeError("no such thing")

    monkeypatch.setitem(client._redis.response_callbacks, "ECHO", broken)
    late = ("BLPOP", "no-such-list", 0.5)
    answers = await asyncio.gather(
        client.command("ECHO", "a"), client.command(*late), return_exceptions=True
    )
    assert [type(answer) for answer in answers] == [AttributeError, AttributeError]
    assert isinstance(await client.command("CLIENT", "ID"), int)
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
