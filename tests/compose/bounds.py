"""What the worker's container cannot do: each is tried, from inside. deploy/SECURITY.md is its table."""

from __future__ import annotations

from tests.compose.stack import LifeError, Stack, docker

_CTYPES = "import ctypes; l = ctypes.CDLL(None, use_errno=True); "
_DIAL = "import socket; socket.create_connection(({host!r}, {port}), 3)"

ATTEMPTS = {
    "write to its root": "open('/written', 'w')",
    "write to /tmp": "open('/tmp/written', 'w')",
    "write to its own code": "import workers.cli; open(workers.cli.__file__, 'a')",
    "change the feed list": "open('/feeds/feeds.txt', 'a')",
    "run what it has written": (
        "import os; p = '/dev/shm/x'; f = open(p, 'w'); f.write('#!/bin/sh\\n'); f.close(); "
        "os.chmod(p, 0o755); os.execv(p, [p])"
    ),
    "become root": "import os; os.setuid(0)",
    "become another user": "import os; os.setuid(1000)",
    "give a file away": "import os; open('/dev/shm/y', 'w'); os.chown('/dev/shm/y', 0, 0)",
    "gain by a set-uid program": (
        "s = dict(l.split(':\\t') for l in open('/proc/self/status').read().splitlines() if ':\\t' in l); "
        "assert s['NoNewPrivs'] != '1' or int(s['CapBnd'], 16), 'no new privileges, none in bounds'"
    ),
    "open a raw socket": "import socket; socket.socket(socket.AF_INET, socket.SOCK_RAW, 1)",
    "make a device": "import os, stat; os.mknod('/dev/shm/z', stat.S_IFBLK | 0o600, os.makedev(8, 0))",
    "mount": _CTYPES
    + "assert l.mount(b'none', b'/dev/shm', b'tmpfs', 0, None) == 0, ctypes.get_errno()",
    "make a namespace": _CTYPES + "assert l.unshare(0x10000000) == 0, ctypes.get_errno()",
    "set the clock": "import time; time.clock_settime(time.CLOCK_REALTIME, time.time())",
    "rename the host": "import socket; socket.sethostname('other')",
    "change the kernel's settings": "open('/proc/sys/kernel/core_pattern', 'w').write('|/x')",
    "read the kernel's log": _CTYPES
    + "assert l.klogctl(3, b' ' * 99, 99) >= 0, ctypes.get_errno()",
    "read /etc/shadow": "open('/etc/shadow').read()",
    "speak to the Docker engine": (
        "import socket; s = socket.socket(socket.AF_UNIX); s.connect('/var/run/docker.sock')"
    ),
    "read another service's files": "open('/var/lib/kafka/data/meta.properties').read()",
}
"""Python that raises OSError or AssertionError when the container is bounded."""

_CONTROL = "import os; open('/dev/shm/control', 'w'); os.remove('/dev/shm/control')"

LIMITS = {
    "take more memory than its limit": ("bytes(b'1' * (1 << 30))", 137),
    "start more than 256 processes": (
        "import os, sys, time\n"
        "for n in range(300):\n"
        "  try: pid = os.fork()\n"
        "  except OSError: print(n); sys.exit(11)\n"
        "  if pid == 0: time.sleep(30); os._exit(0)\n",
        11,
    ),
}
"""Python that must not end well, with the exit code that says so; in a container of its own."""


def attempt(worker: str) -> None:
    """Try all of it, and print each outcome. Raises LifeError when something could be done."""
    done = []
    control = _outcome(worker, _CONTROL)
    print(f"    {'(control) write to /dev/shm':<36} {control}")
    if control != "done":
        raise LifeError("the attempts prove nothing: what is allowed was refused too")
    for what, code in ATTEMPTS.items():
        outcome = _outcome(worker, code)
        print(f"    {what:<36} {outcome}")
        # An attempt that says nothing has become another program.
        if outcome in ("", "done"):
            done.append(what)
    if done:
        raise LifeError(f"a worker could: {', '.join(done)}")


def _outcome(worker: str, code: str) -> str:
    return docker(
        "exec", worker, "python", "-c",
        f"try:\n  exec({code!r})\nexcept (OSError, AssertionError) as e: print(type(e).__name__, e)\n"
        "else: print('done')",
        check=False,
    )  # fmt: skip


def limits(stack: Stack) -> None:
    """Try to go past what the container is given. Raises LifeError when that can be done."""
    for what, (code, wanted) in LIMITS.items():
        name = "newswire-life-limit"
        run = ["run", "--detach", "--no-deps", "--name", name, "--entrypoint", "python", "worker"]
        stack(*run, "-c", code)
        try:
            code_found = int(docker("wait", name))
        finally:
            docker("rm", "--force", name)
        print(f"    {what:<36} exit {code_found}")
        if code_found != wanted:
            raise LifeError(f"must not be possible: {what}")


def reach(stack: Stack) -> None:
    """Who reaches whom within the stack. Raises LifeError when that is not as it must be."""
    worker, kafka = stack.ids("worker")[0], stack.ids("kafka")[0]
    to_valkey = "(: </dev/tcp/valkey/6379) 2>/dev/null && echo yes || echo no"
    found = {
        "Valkey from the worker": _outcome(worker, _DIAL.format(host="valkey", port=6379))
        == "done",
        "Valkey from Kafka": docker("exec", kafka, "bash", "-c", to_valkey) == "yes",
    }
    ports = {
        service: docker("port", stack.ids(service)[0]).split() for service in ("valkey", "kafka")
    }
    found["Valkey from this machine"] = bool(ports["valkey"])
    open_ports = [word for word in ports["kafka"] if ":" in word and "->" not in word]
    found["Kafka from another machine"] = any(not p.startswith("127.") for p in open_ports)
    wanted = dict.fromkeys(found, False) | {"Valkey from the worker": True}
    for what, reached in found.items():
        print(f"    {what:<36} {'reached' if reached else 'not reached'}")
    if found != wanted or not open_ports:
        raise LifeError("must be reached: Valkey by workers alone, Kafka by this machine too")
