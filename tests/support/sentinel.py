"""Valkey Sentinel: watches a primary, and makes a replica the primary when it is gone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import redis

from tests.support.processes import LOOPBACK
from tests.support.servers import ValkeyServer


class SentinelServer(ValkeyServer):
    """One sentinel that decides alone, within seconds."""

    name = "Sentinel"
    service = "news"

    def __init__(self, directory: Path, primary: ValkeyServer) -> None:
        super().__init__(directory)
        self._primary = primary

    @property
    def url(self) -> str:
        """``redis+sentinel://`` URL of the service."""
        return f"redis+sentinel://{LOOPBACK}:{self.port}/{self.service}/0"

    def primary_port(self) -> int:
        """Port of the primary as the sentinel knows it."""
        with self.client() as client:
            return int(
                client.execute_command("SENTINEL", "GET-MASTER-ADDR-BY-NAME", self.service)[1]
            )

    def replicas(self) -> int:
        """How many replicas it has found that are well."""
        with self.client() as client:
            found = client.sentinel_slaves(self.service)
        return sum(not (r["is_sdown"] or r["is_disconnected"]) for r in found)

    def _prepare(self) -> None:
        lines = [
            f"bind {LOOPBACK}",
            f"port {self.port}",
            f"dir {self.directory}",
            f"sentinel monitor {self.service} {LOOPBACK} {self._primary.port} 1",
            f"sentinel down-after-milliseconds {self.service} 1000",
            f"sentinel failover-timeout {self.service} 3000",
        ]
        (self.directory / "sentinel.conf").write_text("\n".join(lines) + "\n")

    def _command(self) -> Sequence[str | Path]:
        program = super()._command()[0]
        return [program, str(self.directory / "sentinel.conf"), "--sentinel"]

    def _ready(self) -> bool:
        client = redis.Redis(port=self.port, socket_timeout=1)
        try:
            return bool(client.ping())
        except (redis.ConnectionError, redis.TimeoutError):
            return False
        finally:
            client.close()
