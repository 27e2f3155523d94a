"""The options that say which local stack is meant."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli.local.lifecycle import stack_at
from cli.local.stack import DEFAULT_HOME, DEFAULT_PORT, Stack


def add_to(parser: argparse.ArgumentParser) -> None:
    """Declare `--dir`."""
    parser.add_argument(
        "--dir", type=Path, default=DEFAULT_HOME, metavar="D", help="the stack's folder (default: .local/main)"
    )


def add_port_to(parser: argparse.ArgumentParser) -> None:
    """Declare `--port`."""
    parser.add_argument("--port", type=_port, metavar="N", help=f"the API's port (default: {DEFAULT_PORT})")


def stack_from(given: argparse.Namespace) -> Stack:
    """The stack that was meant."""
    return stack_at(given.dir.resolve(), getattr(given, "port", None))


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else 0
    if not 1 <= port <= 65534:  # noqa: PLR2004 - the emulator takes the next one
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65534")
    return port
