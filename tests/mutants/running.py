"""Runs catchers on a copy of the project, with one planted bug at a time."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import count
from pathlib import Path

from tests.mutants.mutant import SOAK, Mutant

PROJECT = Path(__file__).parents[2]
_LEFT_OUT = shutil.ignore_patterns(
    ".git", ".venv", ".local", "__pycache__", ".*_cache", ".hypothesis", "node_modules", "build", "dist"
)
_PYTEST = ("pytest", "-x", "-q", "-n", "0", "-p", "no:schemathesis", "-p", "no:cacheprovider")
_LONGEST = 300
"""Seconds; a catcher that hangs has seen something."""
_SECONDS = count(1)
_GREEN, _RED = 0, 1
"""How pytest and the soak end; every other code means that neither has run."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a catcher made of a bug."""

    mutant: Mutant
    is_caught: bool
    seconds: float
    trouble: str = ""
    """Why nothing can be said, such as a catcher that does not exist; empty where it ran."""

    @property
    def is_good(self) -> bool:
        """True for a bug that was caught by a catcher that ran."""
        return self.is_caught and not self.trouble


@contextmanager
def a_copy() -> Iterator[Path]:
    """The project in a folder of its own, without what is made from it."""
    with tempfile.TemporaryDirectory(prefix="wallify-mutants-") as folder:
        copy = Path(folder) / "project"
        shutil.copytree(PROJECT, copy, ignore=_LEFT_OUT)
        yield copy


@contextmanager
def planted(mutant: Mutant, copy: Path) -> Iterator[None]:
    """The bug is there for a while. DoesNotApply."""
    path = copy / mutant.file
    before, stat = path.read_bytes(), path.stat()
    try:
        mutant.apply(copy)
        # Python tells compiled files by second and size, and a bug may change neither: each has a second of its own.
        moment = int(stat.st_mtime) + next(_SECONDS)
        os.utime(path, (moment, moment))
        yield
    finally:
        path.write_bytes(before)
        os.utime(path, ns=(stat.st_atime_ns, stat.st_mtime_ns))


def try_out(mutant: Mutant, copy: Path) -> Outcome:
    """Plant the bug in the copy, run its catcher, and take the bug out again. DoesNotApply."""
    began = time.monotonic()
    with planted(mutant, copy):
        code, output = _run(mutant.caught_by, copy)
    trouble = "" if code in {_GREEN, _RED} else f"the catcher ended with {code}: {output}"
    return Outcome(mutant, code == _RED, time.monotonic() - began, trouble)


def red_without(mutants: Iterable[Mutant], copy: Path) -> list[str]:
    """Catchers that fail although there is no bug in the copy: they catch nothing."""
    mutants = list(mutants)
    tests = sorted({test for one in mutants if not one.is_soak for test in one.caught_by.split()})
    soaks = sorted({one.caught_by for one in mutants if one.is_soak})
    together = [" ".join(tests)] if tests else []
    runs = [(catcher, _run(catcher, copy)) for catcher in (*together, *soaks)]
    return [f"{catcher}: {output}" for catcher, (code, output) in runs if code != _GREEN]


def _run(catcher: str, copy: Path) -> tuple[int, str]:
    """The code that the catcher ends with, and its last words."""
    arguments = ("cli", *catcher.split()) if catcher.startswith(f"{SOAK} ") else (*_PYTEST, *catcher.split())
    surroundings = {**os.environ, "PYTHONPATH": str(copy)}
    command = [sys.executable, "-m", *arguments]
    try:
        done = subprocess.run(
            command, cwd=copy, env=surroundings, capture_output=True, text=True, check=False, timeout=_LONGEST
        )
    except subprocess.TimeoutExpired:
        return _RED, "it never ended"
    return done.returncode, " ".join((done.stdout + done.stderr).splitlines()[-3:])
