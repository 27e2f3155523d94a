"""Failpoints: named points between two side effects, where tests stop the process and step times are measured."""

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
"""Failpoints of image workers; a test stops at each of them."""
JOB_FAILPOINTS: Final = ("after_piece", "after_hand_on", "after_objects", "after_revision")
"""Failpoints of chunked jobs."""
VISIBILITY_FAILPOINTS: Final = ("after_hidden_copies", "after_hiding", "after_showing")
"""Failpoints of hiding and showing an image's renditions."""

Failpoint = Callable[[str], None]


def noop(name: str) -> None:
    """Do nothing."""


STEPS: Mapping[tuple[str, str], str] = {
    ("after_claim", "after_get"): "fetch",
    ("after_get", "after_engine"): "engine",
    ("after_engine", "after_put"): "store",
    ("after_put", "after_publish"): "publish",
    ("after_publish", "after_cleanup"): "tidy",
}
"""Pairs of consecutive failpoints and the step between them, as the metric StepDuration names it."""


@dataclass
class StepTimer:
    """Failpoint that measures step times; for a process that handles one task at a time."""

    clock: Clock
    metrics: Metrics
    _last: tuple[str, datetime] | None = field(default=None, init=False)

    def __call__(self, name: str) -> None:
        """Count the time since the previous failpoint, if the two delimit a step."""
        last, self._last = self._last, (name, self.clock.now())
        if last is None or (last[0], name) not in STEPS:
            return
        took = (self._last[1] - last[1]).total_seconds() * 1000
        self.metrics.count("StepDuration", round(took, 1), step=STEPS[last[0], name])
