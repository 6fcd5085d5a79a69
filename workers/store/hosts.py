"""How hosts are asked by all workers together: permits, lines before those with many feeds, and rest."""

from __future__ import annotations

import re
from typing import NamedTuple

from workers.store.client import Arg, AsyncClient
from workers.store.keys import Keys

SHORT_LINE_MS = 1_000
"""A line that is longer is for those who stand in it; whoever comes anew goes to its end."""
STRICT_MS = 6 * 3_600_000
"""For so long it is remembered of a host that it counts requests and refuses some."""


class HostRules(NamedTuple):
    """How every host may be asked by all workers together: ``gap_ms`` from the start of a fetch to the
    next, ``most`` fetches at once; a permit that is not given back runs out after ``ttl_ms``."""

    gap_ms: int
    most: int
    ttl_ms: int


class Verdict(NamedTuple):
    """What an answer says of how its host bears being asked.

    ``kind``: ``well``, ``strict`` (it is asked too often), ``busy`` (overloaded), or nothing. A refusal
    keeps all off the host for ``pause_ms``; where that is 0 for ``first_ms``, and twice as long each
    time that nothing good came between, up to ``most_ms``. ``before_ms``: when the same feed was refused
    the last time by a host that seemed overloaded, else 0; if the host has answered others since,
    it is the feed that ails, and the host is not given rest.
    """

    kind: str = ""
    pause_ms: int = 0
    first_ms: int = 0
    most_ms: int = 0
    before_ms: int = 0


NO_VERDICT = Verdict()


class Places(NamedTuple):
    """Places in a line: ms from now to the first, ms between two, and for how many ms the host is left
    alone by all."""

    first_ms: int
    pace_ms: float
    rest_ms: int


class Hosts:
    """What Redis knows of hosts. Every method raises StoreError when Redis cannot be used now."""

    def __init__(self, client: AsyncClient, keys: Keys) -> None:
        self._client = client
        self._keys = keys

    async def permit(
        self,
        host: str,
        token: str,
        rules: HostRules,
        *,
        in_line: bool,
        placed: bool = False,
    ) -> tuple[int, str]:
        """Ask to fetch from a host now; ``placed``: at the time of a place in its line.

        Returns 0 ms when granted (and ``strict`` when the host has lately said that it is asked too
        often), else ms to wait and why: ``gap`` or ``full`` (ask again then), ``queue`` (a place in
        the line, with ``in_line`` or because others stand there), ``pause`` (the host is left alone; a
        place in the line after it), ``hop`` (the token has a permit: its next turn, not to be asked for
        again).
        """
        args: list[Arg] = [token, *rules, int(in_line), STRICT_MS, int(placed), SHORT_LINE_MS]
        reply = await self._client.script("permit", self._keys.host(host), args)
        return int(reply[0]), reply[1].decode()

    async def permit_done(
        self, host: str, token: str, elapsed_ms: int, verdict: Verdict = NO_VERDICT
    ) -> None:
        """Give a permit back; a refusal keeps every worker off the host."""
        args: list[Arg] = [token, elapsed_ms, *verdict, STRICT_MS]
        await self._client.script("permit_done", self._keys.host(host), args)

    async def take_places(self, host: str, count: int, rules: HostRules) -> Places:
        """Take so many places at the end of a host's line, one after the other."""
        args: list[Arg] = [count, rules.gap_ms, rules.most, rules.ttl_ms]
        first, pace, rest = await self._client.script("places", self._keys.host(host)[:1], args)
        return Places(int(first), float(pace), int(rest))

    async def rests_until_ms(self, host: str) -> int:
        """Until when all workers leave a host alone, by Redis's clock; in the past when they do not."""
        return int(await self._client.command("HGET", self._keys.host(host)[0], "pause") or 0)

    async def resting(self, now_ms: int) -> list[tuple[str, int]]:
        """The hosts that all workers leave alone now, with the ms that are left, the longest first.

        Goes over all keys of Redis: to be asked rarely."""
        prefix, _ = self._keys.host("")[0].split("}")
        pattern = re.sub(r"([\\*?\[\]])", r"\\\1", prefix) + "*}"
        keys = [key async for key in self._client.scan(pattern)]
        ends = await self._client.commands(("HGET", key, "pause") for key in keys)
        left = [
            (k[len(prefix) : -1], int(e or 0) - now_ms) for k, e in zip(keys, ends, strict=True)
        ]
        return sorted(((h, ms) for h, ms in left if ms > 0), key=lambda pair: -pair[1])
