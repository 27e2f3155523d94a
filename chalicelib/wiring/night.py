"""The night shift, built on the services of the day: long jobs, the timetable, and what clients may ask of both."""

# Imports sit inside the builders on purpose: what a function never uses must not slow its start.
# ruff: noqa: PLC0415

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.core.orphans import Ages
    from chalicelib.core.tasks import TaskType
    from chalicelib.services.cleanup import Cleanup
    from chalicelib.services.deleting import Deleting, Deletion
    from chalicelib.services.erasing import Erasing
    from chalicelib.services.manifests import Manifests
    from chalicelib.services.moving import Moving
    from chalicelib.services.opening import Jobs
    from chalicelib.services.optimizing import Optimizing
    from chalicelib.services.quarantine import Quarantine
    from chalicelib.services.reconciling import Reconciler
    from chalicelib.services.recount import Recount
    from chalicelib.services.regenerating import Regenerating, Thumbnails
    from chalicelib.services.renaming import Rename, Renaming
    from chalicelib.services.runner import Runner
    from chalicelib.services.schedules import Schedules
    from chalicelib.services.slices import LongJob, Slices
    from chalicelib.services.visibility import Visibility
    from chalicelib.wiring.wired import Wired


@dataclass
class Night:
    """Built by the wired services that it is a part of."""

    wired: Wired

    @cached_property
    def jobs(self) -> Jobs:
        """Opening long jobs."""
        from chalicelib.adapters.clock import new_id
        from chalicelib.services.opening import Jobs

        wired = self.wired
        return Jobs(wired.state.tasks, wired.queues, wired.clock, wired.rules, new_id)

    @cached_property
    def schedules(self) -> Schedules:
        """The timetable."""
        from chalicelib.services.schedules import Schedules

        shift = timedelta(minutes=self.wired.settings.schedule_shift_minutes)
        state = self.wired.state
        return Schedules(state.schedules, state.tasks, self.jobs, shift, self.wired.metrics)

    @cached_property
    def deleting(self) -> Deleting:
        """Trash, restore, and deleting for good."""
        from chalicelib.services.deleting import Deleting

        wired = self.wired
        return Deleting(
            wired.state.catalog, self.jobs, wired.clock, self.visibility, self.ages, wired.changes.tell_soon
        )

    @cached_property
    def visibility(self) -> Visibility:
        """Hiding the renditions of trashed images."""
        from chalicelib.core.tasks import TaskType
        from chalicelib.services.visibility import Visibility

        wired = self.wired
        queue = wired.queues[TaskType.CLEANUP_ORPHANED_FILES]
        return Visibility(wired.state.catalog, wired.objects, wired.edge, queue, wired.runner.checkpoint)

    @cached_property
    def moving(self) -> Moving:
        """Moving and renaming."""
        from chalicelib.services.moving import Moving

        return Moving(self.wired.state.catalog, self.wired.forwarding, self.wired.privacy.is_private)

    @cached_property
    def renaming(self) -> Renaming:
        """Starting `rename_collection`."""
        from chalicelib.services.renaming import Renaming

        wired = self.wired
        return Renaming(
            wired.state.catalog, wired.collections, wired.privacy, wired.state.tasks, self.jobs, wired.retries
        )

    @cached_property
    def thumbnails(self) -> Thumbnails:
        """Starting `generate_thumbnails`."""
        from chalicelib.services.regenerating import Thumbnails

        return Thumbnails(self.wired.state.catalog, self.jobs)

    @cached_property
    def quarantine(self) -> Quarantine:
        """What clean-up took away."""
        from chalicelib.services.quarantine import Quarantine

        return Quarantine(self.wired.objects, self.wired.clock, self.ages)

    @cached_property
    def ages(self) -> Ages:
        """How old things must be before they go."""
        from chalicelib.core.orphans import Ages

        given = self.wired.settings
        held, trash = timedelta(days=given.quarantine_days), timedelta(days=given.trash_days)
        return Ages(orphan=timedelta(hours=given.orphan_hours), quarantine=held, trash=trash)

    @cached_property
    def runner(self) -> Runner:
        """Running parts of long jobs: as uploads are run, with a longer lease."""
        wired = self.wired
        lease = timedelta(seconds=wired.settings.job_lease_seconds)
        attempts = replace(wired.attempts, rules=replace(wired.rules, lease=lease))
        return replace(wired.runner, attempts=attempts)

    @cached_property
    def slices(self) -> Slices:
        """Working long jobs off."""
        from chalicelib.services.slices import Slices

        attempts, checkpoint, metrics = self.runner.attempts, self.runner.checkpoint, self.wired.metrics
        return Slices(attempts, self.wired.queues, self._kinds(), checkpoint=checkpoint, metrics=metrics)

    def _kinds(self) -> Mapping[TaskType, Callable[[], LongJob]]:
        from chalicelib.core.tasks import TaskType

        return {
            TaskType.CLEANUP_ORPHANED_FILES: lambda: self.cleanup,
            TaskType.UPDATE_COLLECTION_STATS: lambda: self.recount,
            TaskType.OPTIMIZE_IMAGES: lambda: self.optimizing,
            TaskType.GENERATE_THUMBNAILS: lambda: self.regenerating,
            TaskType.DELETE_IMAGES: lambda: self.deletion,
            TaskType.RENAME_COLLECTION: lambda: self.rename,
        }

    @cached_property
    def erasing(self) -> Erasing:
        """Taking an image away for good."""
        from chalicelib.services.erasing import Erasing

        wired = self.wired
        return Erasing(wired.state.catalog, wired.objects, wired.edge, wired.forwarding, self.runner.checkpoint)

    @cached_property
    def manifests(self) -> Manifests:
        """What static clients read."""
        from chalicelib.services.manifests import Manifests

        wired = self.wired
        told = wired.settings.cdn_url
        return Manifests(wired.state.catalog, wired.objects, wired.edge, told, is_private=wired.privacy.is_private)

    @cached_property
    def reconciler(self) -> Reconciler:
        """Putting lost uploads back to work."""
        from chalicelib.services.reconciling import Reconciler

        return Reconciler(self.wired.arrivals, self.wired.images_queue, self.wired.settings.bucket)

    @cached_property
    def cleanup(self) -> Cleanup:
        """`cleanup_orphaned_files`."""
        from chalicelib.core.orphans import Bounds
        from chalicelib.services.cleanup import Cleanup
        from chalicelib.services.inspection import Inspector
        from chalicelib.services.inventory import Inventory

        wired, state, given = self.wired, self.wired.state, self.wired.settings
        return Cleanup(
            state.catalog,
            wired.objects,
            Inspector(state.catalog, state.tasks, wired.clock, self.reconciler.task_id_of, self.ages),
            self.quarantine,
            self.reconciler,
            self.erasing,
            Inventory(
                state.catalog,
                wired.objects,
                wired.clock,
                self.ages,
                metrics=wired.metrics,
                show=self.visibility.apply,
            ),
            self.ages,
            Bounds(share=given.cleanup_percent / 100, least=given.cleanup_least),
            wired.metrics,
            self.visibility.apply,
        )

    @cached_property
    def recount(self) -> Recount:
        """`update_collection_stats`."""
        from chalicelib.services.recount import Recount

        wired = self.wired
        return Recount(wired.state.catalog, wired.clock, wired.metrics, self.manifests.refresh)

    @cached_property
    def optimizing(self) -> Optimizing:
        """`optimize_images`."""
        from chalicelib.services.optimizing import Optimizing, Treatment

        wired = self.wired
        treatment = Treatment(codecs=tuple(filter(None, wired.settings.variant_formats.split(","))))
        limit, checkpoint = wired.settings.max_upload_bytes, self.runner.checkpoint
        return Optimizing(
            wired.state.catalog,
            wired.objects,
            treatment,
            limit,
            checkpoint=checkpoint,
            metrics=wired.metrics,
            overtaken=self.visibility.overtaken,
        )

    @cached_property
    def regenerating(self) -> Regenerating:
        """`generate_thumbnails`."""
        from chalicelib.services.regenerating import Regenerating

        wired = self.wired
        limit, checkpoint = wired.settings.max_upload_bytes, self.runner.checkpoint
        return Regenerating(
            wired.state.catalog,
            wired.objects,
            wired.recipe,
            replace(wired.limits, heic=True, takes_damaged=True),  # what was taken before stays
            limit,
            checkpoint,
            wired.metrics,
            self.visibility.overtaken,
        )

    @cached_property
    def deletion(self) -> Deletion:
        """`delete_images`."""
        from chalicelib.services.deleting import Deletion

        return Deletion(self.wired.state.catalog, self.erasing, self.manifests)

    @cached_property
    def rename(self) -> Rename:
        """`rename_collection`."""
        from chalicelib.services.renaming import Rename

        wired, checkpoint = self.wired, self.runner.checkpoint
        return Rename(wired.state.catalog, wired.forwarding, wired.privacy, self.manifests, checkpoint)
