"""Services of chunked jobs: the jobs, their schedules, and the requests that start them."""

# Imports sit inside the builders on purpose: what a function never uses must not slow its start.
# ruff: noqa: PLC0415

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from functools import cached_property, partial
from typing import TYPE_CHECKING

from chalicelib.container.services import Services

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from chalicelib.delivery.manifests import Manifests
    from chalicelib.images.optimize import ImageOptimizer, OptimizeFeed, Treatment
    from chalicelib.images.privacy_change import PrivacyChanges, PrivacyJob
    from chalicelib.images.rename import CollectionRenames, ImageMoves, RenameJob
    from chalicelib.images.thumbnails import LadderMaker, ThumbnailJob, ThumbnailRequests
    from chalicelib.images.trash import Purge, PurgeJob, Trash
    from chalicelib.images.visibility import Visibility
    from chalicelib.maintenance.cleanup import Cleanup
    from chalicelib.maintenance.model import RetentionAges
    from chalicelib.maintenance.quarantine import Quarantine
    from chalicelib.maintenance.recount import RecountJob
    from chalicelib.maintenance.schedules import Schedules
    from chalicelib.tasks.chunked_jobs import ChunkedJob, ChunkedJobs
    from chalicelib.tasks.dead_letters import DeadLetters
    from chalicelib.tasks.factory import JobEnqueuer
    from chalicelib.tasks.model import Task, TaskType
    from chalicelib.tasks.worker import Worker
    from chalicelib.uploads.s3_events import Reconciler


class JobServices(Services):
    """Chunked jobs, their schedules, and the requests that start them."""

    @cached_property
    def dead_letters(self) -> DeadLetters:
        """Dead letters of every queue."""
        from chalicelib.tasks.dead_letters import DeadLetters
        from chalicelib.tasks.model import OPTIMIZER, QUEUES

        queues = {name: self.queues[min(kinds)] for name, kinds in QUEUES.items() if kinds}
        queues[OPTIMIZER] = self.optimizer_queue
        return DeadLetters(
            queues=queues,
            tasks=self.state.tasks,
            task_id_of=self.s3_events.task_id,
            parents=self.parents,
            retries=self.retries,
            run_schedule_again=self._rerun,
            clock=self.clock,
        )

    def _rerun(self, task: Task) -> Task:
        return self.schedules.run_again(task)

    @cached_property
    def jobs(self) -> JobEnqueuer:
        """Opens tasks of chunked jobs."""
        from chalicelib.adapters.aws import new_id
        from chalicelib.tasks.factory import JobEnqueuer

        return JobEnqueuer(
            tasks=self.state.tasks, queues=self.queues, clock=self.clock, policy=self.policy, new_id=new_id
        )

    @cached_property
    def schedules(self) -> Schedules:
        """Schedules of the recurring jobs."""
        from chalicelib.maintenance.schedules import Schedules

        shift, state = timedelta(minutes=self.settings.schedule_shift_minutes), self.state
        by_hand = frozenset() if self.settings.optimize_at == "nightly" else frozenset({"optimize_images"})
        return Schedules(
            store=state.schedules,
            tasks=state.tasks,
            jobs=self.jobs,
            shift=shift,
            by_hand=by_hand,
            night=timedelta(hours=self.settings.night_hours),
            metrics=self.metrics,
        )

    @cached_property
    def trash(self) -> Trash:
        """Use cases on the trash: trash, restore, delete for good."""
        from chalicelib.images.trash import Trash

        return Trash(
            catalog=self.state.catalog,
            jobs=self.jobs,
            clock=self.clock,
            visibility=self.visibility,
            retention=self.ages.trash,
            refresh_manifest=self.manifest_updates.schedule_now,
        )

    @cached_property
    def visibility(self) -> Visibility:
        """Hides the renditions of trashed images."""
        from chalicelib.images.visibility import Visibility
        from chalicelib.tasks.model import TaskType

        queue = self.queues[TaskType.CLEANUP_ORPHANED_FILES]
        return Visibility(
            catalog=self.state.catalog,
            objects=self.objects,
            cdn=self.cdn,
            queue=queue,
            is_private=self.privacy.is_private,
            failpoint=self.job_worker.failpoint,
        )

    @cached_property
    def image_moves(self) -> ImageMoves:
        """Moves and renames of images."""
        from chalicelib.images.rename import ImageMoves

        return ImageMoves(
            catalog=self.state.catalog,
            redirects=self.redirects,
            is_private=self.privacy.is_private,
            visibility=self.visibility,
        )

    @cached_property
    def collection_renames(self) -> CollectionRenames:
        """Requests for `rename_collection`."""
        from chalicelib.images.rename import CollectionRenames

        return CollectionRenames(
            catalog=self.state.catalog,
            collections=self.collections,
            privacy=self.privacy,
            tasks=self.state.tasks,
            jobs=self.jobs,
            retries=self.retries,
            privacy_must_rest=self.privacy_changes.must_rest,
        )

    @cached_property
    def privacy_changes(self) -> PrivacyChanges:
        """Requests for `change_privacy`."""
        from chalicelib.images.privacy_change import PrivacyChanges

        return PrivacyChanges(
            catalog=self.state.catalog,
            privacy=self.privacy,
            tasks=self.state.tasks,
            jobs=self.jobs,
            retries=self.retries,
            rename_must_rest=self._rename_must_rest,
        )

    def _rename_must_rest(self, collection: str) -> None:
        self.collection_renames.must_rest(collection)

    @cached_property
    def thumbnail_requests(self) -> ThumbnailRequests:
        """Requests for `generate_thumbnails`."""
        from chalicelib.images.thumbnails import ThumbnailRequests

        return ThumbnailRequests(catalog=self.state.catalog, jobs=self.jobs)

    @cached_property
    def quarantine(self) -> Quarantine:
        """Objects that clean-up has set aside."""
        from chalicelib.maintenance.quarantine import Quarantine

        return Quarantine(objects=self.objects, clock=self.clock, ages=self.ages)

    @cached_property
    def ages(self) -> RetentionAges:
        """Ages at which objects and trashed images are deleted."""
        from chalicelib.maintenance.model import RetentionAges

        given = self.settings
        held, trash = timedelta(days=given.quarantine_days), timedelta(days=given.trash_days)
        return RetentionAges(orphan=timedelta(hours=given.orphan_hours), quarantine=held, trash=trash)

    @cached_property
    def job_worker(self) -> Worker:
        """Worker of chunked jobs: the same as for uploads, with a longer lease."""
        lease = timedelta(seconds=self.settings.job_lease_seconds)
        leases = replace(self.leases, policy=replace(self.policy, lease=lease))
        return replace(self.worker, leases=leases)

    @cached_property
    def chunked_jobs(self) -> ChunkedJobs:
        """Runs the steps of chunked jobs."""
        from chalicelib.tasks.chunked_jobs import ChunkedJobs
        from chalicelib.tasks.model import TaskType

        return ChunkedJobs(
            leases=self.job_worker.leases,
            queues=self.queues,
            jobs=self._kinds(),
            failpoint=self.job_worker.failpoint,
            metrics=self.metrics,
            after_cancel={TaskType.CHANGE_PRIVACY: self._turn_back},
        )

    def _turn_back(self, task: Task) -> None:
        self.privacy_changes.turn_back(task)

    def _kinds(self) -> Mapping[TaskType, Callable[[], ChunkedJob]]:
        from chalicelib.tasks.model import TaskType

        return {
            TaskType.CLEANUP_ORPHANED_FILES: lambda: self.cleanup_job,
            TaskType.UPDATE_COLLECTION_STATS: lambda: self.recount_job,
            TaskType.OPTIMIZE_IMAGES: lambda: self.optimize_job,
            TaskType.GENERATE_THUMBNAILS: lambda: self.thumbnail_job,
            TaskType.DELETE_IMAGES: lambda: self.purge_job,
            TaskType.RENAME_COLLECTION: lambda: self.rename_job,
            TaskType.CHANGE_PRIVACY: lambda: self.privacy_job,
        }

    @cached_property
    def purge(self) -> Purge:
        """Deletes images for good."""
        from chalicelib.images.trash import Purge

        return Purge(
            catalog=self.state.catalog,
            objects=self.objects,
            cdn=self.cdn,
            redirects=self.redirects,
            failpoint=self.job_worker.failpoint,
        )

    @cached_property
    def manifests(self) -> Manifests:
        """Collection manifests for static clients."""
        from chalicelib.delivery.manifests import Manifests

        cdn_url = self.settings.cdn_url
        return Manifests(
            catalog=self.state.catalog,
            objects=self.objects,
            cdn=self.cdn,
            base=cdn_url,
            is_private=self.privacy.is_private,
        )

    @cached_property
    def reconciler(self) -> Reconciler:
        """Queues lost uploads again."""
        from chalicelib.uploads.s3_events import Reconciler

        return Reconciler(s3_events=self.s3_events, queue=self.images_queue, bucket=self.settings.bucket)

    @cached_property
    def cleanup_job(self) -> Cleanup:
        """Job of `cleanup_orphaned_files`."""
        from chalicelib.maintenance.cleanup import Cleanup
        from chalicelib.maintenance.consistency_check import ConsistencyCheck, last_stored
        from chalicelib.maintenance.model import CleanupBounds
        from chalicelib.maintenance.orphan_scan import OrphanScan

        state, given = self.state, self.settings
        return Cleanup(
            catalog=state.catalog,
            objects=self.objects,
            orphan_scan=OrphanScan(
                catalog=state.catalog,
                tasks=state.tasks,
                clock=self.clock,
                task_id_of=self.reconciler.task_id_of,
                ages=self.ages,
                last_stored=partial(last_stored, self.objects),
            ),
            quarantine=self.quarantine,
            reconciler=self.reconciler,
            purge=self.purge,
            consistency_check=ConsistencyCheck(
                catalog=state.catalog,
                objects=self.objects,
                clock=self.clock,
                ages=self.ages,
                metrics=self.metrics,
                show=self.visibility.apply,
            ),
            ages=self.ages,
            bounds=CleanupBounds(max_share=given.cleanup_percent / 100, always_allowed=given.cleanup_least),
            metrics=self.metrics,
            hide=self.visibility.apply,
        )

    @cached_property
    def recount_job(self) -> RecountJob:
        """Job of `update_collection_stats`."""
        from chalicelib.maintenance.recount import RecountJob

        return RecountJob(
            catalog=self.state.catalog,
            clock=self.clock,
            metrics=self.metrics,
            counted=self.manifests.refresh,
            marks=self.state.expiring,
        )

    @cached_property
    def treatment(self) -> Treatment:
        """What optimising does to an image."""
        from chalicelib.images.optimize import Treatment

        return Treatment(codecs=tuple(filter(None, self.settings.variant_formats.split(","))))

    @cached_property
    def optimize_job(self) -> OptimizeFeed:
        """Job of `optimize_images`."""
        from chalicelib.images.optimize import OptimizeFeed

        return OptimizeFeed(
            catalog=self.state.catalog,
            send=self.optimize_requests.send,
            version=self.treatment.version,
        )

    @cached_property
    def image_optimizer(self) -> ImageOptimizer:
        """Optimises one image."""
        from chalicelib.adapters.aws import new_id
        from chalicelib.images.optimize import ImageOptimizer

        return ImageOptimizer(
            catalog=self.state.catalog,
            objects=self.objects,
            treatment=self.treatment,
            max_bytes=self.settings.max_upload_bytes,
            new_id=new_id,
            send_again=self.optimize_requests.send,
            failpoint=self.job_worker.failpoint,
            metrics=self.metrics,
            overtaken=self.visibility.overtaken,
        )

    @cached_property
    def ladder_maker(self) -> LadderMaker:
        """Makes the widths of images."""
        from chalicelib.adapters.aws import new_id
        from chalicelib.images.thumbnails import LadderMaker

        return LadderMaker(
            catalog=self.state.catalog,
            objects=self.objects,
            ladder=self.ladder,
            limits=replace(self.limits, heic=True, takes_damaged=True),  # what was taken before stays
            max_bytes=self.settings.max_upload_bytes,
            new_id=new_id,
            failpoint=self.job_worker.failpoint,
            metrics=self.metrics,
            overtaken=self.visibility.overtaken,
        )

    @cached_property
    def thumbnail_job(self) -> ThumbnailJob:
        """Job of `generate_thumbnails`."""
        from chalicelib.images.thumbnails import ThumbnailJob

        limit, checkpoint = self.settings.max_upload_bytes, self.job_worker.failpoint
        return ThumbnailJob(
            catalog=self.state.catalog,
            objects=self.objects,
            recipe=self.recipe,
            limits=replace(self.limits, heic=True, takes_damaged=True),  # what was taken before stays
            max_bytes=limit,
            ladder=self.ladder_maker,
            failpoint=checkpoint,
            metrics=self.metrics,
            overtaken=self.visibility.overtaken,
        )

    @cached_property
    def purge_job(self) -> PurgeJob:
        """Job of `delete_images`."""
        from chalicelib.images.trash import PurgeJob

        return PurgeJob(catalog=self.state.catalog, purge=self.purge, manifests=self.manifests)

    @cached_property
    def rename_job(self) -> RenameJob:
        """Job of `rename_collection`."""
        from chalicelib.images.rename import RenameJob

        checkpoint = self.job_worker.failpoint
        return RenameJob(
            catalog=self.state.catalog,
            redirects=self.redirects,
            privacy=self.privacy,
            manifests=self.manifests,
            visibility=self.visibility,
            failpoint=checkpoint,
        )

    @cached_property
    def privacy_job(self) -> PrivacyJob:
        """Job of `change_privacy`."""
        from chalicelib.images.privacy_change import PrivacyJob

        return PrivacyJob(
            catalog=self.state.catalog,
            privacy=self.privacy,
            visibility=self.visibility,
            manifests=self.manifests,
            failpoint=self.job_worker.failpoint,
        )
