"""Tells an outage of our own network (uplink, resolver, proxy) from failures of servers."""

from __future__ import annotations

from structlog.typing import FilteringBoundLogger

from workers.model import Fetched

HOSTS = 10
"""So many different hosts in a row that cannot be reached, and none between that can, are no chance."""
UNREACHED = frozenset(
    {"dns_error", "connect_refused", "connect_error", "connection_reset", "timeout"}
)


class Network:
    """What one worker has seen of the network lately."""

    def __init__(self, log: FilteringBoundLogger) -> None:
        self._log = log
        self._missed: set[str] = set()
        self._down = False

    def is_to_blame(self, host: str, fetched: Fetched) -> bool:
        """True when a fetch failed for no fault of its server; each fetch is told once."""
        if fetched.status:
            self._missed.clear()
            if self._down:
                self._down = False
                self._log.info("network_recovered")
        if fetched.status or fetched.reason not in UNREACHED:
            return False
        if len(self._missed) < HOSTS:
            self._missed.add(host)
        if len(self._missed) < HOSTS:
            return False
        if not self._down:
            self._down = True
            self._log.error("network_down", reason=fetched.reason, detail=fetched.detail)
        return True
