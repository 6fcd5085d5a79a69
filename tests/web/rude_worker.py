"""``newswire run`` without its gate: the control, which must be caught."""

from __future__ import annotations

import sys
from typing import Any

from workers import cli
from workers.fetcher import gate


async def _let_in(*_: Any, **__: Any) -> bool:
    return False


async def _forget(*_: Any, **__: Any) -> None:
    return None


if __name__ == "__main__":
    gate.HostGate.enter = _let_in  # type: ignore[method-assign]
    gate.HostGate.leave = _forget  # type: ignore[method-assign]
    sys.exit(cli.main(["run"]))
