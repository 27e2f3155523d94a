"""`python -m tests.fuzz <container|all> [--seconds N | --files N] [--first N] [--keep FOLDER]`: breaks files.

Prints each kind of finding once, with the number that makes it again, and ends with 1 if there was any.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.harness import Finding, bug, findings
from tests.fuzz.mutate import mutant
from tests.fuzz.seeds import CONTAINERS, seeds

_BATCH = 200


def main() -> int:
    """See above."""
    asked = _asked()
    names = CONTAINERS if asked.container == "all" else (asked.container,)
    return max([_fuzzed(name, asked, asked.seconds / len(names)) for name in names])


def _asked() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("container", choices=(*CONTAINERS, "all"))
    parser.add_argument("--seconds", type=float, default=60.0, help="of processor time, shared by all")
    parser.add_argument("--files", type=int, help="of each container, instead of the time")
    parser.add_argument("--first", type=int, default=0, help="number of the first mutant")
    parser.add_argument("--keep", type=Path, help="folder for the files of findings")
    return parser.parse_args()


def _fuzzed(name: str, asked: argparse.Namespace, seconds: float) -> int:
    kinds, files = set[str](), 0
    for seed in seeds(name):  # what is loaded on first use is no mutant's doing, and each process begins with it
        bug(seed)
    for numbers in _batches(asked, seconds):
        files += len(numbers)
        for finding in findings(seeds(name), numbers):
            kind = "\n".join(finding.said.strip().splitlines()[-3:])
            if kind not in kinds:
                kinds.add(kind)
                _tell(name, finding, asked.keep)
    sys.stdout.write(f"{name}: {files} files, {len(kinds)} kinds of findings\n")
    sys.stdout.flush()
    return int(bool(kinds))


def _batches(asked: argparse.Namespace, seconds: float) -> Iterator[range]:
    if asked.files is not None:
        yield range(asked.first, asked.first + asked.files)
        return
    end, at = _spent() + seconds, asked.first
    while _spent() < end:
        yield range(at, at + _BATCH)
        at += _BATCH


def _spent() -> float:
    """Seconds of processor time of this process and of those that it has seen the end of."""
    return sum(os.times()[:4])


def _tell(name: str, finding: Finding, keep: Path | None) -> None:
    sys.stdout.write(f"{name} {finding.number}: {finding.said}\n")
    if keep:
        keep.mkdir(parents=True, exist_ok=True)
        (keep / f"{name}-{finding.number}").write_bytes(mutant(seeds(name), finding.number))


if __name__ == "__main__":
    sys.exit(main())
