"""The machine, the versions and the settings of the allocator that the numbers belong to."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping
from importlib import metadata
from pathlib import Path

from PIL import features

from bench.report import Cell
from chalicelib.engine.native_module import is_available
from chalicelib.engine.pixels import has_libwebp
from cli.local.staging import tracked_config

_ALLOCATOR = "MALLOC_"
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
    facts |= {name: value for name, value in allocator().items() if os.environ.get(name) == value}
    return facts | {name: version for name in PACKAGES if (version := _version(name))}


def allocator() -> dict[str, str]:
    """Return the variables by which the deployed functions set glibc's allocator."""
    variables: dict[str, str] = tracked_config()["environment_variables"]
    return {name: value for name, value in variables.items() if name.startswith(_ALLOCATOR)}


def without_allocator(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without any setting of glibc's allocator."""
    return {name: value for name, value in environment.items() if not name.startswith(_ALLOCATOR)}


def as_deployed() -> None:
    """Start this program again with the functions' settings of the allocator, which glibc reads at the start only.

    Does nothing in a process that has them.
    """
    wanted = without_allocator(os.environ) | allocator()
    if wanted != dict(os.environ):
        os.execve(sys.executable, [sys.executable, *sys.orig_argv[1:]], wanted)  # noqa: S606  # this program itself


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
