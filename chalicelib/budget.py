"""How many objects may be taken away: each call that removes objects takes a budget, and draws from it beforehand."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.errors import Conflict

ONE_IMAGE = 1_000
"""Objects that one image has at the very most; about ten are usual."""


class BudgetSpent(Conflict):
    """As many objects have been taken away as this run may take; nothing more is taken away."""

    code = "budget_spent"


@dataclass(slots=True)
class Budget:
    """A ledger: `most` objects may be removed, `taken` of them are spent. It never gives anything back."""

    most: int
    taken: int = 0

    @classmethod
    def of_images(cls, images: int) -> Budget:
        """For the objects of so many images, each of which has been named by its id."""
        return cls(images * ONE_IMAGE)

    @property
    def left(self) -> int:
        """Objects that may still be removed."""
        return max(self.most - self.taken, 0)

    def draw(self, count: int) -> None:
        """Spend so many, all or none. To be called before the removal, so that a failed removal counts as well.

        Raises:
            BudgetSpent: If that is more than is left; nothing is drawn then.

        """
        if count > self.left:
            raise BudgetSpent(taken=self.taken, cap=self.most)
        self.taken += count
