"""How long the steps of work on a picture take, told by the checkpoints that it passes anyway."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from chalicelib.ports import Clock, Metrics

STEPS: Mapping[tuple[str, str], str] = {
    ("after_claim", "after_get"): "fetch",
    ("after_get", "after_engine"): "engine",
    ("after_engine", "after_put"): "store",
    ("after_put", "after_publish"): "publish",
    ("after_publish", "after_cleanup"): "tidy",
}
"""What lies between two checkpoints that follow each other."""


@dataclass
class TimedSteps:
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
