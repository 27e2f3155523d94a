"""What clients are going to ask for, made of the seed alone: the four ways in, and what is wrong with some of it."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from PIL import Image

from chalicelib.uploads.service import OnDuplicate

UPLOAD, BULK, DRAFT, DROP = "upload", "bulk", "draft", "drop"
"""The four ways in."""
TRASH, ERASE, THUMBNAILS, OPTIMIZE = "trash", "erase", "thumbnails", "optimize"
"""What is asked for of pictures that are there."""
_CHORES = {TRASH: 3, ERASE: 2, THUMBNAILS: 2, OPTIMIZE: 1}
"""Weights."""
OWNERS = ("soak-a", "soak-b")
"""Two tokens, whose clients use the same Idempotency-Keys for different requests."""
PRIVATE = "gizli"
"""The one private collection."""
_WAYS = {UPLOAD: 62, BULK: 8, DRAFT: 20, DROP: 10}
"""Weights; a bulk upload brings many files, so that half of all come by it."""
_COLLECTIONS = ("nature", "cities", "space", "doğa", PRIVATE)
_LARGEST_BULK = 20
_NAMES = 3_000
"""So many different names, so that some are wanted twice."""
_CANCELLED, _TRIED_AGAIN, _NEVER_SENT, _KNOWN, _DAMAGED, _COPIED = 0.06, 0.06, 0.05, 0.05, 0.04, 0.05
_CHORE = 0.15


@dataclass(frozen=True, slots=True)
class File:
    """A picture, or what pretends to be one."""

    collection: str
    filename: str
    number: int
    """Of the picture: the same number is the same bytes."""
    is_damaged: bool = False
    on_duplicate: OnDuplicate = OnDuplicate.REUSE

    @property
    def body(self) -> bytes:
        """The bytes; a damaged file ends in the middle."""
        body = _a_png(self.number)
        return body[: len(body) // 2] if self.is_damaged else body


@dataclass(frozen=True, slots=True)
class Request:
    """One act of a client."""

    number: int
    way: str
    files: tuple[File, ...]
    is_sent: bool = True
    """False for a draft whose file never comes."""
    cancels: bool = False
    """What it has asked for, somewhat later."""
    retries: bool = False
    """Something that has ended, whoever asked for it."""
    chore: str | None = None
    """What is asked for beside it, of pictures of the first file's collection."""

    @property
    def key(self) -> str:
        """The Idempotency-Key; another owner's request has the same."""
        return f"request-{self.number // len(OWNERS)}"

    @property
    def owner(self) -> str:
        """Who asks."""
        return OWNERS[self.number % len(OWNERS)]


def plan(tasks: int, seed: int) -> Iterator[Request]:
    """Requests for so many files in all."""
    dice, left, number = Random(f"{seed}/plan"), tasks, 0
    while left:
        (way,) = dice.choices(list(_WAYS), list(_WAYS.values()))
        size = min(left, dice.randint(2, _LARGEST_BULK) if way == BULK else 1)
        files = tuple(_file(dice, tasks - left + place) for place in range(size))
        yield Request(
            number,
            way,
            files,
            is_sent=dice.random() >= _NEVER_SENT,
            cancels=way != DROP and dice.random() < _CANCELLED,
            retries=dice.random() < _TRIED_AGAIN,
            chore=_chore(Random(f"{seed}/chore/{number}")),
        )
        left, number = left - size, number + 1


def _chore(dice: Random) -> str | None:
    if dice.random() >= _CHORE:
        return None
    (chore,) = dice.choices(list(_CHORES), list(_CHORES.values()))
    return chore


def _file(dice: Random, number: int) -> File:
    if number and dice.random() < _KNOWN:
        number = dice.randrange(number)
    unusual = dice.random() < _COPIED
    return File(
        dice.choice(_COLLECTIONS),
        f"{dice.randrange(_NAMES)}.png",
        number,
        is_damaged=dice.random() < _DAMAGED,
        on_duplicate=dice.choice((OnDuplicate.COPY, OnDuplicate.ERROR)) if unusual else OnDuplicate.REUSE,
    )


def _a_png(number: int) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", (4, 3), (number % 256, number // 256 % 256, number // 65_536)).save(stream, "PNG")
    return stream.getvalue()
