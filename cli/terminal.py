"""What the terminal sees: one screen for results, one line that says what is being done."""

from __future__ import annotations

import time
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.text import Text

from cli.trouble import Trouble

screen = Console(highlight=False)
complaints = Console(stderr=True, highlight=False)

# Names come from strangers: what would steer the terminal, or turn the writing around, must not reach it.
_UNSHOWABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_TURNING = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@contextmanager
def steps(title: str, *, aside: bool = False) -> Iterator[Callable[[str], None]]:
    """Show `title` and each step that is told, and how long all of it took; `aside` keeps stdout for a result."""
    shown, began = complaints if aside else screen, time.monotonic()
    with shown.status(title) as line:

        def tell(step: str) -> None:
            line.update(f"{title}: {step}")

        yield tell
    shown.print(f"{title}: done in {time.monotonic() - began:.1f} s")


def complain(trouble: Trouble) -> None:
    """Say what is wrong, what to do, and show the evidence."""
    if trouble.evidence:
        complaints.print(trouble.evidence, style="dim", markup=False)
    words = Text(harmless(trouble.what), style="bold red")
    complaints.print(words.append(harmless(f" {trouble.advice}".rstrip()), style="not bold default"), soft_wrap=True)


def harmless(text: str) -> str:
    """The text with a sign in place of every character that a terminal could obey."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _is_unshowable(char) else char for char in text)


def _is_unshowable(char: str) -> bool:
    return unicodedata.category(char) in _UNSHOWABLE or char in _TURNING
