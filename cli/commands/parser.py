"""Declaration of commands: help, examples, verbs, and the options that select a local stack."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeAlias

from cli.local.access import host_name
from cli.local.lifecycle import stack_at
from cli.local.stack import DEFAULT_HOME, DEFAULT_PORT, Stack

Run: TypeAlias = Callable[[argparse.Namespace], int]
"""Function that runs a command with the parsed arguments and returns the exit code."""
Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no public name


def add_command(
    commands: Commands,
    name: str,
    what: str,
    *examples: str,
    **options: Any,  # noqa: ANN401 - argparse's own keywords
) -> argparse.ArgumentParser:
    """Return the parser of a command; each example is shown after `./wallify`."""
    lines = "\n".join(f"  ./wallify {example}" for example in examples)
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=what,
        description=f"{what[0].upper()}{what[1:]}.",
        epilog=f"{'examples' if len(examples) > 1 else 'example'}:\n{lines}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
        **options,
    )
    return parser


def add_verbs(parser: argparse.ArgumentParser, default: Any) -> Commands:  # noqa: ANN401 - a command's `run`
    """Return the action in which a command's verbs are declared; `default` runs without a verb, if it is not None."""
    if default is not None:
        parser.set_defaults(run=default)
    return parser.add_subparsers(required=default is None, metavar="verb", title="verbs")


def add_folder(parser: argparse.ArgumentParser) -> None:
    """Declare `--dir`."""
    parser.add_argument(
        "--dir", type=Path, default=DEFAULT_HOME, metavar="D", help="folder of the local cloud (default: .local/main)"
    )


def add_port(parser: argparse.ArgumentParser) -> None:
    """Declare `--port`."""
    parser.add_argument("--port", type=_port, metavar="N", help=f"port of the API (default: {DEFAULT_PORT})")


def add_host(parser: argparse.ArgumentParser) -> None:
    """Declare `--host`."""
    words = "also accept this host name, such as that of a tunnel; can be repeated, and is kept for later starts"
    parser.add_argument("--host", type=_host_name, action="append", metavar="NAME", help=words)


def stack_from(given: argparse.Namespace) -> Stack:
    """Return the stack selected by the options."""
    return stack_at(given.dir.resolve(), getattr(given, "port", None), getattr(given, "host", None))


def _host_name(text: str) -> str:
    if host_name(text) != text.lower():
        raise argparse.ArgumentTypeError("a host is a name without a port, such as box.example")
    return text.lower()


def _port(text: str) -> int:
    port = int(text) if text.isdecimal() else 0
    if not 1 <= port <= 65534:  # noqa: PLR2004 - the emulator takes the next one
        raise argparse.ArgumentTypeError("a port is a number from 1 to 65534")
    return port


def limit_from(given: argparse.Namespace, usual: int = 50) -> int | None:
    """Return `--limit`; without it, no limit with `--all`, else the default."""
    limit: int | None = given.limit
    return limit if limit is not None or given.all else usual
