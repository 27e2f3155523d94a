"""Long jobs: one task that is worked off in pieces, handed from message to message, with a report that grows.

A *piece* is what is done between two writes of the task, a *part* what one message does. A killed part costs its last
piece only, and pieces may be done twice.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from chalicelib.core.tasks import Task, TaskType

Position = Mapping[str, Any]
"""Where a job stands, as JSON can hold it; empty at its beginning."""

LONG = frozenset(
    {
        TaskType.GENERATE_THUMBNAILS,
        TaskType.CLEANUP_ORPHANED_FILES,
        TaskType.UPDATE_COLLECTION_STATS,
        TaskType.OPTIMIZE_IMAGES,
        TaskType.DELETE_IMAGES,
        TaskType.RENAME_COLLECTION,
    }
)
"""Kinds of work that are done in parts."""
LANES: Mapping[str, frozenset[TaskType]] = {
    "images": frozenset({TaskType.PROCESS_IMAGE}),
    "thumbnails": frozenset({TaskType.GENERATE_THUMBNAILS}),
    "maintenance": LONG - {TaskType.GENERATE_THUMBNAILS},
}
"""Each queue, by the name that people use, and the work that goes through it."""
STANDING = frozenset({"part", "began_at", "position"})
"""Names of the arguments that a job's standing is kept in."""
RESUMES = frozenset({"after", "rows"})
"""Names of the arguments that say where a scheduled run goes on that another one could not finish in a night."""
LATE = "late"
"""Name of the argument that says why a scheduled run did not begin at its time."""
_EXAMPLES = 20
_KILLED = 3


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a long job has come, as the arguments of its task keep it."""

    part: int = 0
    began_at: datetime | None = None
    """Start of its first part."""
    position: Position = field(default_factory=dict)

    @classmethod
    def of(cls, task: Task) -> Standing:
        """What the task says."""
        args = task.args
        began = args.get("began_at")
        return cls(
            int(args.get("part", "0")),
            datetime.fromisoformat(began) if began else None,
            json.loads(args.get("position", "{}")),
        )

    def args(self) -> dict[str, str]:
        """What `of` reads."""
        began = {"began_at": self.began_at.isoformat()} if self.began_at else {}
        return {"part": str(self.part), "position": json.dumps(self.position), **began}


@dataclass(frozen=True, slots=True)
class Report:
    """What a job has found and done: numbers, and a few examples of each."""

    counts: Mapping[str, int] = field(default_factory=dict)
    examples: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, result: Mapping[str, object] | None) -> Report:
        """The report in a task's result."""
        found: Mapping[str, Any] = result or {}
        counts = {name: value for name, value in found.items() if type(value) is int}
        return cls(counts, {name: tuple(some) for name, some in found.get("examples", {}).items()})

    def __getitem__(self, what: str) -> int:
        return self.counts.get(what, 0)

    def plus(self, what: str, by: int = 1, *, example: str | None = None) -> Report:
        """With so many more of these; of the examples only the first few are kept."""
        counted = replace(self, counts={**self.counts, what: self[what] + by})
        some = self.examples.get(what, ())
        if example is None or len(some) >= _EXAMPLES:
            return counted
        return replace(counted, examples={**self.examples, what: (*some, example)})

    def result(self, **facts: object) -> dict[str, object]:
        """The report as a task's result, with facts beside it."""
        return {**self.counts, "examples": self.examples, **facts}


@dataclass(frozen=True, slots=True)
class Piece:
    """What one piece of a job came to."""

    position: Position | None
    """Where the next one begins; None when the job is done."""
    report: Report
    stage: str = "working"
    done: int = 0
    """Things done so far, in the whole job."""
    total: int = 0
    """Things to do; 0 where nobody knows."""
    facts: Mapping[str, object] = field(default_factory=dict)
    """Said at the end, beside the report."""


def lane_of(kind: TaskType) -> str:
    """The name of the queue that this kind of work goes through; ValueError for a parent, which goes through none."""
    for name, kinds in LANES.items():
        if kind in kinds:
            return name
    raise ValueError(kind)


def killer_ahead(task: Task, position: Position) -> bool:
    """True when what comes next has probably killed two workers: one thing is passed over in each further attempt."""
    return task.attempts >= _KILLED and position.get("gave_up") != task.attempts


def mark_of(task: Task) -> str:
    """A few letters that tell what this task writes from what any other does."""
    return task.task_id.replace("-", "")[:12]
