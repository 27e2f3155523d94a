"""The transparent colour of a 16-bit RGB PNG (tRNS), of which Pillow compares only the upper half with the pixels."""

from __future__ import annotations

import io
from functools import reduce
from typing import TYPE_CHECKING, cast

from PIL import ImageChops

from chalicelib.engine.guard import decoder_errors
from chalicelib.engine.watched import watch

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from PIL import Image
    from PIL.ImageFile import ImageFile

_UPPER, _LOWER = "RGB;16B", "RGB;16L"
"""How Pillow unpacks 16-bit samples: of each the first byte, which is the upper one in a PNG, or the second."""
_OPAQUE = 255


def deep_key(image: ImageFile) -> tuple[int, int, int] | None:
    """The transparent colour in samples of 16 bits, of a picture that is not decoded yet; nothing for others."""
    key = image.info.get("transparency")
    is_deep = image.format == "PNG" and bool(image.tile) and image.tile[0].args == _UPPER
    return key if is_deep and isinstance(key, tuple) else None


def finishing(image: ImageFile) -> Callable[[], None]:
    """What is to be done about the colour once the picture is decoded: it is RGBA then, or all of it is opaque.

    Only where the upper halves of some pixels have the colour the file is decoded again, for the lower halves. What is
    given raises DamagedImage where that fails.
    """
    key = deep_key(image)
    if key is None:
        return lambda: None
    data = cast("io.BytesIO", image.fp).getvalue()
    return lambda: _apply(image, key, data)


def _apply(image: ImageFile, key: tuple[int, int, int], data: bytes) -> None:
    del image.info["transparency"]
    mask = _equal(image, [sample >> 8 for sample in key])
    if mask.getbbox():
        mask = ImageChops.multiply(mask, _equal(_lower_halves(type(image), data), [sample & 0xFF for sample in key]))
    if mask.getbbox():
        image.putalpha(ImageChops.invert(mask))


def _lower_halves(plugin: type[ImageFile], data: bytes) -> ImageFile:
    with decoder_errors():
        image = plugin(io.BytesIO(data))
    watch(image)
    image.tile = [tile._replace(args=_LOWER) for tile in image.tile]
    with decoder_errors():
        image.load()
    return image


def _equal(image: Image.Image, colour: Sequence[int]) -> Image.Image:
    """255 where the picture has the colour."""
    masks = (
        image.getchannel(band).point([_OPAQUE if level == wanted else 0 for level in range(256)])
        for band, wanted in enumerate(colour)
    )
    return reduce(ImageChops.multiply, masks)
