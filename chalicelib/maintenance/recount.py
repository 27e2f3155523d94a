"""`update_collection_stats`: each collection added up from its rows, and its counters corrected where they are wrong.

Counters move with every change of an image, so they are right unless something is broken. A count is believed only if
nothing moved while it was made, a difference only if a second count finds the same, and it is corrected by adding the
difference under the condition that still nothing has moved: an upload in between is never lost.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from chalicelib.errors import Conflict
from chalicelib.images.model import CollectionStats, weight_of
from chalicelib.metrics import NULL_METRICS
from chalicelib.ports import Catalog, Clock, Metrics
from chalicelib.tasks.model import Position, Report, StepResult, Task
from chalicelib.telemetry import log

_PAGE = 500
_LOOKS = 4
_PAUSE = 2.0
"""Seconds between two counts: listings of DynamoDB are a moment behind."""


def _nothing(_: str) -> None:
    """What happens when a collection has been counted, unless somebody says otherwise."""


@dataclass(frozen=True)
class RecountJob:
    """The job. The option (task arg) `collection` counts that one only."""

    catalog: Catalog
    clock: Clock
    metrics: Metrics = NULL_METRICS
    counted: Callable[[str], object] = _nothing
    """Called with each collection once it has been counted."""

    def advance(self, task: Task, position: Position, report: Report) -> StepResult:
        """One page of one collection."""
        position = position or self._beginning(task)
        if position["collection"] is None:
            return StepResult(None, report)
        if "mark" not in position:
            position = self._marked(position)
        page = self.catalog.images(position["collection"], _PAGE, position["cursor"])
        counted = _numbers(position, "counted")
        for image in page.items:
            counted += weight_of(image)
        position = {**position, "cursor": page.next_cursor, "counted": _plain(counted)}
        report = report.plus("images_counted", len(page.items))
        if page.next_cursor is not None:
            return self._piece(position, report)
        return self._compared(task, position, report)

    def _compared(self, task: Task, position: Position, report: Report) -> StepResult:
        """The collection is counted: does it agree?"""
        drift = _numbers(position, "counted") + -_numbers(position, "claimed")
        if not _is_off(drift):
            return self._next(task, position, report.plus("exact"))
        _, version = self.catalog.stats_with_version(drift.collection)
        if version == position["mark"] and position["suspected"] == _plain(drift):
            return self._next(task, position, self._corrected(drift, version, report))
        if position["look"] >= _LOOKS:
            return self._next(task, position, report.plus("too_busy", example=drift.collection))
        suspected = _plain(drift) if version == position["mark"] else None
        self.clock.sleep(_PAUSE)
        again = _fresh(drift.collection, position["total"], look=position["look"] + 1, suspected=suspected)
        return self._piece(again, report)

    def _corrected(self, drift: CollectionStats, version: str, report: Report) -> Report:
        try:
            self.catalog.correct_stats(drift, version)
        except Conflict:
            return report.plus("too_busy", example=drift.collection)
        self.metrics.count("StatisticsDrift")
        facts = {"alarm": "statistics_drift", "collection": drift.collection, **_plain(drift)}
        log.warning("statistics corrected", extra=facts)
        return report.plus("corrected", example=drift.collection).plus("images_drifted", abs(drift.images))

    def _marked(self, position: Position) -> Position:
        claimed, version = self.catalog.stats_with_version(position["collection"])
        return {**position, "mark": version, "claimed": _plain(claimed)}

    def _next(self, task: Task, position: Position, report: Report) -> StepResult:
        here = position["collection"]
        self.counted(here)
        only = task.args.get("collection")
        following = None if only else next((name for name in self.catalog.collections() if name > here), None)
        if following is None:
            return replace(self._piece(position, report), position=None)
        return self._piece(_fresh(following, position["total"]), report)

    def _beginning(self, task: Task) -> Position:
        only = task.args.get("collection")
        names = (only,) if only else self.catalog.collections()
        total = sum(self.catalog.stats(name).images for name in names)
        return _fresh(names[0] if names else None, total)

    def _piece(self, position: Position, report: Report) -> StepResult:
        return StepResult(position, report, "counting", report["images_counted"], position["total"])


def _fresh(
    collection: str | None, total: int, *, look: int = 1, suspected: Mapping[str, int] | None = None
) -> Mapping[str, Any]:
    return {
        "collection": collection,
        "cursor": None,
        "counted": {},
        "look": look,
        "suspected": suspected,
        "total": total,
    }


def _numbers(position: Position, which: str) -> CollectionStats:
    return CollectionStats(position["collection"], **position[which])


def _plain(stats: CollectionStats) -> dict[str, int]:
    return {"images": stats.images, "bytes": stats.bytes, "rendition_bytes": stats.rendition_bytes}


def _is_off(drift: CollectionStats) -> bool:
    return any(_plain(drift).values())
