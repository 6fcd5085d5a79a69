"""Gives memory that documents took back to the system, where the C library keeps it (glibc)."""

from __future__ import annotations

import asyncio
import ctypes
from contextlib import suppress

EVERY_S = 20.0
_M_ARENA_MAX = -8
_ARENAS = 2


async def keep_small() -> None:
    """Give back what is free, time and again, until cancelled.

    Documents come and go in megabytes among small things that stay, so the end of the heap is seldom free,
    which is all that glibc looks at by itself: 40 of 150 MB of a worker were of no use to anybody. It also
    makes each thread a heap of its own, and a worker has a dozen that wait.
    """
    libc = ctypes.CDLL(None)
    with suppress(AttributeError):  # another C library
        libc.mallopt(_M_ARENA_MAX, _ARENAS)
        while hasattr(libc, "malloc_trim"):
            await asyncio.sleep(EVERY_S)
            await asyncio.to_thread(libc.malloc_trim, 0)
    await asyncio.Event().wait()
