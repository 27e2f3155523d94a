"""What a run of the bench is about: chosen once on the command line, handed to every suite."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from bench.engines import Engine
from bench.photos import Photo


@dataclass(frozen=True)
class Setting:
    """The same for all suites."""

    engines: Sequence[Engine]
    photos: Sequence[Photo]
    rounds: int = 9
    clock: str = "wall"
    """`wall`, or `cpu`: processor time, for machines that other people use as well."""
    quick: bool = False
    tell: Callable[[str], None] = field(default=lambda _: None)

    def pictures(self) -> dict[str, bytes]:
        """The photos by name."""
        return {photo.name: photo.data for photo in self.photos}
