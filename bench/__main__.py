"""`python -m bench`, which `./wallify bench` runs: Wallify's engine beside its peers, in one interleaved run."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from bench import photos
from bench.engines import Engine
from bench.engines.registry import available
from bench.engines.worker import Remote
from bench.install import install_peers
from bench.machine import as_deployed, machine
from bench.report import Table, as_markdown, show, write_json
from bench.rounds import pin
from bench.setting import Setting
from bench.suites import (
    cuts,
    fidelity,
    goals,
    ingest,
    integrity,
    memory,
    on_demand,
    peer,
    resampling,
    sources,
    start,
    throughput,
    thumbnails,
    wallpapers,
)

Suite = Callable[[Setting], list[Table]]
SUITES: dict[str, Suite] = {
    "thumbnails": thumbnails.run,
    "resaved": thumbnails.resaved,
    "wallpapers": wallpapers.run,
    "other-wallpapers": wallpapers.others,
    "progressive": thumbnails.progressive,
    "fidelity": fidelity.run,
    "ingest": ingest.run,
    "sources": sources.run,
    "memory": memory.run,
    "cuts": cuts.run,
    "integrity": integrity.run,
}
ALONE = {"start": start.run, "resampling": resampling.run, "on-demand": on_demand.run}
"""Suites without other engines, by name; each takes the rounds and a function that tells of progress."""
ASKED_FOR = ("peer", "goals")
"""Suites that run only when they are named: one loads the whole machine for minutes, the other runs the suites that it
needs and compares what they find with the goals."""
NAMES = (*SUITES, *ALONE, *ASKED_FOR)
QUICK = ("thumbnails", "fidelity", "ingest", "memory", "cuts")
ROUNDS, QUICK_ROUNDS = 9, 2


def main(arguments: list[str] | None = None) -> int:
    """Run what was asked for; 0 when everything could be measured that this machine can measure."""
    given = _parser().parse_args(arguments)
    out, progress = Console(width=given.width), Console(stderr=True)
    if given.url:
        return _publish(given, out, throughput.run(_load(given), progress.print), None)
    asked, core, tables = _asked(given), None, list[Table]()
    if compared := [name for name in asked if name in SUITES]:
        with _setting(given, progress) as setting:
            core = pin(given.core)
            tables += [table for name in compared for table in SUITES[name](setting)]
    for name in asked:
        if name in ALONE:
            tables += ALONE[name](given.rounds or (QUICK_ROUNDS if given.quick else start.ROUNDS), progress.print)
    if "peer" in asked:
        tables += peer.run(given.rounds or peer.ROUNDS, given.uploads or peer.UPLOADS, progress.print)
    if "goals" in asked:
        tables.append(goals.table(tables, given.results))
    return _publish(given, out, tables, core)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="wallify bench", description=__doc__, allow_abbrev=False)
    parser.add_argument(
        "suites", nargs="*", metavar="suite", help=f"{', '.join(NAMES)} (default: all but the last two)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="half a minute, drawn photos, nothing fetched: does it run?"
    )
    parser.add_argument("--rounds", type=int, help=f"calls that a median is taken of (default {ROUNDS})")
    parser.add_argument(
        "--clock", choices=("wall", "cpu"), default="wall", help="cpu: for a machine that others use too"
    )
    parser.add_argument("--core", type=int, help="the core to stay on (default: the last)")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all numbers, unrounded")
    parser.add_argument(
        "--results",
        type=Path,
        metavar="FILE",
        action="append",
        default=[],
        help="goals: take the numbers of a run with --json instead of running all suites; can be repeated",
    )
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="write the tables for the docs")
    parser.add_argument("--width", type=int, help="columns of the terminal")
    stack = parser.add_argument_group("a running stack, instead of the engine")
    stack.add_argument("--url", help="its address, on this machine")
    stack.add_argument("--token", default="", help="a token that may upload and see tasks")
    stack.add_argument("--uploads", type=int, help=f"{throughput.UPLOADS}; in each turn of `peer` {peer.UPLOADS}")
    stack.add_argument("--clients", type=int, default=throughput.CLIENTS)
    return parser


def _asked(given: argparse.Namespace) -> list[str]:
    asked: list[str] = given.suites or list(QUICK if given.quick else (*SUITES, *ALONE))
    if "goals" in asked and not given.results:
        asked = [*(name for name in NAMES if name in {*asked, *goals.SUITES}), "goals"]
    if unknown := set(asked) - set(NAMES):
        raise SystemExit(f"There is no suite {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}.")
    return asked


def _load(given: argparse.Namespace) -> throughput.Load:
    try:
        return throughput.Load(given.url, given.token, given.uploads or throughput.UPLOADS, given.clients)
    except ValueError as e:
        raise SystemExit(f"{e}. The bench loads only a stack that runs here.") from None


@contextmanager
def _setting(given: argparse.Namespace, progress: Console) -> Iterator[Setting]:
    for problem in [] if given.quick else install_peers():
        progress.print(problem)
    engines = available()
    try:
        yield Setting(
            engines=engines,
            photos=photos.drawn_photos() if given.quick else photos.five_photos(),
            rounds=given.rounds or (QUICK_ROUNDS if given.quick else ROUNDS),
            clock=given.clock,
            quick=given.quick,
            tell=progress.print,
        )
    finally:
        _close(engines)


def _close(engines: list[Engine]) -> None:
    for engine in engines:
        if isinstance(engine, Remote):
            engine.process.close()


def _publish(given: argparse.Namespace, out: Console, tables: list[Table], core: int | None) -> int:
    facts = machine(core)
    out.print(" · ".join(f"{name} {value}" for name, value in facts.items()), markup=False, highlight=False)
    for table in tables:
        show(table, out)
    if given.json:
        write_json(tables, facts, given.json)
    if given.markdown:
        given.markdown.write_text("\n".join(as_markdown(table) for table in tables))
    return 0


if __name__ == "__main__":
    as_deployed()
    sys.exit(main())
