"""Every engine that this machine has, in the order of the tables: ours first, the floor last."""

from __future__ import annotations

import os

from bench import places
from bench.engines import Engine, ours, pillow, sharp, thumbor, vips
from chalicelib.engine.warm import keep_memory

KEEP_MEMORY = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": str(1 << 30)}


def available() -> list[Engine]:
    """Those whose packages are here. Workers among them start when they are first asked.

    All of them keep their memory between pictures, as Wallify's worker does: in this process by the worker's own call,
    in others by the environment that means the same to glibc.
    """
    places.open_site()
    os.environ.update(KEEP_MEMORY)
    keep_memory()
    pillows = pillow.engines()
    return [*ours.engines(), *sharp.engines(), *vips.engines(), *pillows[:1], *thumbor.engines(), *pillows[1:]]
