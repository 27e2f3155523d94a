"""Every engine that this machine has, in the order of the tables: ours first, the floor last."""

from __future__ import annotations

from bench import places
from bench.engines import Engine, ours, pillow, sharp, thumbor, vips


def available() -> list[Engine]:
    """Those whose packages are here. Workers among them start when they are first asked.

    Each runs as somebody runs it who knows it well: ours with the functions' settings of the allocator
    (`bench.machine.as_deployed`), and so do libvips beside it and sharp, which gain by it. thumbor and plain Pillow
    have glibc's defaults.
    """
    places.open_site()
    pillows = pillow.engines()
    return [*ours.engines(), *sharp.engines(), *vips.engines(), *pillows[:1], *thumbor.engines(), *pillows[1:]]
