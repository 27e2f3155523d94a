"""Many at once, and what came of each."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from chalicelib.errors import WallifyError

CROWD = 8


def all_at_once(acts: Sequence[Callable[[], object]]) -> list[WallifyError | None]:
    """What each act came to when all start together: an error of ours, or None for success."""
    start = Barrier(len(acts))

    def run(act: Callable[[], object]) -> WallifyError | None:
        start.wait()
        try:
            act()
        except WallifyError as e:
            return e
        return None

    with ThreadPoolExecutor(len(acts)) as threads:
        return list(threads.map(run, acts))


def winners(outcomes: Sequence[WallifyError | None]) -> list[int]:
    return [number for number, outcome in enumerate(outcomes) if outcome is None]


def losses(outcomes: Sequence[WallifyError | None]) -> list[type[WallifyError]]:
    return [type(outcome) for outcome in outcomes if outcome is not None]
