"""Fetches the peers once: Python packages into their own folder, Node packages beside them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from bench import places

MINUTES = 10 * 60
UNPACKING = 300
PYTHON_STAMP = places.SITE / ".installed"
NODE_STAMP = places.NODE / ".installed"


def install_peers() -> list[str]:
    """Install what is missing; answers one sentence for each set of peers that cannot be had here."""
    return [problem for problem in (_python_peers(), _node_peers()) if problem]


def _python_peers() -> str:
    wanted = places.HERE / "requirements.txt"
    if PYTHON_STAMP.is_file() and PYTHON_STAMP.read_text() == wanted.read_text():
        return ""
    places.SITE.mkdir(parents=True, exist_ok=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--upgrade", "--target", str(places.SITE)]
    if not _ran([*pip, "-r", str(wanted)], "pip.log"):
        return "pyvips, thumbor and SSIMULACRA2 are skipped: pip could not install them (.local/bench/pip.log)"
    PYTHON_STAMP.write_text(wanted.read_text())
    return ""


def _node_peers() -> str:
    if not (shutil.which("node") and shutil.which("npm")):
        return "sharp is skipped: Node is not here"
    wanted = places.HERE / "package.json"
    if NODE_STAMP.is_file() and NODE_STAMP.read_text() == wanted.read_text():
        return ""
    places.NODE.mkdir(parents=True, exist_ok=True)
    shutil.copy(wanted, places.NODE)
    if not _ran(["npm", "install", "--no-audit", "--no-fund", "--prefix", str(places.NODE)], "npm.log"):
        return "sharp is skipped: npm could not install it (.local/bench/npm.log)"
    NODE_STAMP.write_text(wanted.read_text())
    return ""


def unpack_packages(packages: Sequence[str], folder: Path, fetched: Path) -> None:
    """Fetch Debian's packages and unpack them in `folder`, unless it exists; where there is no apt, nothing happens.

    Nothing is installed. Files of earlier calls are used again.
    """
    apt, dpkg = shutil.which("apt-get"), shutil.which("dpkg")
    if folder.is_dir() or not (apt and dpkg):
        return
    fetched.mkdir(parents=True, exist_ok=True)
    with suppress(OSError, subprocess.SubprocessError):
        _done([apt, "download", *packages], fetched)
        for package in (file for name in packages for file in fetched.glob(f"{name}_*.deb")):
            _done([dpkg, "-x", str(package), str(folder)], fetched)


def _done(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, timeout=UNPACKING, check=True, capture_output=True)


def _ran(command: Sequence[str], log: str) -> bool:
    with (places.STORE / log).open("wb") as out:
        try:
            done = subprocess.run(command, stdout=out, stderr=out, timeout=MINUTES, check=False)
        except (OSError, subprocess.TimeoutExpired):
            return False
    return done.returncode == 0
