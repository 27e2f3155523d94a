"""Doing one thing to each of many, so that one that fails does not keep the others from it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from typing import TypeVar

from cli import exits
from cli.client.errors import ApiError
from cli.showing import say
from cli.terminal import complain
from cli.trouble import Trouble

T = TypeVar("T")
_ALL_ALIKE = frozenset({exits.UNREACHABLE, exits.DENIED})
"""What stops one of them stops them all."""


def each(
    given: argparse.Namespace, names: Sequence[str], verb: Callable[[str], T], sentence: Callable[[T], str]
) -> int:
    """Do `verb` to each name and say what came of it. One name: its own error's exit code; some of many: PARTLY."""
    failures = 0
    for name in names:
        try:
            done = verb(name)
        except ApiError as error:
            if len(names) == 1 or exits.of_status(error.status) in _ALL_ALIKE:
                raise
            complain(Trouble(f"{name}: {error.message}"))
            failures += 1
        else:
            say(given, sentence(done), done)
    return exits.PARTLY if failures else exits.DONE
