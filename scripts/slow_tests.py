"""Add the slowest tests to tests/slow_tests.txt, which the inner loop leaves out: `python -m scripts.slow_tests`.

It runs the quick tests with two processes and adds each test function that takes more than `MOST` seconds with all of
its cases. A test that has become quick is taken out by hand. Run it on a quiet machine.
"""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

PROJECT = Path(__file__).parents[1]
LIST = PROJECT / "tests" / "slow_tests.txt"
MOST = 0.25
_DURATION = re.compile(r"^ *([\d.]+)s (?:setup|call|teardown) +([^\[\n]+?)(?:\[.*)?$", re.MULTILINE)
_WHOLE_STEPS = ("contracts", "faults", "e2e", "browser")


def main() -> int:
    """Run the quick tests and write the list."""
    left_out = (f"--ignore=tests/{name}" for name in _WHOLE_STEPS)
    options = (
        "-q",
        "-vv",
        "-n",
        "2",
        "--dist",
        "worksteal",
        "-m",
        "not slow",
        "--durations=0",
    )
    command = [sys.executable, "-m", "pytest", *options, *left_out, "tests"]
    output = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=False).stdout  # noqa: S603
    LIST.write_text("".join(f"{name}\n" for name in sorted({*LIST.read_text("utf-8").split(), *slow(output)})), "utf-8")
    return 0


def slow(durations: str) -> set[str]:
    """Return the test functions that take longer than `MOST`, from what pytest prints with --durations=0 -vv."""
    seconds: dict[str, float] = {}
    for duration, name in _DURATION.findall(durations):
        seconds[name] = seconds.get(name, 0) + float(duration)
    return {name for name, total in seconds.items() if total > MOST}


if __name__ == "__main__":
    sys.exit(main())
