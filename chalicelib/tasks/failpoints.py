"""Named points between two effects: no-ops in production, where tests stop the process and step times are taken."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from chalicelib.ports import Clock, Metrics

FAILPOINTS: Final = (
    "after_claim",
    "after_get",
    "after_engine",
    "after_put",
    "after_publish",
    "after_cleanup",
)
"""Every name that the workers pass, so that a test can walk them all."""
JOB_FAILPOINTS: Final = ("after_piece", "after_hand_on", "after_objects", "after_revision")
"""The same for long jobs."""
VISIBILITY_FAILPOINTS: Final = ("after_hidden_copies", "after_hiding", "after_showing")
"""The same for hiding and showing the renditions of an image."""

Failpoint = Callable[[str], None]


def noop(name: str) -> None:
    """Go on."""


STEPS: Mapping[tuple[str, str], str] = {
    ("after_claim", "after_get"): "fetch",
    ("after_get", "after_engine"): "engine",
    ("after_engine", "after_put"): "store",
    ("after_put", "after_publish"): "publish",
    ("after_publish", "after_cleanup"): "tidy",
}
"""What lies between two checkpoints that follow each other."""


@dataclass
class StepTimer:
    """A Checkpoint for one process, which does one thing at a time."""

    clock: Clock
    metrics: Metrics
    _last: tuple[str, datetime] | None = field(default=None, init=False)

    def __call__(self, name: str) -> None:
        """Note that the work has come to here."""
        last, self._last = self._last, (name, self.clock.now())
        if last is None or (last[0], name) not in STEPS:
            return
        took = (self._last[1] - last[1]).total_seconds() * 1000
        self.metrics.count("StepDuration", round(took, 1), step=STEPS[last[0], name])
