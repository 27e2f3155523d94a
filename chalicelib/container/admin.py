"""Services of the administration: queues, functions, audit log, and waiting for tasks."""

# Imports sit inside the builders on purpose: what a function never uses must not slow its start.
# ruff: noqa: PLC0415

from __future__ import annotations

from functools import cached_property, partial
from typing import TYPE_CHECKING

from chalicelib.container.services import Services

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.admin.audit import Audit
    from chalicelib.admin.functions import Functions
    from chalicelib.admin.queues import Queues
    from chalicelib.ports import MetricsReader, QueueAdmin
    from chalicelib.tasks.service import RecentTaskCache
    from chalicelib.tasks.waiting import TaskWaiter


class AdminServices(Services):
    """Services that administrators use: queues, functions, audit log."""

    @cached_property
    def audit(self) -> Audit:
        """Audit log."""
        from chalicelib.adapters.clock import new_id
        from chalicelib.admin.audit import Audit

        return Audit(store=self.state.audit, clock=self.clock, new_id=new_id)

    @cached_property
    def queue_admin(self) -> Queues:
        """Use cases on queues: depth, pause, resume, purge."""
        from chalicelib.admin.queues import Queues

        return Queues(queues=self.queue_admins, metrics_reader=self.metrics_reader, tasks=self.state.tasks)

    @cached_property
    def task_waiter(self) -> TaskWaiter:
        """Waits for tasks on behalf of clients."""
        from chalicelib.tasks.waiting import TaskWaiter

        return TaskWaiter(
            tasks=self.tasks,
            backlog=lambda lane: self.queue_admins[lane].backlog(),
            clock=self.clock,
            workers=self.settings.concurrency,
        )

    @cached_property
    def functions(self) -> Functions:
        """Reports on the Lambda functions."""
        from chalicelib.admin.functions import Functions

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
        }
