"""`wallify bench`: how fast the engine is beside others, measured here and now."""

from __future__ import annotations

import argparse
import subprocess
import sys

from cli.commands.grammar import Commands, declare
from cli.local.stack import PROJECT
from cli.trouble import Trouble


def add_to(commands: Commands) -> None:
    """Declare the command."""
    # With another sign for options of its own, those that begin with a hyphen reach the benchmark as they are.
    parser = declare(
        commands,
        "bench",
        "compare the engine with others, in one run",
        "bench --quick",
        "bench thumbnails --rounds 3",
        prefix_chars="+",
        add_help=False,
    )
    parser.add_argument("arguments", nargs="*", help="arguments for the benchmark, such as --quick or thumbnails")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Do it."""
    if not (PROJECT / "bench" / "__main__.py").exists():
        raise Trouble("There is no benchmark in this checkout.", "It belongs in bench/.")
    command = [sys.executable, "-m", "bench", *given.arguments]
    return subprocess.run(command, cwd=PROJECT, check=False).returncode
