"""``make audit``: which locked packages of the image have published vulnerabilities.

Exit code 0: all were asked about, none has any; 1: some have; 75: the advisory database was not within reach.
"""

from __future__ import annotations

import json
import subprocess
import sys
from typing import Any

LOCKS = ("requirements-image.lock", "requirements-build.lock")
UNPROVED = 75


def judge(dependencies: list[dict[str, Any]]) -> tuple[int, list[str]]:
    """The exit code and the lines that say why, of what pip-audit reports in JSON."""
    found = [
        f"{d['name']} {d['version']}: {v['id']}, mended in {', '.join(v['fix_versions']) or 'no release'}"
        for d in dependencies
        for v in d.get("vulns", ())
    ]
    unasked = [d["name"] for d in dependencies if "skip_reason" in d]
    if unasked:
        found.append(
            f"NOT PROVED: the advisory database was not asked about {len(unasked)} of "
            f"{len(dependencies)} packages, such as {unasked[0]}"
        )
    if not dependencies:
        found.append("NOT PROVED: pip-audit looked at no package")
    if any("vulns" in d and d["vulns"] for d in dependencies):
        return 1, found
    return (UNPROVED if found else 0), found


def main() -> int:
    """Ask about each lock file."""
    worst = 0
    for lock in LOCKS:
        command = [sys.executable, "-m", "pip_audit", "--disable-pip", "--require-hashes"]
        command += ["--format", "json", "--progress-spinner", "off", "--requirement", lock]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        try:
            dependencies = json.loads(done.stdout)["dependencies"]
        except (ValueError, KeyError):
            print(f"{lock}: NOT PROVED: {done.stderr.strip()[-300:]}", file=sys.stderr)
            worst = worst or UNPROVED
            continue
        code, lines = judge(dependencies)
        print(
            f"{lock}: {len(dependencies)} packages" + ("" if lines else ", no known vulnerability")
        )
        for line in lines:
            print(f"  {line}")
        worst = 1 if 1 in (code, worst) else worst or code
    return worst


if __name__ == "__main__":
    sys.exit(main())
