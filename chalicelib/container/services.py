"""Services on tasks, uploads, delivery and tokens, built from the settings and the adapters, each on first use."""

# Imports sit inside the builders on purpose: what a function never uses must not slow its start.
# ruff: noqa: PLC0415

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

from chalicelib.container.adapters import Adapters

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.admin.monitoring import Audit, Functions, Queues
    from chalicelib.admin.sessions import Sessions
    from chalicelib.admin.tokens import Tokens
    from chalicelib.delivery.edge_access import EdgeAccess
    from chalicelib.delivery.negotiation import Delivery, NameRedirects
    from chalicelib.delivery.private_links import LinkSignatures, Privacy
    from chalicelib.engine.model import Limits, Recipe
    from chalicelib.images.collections import Collections
    from chalicelib.images.model import Ladder
    from chalicelib.images.optimize_requests import LadderRequests, OptimizeRequests
    from chalicelib.images.search import ImageSearch
    from chalicelib.keyring import Purpose, Seals
    from chalicelib.ports import MetricsReader, QueueAdmin
    from chalicelib.tasks.dead_letters import DeadLetterPublisher
    from chalicelib.tasks.factory import TaskFactory
    from chalicelib.tasks.lease import Leases
    from chalicelib.tasks.parents import ParentTasks
    from chalicelib.tasks.retry import Retries
    from chalicelib.tasks.retry_policy import TaskPolicy
    from chalicelib.tasks.service import RecentTaskCache, Tasks, TaskWaiter
    from chalicelib.tasks.sweeper import Sweeper
    from chalicelib.tasks.worker import Failpoint, Job, Worker
    from chalicelib.uploads.bulk import BulkUploads
    from chalicelib.uploads.presigned import PresignedUploads
    from chalicelib.uploads.s3_events import S3Events
    from chalicelib.uploads.service import Idempotency, Uploads


class Services(Adapters):
    """Services on tasks, uploads, delivery and tokens."""

    @cached_property
    def policy(self) -> TaskPolicy:
        """Lease, attempts and retention of tasks."""
        from datetime import timedelta

        from chalicelib.tasks.retry_policy import TaskPolicy

        given = self.settings
        return TaskPolicy(
            lease=given.lease,
            max_attempts=given.max_attempts,
            keep=timedelta(days=given.keep_days),
            keep_failed=timedelta(days=given.keep_failed_days),
        )

    @cached_property
    def task_factory(self) -> TaskFactory:
        """Makes tasks."""
        from chalicelib.tasks.factory import TaskFactory

        return TaskFactory(clock=self.clock, policy=self.policy)

    @cached_property
    def idempotency(self) -> Idempotency:
        """Finds the task of a repeated request."""
        from chalicelib.adapters.aws import new_id
        from chalicelib.uploads.service import Idempotency

        return Idempotency(tasks=self.state.tasks, clock=self.clock, new_id=new_id)

    @cached_property
    def parents(self) -> ParentTasks:
        """Finishes parent tasks."""
        from chalicelib.tasks.parents import ParentTasks

        return ParentTasks(tasks=self.state.tasks, clock=self.clock, policy=self.policy)

    @cached_property
    def tasks(self) -> Tasks:
        """Use cases on tasks."""
        from chalicelib.tasks.service import Tasks

        return Tasks(store=self.state.tasks, clock=self.clock, policy=self.policy, parents=self.parents)

    @cached_property
    def uploads(self) -> Uploads:
        """Uploads through the API."""
        from chalicelib.uploads.service import Uploads

        store, limit = self.state, self.settings.max_body_bytes
        return Uploads(
            tasks=store.tasks,
            catalog=store.catalog,
            objects=self.objects,
            task_factory=self.task_factory,
            idempotency=self.idempotency,
            max_bytes=limit,
            metrics=self.metrics,
        )

    @cached_property
    def bulk(self) -> BulkUploads:
        """Uploads of many files in one request."""
        from chalicelib.uploads.bulk import BulkUploads

        return BulkUploads(uploads=self.uploads, parents=self.parents)

    @cached_property
    def presigned(self) -> PresignedUploads:
        """Uploads directly to the bucket."""
        from chalicelib.uploads.presigned import PresignedUploads

        limit = self.settings.max_upload_bytes
        return PresignedUploads(
            tasks=self.state.tasks,
            objects=self.objects,
            task_factory=self.task_factory,
            idempotency=self.idempotency,
            max_bytes=limit,
            metrics=self.metrics,
        )

    @cached_property
    def retries(self) -> Retries:
        """Retries of failed tasks."""
        from chalicelib.tasks.retry import Retries

        return Retries(
            tasks=self.state.tasks,
            objects=self.objects,
            queues=self.queues,
            task_factory=self.task_factory,
            parents=self.parents,
        )

    @cached_property
    def dead_letter_publisher(self) -> DeadLetterPublisher:
        """Publishes dead letters."""
        from chalicelib.tasks.dead_letters import DeadLetterPublisher

        return DeadLetterPublisher(queues=self.queues, optimizer_queue=self.optimizer_queue, metrics=self.metrics)

    @cached_property
    def sweeper(self) -> Sweeper:
        """Returns or ends tasks whose worker is silent."""
        from chalicelib.tasks.sweeper import Sweeper

        store, metrics, publish_dead_letter = self.state.tasks, self.metrics, self.dead_letter_publisher.publish
        return Sweeper(
            tasks=store,
            objects=self.objects,
            queues=self.queues,
            parents=self.parents,
            clock=self.clock,
            policy=self.policy,
            metrics=metrics,
            publish_dead_letter=publish_dead_letter,
        )

    @cached_property
    def delivery(self) -> Delivery:
        """Finds images and their renditions."""
        from chalicelib.delivery.negotiation import Delivery

        return Delivery(catalog=self.state.catalog, redirects=self.redirects)

    @cached_property
    def optimize_requests(self) -> OptimizeRequests:
        """Requests to optimise single images."""
        from chalicelib.images.optimize_requests import OptimizeRequests

        return OptimizeRequests(
            queue=self.optimizer_queue, marks=self.state.expiring, clock=self.clock, at=self.settings.optimize_at
        )

    @cached_property
    def ladder(self) -> Ladder:
        """Widths in which whole pictures are made."""
        from chalicelib.images.model import Ladder

        widths = sorted(map(int, filter(None, self.settings.ladder.split(","))), reverse=True)
        return Ladder(tuple(widths), tuple(self.settings.ladder_formats.split(",")))

    @cached_property
    def ladder_requests(self) -> LadderRequests:
        """Requests to make the widths of single images."""
        from chalicelib.images.optimize_requests import LadderRequests
        from chalicelib.tasks.model import TaskType

        return LadderRequests(
            queue=self.queues[TaskType.GENERATE_THUMBNAILS],
            marks=self.state.expiring,
            clock=self.clock,
            at=self.settings.ladder_at,
            ladder=self.ladder,
        )

    @cached_property
    def collections(self) -> Collections:
        """Use cases on collections."""
        from chalicelib.images.collections import Collections

        return Collections(self.state.catalog)

    @cached_property
    def privacy(self) -> Privacy:
        """Which collections are private."""
        from chalicelib.delivery.private_links import Privacy

        return Privacy(catalog=self.state.catalog, objects=self.objects)

    @cached_property
    def signatures(self) -> LinkSignatures:
        """Signatures of links to private pictures."""
        from chalicelib.delivery.private_links import LinkSignatures
        from chalicelib.keyring import Purpose

        return LinkSignatures(seals=self._seals(Purpose.LINKS), clock=self.clock, may_read=self.tokens.may_read)

    @cached_property
    def edge_access(self) -> EdgeAccess:
        """Signed access to private collections at the CDN."""
        from chalicelib.delivery.edge_access import EdgeAccess

        trusted = tuple(filter(None, self.settings.delivery_keys.split(",")))
        return EdgeAccess(keys=self.edge_keys, trusted=trusted, base=self.settings.cdn_url, clock=self.clock)

    @cached_property
    def cursor_seals(self) -> Seals:
        """Signatures of the cursors that clients page with."""
        from chalicelib.keyring import Purpose

        return self._seals(Purpose.CURSORS)

    def _seals(self, purpose: Purpose) -> Seals:
        from chalicelib.keyring import Seals

        # Read late: tests replace the secret of a running container.
        return Seals(purpose=purpose, keyring=self.keyring, bootstrap=lambda: self.bootstrap(), now=self.clock.now)  # noqa: PLW0108

    @cached_property
    def image_search(self) -> ImageSearch:
        """Image search with page numbers and sort orders."""
        from chalicelib.adapters.aws import new_id
        from chalicelib.images.search import ImageSearch

        return ImageSearch(catalog=self.state.catalog, clock=self.clock, new_id=new_id)

    @cached_property
    def redirects(self) -> NameRedirects:
        """Redirects from former names of images."""
        from chalicelib.delivery.negotiation import NameRedirects

        return NameRedirects(self.objects)

    @cached_property
    def tokens(self) -> Tokens:
        """Use cases on tokens."""
        from chalicelib.admin.tokens import Tokens

        return Tokens(store=self.state.tokens, clock=self.clock, bootstrap=self.bootstrap)

    @cached_property
    def sessions(self) -> Sessions:
        """Sessions of the monitor."""
        from chalicelib.admin.sessions import Sessions, Throttle
        from chalicelib.keyring import Purpose

        expiring = self.state.expiring
        return Sessions(
            tokens=self.tokens,
            seals=self._seals(Purpose.SESSIONS),
            ended=expiring,
            throttle=Throttle(store=expiring, clock=self.clock, name="sign-in"),
        )

    @cached_property
    def s3_events(self) -> S3Events:
        """Finds the task of an object."""
        from chalicelib.uploads.s3_events import S3Events

        return S3Events(tasks=self.state.tasks, clock=self.clock, policy=self.policy, metrics=self.metrics)

    @cached_property
    def leases(self) -> Leases:
        """Leases on tasks."""
        import random

        from chalicelib.tasks.factory import has_renditions
        from chalicelib.tasks.lease import Leases

        return Leases(
            tasks=self.state.tasks,
            clock=self.clock,
            policy=self.policy,
            jitter=random.random,
            publish_dead_letter=self.dead_letter_publisher.publish,
            has_renditions=partial(has_renditions, self.objects),
        )

    @cached_property
    def worker(self) -> Worker:
        """Runs jobs under a lease."""
        from chalicelib.adapters.aws import new_id
        from chalicelib.tasks.worker import Worker

        return Worker(leases=self.leases, parents=self.parents, new_id=new_id, failpoint=self.failpoint)

    @cached_property
    def failpoint(self) -> Failpoint:
        """Called at each named point of a job; in production it measures step times."""
        from chalicelib.tasks.worker import StepTimer

        return StepTimer(clock=self.clock, metrics=self.metrics)

    @cached_property
    def recipe(self) -> Recipe:
        """Sizes and formats of thumbnails."""
        from chalicelib.engine.model import Recipe

        sizes = sorted(map(int, self.settings.rendition_sizes.split(",")), reverse=True)
        return Recipe(
            sizes=tuple(sizes),
            formats=tuple(self.settings.rendition_formats.split(",")),
            names_rights=self.settings.copyright_notice == "keep",
            avif_from=self.settings.avif_from,
        )

    @cached_property
    def limits(self) -> Limits:
        """Limits on pictures."""
        from chalicelib.engine.model import Limits

        given = self.settings
        return Limits(
            pixels=given.max_pixels,
            scaled_pixels=given.max_scaled_pixels,
            side=given.max_side,
            frames=given.max_frames,
            takes_damaged=given.damaged_images == "warn",
            heic=given.heic_images == "take",
            native_decoders=given.decoders == "native",
        )

    @cached_property
    def process_image(self) -> Job:
        """Job of `process_image`."""
        from chalicelib.images.process_image import ProcessImage

        catalog, limit, metrics = self.state.catalog, self.settings.max_upload_bytes, self.metrics
        known = self.privacy.is_private
        return ProcessImage(
            leases=self.leases,
            catalog=catalog,
            objects=self.objects,
            recipe=self.recipe,
            limits=self.limits,
            max_bytes=limit,
            failpoint=self.failpoint,
            metrics=metrics,
            is_private=known,
            announce=self.ladder_requests.published,
        )


class AdminServices(Services):
    """Services that administrators use: queues, functions, audit log."""

    @cached_property
    def audit(self) -> Audit:
        """Audit log."""
        from chalicelib.adapters.aws import new_id
        from chalicelib.admin.monitoring import Audit

        return Audit(store=self.state.audit, clock=self.clock, new_id=new_id)

    @cached_property
    def queue_admin(self) -> Queues:
        """Use cases on queues: depth, pause, resume, purge."""
        from chalicelib.admin.monitoring import Queues

        return Queues(queues=self.queue_admins, metrics_reader=self.metrics_reader, tasks=self.state.tasks)

    @cached_property
    def task_waiter(self) -> TaskWaiter:
        """Waits for tasks on behalf of clients."""
        from chalicelib.tasks.service import TaskWaiter

        return TaskWaiter(
            tasks=self.tasks,
            backlog=lambda lane: self.queue_admins[lane].backlog(),
            clock=self.clock,
            workers=self.settings.concurrency,
        )

    @cached_property
    def functions(self) -> Functions:
        """Reports on the Lambda functions."""
        from chalicelib.admin.monitoring import Functions

        return Functions(
            tasks=self.state.tasks,
            metrics_reader=self.metrics_reader,
            clock=self.clock,
            concurrency=self.settings.concurrency,
        )

    @cached_property
    def recent_tasks(self) -> RecentTaskCache:
        """Cache of recent tasks."""
        from chalicelib.tasks.service import RecentTaskCache

        return RecentTaskCache(store=self.state.tasks, clock=self.clock)

    @cached_property
    def queue_admins(self) -> Mapping[str, QueueAdmin]:
        """Administration of each queue, by the queue's public name."""
        from chalicelib.adapters.sqs import SqsQueueAdmin

        connect = partial(self.aws, "sqs"), partial(self.aws, "lambda")
        return {name: SqsQueueAdmin(queue, *connect) for name, queue in self._queue_names().items()}

    @cached_property
    def metrics_reader(self) -> MetricsReader:
        """Reader of CloudWatch's metrics."""
        from chalicelib.adapters.cloudwatch import CloudWatchMetrics

        service, clock = self.settings.service, self.clock
        connect = partial(self.aws, "cloudwatch"), partial(self.aws, "lambda")
        return CloudWatchMetrics(service, self._queue_names(), *connect, clock.now)

    def _queue_names(self) -> dict[str, str]:
        given = self.settings
        return {
            "images": given.images_queue,
            "thumbnails": given.thumbnails_queue,
            "maintenance": given.maintenance_queue,
            "optimizer": given.optimizer_queue,
        }
