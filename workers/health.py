"""``newswire health``: asks the worker on this machine whether it lives.

Also ``python -m workers.health``, for health checks: it loads a tenth of what the command line loads,
and a container runs it every few seconds.
"""

from __future__ import annotations

import sys
from http.client import HTTPConnection, HTTPException

from workers.errors import EXIT_BUG, EXIT_OK, ConfigError
from workers.settings import load

_TIMEOUT_S = 3.0
_ANY = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104 - where to ask who listens everywhere
_MAX_ANSWER = 4096


def problem(host: str, port: int) -> str:
    """What is wrong with the worker whose ops server listens on ``host:port``; empty when it lives."""
    if not port:
        return "NEWSWIRE_OPS_PORT is 0, any free port: give the one that ops_started in the worker's log has"
    connection = HTTPConnection(_ANY.get(host, host), port, timeout=_TIMEOUT_S)
    try:
        connection.request("GET", "/livez")
        response = connection.getresponse()
        if response.status == 200:
            return ""
        return response.read(_MAX_ANSWER).decode(errors="replace").strip()
    except (OSError, HTTPException) as error:
        return f"no worker answers on {host}:{port}: {error}"
    finally:
        connection.close()


def main() -> int:
    """Print what is wrong, if anything is. Returns the exit code: 0 it lives, 1 it does not."""
    try:
        settings = load().settings
        found = problem(settings.ops_host, settings.ops_port)
    except ConfigError as error:
        found = str(error)
    if found:
        print(f"newswire: {found}", file=sys.stderr)  # noqa: T201
    return EXIT_BUG if found else EXIT_OK


if __name__ == "__main__":
    sys.exit(main())
