"""What optimising makes of the pictures in some folders: bytes that are served before and after, and variants.

python -m bench.optimized FOLDER [FOLDER ...]
"""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from chalicelib.engine.model import Limits, Recipe
from chalicelib.engine.optimize import RECODABLE, recode, variants
from chalicelib.engine.pipeline import process
from chalicelib.errors import WallifyError
from chalicelib.images.optimize import Treatment


@dataclass(frozen=True)
class Optimized:
    """What became of one picture."""

    name: str
    megapixels: float
    served: int
    """Bytes of the full form that every client reads."""
    recoded: int
    variants: dict[str, int]
    """Bytes by codec; without resolution of colours it is 4:2:0."""
    seconds: float
    """Of processor time."""

    def line(self) -> str:
        """For people."""
        made = "  ".join(f"{codec} {size / self.recoded:.2f}" for codec, size in self.variants.items())
        sizes = f"{self.served:>11,} {self.recoded:>11,}"
        return f"{self.name[:32]:32} {self.megapixels:6.1f} {sizes} {self.seconds:6.1f}  {made}"


def main(folders: list[str]) -> int:
    """Print a line for each picture that is taken, and the sums."""
    print(f"{'picture':32} {'MP':>6} {'served':>11} {'recoded':>11} {'s':>6}  variants, of recoded")
    found = []
    for one in _all_in(folders):
        print(one.line(), flush=True)
        found.append(one)
    before, after = sum(one.served for one in found), sum(one.recoded for one in found)
    print(f"{len(found)} pictures: {before:,} bytes served, {after:,} recoded ({1 - after / max(before, 1):.1%} less)")
    for codec in ("avif", "avif 4:4:4", "webp"):
        print(f"{codec}: {sum(codec in one.variants for one in found)} variants")
    return 0


def _all_in(folders: list[str]) -> Iterator[Optimized]:
    paths = (path for folder in folders for path in sorted(Path(folder).rglob("*")) if path.is_file())
    for path in paths:
        try:
            yield _optimized(path)
        except WallifyError:
            continue  # refused as an upload, or given up at night


def _optimized(path: Path) -> Optimized:
    data, treatment = path.read_bytes(), Treatment()
    full = process(data, Recipe(sizes=(150,), formats=("jpeg",)), Limits()).renditions[0]
    began = time.process_time()
    smaller = recode(full.body, treatment.limits) if full.format in RECODABLE else None
    after = len(smaller or full.body)
    made = variants(data, [codec for codec in treatment.codecs if codec != full.format], treatment.limits, after)
    sizes = {f"{one.encoded.format}{' 4:4:4' * (one.sampling == '4:4:4')}": len(one.encoded.body) for one in made}
    spent, megapixels = time.process_time() - began, full.width * full.height / 1e6
    return Optimized(path.name, megapixels, len(full.body), after, sizes, spent)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
