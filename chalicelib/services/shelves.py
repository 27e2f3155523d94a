"""Walking through every image of the catalogue, a page at a time, in an order that a position can continue."""

from __future__ import annotations

from dataclasses import dataclass

from chalicelib.core.catalog import Image
from chalicelib.core.jobs import Position
from chalicelib.ports import Catalog


@dataclass(frozen=True, slots=True)
class Shelf:
    """Some images that stand together."""

    here: Position
    images: tuple[Image, ...]
    following: Position | None
    """Where the next shelf is; None behind the last."""
    total: int
    """How many images there were at the beginning."""


@dataclass(frozen=True)
class Shelves:
    """Collections by name, images newest first; the trash is no shelf."""

    catalog: Catalog

    def at(self, position: Position, limit: int, only: str | None = None) -> Shelf:
        """The shelf at this position (empty: the first), of all collections or one."""
        position = position or self._beginning(only)
        name, total = position["collection"], position["total"]
        if name is None:
            return Shelf(position, (), None, total)
        page = self.catalog.images(name, limit, position["cursor"])
        following = {**position, "cursor": page.next_cursor}
        if page.next_cursor is None:
            following["collection"] = None if only is not None else self._after(name)
        return Shelf(position, page.items, following if following["collection"] is not None else None, total)

    def _beginning(self, only: str | None) -> Position:
        names = self.catalog.collections() if only is None else (only,)
        total = sum(self.catalog.stats(name).images for name in names)
        return {"collection": names[0] if names else None, "cursor": None, "total": total}

    def _after(self, name: str) -> str | None:
        return next((other for other in self.catalog.collections() if other > name), None)
