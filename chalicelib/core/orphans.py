"""Which objects nobody needs.

One key, one writer: every key under `originals/` and `renditions/` is written by one task only (it is made of the image
that the task makes, or carries the task's mark). A task that is final writes no more. So an object that is old, that no
row names, and whose writer is not at work any more can never come to be needed.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from chalicelib.core import keys
from chalicelib.core.blobs import Stored
from chalicelib.core.catalog import Image, Rendition
from chalicelib.core.tasks import Task
from chalicelib.core.trash import is_doomed

PREFIXES = (keys.GUARDED, keys.INCOMING, keys.ORIGINALS, keys.RENDITIONS, keys.TRASHED)
"""What clean-up looks at, in the order of the bucket."""


class Verdict(StrEnum):
    """What an object is."""

    NEEDED = "needed"
    YOUNG = "young"
    """Nobody names it, but somebody may be about to."""
    BUSY = "busy"
    """Nobody names it, but the task that makes its image is at work."""
    ORPHAN = "orphans"
    LEFTOVER = "leftovers"
    """An upload whose task has ended long ago."""
    EXPOSED = "exposed"
    """A rendition of a trashed image where it is served from."""
    LOST = "lost"
    """An upload that no task knows of."""
    FOREIGN = "foreign"
    """Its key has no form that we make: it is never taken away."""
    UNREADABLE = "unreadable"
    """The catalogue has lost rows of its image, so that nothing tells whether it is needed."""

    @property
    def is_rubbish(self) -> bool:
        """True for what is to be taken away."""
        return self in {Verdict.ORPHAN, Verdict.LEFTOVER}


@dataclass(frozen=True, slots=True)
class Ages:
    """How old things must be. Clocks differ by minutes, so none of these is short."""

    orphan: timedelta = timedelta(hours=24)
    lost: timedelta = timedelta(hours=1)
    leftover: timedelta = timedelta(days=7)
    quarantine: timedelta = timedelta(days=7)
    """How long what was taken away can be brought back."""
    trash: timedelta = timedelta(days=7)
    """How long a trashed image can be restored."""


@dataclass(frozen=True, slots=True)
class Bounds:
    """How much one run may do."""

    share: float = 0.05
    """Of the objects seen may be taken away."""
    least: int = 1000
    """May always be taken away."""
    keys: int = 3_000_000
    """Objects looked at, rounded up to a page; the next run goes on behind them."""


def upload_verdict(upload: Stored, task: Task | None, *, now: datetime, ages: Ages) -> Verdict:
    """What an object under `incoming/` is, given its task."""
    age = now - upload.modified
    if task is not None and not task.is_final:
        return Verdict.NEEDED
    if age >= ages.leftover:
        return Verdict.LEFTOVER
    return Verdict.LOST if task is None and age >= ages.lost else Verdict.YOUNG


def picture_verdict(image: Image | None, names: bool, owner: str, busy: Collection[str]) -> Verdict:  # noqa: FBT001
    """What an old object of an image is: `names` says whether the image's rows name it."""
    if image is not None and names:
        return Verdict.NEEDED
    return Verdict.BUSY if image is None and owner in busy else Verdict.ORPHAN


def may_name(image: Image, key: str) -> bool | None:
    """Whether the image's rows name this key, as far as the image's own row tells; None where it does not."""
    if key.startswith(keys.ORIGINALS):
        return key == image.original_key
    if keys.is_hidden(key):
        # Of an image that was restored, too: see `services.visibility`.
        return True
    _, _, run, name = [*key.split("/", 3), "", ""][:4]
    if run == image.recipe and image.optimized and name.startswith("full."):
        return None  # optimising may have replaced it
    return True if name and run in {image.recipe, image.optimized} else None


def is_exposed(image: Image, key: str) -> bool:
    """True for a rendition that is served although its image is in the trash."""
    return image.is_trashed and not is_doomed(image) and key.startswith((keys.RENDITIONS, keys.GUARDED))


def is_incomplete(image: Image, rows: Sequence[Rendition]) -> bool:
    """True if rows of the image's renditions are lost: an image has some, and its own row knows what they weigh."""
    return not rows or sum(row.bytes for row in rows) < image.rendition_bytes


def allowed(seen: int, *, share: float, least: int) -> int:
    """How many of the objects seen may be taken away in one run."""
    return max(int(seen * share), least)
