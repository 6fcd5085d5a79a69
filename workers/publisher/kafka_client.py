"""How a client of the library is made: with an end to every attempt to connect, and with nothing left
behind by one that fails."""

from __future__ import annotations

import contextlib
import time
from typing import Any

from kafka import errors as kafka_errors
from kafka.future import Future
from kafka.net.compat import KafkaNetClient
from kafka.net.manager import KafkaConnectionManager
from kafka.net.selector import NetworkSelector


class _Manager(KafkaConnectionManager):  # type: ignore[misc]
    """The library's, with a deadline for the TLS handshake.

    kafka-python 3.0.12 bounds dialling, and the questions of a login; but for a broker that accepts and
    then says nothing to the handshake it waits for ever, and so does whoever waits for the bootstrap.
    """

    async def _build_transport(self, node: Any, timeout_at: float | None = None) -> Any:
        built = Future()
        build = super()._build_transport

        async def run() -> None:
            try:
                built.success(await build(node, timeout_at=timeout_at))
            except Exception as error:
                built.failure(error)

        task = self._net.call_soon(run)
        left_s = self.config["socket_connection_setup_timeout_ms"] / 1000
        if timeout_at is not None:
            left_s = timeout_at - time.monotonic()
        try:
            return await self.wait_for(built, max(0.0, left_s * 1000))
        except kafka_errors.KafkaTimeoutError:
            self._net.cancel(task)  # and with it the socket
            raise kafka_errors.KafkaConnectionError(
                "the connection was taken, but the TLS handshake was not answered"
                if self.ssl_enabled
                else "the connection was not taken in time"
            ) from None


def _client(**config: Any) -> KafkaNetClient:
    # It warns of tasks that take 100 ms, as any does on a machine that is busy: a help for its makers.
    net = NetworkSelector(**{**config, "slow_task_threshold_secs": 0})
    return KafkaNetClient(net=net, manager=_Manager(net, **config), **config)


def open_client(make: Any, **options: Any) -> Any:
    """A consumer, producer or admin of the library; one whose bootstrap fails leaves no thread and no
    socket behind."""
    made: list[Any] = []

    def connect(**config: Any) -> Any:
        made.append(_client(**config))
        return made[-1]

    try:
        return make(kafka_client=connect, **options)
    except BaseException:
        for client in made:
            with contextlib.suppress(Exception):  # whatever it is, the first error counts
                client.close()
        raise
