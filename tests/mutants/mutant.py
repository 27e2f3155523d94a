"""A planted bug: one change of one place, why that matters, and the test or the soak that must see it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

SOAK = "soak"
"""What a catcher begins with that is a soak: the arguments of `./wallify soak` follow."""


class DoesNotApply(Exception):
    """The text that a mutation replaces is not in its file exactly once."""


@dataclass(frozen=True, slots=True)
class Mutant:
    """One planted bug. Text and not a pattern: when the code changes, the mutation has to be looked at again."""

    name: str
    file: str
    old: str
    new: str
    why: str
    """What happens to whom if nobody sees it."""
    caught_by: str
    """A test's id as pytest takes it, or `soak --tasks …`."""

    @property
    def is_soak(self) -> bool:
        """True where a soak is what catches it."""
        return self.caught_by.startswith(f"{SOAK} ")

    def apply(self, project: Path) -> None:
        """Change the file of a copy of the project. DoesNotApply."""
        path = project / self.file
        path.write_text(self.applied(path.read_text(encoding="utf-8")), encoding="utf-8")

    def applied(self, text: str) -> str:
        """The file's text with the bug in it. DoesNotApply."""
        found = text.count(self.old)
        if found != 1 or self.old == self.new:
            raise DoesNotApply(f"{self.name}: the old text is {found} times in {self.file}, and must be there once")
        return text.replace(self.old, self.new)
