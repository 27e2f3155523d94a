"""How picture files are put together, read without decoding a pixel.

Every format answers two questions: is the file whole and what does it claim (`survey`), and what does it look like with
nothing but what its pixels need (`clean`). A format that cannot be cleaned without encoding it again has no `clean`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.engine.containers import bmp, gif, isobmff, jpeg, png, tiff, webp

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.engine.containers.parts import Survey

    Surveyor = Callable[[bytes], Survey]
    Cleaner = Callable[[bytes, Survey, int], bytes]

SURVEYS: dict[str, Surveyor] = {
    "jpeg": jpeg.survey,
    "png": png.survey,
    "gif": gif.survey,
    "webp": webp.survey,
    "avif": isobmff.survey,
    "bmp": bmp.survey,
    "tiff": tiff.survey,
}
CLEANERS: dict[str, Cleaner] = {
    "jpeg": jpeg.clean,
    "png": png.clean,
    "gif": gif.clean,
    "webp": webp.clean,
    "avif": isobmff.clean,
}
