"""Which formats can be written anew, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.engine.clean import avif, gif, jpeg, png, webp

if TYPE_CHECKING:
    from collections.abc import Callable

    from PIL.ImageFile import ImageFile

    from chalicelib.engine.clean.told import Told

    Rebuilder = Callable[[bytes, Told, ImageFile], bytes]

REBUILDERS: dict[str, Rebuilder] = {
    "jpeg": jpeg.rebuild,
    "png": png.rebuild,
    "gif": gif.rebuild,
    "webp": webp.rebuild,
    "avif": avif.rebuild,
}
