"""Commands and scripts of Redis, and what the errors of its library mean to us."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import suppress
from functools import cache
from importlib import resources
from typing import Any, cast

import redis
from hiredis import pack_command
from redis.asyncio.cluster import RedisCluster as AsyncCluster
from redis.exceptions import ClusterError, RedisClusterException, RedisError, ResponseError

from workers.errors import REMEDY, NewswireError, StateRegressedError, StoreError
from workers.store.address import TIMEOUT_S, Address

Arg = str | bytes | int | float
MAX_FLUSHES = 3
"""Round trips under way at once, each on a connection of its own; what comes meanwhile waits for the next."""
MAX_BATCH = 500
LOGIN = (
    "Does NEWSWIRE_REDIS_URL hold the right user and password, with an @ between them and the host?"
)
_HINTS = (
    ("NOAUTH|WRONGPASS|AuthenticationError|invalid password|HELLO must|Authentication required", LOGIN),
    ("NoPermissionError", "README, What the servers need, has the rights of the user in NEWSWIRE_REDIS_URL"),
    ("Cluster mode is not enabled", "It is no cluster: NEWSWIRE_REDIS_URL=redis://…"),
    ("MOVED |MovedError", "It is a cluster: NEWSWIRE_REDIS_URL=redis+cluster://…"),
    ("unknown command 'SENTINEL'", "It is no Sentinel: NEWSWIRE_REDIS_URL=redis://…"),
)  # fmt: skip
"""What to do about an error, by its words."""
_ERRORS = (RedisError, RedisClusterException, OSError, EOFError, RuntimeError)
"""What the library raises. That no node of a cluster answers is no RedisError to it. A RuntimeError is
uvloop's, of a write to a connection that was cut just now."""


@cache
def script_text(name: str) -> str:
    """The Lua text of a script: its flags line first, then the shared functions, then its own lines."""
    folder = resources.files(__package__).joinpath("lua")
    own = folder.joinpath(f"{name}.lua").read_text()
    flags, body = own.split("\n", 1) if own.startswith("#!") else ("#!lua", own)
    return f"{flags}\n{folder.joinpath('common.lua').read_text()}\n{body}"


def translate(error: BaseException) -> NewswireError:
    """Turn an error of the client library or of a script into ours, with a stable reason."""
    text = str(error)
    if text.startswith("DATASET") or " DATASET " in text:
        return StateRegressedError(
            "Redis does not hold this instance's state any more (emptied, replaced, or another dataset). "
            + REMEDY
        )
    if text.startswith("HEALING") or " HEALING " in text:
        return StoreError(
            "Redis: a shard is compared with what Kafka remembers; try again in some seconds",
            "healing",
        )
    reason = "error"
    if text.startswith("FINALIZED") or " FINALIZED " in text:
        reason = "finalized"
    elif isinstance(error, redis.exceptions.BusyLoadingError) or "LOADING" in text:
        reason = "loading"
    elif isinstance(error, redis.exceptions.ReadOnlyError) or "READONLY" in text:
        reason = "read_only"
    elif isinstance(error, redis.exceptions.OutOfMemoryError) or "OOM " in text:
        reason = "full"
    elif "MISCONF" in text:
        reason = "disk"
    elif isinstance(error, redis.exceptions.TimeoutError | TimeoutError):
        reason = "timeout"
    elif isinstance(error, ClusterError) or not isinstance(error, ResponseError):
        reason = "down"
    if reason == "timeout" and not text:
        text = "no answer in time"
    return StoreError(_advised(f"Redis: {type(error).__name__}: {text[:300]}"), reason)


def _advised(text: str) -> str:
    """What an error says, and what to do about it where its words tell."""
    hint = next((hint for words, hint in _HINTS if re.search(words, text)), "")
    if hint is LOGIN:
        return f"{text[:90]} … {hint}"  # what else it says may hold what was sent
    return f"{text} ({hint})" if hint else text


def _ours(error: BaseException) -> BaseException:
    """An error of the library translated; ours, and one that nobody expects (a bug), as it is."""
    return translate(error) if isinstance(error, (*_ERRORS, asyncio.CancelledError)) else error


class AsyncClient:
    """Commands and scripts, batched: what is asked within one turn of the loop goes in one round trip.

    A pipeline of a hundred scripts costs the worker far less than a hundred calls; on a cluster, where
    scripts cannot be pipelined across nodes, they go side by side instead.
    """

    def __init__(self, address: Address) -> None:
        self._redis = address.open_async(2 * MAX_FLUSHES)
        self._cluster = address.kind == "cluster"
        self._shas: dict[str, str] = {}
        self._loading = asyncio.Lock()
        self._loads: dict[str, int] = {}  # how often each script was loaded
        self._waiting: list[tuple[tuple[Any, ...], asyncio.Future[Any]]] = []
        self._flushes: set[asyncio.Task[None]] = set()

    async def aclose(self) -> None:
        """Close all connections."""
        await self._redis.aclose()

    async def info(self) -> dict[str, Any]:
        """The server's INFO, of any one node in a cluster."""
        return next(iter((await self.infos()).values()))

    async def infos(self) -> dict[str, dict[str, Any]]:
        """INFO of every primary of a cluster by its ``host:port``; of one server by an empty name."""

        async def ask() -> dict[str, dict[str, Any]]:
            if not self._cluster:
                return {"": await self._redis.info()}
            answer = await self._redis.info(target_nodes=AsyncCluster.PRIMARIES)
            several = answer and all(isinstance(v, dict) for v in answer.values())
            return answer if several else {"": answer}

        return cast(dict[str, dict[str, Any]], await self._guarded(ask))

    async def scan(self, pattern: str) -> AsyncIterator[str]:
        """All keys of a pattern, on every node; it goes over all keys that there are."""
        try:
            async for key in self._redis.scan_iter(match=pattern, count=1_000):
                yield bytes(key).decode("utf-8", "replace")
        except _ERRORS as error:
            raise translate(error) from error

    async def setting(self, name: str) -> str:
        """One of the server's settings; empty when it may not be asked for (managed services)."""
        try:
            found = await self._redis.config_get(name)  # of a cluster: one node's
        except _ERRORS as error:
            told = translate(error)
            if isinstance(told, StoreError) and told.reason == "error":
                return ""
            raise told from error
        value = next(iter(found.values()), "")
        return value.decode() if isinstance(value, bytes) else str(value)

    def node_of(self, key: str) -> tuple[str, int] | None:
        """Which node of a cluster a key lives on, as known now; None where Redis is one server."""
        if not self._cluster:
            return None
        try:
            node = self._redis.get_node_from_key(key)
        except _ERRORS as error:
            raise translate(error) from error
        return node.host, node.port

    async def script(self, name: str, keys: Sequence[str], args: Sequence[Arg]) -> Any:
        """Run one script; all keys must be of one hash tag. Raises StoreError, StateRegressedError."""
        sha = self._shas.get(name) or await self._load(name)
        try:
            return await self.command("EVALSHA", sha, len(keys), *keys, *args)
        except StoreError as error:
            if "NOSCRIPT" not in str(error) and "NoScript" not in str(error):
                raise
        sha = await self._load(name)
        return await self.command("EVALSHA", sha, len(keys), *keys, *args)

    async def command(self, *words: Arg) -> Any:
        """Run one command, together with whatever else is asked in this turn of the loop."""
        return await self._submit(words)

    async def commands(self, several: Iterable[tuple[Arg, ...]]) -> list[Any]:
        """Run commands side by side; the first error is raised after all have ended."""
        futures = [self._submit(words) for words in several]
        await asyncio.gather(*futures, return_exceptions=True)
        return [future.result() for future in futures]

    def _submit(self, words: tuple[Arg, ...]) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        if not self._waiting and len(self._flushes) < MAX_FLUSHES:
            loop.call_soon(self._start_flush)
        self._waiting.append((words, future))
        return future

    def _start_flush(self) -> None:
        if not self._waiting or len(self._flushes) >= MAX_FLUSHES:
            return
        batch, self._waiting = self._waiting[:MAX_BATCH], self._waiting[MAX_BATCH:]
        task = asyncio.create_task(self._flush(batch))
        self._flushes.add(task)
        task.add_done_callback(self._flushed)

    def _flushed(self, task: asyncio.Task[None]) -> None:
        self._flushes.discard(task)
        self._start_flush()

    async def _flush(self, batch: list[tuple[tuple[Any, ...], asyncio.Future[Any]]]) -> None:
        try:
            if self._cluster:
                calls = (self._redis.execute_command(*words) for words, _ in batch)
                answers = await asyncio.gather(*calls, return_exceptions=True)
            else:
                # The library's own time-out costs a timer an answer, and a task a request.
                async with asyncio.timeout(TIMEOUT_S):
                    answers = await self._round_trip([words for words, _ in batch])
        except asyncio.CancelledError:
            answers = [StoreError("Redis: the connection was closed", "down")] * len(batch)
        except Exception as error:  # whatever it is: nobody may wait for ever
            answers = [error] * len(batch)
        for (_, future), answer in zip(batch, answers, strict=True):
            if future.done():
                continue
            if isinstance(answer, BaseException):
                future.set_exception(_ours(answer))
            else:
                future.set_result(answer)

    async def _round_trip(self, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
        """What the library's pipeline does, over the same connections, without what it does for each command
        in Python: packing alone was 10 of the 20 µs of a script's call.

        An error of one command is its answer. Any other breaks the connection, with all answers left in it.
        """
        pool, callbacks = self._redis.connection_pool, self._redis.response_callbacks
        connection = await pool.get_connection()
        try:
            await connection.send_packed_command([pack_command(words) for words in commands])
            answers: list[Any] = []
            for words in commands:
                try:
                    answer = await connection.read_response()
                    callback = callbacks.get(words[0])
                    answers.append(callback(answer) if callback else answer)
                except ResponseError as error:
                    answers.append(error)
            return answers
        except BaseException as error:
            await connection.disconnect(nowait=True)
            if isinstance(error, _ERRORS):
                # What lies idle was cut with it, more often than not; to look at it does not tell.
                with suppress(*_ERRORS):
                    await pool.disconnect(inuse_connections=False)
            raise
        finally:
            await pool.release(connection)

    async def _load(self, name: str) -> str:
        """Load a script, once for all who miss it at the same time."""

        async def load() -> str:
            sha = await self._redis.script_load(script_text(name))
            return sha.decode() if isinstance(sha, bytes) else str(sha)

        before = self._loads.get(name, 0)
        async with self._loading:
            if self._loads.get(name, 0) == before:
                self._shas[name] = cast(str, await self._guarded(load))
                self._loads[name] = before + 1
            return self._shas[name]

    async def _guarded(self, call: Callable[[], Awaitable[Any]]) -> Any:
        try:
            async with asyncio.timeout(None if self._cluster else TIMEOUT_S):
                return await call()
        except _ERRORS as error:
            raise translate(error) from error


class SyncClient:
    """The publisher's blocking client: one thread, one connection a node.

    Connects with the first call: who makes the client must not be blocked, and of a cluster the library asks.
    """

    def __init__(self, address: Address, *, timeout_s: float = 15.0) -> None:
        self._address = address
        self._timeout_s = timeout_s
        self._opened: Any = None

    @property
    def _redis(self) -> Any:
        if self._opened is None:
            self._opened = self._address.open_sync(self._timeout_s)
        return self._opened

    def close(self) -> None:
        """Close the connection; never raises."""
        if self._opened is not None:
            with suppress(*_ERRORS):
                self._opened.close()

    def script(self, name: str, keys: Sequence[str], args: Sequence[Arg]) -> Any:
        """Run one script. EVAL, not EVALSHA: the publisher calls few, and never meets NOSCRIPT."""
        return self.command("EVAL", script_text(name), len(keys), *keys, *args)

    def command(self, *words: Arg) -> Any:
        """Run one command. Raises StoreError, StateRegressedError."""
        try:
            return self._redis.execute_command(*words)
        except _ERRORS as error:
            raise translate(error) from error

    def renew_durably(
        self, lease_key: str, token: str, ttl_ms: int, replicas: int, timeout_ms: int
    ) -> tuple[bool, int, int]:
        """Renew a lease and wait until all earlier writes are on disk. Returns (held, local, replicas).

        WAITAOF covers only earlier writes of its own connection; the renewal is such a write and goes
        in the same pipeline, so that one round trip proves both. With the append-only file switched
        off nothing can be awaited: local is 1 then, as the start has warned.
        """
        try:
            client = self._redis
            if self._address.kind == "cluster":
                node = self._redis.get_node_from_key(lease_key)
                client = self._redis.get_redis_connection(node)
            pipe = client.pipeline(transaction=False)
            pipe.execute_command("EVAL", script_text("lease"), 1, lease_key, token, ttl_ms)
            pipe.execute_command("WAITAOF", 1, replicas, timeout_ms)
            held, waited = pipe.execute(raise_on_error=False)
        except _ERRORS as error:
            raise translate(error) from error
        if isinstance(held, Exception):
            raise translate(held)
        if isinstance(waited, Exception):
            if "appendonly is disabled" in str(waited) or "unknown command" in str(waited):
                return (bool(held), 1, replicas)
            raise translate(waited)
        return (bool(held), int(waited[0]), int(waited[1]))
