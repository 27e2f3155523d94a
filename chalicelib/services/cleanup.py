"""`cleanup_orphaned_files`: objects that nobody needs go to quarantine, and what else the night finds out of place.

Looks twice: first at everything, touching nothing, then, if what was found is plausible, again at everything, and acts
on what still is an orphan by a fresh, strongly consistent look.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import TypeVar

from chalicelib.core import keys
from chalicelib.core.jobs import Piece, Position, Report
from chalicelib.core.metrics import UNCOUNTED
from chalicelib.core.orphans import PREFIXES, Ages, Bounds, Verdict, allowed
from chalicelib.core.tasks import Task
from chalicelib.errors import Conflict, Unavailable, WallifyError
from chalicelib.ports import Catalog, Metrics, ObjectStore
from chalicelib.services.erasing import ONE_BY_ONE, Erasing
from chalicelib.services.inspection import Inspector, Judged
from chalicelib.services.inventory import Inventory
from chalicelib.services.quarantine import Quarantine
from chalicelib.services.reconciling import Reconciler
from chalicelib.telemetry import log

F = TypeVar("F", bound=WallifyError)
_PAGE = 1000  # S3 lists no more at once
_ACTS = 100
"""Objects taken away in one piece: two calls to the bucket each."""
_TRASH = ONE_BY_ONE
_PUT_RIGHT = frozenset({Verdict.LOST, Verdict.EXPOSED})
"""Neither needed where it lies nor rubbish."""


class CatalogueEmpty(Conflict):
    """The catalogue is empty, but the bucket is not: nothing is taken away."""

    code = "catalogue_empty"


class TooManyOrphans(Conflict):
    """More objects look orphaned than one run may take away: nothing more is taken away."""

    code = "too_many_orphans"


@dataclass(frozen=True)
class Cleanup:
    """The job. Options (task args): `dry_run` "true" only looks; `limit` is a larger cap for this run.

    `after` and `rows` continue where an earlier run has stopped.
    """

    catalog: Catalog
    objects: ObjectStore
    inspector: Inspector
    quarantine: Quarantine
    reconciler: Reconciler
    erasing: Erasing
    inventory: Inventory
    ages: Ages = field(default_factory=Ages)
    bounds: Bounds = field(default_factory=Bounds)
    metrics: Metrics = UNCOUNTED
    hide: Callable[[str], None] = lambda _: None
    """Takes the renditions of a trashed image out of public reach."""

    def advance(self, task: Task, position: Position, report: Report) -> Piece:
        """One page of one phase."""
        try:
            return self._advance(task, position, report)
        except Unavailable as fault:
            # What cannot be read is never taken for gone; the last attempt that hears so raises the alarm.
            if task.is_last_attempt(fault.code):
                self._alarm(fault)
            raise

    def _advance(self, task: Task, position: Position, report: Report) -> Piece:
        phase, carried = position.get("phase", _FIRST), position.get("resume", {})
        piece = _PHASES[phase](self, task, position.get("at", {}), report)
        resume = {**carried, **piece.facts}
        left = list(_PHASES)[list(_PHASES).index(phase) + (piece.position is None) :]
        following = next((name for name in left if not (_is_dry(task) and name in _ACTING)), None)
        if following is None:
            # A run that has only looked leaves everything to the next one.
            return replace(piece, facts={"dry_run": _is_dry(task), "resume": {} if _is_dry(task) else resume})
        further = {"phase": following, "at": piece.position or {}, "resume": resume}
        return Piece(further, piece.report, following, piece.report["seen"])

    def _survey(self, task: Task, at: Position, report: Report) -> Piece:
        """Look at a page of everything, count, and touch nothing."""
        judged, following = self._page(at.get("after", task.args.get("after", "")))
        report = _counted(judged, report)
        if following is not None and report["seen"] < self.bounds.keys:
            return Piece({"after": following}, report)
        self.metrics.count("OrphansFound", report["orphans"] + report["leftovers"])
        self._must_be_plausible(task, report)
        return Piece(None, report, facts={"after": following} if following else {})

    def _act(self, task: Task, at: Position, report: Report) -> Piece:
        """Look at a page again, and take away what still is rubbish, up to where the survey ended."""
        judged, following = self._page(at.get("after", task.args.get("after", "")))
        todo = [one for one in judged if one.verdict.is_rubbish or one.verdict in _PUT_RIGHT]
        # Lost uploads are put to work in an empty catalogue, too: they may be its first images.
        if found := sum(one.verdict is not Verdict.LOST for one in todo):
            self._must_have_images(found)
        for image_id in sorted({keys.owner_of(one.stored.key) or "" for one in todo[:_ACTS] if one.is_exposed}):
            self.hide(image_id)
            report = report.plus("images_hidden", example=image_id)
        for one in todo[:_ACTS]:
            report = report if one.is_exposed else self._dispose(task, one, report)
        acted = at.get("acted", 0) + len(judged)
        if len(todo) > _ACTS:
            following, acted = todo[_ACTS - 1].stored.key, at.get("acted", 0)
        surveyed_all = following is None or acted >= max(report["seen"], self.bounds.keys)
        return Piece(None if surveyed_all else {"after": following, "acted": acted}, report)

    def _look_after_versions(self, _task: Task, at: Position, report: Report) -> Piece:
        """Put to work what was written over before anybody heard of it; no listing of objects shows that."""
        page, now = self.objects.versions(keys.INCOMING, _PAGE, at.get("after")), self.inspector.clock.now()
        for one in page.items:
            if self.ages.lost <= now - one.modified < self.ages.leftover:
                report = self.reconciler.look_after(one, report)
        return Piece({"after": page.next_cursor} if page.next_cursor else None, report)

    def _purge(self, _task: Task, at: Position, report: Report) -> Piece:
        purged, following = self.quarantine.purge(_PAGE, at.get("after"))
        return Piece({"after": following} if following else None, report.plus("purged", purged))

    def _empty_trash(self, _task: Task, at: Position, report: Report) -> Piece:
        page = self.catalog.trashed(_TRASH, at.get("after"))
        before = self.inspector.clock.now() - self.ages.trash
        old = [image for image in page.items if image.trashed_at and image.trashed_at <= before]
        if old:
            # Without those that are restored at this very moment: they are no rubbish.
            report = report.plus("trash_erased", len(self.erasing.erase_all(old)))
        done = page.next_cursor is None or len(old) < len(page.items)
        return Piece(None if done else {"after": page.next_cursor}, report)

    def _rows(self, task: Task, at: Position, report: Report) -> Piece:
        at = at or json.loads(task.args.get("rows", "{}"))
        piece = self.inventory.advance(task, at, report)
        if piece.position is None or piece.report["rows_seen"] < self.inventory.most:
            return piece
        return Piece(None, piece.report, facts={"rows": json.dumps(piece.position)})

    def _page(self, after: str) -> tuple[tuple[Judged, ...], str | None]:
        """A page of the bucket behind this key, judged, and the key to go on behind; the prefixes follow each other."""
        number = max(sum(prefix <= after for prefix in PREFIXES) - 1, 0)
        prefix = PREFIXES[number]
        # Before the catalogue is asked: a task that publishes in between is busy, or its image is known.
        busy = self.inspector.busy()
        page = self.objects.list(prefix, _PAGE, after if after > prefix else None)
        following = PREFIXES[number + 1] if number + 1 < len(PREFIXES) else None
        return self.inspector.judge(page.items, busy), page.next_cursor or following

    def _must_be_plausible(self, task: Task, report: Report) -> None:
        rubbish, cap = report["orphans"] + report["leftovers"], self._cap(task, report)
        if rubbish:
            self._must_have_images(rubbish)
        if rubbish > cap and not _is_dry(task):
            raise self._alarm(TooManyOrphans(orphans=rubbish, cap=cap, seen=report["seen"]))

    def _must_have_images(self, rubbish: int) -> None:
        names = self.catalog.collections()
        if not any(self.catalog.images(name, 1).items for name in names) and not self.catalog.trashed(1).items:
            raise self._alarm(CatalogueEmpty(orphans=rubbish))

    def _cap(self, task: Task, report: Report) -> int:
        asked = int(task.args.get("limit", "0"))
        return max(allowed(report["seen"], share=self.bounds.share, least=self.bounds.least), asked)

    def _dispose(self, task: Task, one: Judged, report: Report) -> Report:
        if one.verdict is Verdict.LOST:
            return self.reconciler.put_to_work(one.stored, report)
        cap = self._cap(task, report)
        if report["quarantined"] >= cap:
            raise self._alarm(TooManyOrphans(cap=cap, seen=report["seen"]))
        if not self.quarantine.take(one.stored):
            return report.plus("changed_meanwhile")
        return report.plus("quarantined", example=one.stored.key).plus("quarantined_bytes", one.stored.bytes)

    def _alarm(self, stop: F) -> F:
        self.metrics.count("CleanupsStopped", reason=stop.code)
        log.error("clean-up stopped", extra={"alarm": "cleanup_stopped", "code": stop.code, **stop.details})
        return stop


def _is_dry(task: Task) -> bool:
    return task.args.get("dry_run") == "true"


def _counted(judged: tuple[Judged, ...], report: Report) -> Report:
    report = report.plus("seen", len(judged)).plus("seen_bytes", sum(one.stored.bytes for one in judged))
    for one in judged:
        if one.verdict is not Verdict.NEEDED:
            report = report.plus(one.verdict, example=one.stored.key)
        if one.verdict.is_rubbish:
            report = report.plus("rubbish_bytes", one.stored.bytes)
    return report


_PHASES: Mapping[str, Callable[[Cleanup, Task, Position, Report], Piece]] = {
    "survey": Cleanup._survey,  # noqa: SLF001  # the table belongs to the class
    "act": Cleanup._act,  # noqa: SLF001
    "versions": Cleanup._look_after_versions,  # noqa: SLF001
    "purge": Cleanup._purge,  # noqa: SLF001
    "trash": Cleanup._empty_trash,  # noqa: SLF001
    "rows": Cleanup._rows,  # noqa: SLF001
}
_FIRST = "survey"
_ACTING = frozenset({"act", "versions", "purge", "trash"})
