"""The machine and the versions that the numbers belong to."""

from __future__ import annotations

import os
import platform
import sys
from importlib import metadata
from pathlib import Path

from PIL import features

from bench.report import Cell
from chalicelib.engine.pixels import has_libwebp, is_available

PACKAGES = ("cykooz-resizer", "pyvips", "pyvips-binary", "thumbor")


def machine(core: int | None) -> dict[str, Cell]:
    """Facts for the head of the report; nothing in it tells whose machine it is."""
    facts: dict[str, Cell] = {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "pinned to core": "none" if core is None else core,
        "Python": platform.python_version(),
        "Pillow": f"{features.version('pil')} (libjpeg-turbo {features.version('libjpeg_turbo')})",
        "load before": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
    }
    facts["native PNG, WebP"] = ", ".join("yes" if one() else "no" for one in (is_available, has_libwebp))
    return facts | {name: version for name in PACKAGES if (version := _version(name))}


def _version(name: str) -> str:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return ""


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if sys.platform != "linux" or not cpuinfo.is_file():
        return platform.machine()
    names = (line.partition(":")[2].strip() for line in cpuinfo.read_text().splitlines() if "model name" in line)
    return next(names, platform.machine())
