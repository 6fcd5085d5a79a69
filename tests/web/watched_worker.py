"""``newswire run`` in a process in which every connection is noted and names mean what a test says.

    python -m tests.web.watched_worker --without gate

``WATCH_DIALLED`` names the file to which each address goes that a socket is told to connect to: noted
by an audit hook of the interpreter, beneath all of the worker's own code. ``WATCH_NAMES`` names a JSON
file of names, each with the addresses of its first look-up, its second, …; the last is repeated. No other
name has an address, and no name server is asked.
"""

from __future__ import annotations

import argparse
import contextlib
import ipaddress
import json
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.fault.points import wrap
from workers import cli


def _watch(path: str) -> None:
    file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "socket.connect" and isinstance(arguments[1], tuple):
            host, port = arguments[1][:2]
            os.write(file, f"{host} {port}\n".encode())

    sys.addaudithook(note)


def _is_local(host: str) -> bool:
    with contextlib.suppress(ValueError):
        return bool(ipaddress.ip_address(host))
    return host.rstrip(".").lower() == "localhost"


def _resolve(path: str) -> None:
    names: dict[str, list[list[str]]] = json.loads(Path(path).read_text())
    real = socket.getaddrinfo

    def getaddrinfo(host: str, port: int, *rest: Any, **named: Any) -> list[Any]:
        answers = names.get(host.rstrip(".").lower())
        if answers is None:
            if not _is_local(host):
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return real(host, port, *rest, **named)
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        return [
            (socket.AF_INET6, 1, 6, "", (found, port, 0, 0))
            if ":" in found
            else (socket.AF_INET, 1, 6, "", (found, port))
            for found in answer
        ]

    socket.getaddrinfo = getaddrinfo


def _gate() -> None:
    """No permit is asked for, and no rest is kept."""

    async def enter(*_: Any, **__: Any) -> bool:
        return False

    async def leave(*_: Any, **__: Any) -> None:
        return

    wrap("workers.fetcher.gate:HostGate.enter", lambda _: enter)
    wrap("workers.fetcher.gate:HostGate.leave", lambda _: leave)


def _address_check() -> None:
    """Any address is dialled."""
    for where in ("net:is_forbidden", "client:is_forbidden"):
        wrap(f"workers.http.{where}", lambda _: lambda *_: None)
    wrap("workers.http.client:is_local_name", lambda _: lambda _: False)


def _secrets() -> None:
    """Credentials go along with every redirect, and nothing is masked in an event."""
    wrap("workers.http.client:Target.keeps_credentials", lambda _: lambda *_: True)
    wrap("workers.fetcher.event:redact_url", lambda _: lambda url: url)


GUARDS: dict[str, Callable[[], None]] = {
    "gate": _gate,
    "address_check": _address_check,
    "secrets": _secrets,
}
"""The guards of the product that the harness's controls are without."""


def main() -> int:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--without", default="", choices=["", *GUARDS])
    options = parser.parse_args()
    if options.without:
        GUARDS[options.without]()
    if names := os.environ.get("WATCH_NAMES"):
        _resolve(names)
    if dialled := os.environ.get("WATCH_DIALLED"):
        _watch(dialled)
    return cli.main(["run"])


if __name__ == "__main__":
    sys.exit(main())
