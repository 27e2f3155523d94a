"""`wallify bench` and `wallify soak`: speed of the engine, and correctness under faults."""

from __future__ import annotations

import argparse
import subprocess
import sys
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from chalicelib.tasks.model import Status
from cli import errors
from cli.commands import connection
from cli.commands.parser import Commands, add_command
from cli.errors import CommandError
from cli.local.stack import PROJECT
from cli.output import print_json, progress_line, stderr, stdout

if TYPE_CHECKING:
    from bench.soak.run import Options, SoakResult


def register_bench(commands: Commands) -> None:
    """Declare the command."""
    # With another prefix for its own options, those that begin with a hyphen are passed to the benchmark.
    parser = add_command(
        commands,
        "bench",
        "compare the speed of the engine with others",
        "bench --quick",
        "bench thumbnails --rounds 3",
        prefix_chars="+",
        add_help=False,
    )
    parser.add_argument("arguments", nargs="*", help="arguments for the benchmark, such as --quick or thumbnails")
    parser.set_defaults(run=run_bench)


def run_bench(given: argparse.Namespace) -> int:
    """Run the benchmark."""
    if not (PROJECT / "bench" / "__main__.py").exists():
        raise CommandError("There is no benchmark in this checkout.", "The folder bench/ is missing.")
    command = [sys.executable, "-m", "bench", *given.arguments]
    return subprocess.run(command, cwd=PROJECT, check=False).returncode


STORES = ("dynamodb", "postgres", "sqlite", "memory")
SHOWN = 20
"""Number of problems that are printed."""


def register_soak(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "soak",
        "run many tasks under kills, repeated messages and AWS errors, and check that nothing is lost",
        "soak --tasks 10000 --kill 0.05 --duplicate 0.03 --errors 0.02 --seed 1",
        "soak --store postgres --tasks 1000",
        "soak --tasks 500 --json",
    )
    parser.add_argument("--tasks", type=_count, default=10_000, metavar="N", help="number of uploads (10000)")
    for name, usual, help_ in _RATES:
        parser.add_argument(f"--{name}", type=_share, default=usual, metavar="P", help=f"share of {help_} ({usual})")
    parser.add_argument(
        "--seed", type=int, action="append", metavar="N", help="seed of the faults (1); can be repeated"
    )
    parser.add_argument(
        "--store", choices=STORES, default="dynamodb", help="database (default: dynamodb, which is moto)"
    )
    parser.add_argument("--database-url", metavar="URL", help="an empty PostgreSQL (default: a temporary one)")
    parser.add_argument("--threads", type=_count, default=4, metavar="N", help="parallel clients and workers (4)")
    connection.add_json(parser)
    parser.set_defaults(run=run_soak)


def run_soak(given: argparse.Namespace) -> int:
    """Run the soaks; return 0 if nothing was lost, doubled or miscounted, else 1."""
    verdicts = []
    for seed in given.seed or [1]:
        with progress_line(f"Soaking {given.tasks} tasks on {given.store}, seed {seed}", aside=given.json):
            verdicts.append(_soaked(given, seed))
        _tell(verdicts[-1], stderr if given.json else stdout)
    is_good = all(verdict.is_good for verdict in verdicts)
    if given.json:
        print_json({"good": is_good, "soaks": [facts(verdict) for verdict in verdicts]})
    else:
        stdout.print(table_of(verdicts))
    return errors.DONE if is_good else errors.FAILED


def table_of(verdicts: list[SoakResult]) -> Table:
    """Return a table with a column for each soak."""
    rows = [cells(verdict) for verdict in verdicts]
    table = Table(show_header=False)
    for name in rows[0]:
        table.add_row(name, *(one[name] for one in rows))
    for column in table.columns[1:]:
        column.justify = "right"
    return table


def cells(verdict: SoakResult) -> dict[str, str]:
    """Return the cells of one soak."""
    ends = {str(status): str(verdict.ends.get(status, 0)) for status in _ENDS}
    return {
        "store": verdict.options.store,
        "seed": str(verdict.options.seed),
        "accepted": str(verdict.accepted),
        **ends,
        "kills": str(verdict.met.get("kills", 0)),
        "duplicates": str(verdict.met.get("duplicates", 0)),
        "errors": str(verdict.met.get("errors", 0)),
        "lost": str(verdict.count("lost")),
        "duplicated": str(verdict.count("duplicated")),
        "drained": "yes" if verdict.drained else "no",
        "counters exact": "no" if verdict.count("inexact") else "yes",
        "seconds": f"{verdict.seconds:.0f}",
    }


def facts(verdict: SoakResult) -> dict[str, object]:
    """Return the result of one soak for `--json`."""
    return {
        "store": verdict.options.store,
        "seed": verdict.options.seed,
        "accepted": verdict.accepted,
        "ends": {str(status): verdict.ends.get(status, 0) for status in _ENDS},
        "met": dict(verdict.met),
        "drained": verdict.drained,
        "problems": [{"kind": problem.kind, "what": problem.what} for problem in verdict.problems],
        "seconds": round(verdict.seconds, 1),
    }


_ENDS = (Status.SUCCESS, Status.PARTIAL, Status.FAILURE, Status.REVOKED)
_RATES = (
    ("kill", 0.05, "attempts and requests that are killed"),
    ("duplicate", 0.03, "messages that are delivered twice"),
    ("errors", 0.02, "calls to the bucket, the queue and the database that fail"),
)


def _soaked(given: argparse.Namespace, seed: int) -> SoakResult:
    # moto, SQLAlchemy and Pillow, which no other command needs.
    from bench.soak.backends import NotEmpty  # noqa: PLC0415
    from bench.soak.run import soak  # noqa: PLC0415

    try:
        return soak(_options(given, seed))
    except NotEmpty:
        raise CommandError("The database already has tasks.", "Use an empty database, or omit the option.") from None


def _options(given: argparse.Namespace, seed: int) -> Options:
    from bench.soak.faults import Rates  # noqa: PLC0415  # as above
    from bench.soak.run import Options  # noqa: PLC0415

    rates = Rates(given.kill, given.duplicate, given.errors)
    return Options(given.tasks, seed, given.store, rates, given.threads, given.database_url)


def _tell(verdict: SoakResult, to: Console) -> None:
    for problem in verdict.problems[:SHOWN]:
        to.print(f"{problem.kind}: {problem.what}", markup=False, soft_wrap=True)
    if len(verdict.problems) > SHOWN:
        to.print(f"… and {len(verdict.problems) - SHOWN} more")


def _count(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError("a number from 1 on")
    return number


def _share(text: str) -> float:
    share = float(text)
    if not 0 <= share <= 1:
        raise argparse.ArgumentTypeError("a share from 0 to 1")
    return share
