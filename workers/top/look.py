"""One look at all workers (``/metrics``) and at Redis."""

from __future__ import annotations

import asyncio
import socket
import time
from collections.abc import Iterable, Sequence
from http.client import HTTPConnection, HTTPException

from workers.errors import ConfigError, NewswireError
from workers.store import watching
from workers.store.store import Store
from workers.top.sample import Instance, Sample, Worker, parse_metrics

TIMEOUT_S = 2.0
MAX_METRICS = 4 << 20
HOSTS_S = 30.0
"""So often hosts at rest are looked for, which goes over all keys of Redis."""
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to ask who listens everywhere

Address = tuple[str, int]


def addresses(names: Iterable[str]) -> list[Address]:
    """``host:port`` texts as pairs.

    Raises:
        ConfigError: a text is none.
    """
    found = []
    for name in names:
        host, _, port = name.rpartition(":")
        if not host or not port.isdigit() or not 0 < int(port) < 65_536:
            raise ConfigError(
                f"{name}: a worker is named by host:port of its metrics, as in worker:8080"
            )
        host = host.strip("[]")
        found.append((_ANY.get(host, host), int(port)))
    return found


class Looker:
    """Looks again and again. A name that has several addresses (Compose, Kubernetes) is several workers."""

    def __init__(self, store: Store, workers: Sequence[Address]) -> None:
        self._store = store
        self._named = workers
        self._resting: Sequence[tuple[str, int]] = ()
        self._hosts_at = -HOSTS_S

    async def look(self) -> Sample:
        """One look; what does not answer says so in it."""
        workers, instance = await asyncio.gather(self._workers(), self._instance())
        return Sample(time.monotonic(), workers, instance)

    async def _workers(self) -> list[Worker]:
        every = await asyncio.gather(*(asyncio.to_thread(_resolve, name) for name in self._named))
        asked = dict.fromkeys(address for found in every for address in found)
        return list(await asyncio.gather(*(asyncio.to_thread(_ask, a) for a in asked)))

    async def _instance(self) -> Instance:
        try:
            events, size, age_ms = await watching.outbox_totals(self._store)
            feeds, late_ms = await watching.overdue(self._store)
            infos = await self._store.client.infos()
            if time.monotonic() - self._hosts_at >= HOSTS_S:
                self._resting = await self._store.hosts.resting(await self._store.now_ms())
                self._hosts_at = time.monotonic()
        except NewswireError as error:
            return Instance(problem=str(error))
        # Of a cluster the node with the least room.
        used, most = max(
            ((int(i.get("used_memory", 0)), int(i.get("maxmemory", 0))) for i in infos.values()),
            key=lambda pair: pair[0] / (pair[1] or pair[0] or 1),
        )
        return Instance(feeds, late_ms, events, size, age_ms, self._resting, used, most)


def _resolve(named: Address) -> list[Address]:
    try:
        found = socket.getaddrinfo(named[0], named[1], type=socket.SOCK_STREAM)
    except OSError:
        return [named]  # what is wrong is said when it is asked
    families = [row[0] for row in found]
    first = socket.AF_INET if socket.AF_INET in families else families[0]
    return sorted({(str(row[4][0]), named[1]) for row in found if row[0] == first})


def _ask(address: Address) -> Worker:
    host, port = address
    shown = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    connection = HTTPConnection(host, port, timeout=TIMEOUT_S)
    try:
        connection.request("GET", "/metrics")
        response = connection.getresponse()
        body = response.read(MAX_METRICS)
        if response.status != 200:
            return Worker(shown, {}, f"answers {response.status}: is it a worker's port?")
        return Worker(shown, parse_metrics(body.decode("utf-8", "replace")))
    except (OSError, HTTPException) as error:
        return Worker(shown, {}, f"no worker answers: {error}")
    except ValueError:
        return Worker(shown, {}, "answers with something else than metrics")
    finally:
        connection.close()
