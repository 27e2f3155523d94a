"""`update_collection_stats`: count each collection's rows, and correct its counters where they differ.

Every change of an image updates the counters, so they differ only after a fault. A count is used only if the counters
did not change meanwhile, and a difference only if a second count finds the same. The correction adds the difference on
the condition that the counters still have not changed, so that no concurrent upload is lost.

A collection whose count was exact gets a mark that names the version of its counters. A scheduled run skips it while
its counters have a version with a mark: every change of the counters moves that version, so none can be missed,
whenever the mark is written. A mark holds for a day, and a manual run counts everything.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from chalicelib.errors import Conflict
from chalicelib.images.model import CollectionStats, weight_of
from chalicelib.ports import Catalog, Clock, ExpiringStore, Metrics
from chalicelib.tasks.model import Position, Report, StepResult, Task
from chalicelib.telemetry import NULL_METRICS, log

_PAGE = 500
_MOST_COUNTS = 4
_PAUSE = 2.0
"""Seconds between two counts: listings of DynamoDB are eventually consistent."""
_MOST_SKIPPED = 500
"""Most unchanged collections that one step passes; each takes two reads."""
_MOST_SUMMED = 1_000
_MARK_HOLDS = timedelta(days=1)
"""How long an unchanged collection is skipped: a fault may leave rows or a manifest wrong without moving a counter."""


def mark_name(collection: str, version: str) -> str:
    """Return the key of the mark that the collection's counters were exact at this version."""
    return f"recounted:{collection}:{version}"


def _is_scheduled(task: Task) -> bool:
    return "period" in task.args


def _do_nothing(_: str) -> None:
    """Do nothing; the default after a collection was counted."""


@dataclass(frozen=True)
class RecountJob:
    """The job. The task argument `collection` restricts it to that one."""

    catalog: Catalog
    clock: Clock
    metrics: Metrics = NULL_METRICS
    counted: Callable[[str], object] = _do_nothing
    """Called with each collection once it has been counted."""
    marks: ExpiringStore | None = None
    """Has a record for each version of a collection's counters that a count has found exact; None: skip nothing."""

    def advance(self, task: Task, position: Position, report: Report) -> StepResult:
        """Pass unchanged collections, and count one page of the first other one."""
        position = position or self._first_position(task)
        if "mark" not in position:
            position, report = self._without_unchanged(task, position, report)
            if position["collection"] is None:
                return replace(self._result(position, report), position=None)
            if "mark" not in position:
                return self._result(position, report)
        page = self.catalog.images(position["collection"], _PAGE, position["cursor"])
        counted = _stats_in(position, "counted")
        for image in page.items:
            counted += weight_of(image)
        position = {**position, "cursor": page.next_cursor, "counted": _plain(counted)}
        report = report.plus("images_counted", len(page.items))
        if page.next_cursor is not None:
            return self._result(position, report)
        return self._compare(task, position, report)

    def _compare(self, task: Task, position: Position, report: Report) -> StepResult:
        """Compare a complete count with the counters: accept, count again, or correct."""
        drift = _stats_in(position, "counted") + -_stats_in(position, "claimed")
        if not _differs(drift):
            return self._next(task, position, report.plus("exact"), exact=True)
        _, version = self.catalog.stats_with_version(drift.collection)
        if version == position["mark"] and position["suspected"] == _plain(drift):
            return self._next(task, position, self._correct(drift, version, report))
        if position["look"] >= _MOST_COUNTS:
            return self._next(task, position, report.plus("too_busy", example=drift.collection))
        suspected = _plain(drift) if version == position["mark"] else None
        self.clock.sleep(_PAUSE)
        again = _position(drift.collection, position["total"], look=position["look"] + 1, suspected=suspected)
        return self._result(again, report)

    def _correct(self, drift: CollectionStats, version: str, report: Report) -> Report:
        try:
            self.catalog.correct_stats(drift, version)
        except Conflict:
            return report.plus("too_busy", example=drift.collection)
        self.metrics.count("StatisticsDrift")
        facts = {"alarm": "statistics_drift", "collection": drift.collection, **_plain(drift)}
        log.warning("statistics corrected", extra=facts)
        return report.plus("corrected", example=drift.collection).plus("images_drifted", abs(drift.images))

    def _with_counters(self, position: Position) -> Position:
        claimed, version = self.catalog.stats_with_version(position["collection"])
        return {**position, "mark": version, "claimed": _plain(claimed)}

    def _without_unchanged(self, task: Task, position: Position, report: Report) -> tuple[Position, Report]:
        """Return the position of the first collection that must be counted, with its counters.

        Without counters if more may be unchanged than one step passes; of no collection after the last.
        """
        if position["collection"] is None or not _is_scheduled(task):
            return position if position["collection"] is None else self._with_counters(position), report
        names = self.catalog.collections()
        at = bisect_right(names, position["collection"] or "")
        for following in (*names[at : at + _MOST_SKIPPED], None)[:_MOST_SKIPPED]:
            if position["collection"] is None:
                break
            counted = self._with_counters(position)
            if not self._is_unchanged(counted):
                return counted, report
            report = report.plus("unchanged").plus("images_unchanged", counted["claimed"]["images"])
            position = _position(following, position["total"])
        return position, report

    def _is_unchanged(self, position: Position) -> bool:
        if self.marks is None or position["look"] > 1:
            return False
        return self.marks.get(mark_name(position["collection"], position["mark"])).is_current(self.clock.now())

    def _next(self, task: Task, position: Position, report: Report, *, exact: bool = False) -> StepResult:
        here = position["collection"]
        self.counted(here)
        if exact and _is_scheduled(task):
            self._mark(position)
        only = task.args.get("collection")
        following = None if only else next((name for name in self.catalog.collections() if name > here), None)
        if following is None:
            return replace(self._result(position, report), position=None)
        return self._result(_position(following, position["total"]), report)

    def _mark(self, position: Position) -> None:
        """Record that the counters were exact at the version that they had before the count.

        If they have changed since, this version never comes back, and the mark does nothing.
        """
        if self.marks is None:
            return
        before, now = self.marks.get(mark_name(position["collection"], position["mark"])), self.clock.now()
        if not before.is_current(now):
            with suppress(Conflict):  # another run has found the same
                self.marks.replace(before, replace(before, until=now + _MARK_HOLDS))

    def _first_position(self, task: Task) -> Position:
        only = task.args.get("collection")
        names = (only,) if only else self.catalog.collections()
        # A step is bounded: of very many collections the total stays unknown.
        total = sum(self.catalog.stats(name).images for name in names) if len(names) <= _MOST_SUMMED else 0
        return _position(names[0] if names else None, total)

    def _result(self, position: Position, report: Report) -> StepResult:
        return StepResult(position, report, "counting", report["images_counted"], position["total"])


def _position(
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


def _stats_in(position: Position, which: str) -> CollectionStats:
    return CollectionStats(position["collection"], **position[which])


def _plain(stats: CollectionStats) -> dict[str, int]:
    return {"images": stats.images, "bytes": stats.bytes, "rendition_bytes": stats.rendition_bytes}


def _differs(drift: CollectionStats) -> bool:
    return any(_plain(drift).values())
