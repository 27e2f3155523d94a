"""How picture files are put together, read without decoding a pixel.

Every format answers one question (`survey`): is the file whole, and what does it claim? How it is written anew with
nothing but what its pixels need, is told in `engine/clean`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.engine.containers import bmp, gif, isobmff, jpeg, png, tiff, webp

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.engine.containers.parts import Survey

    Surveyor = Callable[[bytes], Survey]


def _heic(data: bytes) -> Survey:
    from chalicelib.engine.containers.heic import survey  # noqa: PLC0415  for the few pictures that need it

    return survey(data)


SURVEYS: dict[str, Surveyor] = {
    "jpeg": jpeg.survey,
    "png": png.survey,
    "gif": gif.survey,
    "webp": webp.survey,
    "avif": isobmff.survey,
    "heic": _heic,
    "bmp": bmp.survey,
    "tiff": tiff.survey,
}
