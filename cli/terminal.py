"""What the terminal sees: one screen for results, one line that says what is being done."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console

from cli.trouble import Trouble

screen = Console(highlight=False)
complaints = Console(stderr=True, highlight=False)


@contextmanager
def steps(title: str) -> Iterator[Callable[[str], None]]:
    """Show `title` and each step that is told, and how long all of it took."""
    began = time.monotonic()
    with screen.status(title) as line:

        def tell(step: str) -> None:
            line.update(f"{title}: {step}")

        yield tell
    screen.print(f"{title}: done in {time.monotonic() - began:.1f} s")


def complain(trouble: Trouble) -> None:
    """Say what is wrong, what to do, and show the evidence."""
    if trouble.evidence:
        complaints.print(trouble.evidence, style="dim", markup=False)
    complaints.print(f"[bold red]{trouble.what}[/] {trouble.advice}", soft_wrap=True)
