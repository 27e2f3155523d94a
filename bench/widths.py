"""What the widths of pictures cost and save: bytes that screens load, and processor time to make them.

python -m bench.widths FOLDER [FOLDER ...]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from chalicelib.container import Container
from chalicelib.engine.model import Limits, Recipe
from chalicelib.engine.pipeline import process
from chalicelib.engine.transform import in_widths
from chalicelib.errors import WallifyError
from chalicelib.settings import Settings

SCREENS = {"phone 1080": 1_080, "laptop 1440": 1_440, "desktop 1920": 1_920}
"""Pixels of a screen's width, which a picture fills."""
LIMIT = 0.15
"""Largest share of the full form's bytes that a phone may load, over all pictures."""


@dataclass(frozen=True)
class Laddered:
    """The widths of one picture."""

    name: str
    megapixels: float
    full: int
    """Bytes of the full form that every client reads."""
    loaded: Mapping[tuple[str, str], int]
    """Bytes by screen and codec."""
    stored: int
    """Bytes of all widths together."""
    milliseconds: float
    """Of processor time."""

    def line(self) -> str:
        """For people."""
        shares = "  ".join(f"{size / self.full:6.1%}" for size in self.loaded.values())
        return f"{self.name[:32]:32} {self.megapixels:5.1f} {self.full:>11,} {self.milliseconds:6.0f}  {shares}"


def main(folders: list[str]) -> int:
    """Print a line for each picture, and the sums; 1 if a phone loads too much."""
    heads = "  ".join(f"{codec} {screen}" for screen in SCREENS for codec in ("avif", "jpeg"))
    print(f"{'picture':32} {'MP':>5} {'full form':>11} {'ms':>6}  {heads}")
    found = []
    for one in _all_in(folders):
        print(one.line(), flush=True)
        found.append(one)
    if not found:
        print("There are no pictures.")
        return 1
    full = sum(one.full for one in found)
    share = 0.0
    for screen in SCREENS:
        for codec in ("avif", "jpeg"):
            part = sum(one.loaded[screen, codec] for one in found) / full
            share = part if (screen, codec) == ("phone 1080", "avif") else share
            print(f"{screen}, {codec}: {part:.1%} of the bytes of {len(found)} full forms")
    stored, spent = sum(one.stored for one in found), sum(one.milliseconds for one in found)
    print(f"All widths take {stored / full:.1%} of these bytes, and {spent / len(found):.0f} ms for each picture.")
    return int(share > LIMIT)


def _all_in(folders: list[str]) -> Iterator[Laddered]:
    for path in (path for folder in folders for path in sorted(Path(folder).rglob("*")) if path.is_file()):
        try:
            one = _laddered(path)
        except WallifyError:
            continue  # refused as an upload
        if one is not None:
            yield one


def _laddered(path: Path) -> Laddered | None:
    """Return what the picture's widths are; None if it has no more than a phone's pixels."""
    data, limits = path.read_bytes(), Limits()
    done = process(data, Recipe(sizes=(150,), formats=("jpeg",)), limits)
    full, wanted = done.renditions[0], Container(Settings()).ladder.wanted(done.picture)
    if done.picture.width <= min(SCREENS.values()) or not wanted:
        return None
    began = time.process_time()
    made = tuple(in_widths(data, wanted, limits))
    spent = time.process_time() - began
    plain = {one.width: len(one.body) for one in made if one.format in {"jpeg", "png"}} | {full.width: len(full.body)}
    avif = {one.width: len(one.body) for one in made if one.format == "avif"}
    loaded = {
        (screen, codec): _loaded(sizes, width)
        for screen, width in SCREENS.items()
        for codec, sizes in (("avif", {full.width: len(full.body)} | avif), ("jpeg", plain))
    }
    stored = sum(len(one.body) for one in made)
    return Laddered(path.name, full.width * full.height / 1e6, len(full.body), loaded, stored, spent * 1_000)


def _loaded(sizes: Mapping[int, int], width: int) -> int:
    """Return the bytes of the narrowest form that fills the width, else of the widest."""
    return sizes[min((one for one in sizes if one >= width), default=max(sizes))]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
