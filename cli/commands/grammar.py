"""How a command is declared: what it does in one line, and examples below its options."""

from __future__ import annotations

import argparse
from typing import Any, TypeAlias

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no public name


def declare(
    commands: Commands,
    name: str,
    what: str,
    *examples: str,
    **options: Any,  # noqa: ANN401 - argparse's own keywords
) -> argparse.ArgumentParser:
    """A command's parser; each example is shown as it would be typed, after `wallify`."""
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


def verbs_of(parser: argparse.ArgumentParser, default: Any) -> Commands:  # noqa: ANN401 - a command's `run`
    """Where a command's verbs are declared; `default` runs where none is given, if it is not None."""
    if default is not None:
        parser.set_defaults(run=default)
    return parser.add_subparsers(required=default is None, metavar="verb", title="verbs")
