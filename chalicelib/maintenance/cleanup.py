"""`cleanup_orphaned_files`: objects that nobody needs go to quarantine, and what else the night finds out of place.

Looks twice: first at everything, touching nothing, then, if what was found is plausible, again at everything, and acts
on what still is an orphan by a fresh, strongly consistent look.

One budget bounds the run, whatever takes objects away: orphans, objects that no row names, the quarantine, the trash.
Each piece that takes objects away follows one that has written down, in the task, which ones these are and that they
are drawn from the budget. So a piece that is tried again, after a fault or a crash, takes the same objects and no more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from chalicelib import storage_keys
from chalicelib.budget import Budget, BudgetSpent
from chalicelib.errors import Conflict, Unavailable, WallifyError
from chalicelib.images.model import Image, is_tombstone
from chalicelib.images.purge import ONE_BY_ONE, Purge
from chalicelib.maintenance.consistency_check import ConsistencyCheck
from chalicelib.maintenance.model import PREFIXES, CleanupBounds, OrphanVerdict, RetentionAges, allowed
from chalicelib.maintenance.orphan_scan import CatalogueIncomplete, Classified, OrphanScan
from chalicelib.maintenance.quarantine import Quarantine
from chalicelib.metrics import NULL_METRICS
from chalicelib.objects import StoredObject
from chalicelib.ports import Catalog, Metrics, ObjectStore
from chalicelib.tasks.model import Position, Report, StepResult, Task
from chalicelib.telemetry import log
from chalicelib.uploads.reconciler import Reconciler

_PAGE = 1000  # S3 lists no more at once
_ACTS = 100
"""Objects taken away in one piece: two calls to the bucket each."""
_PLAN_BYTES = 40_000
"""Of keys that a piece writes down; a row in DynamoDB has 400 KB, and a key can have one."""
_TRASH = ONE_BY_ONE
_PUT_RIGHT = frozenset({OrphanVerdict.LOST, OrphanVerdict.EXPOSED})
"""Neither needed where it lies nor rubbish."""


class CatalogueEmpty(Conflict):
    """The catalogue is empty, but the bucket is not: nothing is taken away."""

    code = "catalogue_empty"


class TooManyOrphans(Conflict):
    """More objects look orphaned than one run may take away: nothing is taken away."""

    code = "too_many_orphans"


@dataclass(frozen=True)
class Cleanup:
    """The job. Options (task args): `dry_run` "true" only looks; `limit` is the budget of this run, for the usual one.

    `after` and `rows` continue where an earlier run has stopped.
    """

    catalog: Catalog
    objects: ObjectStore
    orphan_scan: OrphanScan
    quarantine: Quarantine
    reconciler: Reconciler
    purge: Purge
    consistency_check: ConsistencyCheck
    ages: RetentionAges = field(default_factory=RetentionAges)
    bounds: CleanupBounds = field(default_factory=CleanupBounds)
    metrics: Metrics = NULL_METRICS
    hide: Callable[[str], None] = lambda _: None
    """Takes the renditions of a trashed image out of public reach."""

    def advance(self, task: Task, position: Position, report: Report) -> StepResult:
        """One page of one phase."""
        try:
            return self._advance(task, position, report)
        except Unavailable as fault:
            # What cannot be read is never taken for gone; the last attempt that hears so raises the alarm.
            if task.is_last_attempt(fault.code):
                self._alarm(fault)
            raise
        except (CatalogueEmpty, CatalogueIncomplete, TooManyOrphans) as stop:
            stop.details.setdefault("taken", _taken(report))
            self._alarm(stop)
            raise
        except BudgetSpent as spent:
            # The bucket's own count is of one piece; what people need are the numbers of the run.
            raise self._spent(task, report) from spent

    def _advance(self, task: Task, position: Position, report: Report) -> StepResult:
        phase, carried = position.get("phase", _FIRST), position.get("resume", {})
        piece = _PHASES[phase](self, task, position.get("at", {}), report)
        resume = {**carried, **piece.facts}
        left = list(_PHASES)[list(_PHASES).index(phase) + (piece.position is None) :]
        following = next((name for name in left if not (_is_dry(task) and name in _ACTING)), None)
        if following is None:
            return replace(piece, facts=self._end(task, piece.report, resume))
        further = {"phase": following, "at": piece.position or {}, "resume": resume}
        return StepResult(further, piece.report, following, piece.report["seen"])

    def _end(self, task: Task, report: Report, resume: Mapping[str, object]) -> Mapping[str, object]:
        cap = self._cap(task, report)
        if _is_dry(task):
            # A run that has only looked leaves everything to the next one.
            return {"dry_run": True, "cap": cap, "resume": {}}
        return {"dry_run": False, "cap": cap, "resume": resume, **{what: report[what] for what in _TAKEN}}

    def _survey(self, task: Task, at: Position, report: Report) -> StepResult:
        """Look at a page of everything, count, and touch nothing."""
        judged, following = self._page(at.get("after", task.args.get("after", "")))
        report = _counted(judged, report)
        if following is not None and report["seen"] < self.bounds.max_objects_seen:
            return StepResult({"after": following}, report)
        self.metrics.count("OrphansFound", report["orphans"] + report["leftovers"])
        self._must_be_plausible(task, report)
        return StepResult(None, report, facts={"after": following} if following else {})

    def _check(self, task: Task, at: Position, report: Report) -> StepResult:
        """Look at the rows that are compared with their objects later, before anything is taken away."""
        shelf = self.consistency_check.batch(task, at or _rows_from(task))
        self.consistency_check.check(shelf.images)
        report = report.plus("rows_checked", len(shelf.images))
        return StepResult(shelf.following if report["rows_checked"] < self.consistency_check.most else None, report)

    def _act(self, task: Task, at: Position, report: Report) -> StepResult:
        """Look at a page again, and take away what still is rubbish, up to where the survey ended."""
        after = at.get("after", task.args.get("after", ""))
        judged, following = self._page(after, only=at.get("plan"))
        _must_be_readable(judged)
        if "plan" in at:
            self._must_have_images(len(at["plan"]))
            rubbish = [one.stored for one in judged if one.verdict.is_removable]
            return StepResult(at["next"], self._take(at["plan"], rubbish, report))
        todo = [one for one in judged if one.verdict.is_removable or one.verdict in _PUT_RIGHT]
        plan = self._plan(task, [one.stored for one in todo[:_ACTS] if one.verdict.is_removable], report)
        some = _up_to(todo[:_ACTS], plan)
        report = self._put_right(some, report)
        acted = at.get("acted", 0) + len(judged)
        if len(todo) > len(some):
            following, acted = some[-1].stored.key, at.get("acted", 0)
        surveyed_all = following is None or acted >= max(report["seen"], self.bounds.max_objects_seen)
        return _planned({"after": after}, plan, None if surveyed_all else {"after": following, "acted": acted}, report)

    def _put_right(self, some: Sequence[Classified], report: Report) -> Report:
        """See to what is no rubbish: lost uploads are put to work, renditions of trashed images are hidden."""
        for image_id in sorted({storage_keys.owner_of(one.stored.key) or "" for one in some if one.is_exposed}):
            self.hide(image_id)
            report = report.plus("images_hidden", example=image_id)
        for one in some:
            if one.verdict is OrphanVerdict.LOST:
                report = self.reconciler.create_task(one.stored, report)
        return report

    def _look_after_versions(self, _task: Task, at: Position, report: Report) -> StepResult:
        """Put to work what was written over before anybody heard of it; no listing of objects shows that."""
        page, now = self.objects.versions(storage_keys.INCOMING, _PAGE, at.get("after")), self.orphan_scan.clock.now()
        for one in page.items:
            if self.ages.lost <= now - one.modified < self.ages.leftover:
                report = self.reconciler.reconcile_version(one, report)
        return StepResult({"after": page.next_cursor} if page.next_cursor else None, report)

    def _purge(self, task: Task, at: Position, report: Report) -> StepResult:
        """Remove for ever what has been held long enough when that was planned."""
        after = at.get("after")
        if "plan" in at:
            plan = at["plan"]
            held, _ = self.quarantine.expired(datetime.fromisoformat(plan["at"]), _PAGE, after)
            self.quarantine.purge(_not_behind(held, plan["until"]), Budget(plan["count"]))
            return StepResult(at["next"], report.plus("purged", plan["count"]))
        now = self.orphan_scan.clock.now()
        held, following = self.quarantine.expired(now, _PAGE, after)
        some = held[: self._left(task, report, wanted=len(held))]
        if len(some) < len(held):
            following = some[-1]
        ahead = {"after": following} if following else None
        if not some:
            return StepResult(ahead, report)
        plan = {"at": now.isoformat(), "until": some[-1], "count": len(some)}
        return StepResult({"after": after, "plan": plan, "next": ahead}, report.plus("taken", len(some)))

    def _empty_trash(self, task: Task, at: Position, report: Report) -> StepResult:
        """Erase images that have lain in the trash long enough; the plan has how many objects each has."""
        if "plan" in at:
            return StepResult(at["next"], self._erase(at["plan"], report))
        page = self.catalog.trashed(_TRASH, at.get("after"))
        old = [image for image in page.items if self._is_over(image)]
        known = self.catalog.existing([image.image_id for image in old])
        plan = self._fitting(task, [image for image in old if image.image_id in known], report)
        done = page.next_cursor is None or len(old) < len(page.items)
        ahead = None if done else {"after": page.next_cursor}
        if len(plan) < len(known):
            ahead = {"after": at.get("after")}
        if not plan:
            return StepResult(ahead, report)
        return StepResult({"plan": plan, "next": ahead}, report.plus("taken", sum(plan.values())))

    def _rows(self, task: Task, at: Position, report: Report) -> StepResult:
        """Compare a shelf's rows with its objects, and take away what no row names."""
        # Older versions kept the shelf's position alone.
        shelf = self.consistency_check.batch(task, at if "collection" in at else at.get("shelf") or _rows_from(task))
        compared, behind = self.consistency_check.compare(shelf.images), at.get("behind")
        if "plan" in at:
            report = self._take(at["plan"], compared.unnamed, report, as_well="unnamed")
            return self._rows_on(shelf.following, at, report)
        if behind is None:
            report = self.consistency_check.add_to_report(task, compared, report.plus("rows_seen", len(shelf.images)))
        unnamed = [one for one in compared.unnamed if behind is None or one.key.encode() > behind.encode()]
        if _is_dry(task):
            for one in unnamed:
                report = report.plus("unnamed", example=one.key)
            return self._rows_on(shelf.following, {}, report)
        plan = self._plan(task, unnamed, report)
        if not plan:
            return self._rows_on(shelf.following, {}, report)
        more = {"shelf": shelf.here, "behind": plan[-1]} if len(plan) < len(unnamed) else None
        return _planned({"shelf": shelf.here}, plan, more, report)

    def _rows_on(self, following: Position | None, at: Position, report: Report) -> StepResult:
        if at.get("next"):
            return StepResult(at["next"], report)
        if following is None:
            return StepResult(None, report)
        if report["rows_seen"] < self.consistency_check.most:
            return StepResult({"shelf": following}, report)
        return StepResult(None, report, facts={"rows": json.dumps(following)})

    def _page(self, after: str, only: Sequence[str] | None = None) -> tuple[tuple[Classified, ...], str | None]:
        """A page of the bucket behind this key, judged, and the key to go on behind; the prefixes follow each other.

        Of the page all objects, or only these.
        """
        number = max(sum(prefix <= after for prefix in PREFIXES) - 1, 0)
        prefix = PREFIXES[number]
        # Before the catalogue is asked: a task that publishes in between is busy, or its image is known.
        busy = self.orphan_scan.busy_images()
        page = self.objects.list(prefix, _PAGE, after if after > prefix else None)
        following = PREFIXES[number + 1] if number + 1 < len(PREFIXES) else None
        wanted = None if only is None else set(only)
        found = page.items if wanted is None else [one for one in page.items if one.key in wanted]
        return self.orphan_scan.classify(found, busy), page.next_cursor or following

    def _must_be_plausible(self, task: Task, report: Report) -> None:
        rubbish = report["orphans"] + report["leftovers"] + report["unreadable"]
        cap = max(self._allowed(report), self._cap(task, report))
        if rubbish:
            self._must_have_images(rubbish)
        if rubbish > cap and not _is_dry(task):
            raise TooManyOrphans(orphans=rubbish, cap=cap, seen=report["seen"], taken=0)
        if report["unreadable"]:
            raise CatalogueIncomplete(objects=report["unreadable"], key=report.examples["unreadable"][0], taken=0)
        if not report["seen"] and "after" not in task.args and self._has_images():
            raise Unavailable("cleanup.bucket_empty")

    def _must_have_images(self, rubbish: int) -> None:
        if not self._has_images():
            raise CatalogueEmpty(orphans=rubbish)

    def _has_images(self) -> bool:
        names = self.catalog.collections()
        return any(self.catalog.images(name, 1).items for name in names) or bool(self.catalog.trashed(1).items)

    def _allowed(self, report: Report) -> int:
        return allowed(report["seen"], share=self.bounds.max_share, least=self.bounds.always_allowed)

    def _cap(self, task: Task, report: Report) -> int:
        """The budget of the whole run, in objects."""
        return int(task.args["limit"]) if "limit" in task.args else self._allowed(report)

    def _left(self, task: Task, report: Report, *, wanted: int) -> int:
        """How many objects this run may still take away; BudgetSpent if that is none, and some are wanted."""
        left = max(self._cap(task, report) - _taken(report), 0)
        if wanted and not left:
            raise self._spent(task, report)
        return left

    def _spent(self, task: Task, report: Report) -> BudgetSpent:
        taken, seen, cap = _taken(report), report["seen"], self._cap(task, report)
        return BudgetSpent(
            "cleanup.budget_spent",
            taken=taken,
            seen=seen,
            cap=cap,
        )

    def _plan(self, task: Task, found: Sequence[StoredObject], report: Report) -> list[str]:
        """Keys of the first of these objects, as many as one piece and the budget have room for. BudgetSpent."""
        plan: list[str] = []
        room = _PLAN_BYTES
        for one in found[: min(_ACTS, self._left(task, report, wanted=len(found)))]:
            room -= len(json.dumps(one.key))
            if room < 0:
                break
            plan.append(one.key)
        return plan

    def _take(self, plan: Sequence[str], found: Sequence[StoredObject], report: Report, *, as_well: str = "") -> Report:
        """Take away what was planned and is found once more; an attempt that was killed may have begun with it."""
        there, budget = {one.key: one for one in found}, Budget(len(plan))
        for key in plan:
            weight = self._taken_weight(key, there.get(key), budget)
            if weight is None:
                report = report.plus("changed_meanwhile").plus("taken", -1)
                continue
            report = report.plus("quarantined", example=key).plus("quarantined_bytes", weight)
            if as_well:
                report = report.plus(as_well, example=key)
        return report

    def _taken_weight(self, key: str, found: StoredObject | None, budget: Budget) -> int | None:
        """Bytes of the object that is in quarantine now; None if it has stayed where it was."""
        if found is not None:
            return found.bytes if self.quarantine.take(found, budget) else None
        held = None if self.objects.exists(key) else self.quarantine.find(key)
        return None if held is None else held.bytes

    def _fitting(self, task: Task, images: Sequence[Image], report: Report) -> dict[str, int]:
        """The first of these images, as many as the budget has room for, with how many objects each has."""
        plan: dict[str, int] = {}
        left = self._left(task, report, wanted=len(images))
        for image in images:
            left -= (weight := self.purge.count_objects(image))
            if left < 0:
                break
            plan[image.image_id] = weight
        if images and not plan:
            raise self._spent(task, report)
        return plan

    def _erase(self, plan: Mapping[str, int], report: Report) -> Report:
        known = self.catalog.existing(list(plan))
        # Without those that are restored at this very moment: they are no rubbish.
        images = [image for image in known.values() if self._is_over(image)]
        if images:
            self.purge.purge_all(images, budget=Budget(sum(plan.values())))
        left = self.catalog.existing(list(plan))
        emptied = [image_id for image_id in plan if image_id not in left or is_tombstone(left[image_id])]
        objects = sum(plan[image_id] for image_id in emptied)
        report = report.plus("trash_erased", len(plan.keys() - left.keys())).plus("trash_objects", objects)
        return report.plus("taken", objects - sum(plan.values()))

    def _is_over(self, image: Image) -> bool:
        return image.trashed_at is not None and image.trashed_at <= self.orphan_scan.clock.now() - self.ages.trash

    def _alarm(self, stop: WallifyError) -> None:
        self.metrics.count("CleanupsStopped", reason=stop.code)
        log.error("clean-up stopped", extra={"alarm": "cleanup_stopped", "code": stop.code, **stop.details})


def _is_dry(task: Task) -> bool:
    return task.args.get("dry_run") == "true"


def _rows_from(task: Task) -> Position:
    found: Position = json.loads(task.args.get("rows", "{}"))
    return found


def _taken(report: Report) -> int:
    """Objects drawn from the budget; a run that an older version began has counted them by kind alone."""
    return report["taken"] if "taken" in report.counts else report["quarantined"] + report["unnamed"] + report["purged"]


def _planned(here: Position, plan: Sequence[str], ahead: Position | None, report: Report) -> StepResult:
    """A piece that has only written down what the next one takes away."""
    if not plan:
        return StepResult(ahead, report)
    return StepResult({**here, "plan": plan, "next": ahead}, report.plus("taken", len(plan)))


def _up_to(todo: Sequence[Classified], plan: Sequence[str]) -> Sequence[Classified]:
    """What comes before the first rubbish that is not planned."""
    planned = set(plan)
    cut = (at for at, one in enumerate(todo) if one.verdict.is_removable and one.stored.key not in planned)
    return todo[: next(cut, len(todo))]


def _not_behind(held: Sequence[str], until: str) -> list[str]:
    return [key for key in held if key.encode() <= until.encode()]


def _must_be_readable(judged: Sequence[Classified]) -> None:
    for one in judged:
        if one.verdict is OrphanVerdict.UNREADABLE:
            raise CatalogueIncomplete(key=one.stored.key)


def _counted(judged: Sequence[Classified], report: Report) -> Report:
    report = report.plus("seen", len(judged)).plus("seen_bytes", sum(one.stored.bytes for one in judged))
    for one in judged:
        if one.verdict is not OrphanVerdict.NEEDED:
            report = report.plus(one.verdict, example=one.stored.key)
        if one.verdict.is_removable:
            report = report.plus("rubbish_bytes", one.stored.bytes)
    return report


_PHASES: Mapping[str, Callable[[Cleanup, Task, Position, Report], StepResult]] = {
    "survey": Cleanup._survey,  # noqa: SLF001  # the table belongs to the class
    "check": Cleanup._check,  # noqa: SLF001
    "act": Cleanup._act,  # noqa: SLF001
    "versions": Cleanup._look_after_versions,  # noqa: SLF001
    "purge": Cleanup._purge,  # noqa: SLF001
    "trash": Cleanup._empty_trash,  # noqa: SLF001
    "rows": Cleanup._rows,  # noqa: SLF001
}
_FIRST = "survey"
_ACTING = frozenset({"act", "versions", "purge", "trash"})
_TAKEN = ("taken", "quarantined", "purged", "trash_erased", "trash_objects")
"""What the report says of the objects that were taken away, none included."""
