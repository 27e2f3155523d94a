"""Implementations of the ports: state, bucket, queues, CDN, metrics, clock and secrets, each built on first use."""

# Imports sit inside the builders on purpose: what a function never uses must not slow its start.
# ruff: noqa: PLC0415

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from chalicelib.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from chalicelib import ports
    from chalicelib.delivery.change_events import ManifestUpdates
    from chalicelib.keyring import EdgeKey, Keyring, KeySecret, Purpose
    from chalicelib.tasks.model import TaskType

T = TypeVar("T")


def aws_data_files() -> Iterator[tuple[str, bytes]]:
    """Yield the files with descriptions of AWS's services that a package brings (`chalicelib.adapters.aws_data`)."""
    from chalicelib.adapters.aws_data import files

    return files()


class State(Protocol):
    """State ports of one back end."""

    @property
    def tasks(self) -> ports.TaskStore: ...  # noqa: D102  # the port itself says what it promises
    @property
    def catalog(self) -> ports.Catalog: ...  # noqa: D102
    @property
    def tokens(self) -> ports.TokenStore: ...  # noqa: D102
    @property
    def schedules(self) -> ports.ScheduleStore: ...  # noqa: D102
    @property
    def audit(self) -> ports.AuditStore: ...  # noqa: D102
    @property
    def expiring(self) -> ports.ExpiringStore: ...  # noqa: D102


@dataclass
class Adapters:
    """Implementations of the ports. Tests set these attributes before their first use."""

    settings: Settings

    @cached_property
    def state(self) -> State:
        """Stores of the back end that the settings choose."""
        from chalicelib.delivery.change_events import EventingCatalog
        from chalicelib.tasks.service import MeteredState, MeteredTaskStore

        found = self._sql() if self.settings.state == "sql" else self._dynamodb()
        tasks = MeteredTaskStore(store=found.tasks, metrics=self.metrics)
        catalog = EventingCatalog(store=found.catalog, publish_change=self.manifest_updates.schedule)
        return MeteredState(tasks=tasks, catalog=catalog, admin=found)

    def _dynamodb(self) -> State:
        from chalicelib.adapters.dynamodb import DynamoState

        return DynamoState(client=self.aws("dynamodb"), table_name=self.settings.table)

    def migrate(self) -> None:
        """Bring the database's tables to the current version; does nothing if they have it."""
        from chalicelib.adapters.sql.migrations import upgrade

        upgrade(self._database_url())

    def _database_url(self) -> str:
        from chalicelib.adapters.aws import SecretsManagerSecret

        secret = SecretsManagerSecret(
            secret_id=self.settings.database_secret, connect=partial(self.aws, "secretsmanager"), now=self.clock.now
        )
        return self.settings.database_url or secret()

    def _sql(self) -> State:
        from chalicelib.adapters.sql import SqlState

        return SqlState(url=self._database_url(), pool_size=self.settings.database_connections)

    @cached_property
    def manifest_updates(self) -> ManifestUpdates:
        """Queue of refreshes of changed collections' manifests."""
        from datetime import timedelta

        from chalicelib.delivery.change_events import ManifestUpdates
        from chalicelib.tasks.model import TaskType

        queue = self.queues[TaskType.UPDATE_COLLECTION_STATS]
        return ManifestUpdates(queue=queue, clock=self.clock, after=timedelta(seconds=self.settings.manifest_seconds))

    @cached_property
    def objects(self) -> ports.ObjectStore:
        """The bucket."""
        from chalicelib.adapters.s3 import S3Bucket

        return S3Bucket(name=self.settings.bucket, connect=partial(self.aws, "s3"), signed_url=self.settings.signed_url)

    @cached_property
    def queues(self) -> Mapping[TaskType, ports.Queue]:
        """Queue of each kind of task."""
        from chalicelib.adapters.sqs import SqsQueue
        from chalicelib.tasks.model import CHUNKED, TaskType

        images, thumbnails, maintenance = (
            SqsQueue(name=name, connect=partial(self.aws, "sqs"))
            for name in (self.settings.images_queue, self.settings.thumbnails_queue, self.settings.maintenance_queue)
        )
        # Mass work never waits in front of uploads: each lane has its own queue.
        lanes = {TaskType.PROCESS_IMAGE: images, TaskType.GENERATE_THUMBNAILS: thumbnails}
        return dict.fromkeys(CHUNKED, maintenance) | lanes

    @property
    def images_queue(self) -> ports.Queue:
        """Queue of new uploads."""
        from chalicelib.tasks.model import TaskType

        return self.queues[TaskType.PROCESS_IMAGE]

    @cached_property
    def optimizer_queue(self) -> ports.Queue:
        """Queue of images that are to be optimised."""
        from chalicelib.adapters.sqs import SqsQueue

        return SqsQueue(name=self.settings.optimizer_queue, connect=partial(self.aws, "sqs"))

    def time_left(self, seconds: float) -> Callable[[], bool]:
        """Return a function that returns True until so many seconds from now have passed."""
        from datetime import timedelta

        until = self.clock.now() + timedelta(seconds=seconds)
        return lambda: self.clock.now() < until

    @cached_property
    def cdn(self) -> ports.Cdn:
        """The CDN in front of the bucket."""
        from chalicelib.adapters.s3 import CloudFrontCdn

        return CloudFrontCdn(
            distribution=self.settings.distribution, connect=partial(self.aws, "cloudfront"), sleep=self.clock.sleep
        )

    @cached_property
    def aws(self) -> Callable[[str], Any]:
        """Makes the client of an AWS service, such as `s3`; its faults are counted as metrics."""
        from chalicelib.adapters.aws import AwsClients

        return AwsClients(self.metrics, packaged=self.settings.aws_data == "packaged")

    @cached_property
    def metrics(self) -> ports.Metrics:
        """Metrics, written to the log in CloudWatch's embedded format."""
        from chalicelib.telemetry import NAMESPACE, EmbeddedMetrics, unit_of

        return EmbeddedMetrics(namespace=NAMESPACE, service=self.settings.service, unit_of=unit_of)

    @cached_property
    def clock(self) -> ports.Clock:
        """System clock; a frozen one on a local cloud whose settings ask for it."""
        from chalicelib.adapters.aws import FrozenClock, SystemClock

        moment = self.settings.standing_clock
        return FrozenClock(moment) if moment else SystemClock()

    def keyring(self, purpose: Purpose) -> Keyring | None:
        """Return the keys of a purpose; None if the deployment has no secret for them.

        Raises:
            Misconfigured: the secret does not hold a keyring.
            Unavailable: the secret cannot be read now.
        """
        return self._from_keys(lambda secret: secret.keyring(purpose))

    def edge_keys(self) -> Mapping[str, EdgeKey]:
        """Return the private keys of signed access at the CDN, by the ids of their public keys. Raises as `keyring`."""
        return self._from_keys(lambda secret: secret.edge_keys()) or {}

    def _from_keys(self, read: Callable[[KeySecret], T]) -> T | None:
        from chalicelib.errors import Misconfigured
        from chalicelib.keyring import KeySecret

        if not (text := self._keys()):
            return None
        try:
            return read(KeySecret(text=text, written_at=self._keys.written_at))
        except (ValueError, KeyError, TypeError) as cause:
            # Neither the text nor the parser's message: both may contain the secret.
            reason = {"resource": self.settings.keys_secret, "reason": "the secret holds no keyring"}
            raise Misconfigured(cause=reason) from cause

    @cached_property
    def _keys(self) -> ports.Secret:
        from chalicelib.adapters.aws import SecretsManagerSecret

        return SecretsManagerSecret(
            secret_id=self.settings.keys_secret, connect=partial(self.aws, "secretsmanager"), now=self.clock.now
        )

    @cached_property
    def bootstrap(self) -> ports.Secret:
        """Function that returns the first administrator's token."""
        from chalicelib.adapters.aws import SecretsManagerSecret

        return SecretsManagerSecret(
            secret_id=self.settings.bootstrap_secret, connect=partial(self.aws, "secretsmanager"), now=self.clock.now
        )
