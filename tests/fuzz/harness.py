"""One broken file through the engine: it may be taken or refused, and nothing else may happen."""

from __future__ import annotations

import mmap
import os
import resource
import traceback
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from chalicelib.engine.model import Limits, Recipe
from chalicelib.engine.pipeline import process
from chalicelib.errors import WallifyError
from tests.engine.limited_processes import MEMORY, SECONDS, status
from tests.fuzz.mutate import mutant

RECIPE = Recipe(sizes=(16,), formats=("jpeg",), names_rights=True)
LIMITS = Limits(pixels=4_000_000, scaled_pixels=4_000_000)
"""Small, because here it is the odd that matters and not the large."""


@dataclass(frozen=True)
class Finding:
    """What went wrong with which mutant."""

    number: int
    said: str


def bug(data: bytes) -> str | None:
    """The traceback of whatever was raised that is no refusal; None where all is well."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's murmur about odd files
        try:
            process(data, RECIPE, LIMITS)
        except WallifyError as refused:
            return _hidden(refused)
        except Exception:  # noqa: BLE001  that is what is looked for
            return traceback.format_exc()
    return None


def _hidden(refused: WallifyError) -> str | None:
    """Memory that ran out is a bound that is missing."""
    cause = refused.__cause__
    return "".join(traceback.format_exception(cause)) if isinstance(cause, MemoryError | RecursionError) else None


def findings(seeds: Sequence[bytes], numbers: range) -> Iterator[Finding]:
    """What goes wrong with these mutants, in a process with real limits that may die of it."""
    left = numbers
    while left:
        found, at = _batch(seeds, left)
        yield from found
        left = range(at + 1, numbers.stop)


def _batch(seeds: Sequence[bytes], numbers: range) -> tuple[list[Finding], int]:
    """The findings, and the last number that was tried."""
    with mmap.mmap(-1, 8) as place:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            os.close(reading)
            _work(seeds, numbers, place, writing)
        os.close(writing)
        with os.fdopen(reading) as pipe:
            findings = [_finding(one) for one in pipe.read().split("\0") if one]
        _, status = os.waitpid(child, 0)
        last = int.from_bytes(place[:], "little")
    return (
        (findings, numbers.stop - 1)
        if not status
        else ([*findings, Finding(last, f"ended the process: {status}")], last)
    )


def _finding(line: str) -> Finding:
    number, _, said = line.partition(":")
    return Finding(int(number), said)


def _work(seeds: Sequence[bytes], numbers: range, place: mmap.mmap, writing: int) -> None:
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libtiff tells it every fault
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_AS, (status("VmSize") + MEMORY,) * 2)
        for number in numbers:
            place[:] = number.to_bytes(8, "little")
            resource.setrlimit(resource.RLIMIT_CPU, (int(os.times().user) + SECONDS, -1))
            said = bug(mutant(seeds, number))
            if said:
                os.write(writing, f"{number}:{said}\0".encode())
        os._exit(0)
    except BaseException:  # noqa: BLE001  nothing of the parent's may run here
        traceback.print_exc()
        os._exit(99)
