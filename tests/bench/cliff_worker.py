"""``newswire run`` that logs every poll and every stop of its event loop, for ``tests.bench.cliffs``.

``--block``: a poll of a feed whose URL has ``/block/`` holds the loop for 0.2 s, the bug that must be seen.
``--stacks``: the code that holds the loop for more than 50 ms is printed while it does so.
"""

from __future__ import annotations

import sys
import threading
import time
import traceback

from workers import cli, poll_log
from workers.fetcher.poll import Poller
from workers.model import Claim, PollResult
from workers.ops import loop_lag

BLOCK_S = 0.2
STACK_S = 0.06
SAID_S = 0.02
"""Stops of the loop that are logged here, each of them."""


def _block() -> None:
    poll = Poller.poll

    async def blocking(self: Poller, claim: Claim) -> PollResult:
        if "/block/" in claim.config.url:
            end = time.thread_time() + BLOCK_S
            while time.thread_time() < end:
                pass
        return await poll(self, claim)

    Poller.poll = blocking  # type: ignore[method-assign]


def _print_stacks() -> None:
    begin = loop_lag._Looker._begin
    looked = [time.monotonic()]

    def noting(self: loop_lag._Looker) -> None:
        looked[0] = time.monotonic()
        begin(self)

    def watch() -> None:
        main = threading.main_thread().ident
        said = 0.0
        while True:
            time.sleep(0.01)
            at = looked[0]
            if time.monotonic() - at > STACK_S and at != said:
                said = at
                frame = sys._current_frames().get(main or 0)
                stack = traceback.extract_stack(frame)[-14:]
                print("STACK", " < ".join(f"{s.name}:{s.lineno}" for s in reversed(stack)))

    loop_lag._Looker._begin = noting  # type: ignore[method-assign]
    threading.Thread(target=watch, daemon=True).start()


if __name__ == "__main__":
    poll_log.FULL_RATE = 1 << 30
    if "--block" in sys.argv:
        _block()
    if "--stacks" in sys.argv:
        _print_stacks()
    loop_lag.BLOCKED, loop_lag.REPEAT = SAID_S, 0.0
    sys.exit(cli.main(["run"]))
