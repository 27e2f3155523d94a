"""Which formats can be written anew, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING

from chalicelib.engine.clean import gif, jpeg, png, webp
from chalicelib.engine.containers import isobmff

if TYPE_CHECKING:
    from collections.abc import Callable

    from chalicelib.engine.watched import Watch

    Rebuilder = Callable[[bytes, int, Watch | None], bytes]

REBUILDERS: dict[str, Rebuilder] = {
    "jpeg": jpeg.rebuild,
    "png": png.rebuild,
    "gif": gif.rebuild,
    "webp": webp.rebuild,
    "avif": lambda data, orientation, _: isobmff.clean(data, isobmff.survey(data), orientation),
}
