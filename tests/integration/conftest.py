"""What tests of several modules here begin with."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from tests.conftest import Names
from tests.integration.store_bench import Bench, open_bench
from tests.support.servers import ValkeyServer


@pytest.fixture
async def bench(valkey_server: ValkeyServer, names: Names) -> AsyncIterator[Bench]:
    """A store on the shared server."""
    with valkey_server.client() as client:
        opened = await open_bench(valkey_server, names, client)
        yield opened
        opened.outbox.close()
        await opened.store.aclose()


@pytest.fixture
async def own(modules_valkey: ValkeyServer, names: Names) -> AsyncIterator[Bench]:
    """A store on a server of this module's own, whose configuration a test may change."""
    with modules_valkey.client() as client:
        opened = await open_bench(modules_valkey, names, client)
        yield opened
        client.config_set("maxmemory", 0)
        client.replicaof("no", "one")
        opened.outbox.close()
        await opened.store.aclose()
