"""The options that say which local stack is meant."""

from __future__ import annotations

import argparse
from pathlib import Path

from cli.local.callers import name_of
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


def add_host_to(parser: argparse.ArgumentParser) -> None:
    """Declare `--host`."""
    words = "also answer to this name, as through a tunnel; may be repeated, and is remembered"
    parser.add_argument("--host", type=_host, action="append", metavar="NAME", help=words)


def stack_from(given: argparse.Namespace) -> Stack:
    """The stack that was meant."""
    return stack_at(given.dir.resolve(), getattr(given, "port", None), getattr(given, "host", None))


def _host(text: str) -> str:
    if name_of(text) != text.lower():
        raise argparse.ArgumentTypeError("a host is a name without a port, such as box.example")
    return text.lower()


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else 0
    if not 1 <= port <= 65534:  # noqa: PLR2004 - the emulator takes the next one
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65534")
    return port
