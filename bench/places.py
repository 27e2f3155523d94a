"""Where the bench keeps what it installs and makes. All of it is ignored by git and may be deleted at any time."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
ROOT = HERE.parent
STORE = ROOT / ".local" / "bench"
SITE = STORE / "site"
NODE = STORE / "node"
PHOTOS = STORE / "photos"


def open_site() -> None:
    """Make the peers importable, behind the project's own packages, so that Pillow stays the one that we ship."""
    if str(SITE) not in sys.path:
        sys.path.append(str(SITE))
