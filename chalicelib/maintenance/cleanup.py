"""`cleanup_orphaned_files`: move orphaned objects to quarantine, empty quarantine and trash, and check rows.

The bucket is read twice. A survey classifies every object and changes nothing. If its result is plausible, a second
pass classifies every object again, by strongly consistent reads, and acts on what still is an orphan.

One budget bounds all removals of a run: orphans, objects that no row names, the quarantine, the trash. Each step that
removes objects follows one that has stored in the task which objects these are and that they are drawn from the budget.
So a step that is repeated after a fault or a crash removes the same objects and no more.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime

from chalicelib import storage
from chalicelib.errors import Conflict, TooManyRequests, Unavailable, WallifyError
from chalicelib.images.model import Image, is_tombstone
from chalicelib.images.trash import ONE_BY_ONE, Purge
from chalicelib.maintenance.consistency_check import ConsistencyCheck
from chalicelib.maintenance.model import PREFIXES, CleanupBounds, OrphanVerdict, RetentionAges, allowed
from chalicelib.maintenance.orphan_scan import CatalogueIncomplete, Classified, OrphanScan
from chalicelib.maintenance.quarantine import Quarantine
from chalicelib.ports import Catalog, Metrics, ObjectStore
from chalicelib.storage import Budget, BudgetSpent, StoredObject
from chalicelib.tasks.model import Position, Report, StepResult, Task
from chalicelib.telemetry import NULL_METRICS, log
from chalicelib.uploads.s3_events import Reconciler

_PAGE = 1000  # the most that S3 lists in one call
_MOST_REMOVED = 100
"""Most objects removed in one step; each takes two calls to the bucket."""
_PLAN_BYTES = 40_000
"""Most bytes of keys in a plan; an item in DynamoDB has at most 400 KB, and a key at most 1 KB."""
_TRASH_PAGE = ONE_BY_ONE
_REPAIRABLE = frozenset({OrphanVerdict.LOST, OrphanVerdict.EXPOSED})
"""Verdicts on objects that are neither needed where they are nor removable."""


class CatalogueEmpty(Conflict):
    """The catalogue is empty, but the bucket is not: nothing is taken away."""

    code = "catalogue_empty"


class TooManyOrphans(Conflict):
    """More objects look orphaned than one run may take away: nothing is taken away."""

    code = "too_many_orphans"


@dataclass(frozen=True)
class Cleanup:
    """The job. Task arguments: `dry_run` "true" changes nothing; `limit` replaces the usual budget of the run.

    `after` and `rows` are the positions where an earlier run has stopped.
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
    """Moves the renditions of a trashed image out of public reach."""

    def advance(self, task: Task, position: Position, report: Report) -> StepResult:
        """Process one page of one phase."""
        try:
            return self._advance(task, position, report)
        except Unavailable as fault:
            # An object that cannot be read never counts as missing; the last attempt raises the alarm.
            if task.is_last_attempt(fault.code):
                self._alarm(fault)
            raise
        except (CatalogueEmpty, CatalogueIncomplete, TooManyOrphans) as stop:
            stop.details.setdefault("taken", _budget_used(report))
            self._alarm(stop)
            raise
        except BudgetSpent as spent:
            # The error's counts are of one step; operators need those of the run.
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
            # After a dry run the next run starts at the same position.
            return {"dry_run": True, "cap": cap, "resume": {}}
        return {"dry_run": False, "cap": cap, "resume": resume, **{what: report[what] for what in _RESULT_COUNTS}}

    def _survey(self, task: Task, at: Position, report: Report) -> StepResult:
        """Classify and count a page of objects; change nothing."""
        classified, following = self._page(at.get("after", task.args.get("after", "")))
        report = _counted(classified, report)
        if following is not None and report["seen"] < self.bounds.max_objects_seen:
            return StepResult({"after": following}, report)
        self.metrics.count("OrphansFound", report["orphans"] + report["leftovers"])
        self._check_plausibility(task, report)
        return StepResult(None, report, facts={"after": following} if following else {})

    def _check(self, task: Task, at: Position, report: Report) -> StepResult:
        """Read the rows that the phase `rows` compares with their objects, before anything is removed."""
        batch = self.consistency_check.batch(task, at or _rows_from(task))
        self.consistency_check.check(batch.images)
        report = report.plus("rows_checked", len(batch.images))
        return StepResult(batch.following if report["rows_checked"] < self.consistency_check.most else None, report)

    def _act(self, task: Task, at: Position, report: Report) -> StepResult:
        """Classify a page again, and remove what still is an orphan, up to where the survey ended."""
        after = at.get("after", task.args.get("after", ""))
        classified, following = self._page(after, only=at.get("plan"))
        _check_readable(classified)
        if "plan" in at:
            self._check_not_empty(len(at["plan"]))
            removable = [one.stored for one in classified if one.verdict.is_removable]
            return StepResult(at["next"], self._quarantine_planned(at["plan"], removable, report))
        todo = [one for one in classified if one.verdict.is_removable or one.verdict in _REPAIRABLE]
        plan = self._plan(task, [one.stored for one in todo[:_MOST_REMOVED] if one.verdict.is_removable], report)
        some = _before_unplanned(todo[:_MOST_REMOVED], plan)
        report = self._repair(some, report)
        acted = at.get("acted", 0) + len(classified)
        if len(todo) > len(some):
            following, acted = some[-1].stored.key, at.get("acted", 0)
        surveyed_all = following is None or acted >= max(report["seen"], self.bounds.max_objects_seen)
        return _planned({"after": after}, plan, None if surveyed_all else {"after": following, "acted": acted}, report)

    def _repair(self, some: Sequence[Classified], report: Report) -> Report:
        """Create tasks for lost uploads, and hide exposed renditions of trashed images."""
        for image_id in sorted({storage.owner_of(one.stored.key) or "" for one in some if one.is_exposed}):
            self.hide(image_id)
            report = report.plus("images_hidden", example=image_id)
        for one in some:
            if one.verdict is OrphanVerdict.LOST:
                report = self.reconciler.create_task(one.stored, report)
        return report

    def _reconcile_versions(self, _task: Task, at: Position, report: Report) -> StepResult:
        """Create tasks for object versions that were overwritten before their event; listings of objects lack them."""
        page, now = self.objects.versions(storage.INCOMING, _PAGE, at.get("after")), self.orphan_scan.clock.now()
        for one in page.items:
            if self.ages.lost <= now - one.modified < self.ages.leftover:
                report = self.reconciler.reconcile_version(one, report)
        return StepResult({"after": page.next_cursor} if page.next_cursor else None, report)

    def _purge(self, task: Task, at: Position, report: Report) -> StepResult:
        """Delete quarantined objects whose retention had ended when the plan was made."""
        after = at.get("after")
        if "plan" in at:
            plan = at["plan"]
            held, _ = self.quarantine.expired(datetime.fromisoformat(plan["at"]), _PAGE, after)
            self.quarantine.purge(_up_to_key(held, plan["until"]), Budget(plan["count"]))
            return StepResult(at["next"], report.plus("purged", plan["count"]))
        now = self.orphan_scan.clock.now()
        held, following = self.quarantine.expired(now, _PAGE, after)
        some = held[: self._budget_left(task, report, wanted=len(held))]
        if len(some) < len(held):
            following = some[-1]
        next_position = {"after": following} if following else None
        if not some:
            return StepResult(next_position, report)
        plan = {"at": now.isoformat(), "until": some[-1], "count": len(some)}
        return StepResult({"after": after, "plan": plan, "next": next_position}, report.plus("taken", len(some)))

    def _empty_trash(self, task: Task, at: Position, report: Report) -> StepResult:
        """Delete images whose retention in the trash has ended; the plan stores the number of objects of each."""
        if "plan" in at:
            return StepResult(at["next"], self._purge_trash(at["plan"], report))
        page = self.catalog.trashed(_TRASH_PAGE, at.get("after"))
        old = [image for image in page.items if self._is_expired(image)]
        known = self.catalog.existing([image.image_id for image in old])
        plan = self._plan_trash(task, [image for image in old if image.image_id in known], report)
        done = page.next_cursor is None or len(old) < len(page.items)
        next_position = None if done else {"after": page.next_cursor}
        if len(plan) < len(known):
            next_position = {"after": at.get("after")}
        if not plan:
            return StepResult(next_position, report)
        return StepResult({"plan": plan, "next": next_position}, report.plus("taken", sum(plan.values())))

    def _rows(self, task: Task, at: Position, report: Report) -> StepResult:
        """Compare the rows of a batch of images with their objects, and remove old objects that no row names."""
        # Older versions stored the batch's position alone.
        batch = self.consistency_check.batch(task, at if "collection" in at else at.get("shelf") or _rows_from(task))
        compared, behind = self.consistency_check.compare(batch.images), at.get("behind")
        if "plan" in at:
            report = self._quarantine_planned(at["plan"], compared.unnamed, report, counter="unnamed")
            return self._next_rows(batch.following, at, report)
        if behind is None:
            report = self.consistency_check.add_to_report(task, compared, report.plus("rows_seen", len(batch.images)))
            if not _is_dry(task):
                self.consistency_check.upgrade(batch.images)
        unnamed = [one for one in compared.unnamed if behind is None or one.key.encode() > behind.encode()]
        if _is_dry(task):
            for one in unnamed:
                report = report.plus("unnamed", example=one.key)
            return self._next_rows(batch.following, {}, report)
        plan = self._plan(task, unnamed, report)
        if not plan:
            return self._next_rows(batch.following, {}, report)
        more = {"shelf": batch.here, "behind": plan[-1]} if len(plan) < len(unnamed) else None
        return _planned({"shelf": batch.here}, plan, more, report)

    def _next_rows(self, following: Position | None, at: Position, report: Report) -> StepResult:
        if at.get("next"):
            return StepResult(at["next"], report)
        if following is None:
            return StepResult(None, report)
        if report["rows_seen"] < self.consistency_check.most:
            return StepResult({"shelf": following}, report)
        return StepResult(None, report, facts={"rows": json.dumps(following)})

    def _page(self, after: str, only: Sequence[str] | None = None) -> tuple[tuple[Classified, ...], str | None]:
        """Classify the page of the bucket after this key; return it with the key after which the next page begins.

        The prefixes are read in the order of the bucket. `only` restricts the result to these keys.
        """
        number = max(sum(prefix <= after for prefix in PREFIXES) - 1, 0)
        prefix = PREFIXES[number]
        # Read before the catalogue: a task that publishes in between is busy, or its image is known.
        busy = self.orphan_scan.busy_images()
        page = self.objects.list(prefix, _PAGE, after if after > prefix else None)
        following = PREFIXES[number + 1] if number + 1 < len(PREFIXES) else None
        wanted = None if only is None else set(only)
        found = page.items if wanted is None else [one for one in page.items if one.key in wanted]
        return self.orphan_scan.classify(found, busy), page.next_cursor or following

    def _check_plausibility(self, task: Task, report: Report) -> None:
        removable = report["orphans"] + report["leftovers"] + report["unreadable"]
        cap = max(self._allowed(report), self._cap(task, report))
        if removable:
            self._check_not_empty(removable)
        if removable > cap and not _is_dry(task):
            raise TooManyOrphans(orphans=removable, cap=cap, seen=report["seen"], taken=0)
        if report["unreadable"]:
            raise CatalogueIncomplete(objects=report["unreadable"], key=report.examples["unreadable"][0], taken=0)
        if not report["seen"] and "after" not in task.args and self._expects_objects():
            raise Unavailable("cleanup.bucket_empty")

    def _check_not_empty(self, removable: int) -> None:
        if not self._has_images():
            raise CatalogueEmpty(orphans=removable)

    def _has_images(self) -> bool:
        return self._lists_images() or bool(self.catalog.trashed(1).items)

    def _expects_objects(self) -> bool:
        """Return True if an image must have objects; one that waits for the CDN to be purged has none any more."""
        return self._lists_images() or not all(is_tombstone(image) for image in self.catalog.trashed(_PAGE).items)

    def _lists_images(self) -> bool:
        return any(self.catalog.images(name, 1).items for name in self.catalog.collections())

    def _allowed(self, report: Report) -> int:
        return allowed(report["seen"], share=self.bounds.max_share, least=self.bounds.always_allowed)

    def _cap(self, task: Task, report: Report) -> int:
        """Return the budget of the whole run, in objects."""
        return int(task.args["limit"]) if "limit" in task.args else self._allowed(report)

    def _budget_left(self, task: Task, report: Report, *, wanted: int) -> int:
        """Return how many objects this run may still remove.

        Raises: BudgetSpent, if that is none and `wanted` is not 0.
        """
        left = max(self._cap(task, report) - _budget_used(report), 0)
        if wanted and not left:
            raise self._spent(task, report)
        return left

    def _spent(self, task: Task, report: Report) -> BudgetSpent:
        taken, seen, cap = _budget_used(report), report["seen"], self._cap(task, report)
        return BudgetSpent(
            "cleanup.budget_spent",
            taken=taken,
            seen=seen,
            cap=cap,
        )

    def _plan(self, task: Task, found: Sequence[StoredObject], report: Report) -> list[str]:
        """Return the keys of the first of these objects, as many as one step and the budget allow.

        Raises: BudgetSpent.
        """
        plan: list[str] = []
        room = _PLAN_BYTES
        for one in found[: min(_MOST_REMOVED, self._budget_left(task, report, wanted=len(found)))]:
            room -= len(json.dumps(one.key))
            if room < 0:
                break
            plan.append(one.key)
        return plan

    def _quarantine_planned(
        self, plan: Sequence[str], found: Sequence[StoredObject], report: Report, *, counter: str = ""
    ) -> Report:
        """Quarantine the planned objects that still are orphans; a lost attempt may have moved some of them."""
        there, budget = {one.key: one for one in found}, Budget(len(plan))
        for key in plan:
            size = self._quarantine_one(key, there.get(key), budget)
            if size is None:
                report = report.plus("changed_meanwhile").plus("taken", -1)
                continue
            report = report.plus("quarantined", example=key).plus("quarantined_bytes", size)
            if counter:
                report = report.plus(counter, example=key)
        return report

    def _quarantine_one(self, key: str, found: StoredObject | None, budget: Budget) -> int | None:
        """Move the object to quarantine and return its bytes; None if it stays where it is."""
        if found is not None:
            return found.bytes if self.quarantine.take(found, budget) else None
        held = None if self.objects.exists(key) else self.quarantine.find(key)
        return None if held is None else held.bytes

    def _plan_trash(self, task: Task, images: Sequence[Image], report: Report) -> dict[str, int]:
        """Return the first of these images with their numbers of objects, as many as the budget allows.

        Raises: BudgetSpent.
        """
        plan: dict[str, int] = {}
        left = self._budget_left(task, report, wanted=len(images))
        for image in images:
            left -= (size := self.purge.count_objects(image))
            if left < 0:
                break
            plan[image.image_id] = size
        if images and not plan:
            raise self._spent(task, report)
        return plan

    def _purge_trash(self, plan: Mapping[str, int], report: Report) -> Report:
        known = self.catalog.existing(list(plan))
        # Without those that were restored meanwhile.
        images = [image for image in known.values() if self._is_expired(image)]
        if images:
            with suppress(TooManyRequests):  # the CDN is busy: the marked rows are purged by the next run
                self.purge.purge_all(images, budget=Budget(sum(plan.values())))
        left = self.catalog.existing(list(plan))
        emptied = [image_id for image_id in plan if image_id not in left or is_tombstone(left[image_id])]
        objects = sum(plan[image_id] for image_id in emptied)
        report = report.plus("trash_erased", len(plan.keys() - left.keys())).plus("trash_objects", objects)
        return report.plus("taken", objects - sum(plan.values()))

    def _is_expired(self, image: Image) -> bool:
        return image.trashed_at is not None and image.trashed_at <= self.orphan_scan.clock.now() - self.ages.trash

    def _alarm(self, stop: WallifyError) -> None:
        self.metrics.count("CleanupsStopped", reason=stop.code)
        log.error("clean-up stopped", extra={"alarm": "cleanup_stopped", "code": stop.code, **stop.details})


def _is_dry(task: Task) -> bool:
    return task.args.get("dry_run") == "true"


def _rows_from(task: Task) -> Position:
    found: Position = json.loads(task.args.get("rows", "{}"))
    return found


def _budget_used(report: Report) -> int:
    """Return the number of objects drawn from the budget; older versions counted them by kind only."""
    return report["taken"] if "taken" in report.counts else report["quarantined"] + report["unnamed"] + report["purged"]


def _planned(here: Position, plan: Sequence[str], next_position: Position | None, report: Report) -> StepResult:
    """Return the result of a step that stored the plan of the next one."""
    if not plan:
        return StepResult(next_position, report)
    return StepResult({**here, "plan": plan, "next": next_position}, report.plus("taken", len(plan)))


def _before_unplanned(todo: Sequence[Classified], plan: Sequence[str]) -> Sequence[Classified]:
    """Return the objects before the first removable one that is not in the plan."""
    planned = set(plan)
    cut = (at for at, one in enumerate(todo) if one.verdict.is_removable and one.stored.key not in planned)
    return todo[: next(cut, len(todo))]


def _up_to_key(held: Sequence[str], until: str) -> list[str]:
    return [key for key in held if key.encode() <= until.encode()]


def _check_readable(classified: Sequence[Classified]) -> None:
    for one in classified:
        if one.verdict is OrphanVerdict.UNREADABLE:
            raise CatalogueIncomplete(key=one.stored.key)


def _counted(classified: Sequence[Classified], report: Report) -> Report:
    report = report.plus("seen", len(classified)).plus("seen_bytes", sum(one.stored.bytes for one in classified))
    for one in classified:
        if one.verdict is not OrphanVerdict.NEEDED:
            report = report.plus(one.verdict, example=one.stored.key)
        if one.verdict.is_removable:
            report = report.plus("rubbish_bytes", one.stored.bytes)
    return report


_PHASES: Mapping[str, Callable[[Cleanup, Task, Position, Report], StepResult]] = {
    "survey": Cleanup._survey,  # noqa: SLF001  # the table belongs to the class
    "check": Cleanup._check,  # noqa: SLF001
    "act": Cleanup._act,  # noqa: SLF001
    "versions": Cleanup._reconcile_versions,  # noqa: SLF001
    "purge": Cleanup._purge,  # noqa: SLF001
    "trash": Cleanup._empty_trash,  # noqa: SLF001
    "rows": Cleanup._rows,  # noqa: SLF001
}
_FIRST = "survey"
_ACTING = frozenset({"act", "versions", "purge", "trash"})
_RESULT_COUNTS = ("taken", "quarantined", "purged", "trash_erased", "trash_objects")
"""Counts in the task's result, also where they are 0."""
