"""Blocking calls beside the event loop that must not keep the process from ending."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import Any, TypeVar

T = TypeVar("T")


async def in_daemon(call: Callable[..., T], /, *args: Any, **kwargs: Any) -> T:
    """What ``call`` returns or raises, from a thread of its own.

    Unlike ``asyncio.to_thread``, whose threads are waited for when the process ends: a broker that does
    not answer must not keep a worker from obeying SIGTERM. When the caller is cancelled the thread is
    left to itself.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: Any, error: BaseException | None) -> None:
        if future.done():
            return
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)

    def run() -> None:
        result, failed = None, None
        try:
            result = call(*args, **kwargs)
        except BaseException as error:
            failed = error
        with suppress(RuntimeError):  # the loop is closed: nobody waits any more
            loop.call_soon_threadsafe(settle, result, failed)

    threading.Thread(target=run, name=call.__name__, daemon=True).start()
    return await future
