"""`python -m cli`, which `./wallify` runs: reads the arguments and runs the command they name."""

from __future__ import annotations

import argparse
import sys
from typing import TypeAlias

from cli.commands import bench, down, logs, status, test, up
from cli.terminal import complain
from cli.trouble import Trouble

Commands: TypeAlias = "argparse._SubParsersAction[argparse.ArgumentParser]"  # noqa: SLF001 - it has no public name

COMMANDS = (up, down, status, logs, test, bench)
INTERRUPTED = 130  # what shells expect after Ctrl-C


def main(arguments: list[str] | None = None) -> int:
    """Run one command; answers the exit code: 0 done, 1 something stopped it, 2 not understood, 130 interrupted."""
    given = parser().parse_args(arguments)
    try:
        code: int = given.run(given)
    except Trouble as trouble:
        complain(trouble)
        return 1
    except KeyboardInterrupt:
        return INTERRUPTED
    return code


def parser() -> argparse.ArgumentParser:
    """All commands and their options."""
    top = argparse.ArgumentParser(prog="wallify", description="Wallify, from the terminal.", allow_abbrev=False)
    commands = top.add_subparsers(required=True, metavar="command")
    for command in COMMANDS:
        command.add_to(commands)
    return top


if __name__ == "__main__":
    sys.exit(main())
