"""The functions' layer, which takes Chalice many seconds to make: made once for all stacks of this checkout.

Chalice looks for a layer under a name made of the requirements and the Python, and makes it if there is none.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from cli.local.stack import PROJECT, Stack

SHELF = PROJECT / ".local" / "layers"
LAYERS = "managed-layer-*.zip"


def lend(stack: Stack, shelf: Path = SHELF) -> None:
    """Put the layers that were made before where Chalice looks for them."""
    for layer in shelf.glob(LAYERS):
        _copy(layer, _packages(stack))


def keep(stack: Stack, shelf: Path = SHELF) -> None:
    """Put the layers of this stack on the shelf, in the place of older ones."""
    made = {layer.name for layer in _packages(stack).glob(LAYERS)}
    shelf.mkdir(parents=True, exist_ok=True)
    for layer in _packages(stack).glob(LAYERS):
        _copy(layer, shelf)
    for old in shelf.glob(LAYERS):
        if old.name not in made:
            old.unlink(missing_ok=True)


def _packages(stack: Stack) -> Path:
    return stack.folder("build") / ".chalice" / "deployments"


def _copy(layer: Path, folder: Path) -> None:
    """Copy it in one step for whoever looks, unless it is there."""
    if not (folder / layer.name).exists():
        folder.mkdir(parents=True, exist_ok=True)
        draft = folder / f"{layer.name}.{os.getpid()}.new"  # another stack may be copying the same one
        shutil.copy2(layer, draft)
        draft.replace(folder / layer.name)
