"""What people see and steer of a running Wallify, built on the services of the day: queues, functions, audit log."""

# Imports sit inside the builders on purpose: what a function never uses must not slow its start.
# ruff: noqa: PLC0415

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from chalicelib.ports import MetricsReader, QueueAdmin
    from chalicelib.services.audit import Audit
    from chalicelib.services.lanes import Lanes
    from chalicelib.services.recent import Recent
    from chalicelib.services.waiting import Waiting
    from chalicelib.services.workforce import Workforce
    from chalicelib.wiring.wired import Wired


@dataclass
class Desk:
    """Built by the wired services that it is a part of."""

    wired: Wired

    @cached_property
    def audit(self) -> Audit:
        """Who has changed what."""
        from chalicelib.adapters.clock import new_id
        from chalicelib.services.audit import Audit

        return Audit(self.wired.state.audit, self.wired.clock, new_id)

    @cached_property
    def queues(self) -> Lanes:
        """How full the queues are; pause, resume, purge."""
        from chalicelib.services.lanes import Lanes

        return Lanes(self.lanes, self.meter, self.wired.state.tasks)

    @cached_property
    def waiting(self) -> Waiting:
        """Waiting for tasks in the name of clients."""
        from chalicelib.services.waiting import Waiting

        wired = self.wired
        return Waiting(wired.tasks, lambda lane: self.lanes[lane].backlog(), wired.clock, wired.settings.concurrency)

    @cached_property
    def workforce(self) -> Workforce:
        """What the functions do."""
        from chalicelib.services.workforce import Workforce

        wired = self.wired
        return Workforce(wired.state.tasks, self.meter, wired.clock, wired.settings.concurrency)

    @cached_property
    def recent(self) -> Recent:
        """What tasks have done of late."""
        from chalicelib.services.recent import Recent

        return Recent(self.wired.state.tasks, self.wired.clock)

    @cached_property
    def lanes(self) -> Mapping[str, QueueAdmin]:
        """Every queue by the name that people use."""
        from chalicelib.adapters.sqs import SqsQueueAdmin

        connect = partial(self.wired.aws, "sqs"), partial(self.wired.aws, "lambda")
        return {name: SqsQueueAdmin(queue, *connect) for name, queue in self._queue_names().items()}

    @cached_property
    def meter(self) -> MetricsReader:
        """What the cloud measures."""
        from chalicelib.adapters.cloudwatch import CloudWatchMetrics

        service, clock = self.wired.settings.service, self.wired.clock
        connect = partial(self.wired.aws, "cloudwatch"), partial(self.wired.aws, "lambda")
        return CloudWatchMetrics(service, self._queue_names(), *connect, clock.now)

    def _queue_names(self) -> dict[str, str]:
        given = self.wired.settings
        return {
            "images": given.images_queue,
            "thumbnails": given.thumbnails_queue,
            "maintenance": given.maintenance_queue,
        }
