"""`python -m cli`, which `./wallify` runs: parse the arguments and run the command."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import textwrap
from collections.abc import Callable, Iterator, Mapping
from difflib import get_close_matches

from chalicelib import VERSION
from cli import errors
from cli.client.models import ApiError
from cli.commands import (
    bench,
    collections,
    completion,
    connection,
    deploy,
    doctor,
    download,
    images,
    keys,
    local_cloud,
    logs,
    maintenance,
    profiles,
    queues,
    tasks,
    test,
    tokens,
    upload,
)
from cli.commands.completion import words_of
from cli.commands.parser import Commands
from cli.errors import CommandError, file_error
from cli.output import print_error, print_json

Register = Callable[[Commands], None]
"""Declares one command, or a pair such as `login` and `logout`."""

SECTIONS: Mapping[str, tuple[Register, ...]] = {
    "local cloud": (
        local_cloud.register_up,
        local_cloud.register_down,
        local_cloud.register_status,
        logs.register,
    ),
    "AWS": (deploy.register_deploy, keys.register, deploy.register_teardown),
    "images": (
        upload.register,
        download.register,
        images.register,
        collections.register,
        maintenance.register_quarantine,
    ),
    "tasks and jobs": (
        tasks.register_tasks,
        tasks.register_task,
        tasks.register_cancel,
        tasks.register_retry,
        maintenance.register_run,
        maintenance.register_schedules,
        queues.register_queues,
        queues.register_functions,
    ),
    "access": (
        profiles.register_login,
        profiles.register_profiles,
        tokens.register,
        tokens.register_audit,
    ),
    "help": (doctor.register, local_cloud.register_open, completion.register),
    "development": (test.register, bench.register_bench, bench.register_soak),
}


WIDEST = 100  # longer lines are hard to read
LOOKS_ITSELF = ("doctor", "completion")
"""Commands that run without a check of the environment: doctor reports its errors, and shells call completion."""
ADVICE = {
    errors.UNREACHABLE: "Check it with `./wallify doctor`.",
    errors.DENIED: "See `./wallify doctor`, or sign in with `./wallify login`.",
}


def main(arguments: list[str] | None = None) -> int:
    """Run one command; return its exit code, one of `cli.errors`."""
    top, typed = parser(), sys.argv[1:] if arguments is None else arguments
    if typed[:1] == ["help"]:
        typed = [*typed[1:], "--help"]
    _must_be_known(top, typed)
    given = top.parse_args(typed)
    try:
        if typed[0] not in LOOKS_ITSELF:
            connection.check_environment()
        code: int = given.run(given)
    except ApiError as error:
        return _refused(given, error)
    except CommandError as trouble:
        print_error(trouble)
        return trouble.exit_code
    except KeyboardInterrupt:
        return errors.INTERRUPTED
    except BrokenPipeError:
        # The reader of a pipe has closed it (`| head`); Python would report that again at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return errors.DONE
    except OSError as error:
        return _report_os_error(error)
    return code


def parser() -> argparse.ArgumentParser:
    """Return the parser of all commands."""
    top = argparse.ArgumentParser(
        prog="wallify",
        usage="wallify command [options]",
        description="Commands for Wallify.",
        epilog="Help of one command: `wallify help upload`. Exit codes: docs/reference/cli.md.",
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    top.add_argument("--version", action="version", version=f"wallify {VERSION}", help="print the version and exit")
    commands = top.add_subparsers(required=True, metavar="command", prog="wallify", help=argparse.SUPPRESS)
    top.description = "\n\n".join((top.description or "", *_declared(commands)))
    top.set_defaults(top=top)
    return top


def _must_be_known(top: argparse.ArgumentParser, typed: list[str]) -> None:
    """Exit with the overview if no command was given, and with the nearest name if it is unknown."""
    names = [one.word for one in words_of(top)[""] if not one.word.startswith("-")]
    if not typed:
        top.print_help(sys.stderr)
        top.exit(errors.MISUSED)
    if not typed[0].startswith("-") and typed[0] not in names:
        near = "".join(f" Did you mean {name}?" for name in get_close_matches(typed[0], names, 1))
        top.error(f"There is no command {typed[0]}.{near} `wallify --help` lists the commands.")


def _declared(commands: Commands) -> Iterator[str]:
    """Declare every command; yield the text of each section for the overview."""
    choices = commands._choices_actions  # noqa: SLF001 - argparse has no public way to see what it was choices
    for title, registers in SECTIONS.items():
        before = len(choices)
        for register in registers:
            register(commands)
        yield "\n".join((f"{title}:", *(_filled(one.dest, one.help or "") for one in choices[before:])))


def _filled(name: str, what: str) -> str:
    width = min(shutil.get_terminal_size().columns, WIDEST)
    return textwrap.fill(what, width, initial_indent=f"  {name:12} ", subsequent_indent=" " * 15)


def _report_os_error(error: OSError) -> int:
    trouble = file_error(error)
    if trouble is None:
        raise error
    print_error(trouble)
    return trouble.exit_code


def _refused(given: argparse.Namespace, error: ApiError) -> int:
    code = errors.of_status(error.status)
    print_error(CommandError(error.message, ADVICE.get(code, "")))
    if getattr(given, "json", False):
        print_json({"success": False, "status": error.status, "code": error.code, "message": error.message})
    return code


if __name__ == "__main__":
    sys.exit(main())
