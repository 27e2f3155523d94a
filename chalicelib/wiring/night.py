"""The night shift, built on the services of the day: long jobs, the timetable, and what clients may ask of both."""

# Imports sit inside the builders on purpose: what a function never uses must not slow its start.
# ruff: noqa: PLC0415

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cached_property
from typing import TYPE_CHECKING

from chalicelib.wiring.wired import Wired

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.core.orphans import Ages
    from chalicelib.core.tasks import Task, TaskType
    from chalicelib.services.burials import Burials
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


class Night(Wired):
    """Jobs that are worked off in chunks, their schedules, and what clients may ask of both."""

    @cached_property
    def burials(self) -> Burials:
        """The dead letters of every queue."""
        from chalicelib.core.jobs import LANES
        from chalicelib.services.burials import Burials

        queues = {name: self.queues[min(kinds)] for name, kinds in LANES.items()}
        return Burials(
            queues=queues,
            tasks=self.state.tasks,
            task_id_of=self.arrivals.task_id,
            families=self.families,
            retries=self.retries,
            rerun=self._rerun,
            clock=self.clock,
        )

    def _rerun(self, task: Task) -> Task:
        return self.schedules.again(task)

    @cached_property
    def jobs(self) -> Jobs:
        """Opening long jobs."""
        from chalicelib.adapters.clock import new_id
        from chalicelib.services.opening import Jobs

        return Jobs(tasks=self.state.tasks, queues=self.queues, clock=self.clock, rules=self.rules, new_id=new_id)

    @cached_property
    def schedules(self) -> Schedules:
        """The timetable."""
        from chalicelib.services.schedules import Schedules

        shift = timedelta(minutes=self.settings.schedule_shift_minutes)
        state = self.state
        return Schedules(store=state.schedules, tasks=state.tasks, jobs=self.jobs, shift=shift, metrics=self.metrics)

    @cached_property
    def deleting(self) -> Deleting:
        """Trash, restore, and deleting for good."""
        from chalicelib.services.deleting import Deleting

        return Deleting(
            catalog=self.state.catalog,
            jobs=self.jobs,
            clock=self.clock,
            visibility=self.visibility,
            ages=self.ages,
            tell_soon=self.changes.tell_soon,
        )

    @cached_property
    def visibility(self) -> Visibility:
        """Hiding the renditions of trashed images."""
        from chalicelib.core.tasks import TaskType
        from chalicelib.services.visibility import Visibility

        queue = self.queues[TaskType.CLEANUP_ORPHANED_FILES]
        return Visibility(
            catalog=self.state.catalog,
            objects=self.objects,
            edge=self.edge,
            queue=queue,
            checkpoint=self.job_runner.checkpoint,
        )

    @cached_property
    def moving(self) -> Moving:
        """Moving and renaming."""
        from chalicelib.services.moving import Moving

        return Moving(catalog=self.state.catalog, forwarding=self.forwarding, is_private=self.privacy.is_private)

    @cached_property
    def renaming(self) -> Renaming:
        """Starting `rename_collection`."""
        from chalicelib.services.renaming import Renaming

        return Renaming(
            catalog=self.state.catalog,
            collections=self.collections,
            privacy=self.privacy,
            tasks=self.state.tasks,
            jobs=self.jobs,
            retries=self.retries,
        )

    @cached_property
    def thumbnails(self) -> Thumbnails:
        """Starting `generate_thumbnails`."""
        from chalicelib.services.regenerating import Thumbnails

        return Thumbnails(catalog=self.state.catalog, jobs=self.jobs)

    @cached_property
    def quarantine(self) -> Quarantine:
        """What clean-up took away."""
        from chalicelib.services.quarantine import Quarantine

        return Quarantine(objects=self.objects, clock=self.clock, ages=self.ages)

    @cached_property
    def ages(self) -> Ages:
        """How old things must be before they go."""
        from chalicelib.core.orphans import Ages

        given = self.settings
        held, trash = timedelta(days=given.quarantine_days), timedelta(days=given.trash_days)
        return Ages(orphan=timedelta(hours=given.orphan_hours), quarantine=held, trash=trash)

    @cached_property
    def job_runner(self) -> Runner:
        """Running parts of long jobs: as uploads are run, with a longer lease."""
        lease = timedelta(seconds=self.settings.job_lease_seconds)
        attempts = replace(self.attempts, rules=replace(self.rules, lease=lease))
        return replace(self.runner, attempts=attempts)

    @cached_property
    def slices(self) -> Slices:
        """Working long jobs off."""
        from chalicelib.services.slices import Slices

        attempts, checkpoint, metrics = self.job_runner.attempts, self.job_runner.checkpoint, self.metrics
        return Slices(attempts=attempts, queues=self.queues, jobs=self._kinds(), checkpoint=checkpoint, metrics=metrics)

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

        return Erasing(
            catalog=self.state.catalog,
            objects=self.objects,
            edge=self.edge,
            forwarding=self.forwarding,
            checkpoint=self.job_runner.checkpoint,
        )

    @cached_property
    def manifests(self) -> Manifests:
        """What static clients read."""
        from chalicelib.services.manifests import Manifests

        told = self.settings.cdn_url
        return Manifests(
            catalog=self.state.catalog,
            objects=self.objects,
            edge=self.edge,
            base=told,
            is_private=self.privacy.is_private,
        )

    @cached_property
    def reconciler(self) -> Reconciler:
        """Putting lost uploads back to work."""
        from chalicelib.services.reconciling import Reconciler

        return Reconciler(arrivals=self.arrivals, queue=self.images_queue, bucket=self.settings.bucket)

    @cached_property
    def cleanup(self) -> Cleanup:
        """`cleanup_orphaned_files`."""
        from chalicelib.core.orphans import Bounds
        from chalicelib.services.cleanup import Cleanup
        from chalicelib.services.inspection import Inspector
        from chalicelib.services.inventory import Inventory

        state, given = self.state, self.settings
        return Cleanup(
            catalog=state.catalog,
            objects=self.objects,
            inspector=Inspector(
                catalog=state.catalog,
                tasks=state.tasks,
                clock=self.clock,
                task_id_of=self.reconciler.task_id_of,
                ages=self.ages,
            ),
            quarantine=self.quarantine,
            reconciler=self.reconciler,
            erasing=self.erasing,
            inventory=Inventory(
                catalog=state.catalog,
                objects=self.objects,
                clock=self.clock,
                ages=self.ages,
                metrics=self.metrics,
                show=self.visibility.apply,
            ),
            ages=self.ages,
            bounds=Bounds(share=given.cleanup_percent / 100, least=given.cleanup_least),
            metrics=self.metrics,
            hide=self.visibility.apply,
        )

    @cached_property
    def recount(self) -> Recount:
        """`update_collection_stats`."""
        from chalicelib.services.recount import Recount

        return Recount(
            catalog=self.state.catalog, clock=self.clock, metrics=self.metrics, counted=self.manifests.refresh
        )

    @cached_property
    def optimizing(self) -> Optimizing:
        """`optimize_images`."""
        from chalicelib.services.optimizing import Optimizing, Treatment

        treatment = Treatment(codecs=tuple(filter(None, self.settings.variant_formats.split(","))))
        limit, checkpoint = self.settings.max_upload_bytes, self.job_runner.checkpoint
        return Optimizing(
            catalog=self.state.catalog,
            objects=self.objects,
            treatment=treatment,
            max_bytes=limit,
            checkpoint=checkpoint,
            metrics=self.metrics,
            overtaken=self.visibility.overtaken,
        )

    @cached_property
    def regenerating(self) -> Regenerating:
        """`generate_thumbnails`."""
        from chalicelib.services.regenerating import Regenerating

        limit, checkpoint = self.settings.max_upload_bytes, self.job_runner.checkpoint
        return Regenerating(
            catalog=self.state.catalog,
            objects=self.objects,
            recipe=self.recipe,
            limits=replace(self.limits, heic=True, takes_damaged=True),  # what was taken before stays
            max_bytes=limit,
            checkpoint=checkpoint,
            metrics=self.metrics,
            overtaken=self.visibility.overtaken,
        )

    @cached_property
    def deletion(self) -> Deletion:
        """`delete_images`."""
        from chalicelib.services.deleting import Deletion

        return Deletion(catalog=self.state.catalog, erasing=self.erasing, manifests=self.manifests)

    @cached_property
    def rename(self) -> Rename:
        """`rename_collection`."""
        from chalicelib.services.renaming import Rename

        checkpoint = self.job_runner.checkpoint
        return Rename(
            catalog=self.state.catalog,
            forwarding=self.forwarding,
            privacy=self.privacy,
            manifests=self.manifests,
            checkpoint=checkpoint,
        )
