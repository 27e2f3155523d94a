"""The same broken files of each container on every run, and five seconds of others in whole runs, or sixty at night.

`python -m tests.fuzz` goes on from there.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from chalicelib.engine.model import Limits, Recipe
from chalicelib.engine.pipeline import process
from chalicelib.errors import ImageTooLarge
from tests.fuzz import harness
from tests.fuzz.mutate import mutant
from tests.fuzz.seeds import CONTAINERS, sealed, seeds
from tests.sizes import at_night

ROOT = Path(__file__).parents[2]
SECONDS = str(at_night(60, else_take=5))
A_DEATH = """
import os, sys
from tests.fuzz import harness
harness.process = lambda data, *_: os.abort() if data == b"bad" else None
harness.mutant = lambda seeds, number: seeds[number % 5]
for one in harness.findings([b"good"] * 3 + [b"bad", b"good"], range(10)):
    print(one.number, one.said)
"""


def _run(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, *command], cwd=ROOT, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(
    "share",
    [("--files", "150"), pytest.param(("--seconds", SECONDS, "--first", "150"), marks=pytest.mark.slow)],
    ids=" ".join,
)
def test_broken_files_are_taken_or_refused_and_nothing_else(share: tuple[str, ...]) -> None:
    done = _run("-m", "tests.fuzz", "all", *share)

    assert done.returncode == 0, done.stdout
    assert [line.split(":")[0] for line in done.stdout.splitlines()] == list(CONTAINERS)


def test_what_ends_the_process_is_found_and_the_rest_is_still_tried() -> None:
    found = [line.split(" ", 1) for line in _run("-c", A_DEATH).stdout.splitlines()]

    assert [number for number, _ in found] == ["3", "8"]
    assert all("ended the process" in said for _, said in found)


@pytest.mark.parametrize(
    ("fault", "is_bug"), [(TypeError("ours"), True), (MemoryError(), True), (ImageTooLarge(), False)], ids=repr
)
def test_what_is_no_refusal_is_a_finding(fault: Exception, is_bug: bool, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: FBT001
    def broken(*_: object) -> None:
        raise fault

    monkeypatch.setattr(harness, "process", broken)

    assert (harness.bug(b"") is not None) == is_bug


@pytest.mark.filterwarnings("ignore::UserWarning")  # Pillow misses the offset of a next directory
@pytest.mark.parametrize("container", CONTAINERS)
def test_every_seed_is_a_good_file(container: str) -> None:
    for seed in seeds(container):
        assert process(seed, Recipe(sizes=(16,), formats=("jpeg",)), Limits()).picture.format == container
        assert sealed(seed) == seed


def test_a_number_makes_the_same_file_again() -> None:
    assert mutant(seeds("gif"), 7) == mutant(seeds("gif"), 7) != mutant(seeds("gif"), 8)
