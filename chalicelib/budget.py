"""Budget of removals: every call that removes objects takes a budget and draws from it before the removal."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.errors import Conflict

ONE_IMAGE = 1_000
"""Most objects of one image; about ten are usual."""


class BudgetSpent(Conflict):
    """As many objects have been taken away as this run may take; nothing more is taken away."""

    code = "budget_spent"


@dataclass(slots=True)
class Budget:
    """Budget of `most` objects that may be removed, of which `taken` are drawn. Nothing is ever returned to it."""

    most: int
    taken: int = 0

    @classmethod
    def of_images(cls, images: int) -> Budget:
        """Create a budget for the objects of this number of images, each named by its id in the request."""
        return cls(images * ONE_IMAGE)

    @property
    def left(self) -> int:
        """Number of objects that may still be removed."""
        return max(self.most - self.taken, 0)

    def draw(self, count: int) -> None:
        """Draw this number of objects, all or none. Call it before the removal, so that a failed one counts as well.

        Raises: BudgetSpent, with nothing drawn, if that is more than is left.
        """
        if count > self.left:
            raise BudgetSpent(taken=self.taken, cap=self.most)
        self.taken += count
