"""What the worker's container cannot do: each is tried, from inside."""

from __future__ import annotations

from tests.compose.stack import docker

_ATTEMPTS = {
    "write to its root": "open('/written', 'w')",
    "write to /tmp": "open('/tmp/written', 'w')",
    "write to its own code": "import workers.cli; open(workers.cli.__file__, 'a')",
    "change the feed list": "open('/feeds/feeds.txt', 'a')",
    "run what it has written": (
        "import os; p = '/dev/shm/x'; f = open(p, 'w'); f.write('#!/bin/sh\\n'); f.close(); "
        "os.chmod(p, 0o755); os.execv(p, [p])"
    ),
    "become root": "import os; os.setuid(0)",
    "give a file away": "import os; open('/dev/shm/y', 'w'); os.chown('/dev/shm/y', 0, 0)",
    "open a raw socket": "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    "make a device": "import os, stat; os.mknod('/dev/shm/z', stat.S_IFBLK | 0o600, os.makedev(8, 0))",
    "mount": (
        "import ctypes; l = ctypes.CDLL(None, use_errno=True); "
        "assert l.mount(b'none', b'/dev/shm', b'tmpfs', 0, None) == 0, ctypes.get_errno()"
    ),
    "make a namespace": (
        "import ctypes; l = ctypes.CDLL(None, use_errno=True); "
        "assert l.unshare(0x10000000) == 0, ctypes.get_errno()"
    ),
    "gain privileges by a set-uid program": (
        "s = dict(l.split(':\\t') for l in open('/proc/self/status').read().splitlines() if ':\\t' in l); "
        "assert s['NoNewPrivs'] != '1' or int(s['CapBnd'], 16)"
    ),
}
_CONTROL = "import os; open('/dev/shm/control', 'w'); os.remove('/dev/shm/control')"


def succeeded(worker: str) -> list[str]:
    """The forbidden things that a worker's container could do all the same; prints each attempt."""
    done = []
    for what, code in {"(control: write to /dev/shm)": _CONTROL, **_ATTEMPTS}.items():
        outcome = docker(
            "exec", worker, "python", "-c",
            f"try:\n  exec({code!r})\nexcept (OSError, AssertionError) as e: print(type(e).__name__, e)\n"
            "else: print('done')",
        )  # fmt: skip
        print(f"    {what:<38} {outcome}")
        # An attempt that says nothing has become another program.
        if outcome in ("", "done"):
            done.append(what)
    if len(done) == 0 or not done[0].startswith("(control"):
        done.append("the control itself failed: nothing was proved")
    return done[1:] if len(done) > 1 else []
