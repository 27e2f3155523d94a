"""Named places between two effects, where a test can stop the world; in production they do nothing."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

CHECKPOINTS: Final = (
    "after_claim",
    "after_get",
    "after_engine",
    "after_put",
    "after_publish",
    "after_cleanup",
)
"""Every name that the workers pass, so that a test can walk them all."""
JOB_CHECKPOINTS: Final = ("after_piece", "after_hand_on", "after_objects", "after_revision")
"""The same for long jobs."""
VISIBILITY_CHECKPOINTS: Final = ("after_hidden_copies", "after_hiding", "after_showing")
"""The same for hiding and showing the renditions of an image."""

Checkpoint = Callable[[str], None]


def passing(name: str) -> None:
    """Go on."""
