"""Ports: what the use cases need from the outside world.

All of them stand in this one file, because adapters, fakes and contract suites are written against the whole list.
Each docstring is a promise that a test in `tests/contracts` holds every adapter and every fake to.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from chalicelib.images.model import ANY_IMAGE, CollectionInfo, CollectionStats, Image, ImageFilter, Rendition
from chalicelib.json_formats import DeadLetter
from chalicelib.storage import Budget, NewObject, PresignedPost, StoredObject
from chalicelib.tasks.model import ChildCounts, FirstClaim, Task, TaskFilter

if TYPE_CHECKING:  # a worker of images needs none of these, and they take 15 ms of its start
    from chalicelib.admin.scopes import AuditEntry, ExpiringRecord, FunctionUsage, QueueDepth, Token
    from chalicelib.maintenance.model import ScheduleStatus

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Items of one page, and the cursor of the next one if more may follow (opaque to clients)."""

    items: tuple[T, ...]
    next_cursor: str | None = None


class Clock(Protocol):
    """The time of day."""

    def now(self) -> datetime:
        """Return the present time, aware, in UTC; never earlier than an answer before."""
        ...

    def sleep(self, seconds: float) -> None:
        """Block for that many seconds; `now` is later by at least as much afterwards."""
        ...


class TaskStore(Protocol):
    """Store of tasks. A write that has returned is seen by every later read of that task."""

    def add(self, task: Task) -> None:
        """Store a new task with version 0.

        Raises:
        Conflict: The id is taken; nothing has changed.
        """
        ...

    def get(self, task_id: str) -> Task:
        """Return the stored task.

        Raises:
        TaskNotFound: There is no such task.
        """
        ...

    def replace(self, before: Task, after: Task) -> Task:
        """Replace `before` by `after` in one conditional write, and return it with the next version.

        Of two writers of the same version exactly one succeeds. When `after` is final, `before` is not, and there is a
        parent, the same transaction adds one to the parent's child counts.

        Raises:
        Conflict: The stored task has not the version of `before` any more; nothing has changed.
        """
        ...

    def claim(self, claim: FirstClaim) -> Task | None:
        """Claim the task in one conditional write, without a read before it, and return it with the next version.

        Returns None if the claim does not fit the stored task or there is none; nothing has changed then.
        """
        ...

    def active(self, limit: int, cursor: str | None = None) -> Page[Task]:
        """Return tasks that are not final, oldest first. Costs grow with the active tasks, not with history."""
        ...

    def history(self, wanted: TaskFilter, limit: int, cursor: str | None = None) -> Page[Task]:
        """Return tasks that match, newest first by creation (then id), final or not.

        May lag behind the newest writes. A page may be short, even empty, and still have a next cursor; a cursor is
        valid with the filter that it came from.
        """
        ...

    def children(self, parent_id: str, limit: int, cursor: str | None = None) -> Page[Task]:
        """Return the parent's children in the order of their index."""
        ...

    def delete_expired(self, now: datetime, limit: int) -> int:
        """Delete up to `limit` tasks that have expired, and return how many; 0 where the store expires items itself."""
        ...

    def child_counts(self, parent_id: str) -> ChildCounts:
        """Return how many of the parent's children have succeeded, failed and been cancelled so far."""
        ...


class Catalog(Protocol):
    """Store of images, their renditions, and the statistics of collections.

    Each image that it returns has its renditions.
    """

    def publish(
        self, image: Image, renditions: Sequence[Rendition], *, before: Task, after: Task, unique: bool = True
    ) -> Task:
        """Add the image with its renditions, count it, and finish the task that made it, in one transaction.

        Returns the stored task, as `TaskStore.replace`. The first image of a collection creates the collection. With
        `unique=False` the collection may have the same bytes twice; their digest stays with the image that had it
        first.

        Raises:
        Conflict: The task has changed, or the image id is taken.
        DuplicateImage: `unique`, and the collection has these bytes already (detail `image_id`).
        NameTaken: The collection has an image of this name.
        PrivacyDiffers: The renditions lie under the other prefix than those of the collection (see `set_privacy`).
        Whichever is found first; nothing has changed then.
        """
        ...

    def image(self, image_id: str) -> Image:
        """Return the image.

        Raises:
        ImageNotFound: There is none, or it is in the trash.
        """
        ...

    def task_and_image(self, task_id: str, image_id: str) -> tuple[Task, Image | None]:
        """Return a task and an image, by one strongly consistent read; None for no image or one in the trash.

        Raises: TaskNotFound.
        """
        ...

    def existing(self, image_ids: Iterable[str]) -> Mapping[str, Image]:
        """Return those of these images that exist, in the trash or not, by id: a strongly consistent read.

        Takes up to 1,000 ids. It answers for all of them or raises: callers delete what is missing here.
        """
        ...

    def revise(self, before: Image, after: Image, renditions: Sequence[Rendition] | None = None) -> Image:
        """Replace `before` by `after` in one conditional write, and return it with the next version.

        Renditions are replaced too if given. Name, digest and counters move with the image from the old collection to
        the new one; moving to the trash releases them, restoring takes them again. A digest that another image has
        stays with that one. Id, digest and creation time of an image do not change.

        Raises:
        Conflict: The stored image has not the version of `before` any more.
        NameTaken: The new name is in use.
        PrivacyDiffers: As `publish`, for an image that moves into a collection or out of the trash, or, outside the
            trash, whose renditions come to lie under the other prefix.
        Nothing has changed then.
        """
        ...

    def remove(self, image: Image) -> None:
        """Delete the image with its renditions, name, digest and count. Removing it twice is no error.

        Raises:
        Conflict: It has changed since it was read; nothing has changed.
        """
        ...

    def upgrade(self, image: Image) -> None:
        """Store the image in the form of this release, if an earlier one wrote it; neither it nor its version changes.

        Nothing happens if it changes meanwhile or is gone.
        """
        ...

    def trashed(self, limit: int, cursor: str | None = None) -> Page[Image]:
        """Return images in the trash, longest there first; may lag behind the newest writes."""
        ...

    def renditions(self, image_id: str) -> tuple[Rendition, ...]:
        """Return all renditions of an image, ordered by (size as text, format); empty if there is no such image."""
        ...

    def find_by_name(self, collection: str, name: str) -> Image:
        """Return the image of that name.

        Raises:
        ImageNotFound: The collection has none.
        """
        ...

    def find_by_digest(self, collection: str, sha256: str) -> Image | None:
        """Return the image with exactly these bytes, or None."""
        ...

    def images(
        self, collection: str, limit: int, cursor: str | None = None, wanted: ImageFilter = ANY_IMAGE
    ) -> Page[Image]:
        """Return a collection's images that match, without trashed ones, newest first; may lag behind new writes.

        With a filter a page may be short, even empty, and still have a next cursor.
        """
        ...

    def collections(self) -> tuple[str, ...]:
        """Return the names of all collections that ever had an image, in code point order; maybe of others, too."""
        ...

    def collection_info(self, collection: str) -> CollectionInfo:
        """Return title and description, by a strongly consistent read; version 0 if none were written."""
        ...

    def collection_infos(self) -> Mapping[str, CollectionInfo]:
        """Return titles and descriptions of all collections that have some, by collection name."""
        ...

    def set_collection_info(self, before: CollectionInfo, after: CollectionInfo) -> CollectionInfo:
        """Replace title and description in one conditional write, and return them with the next version.

        Of two writers exactly one succeeds, the first write of all included.

        Raises:
        Conflict: The stored version is not that of `before`; nothing has changed.
        """
        ...

    def delete_collection_info(self, collection: str) -> None:
        """Delete the collection's title and description. Deleting them twice is no error."""
        ...

    def stats(self, collection: str) -> CollectionStats:
        """Return the collection's statistics: exact, changed with every image; zeros for an unknown collection."""
        ...

    def stats_with_version(self, collection: str) -> tuple[CollectionStats, str]:
        """Return the statistics, and a version that stays the same until they change."""
        ...

    def privacy(self, collection: str) -> bool | None:
        """Return whether the collection was set to be private; None if never. A strongly consistent read."""
        ...

    def set_privacy(self, collection: str, version: str, *, private: bool) -> None:
        """Set whether renditions of this collection's images lie under `guarded/`, in one conditional write.

        Changes the version of the statistics. No image whose renditions lie under the other prefix can be added
        afterwards.

        Raises:
        Conflict: The statistics have another version; nothing has changed.
        """
        ...

    def correct_stats(self, delta: CollectionStats, version: str) -> None:
        """Add these (also negative) numbers to their collection's statistics, in one conditional write.

        Changes the version of the statistics.

        Raises:
        Conflict: The statistics have another version; nothing has changed.
        """
        ...


class ScheduleStore(Protocol):
    """Store of what each schedule did last, by name."""

    def get(self, name: str) -> ScheduleStatus:
        """Return the stored record, by a strongly consistent read; a new one with version 0 if none is stored."""
        ...

    def replace(self, before: ScheduleStatus, after: ScheduleStatus) -> ScheduleStatus:
        """Replace `before` by `after` in one conditional write, and return it with the next version.

        Of two writers exactly one succeeds, the first write of all included.

        Raises:
        Conflict: The stored record has not the version of `before`; nothing has changed.
        """
        ...


class ExpiringStore(Protocol):
    """Store of records that expire, by key."""

    def get(self, key: str) -> ExpiringRecord:
        """Return the stored record, by a strongly consistent read; a new one with version 0 if none is stored.

        A record that has expired may still be returned.
        """
        ...

    def replace(self, before: ExpiringRecord, after: ExpiringRecord) -> ExpiringRecord:
        """Replace `before` by `after` in one conditional write, and return it with the next version.

        Of two writers exactly one succeeds, the first write of all included.

        Raises:
        Conflict: The stored record has not the version of `before`; nothing has changed.
        """
        ...

    def delete_expired(self, now: datetime, limit: int) -> int:
        """Delete up to `limit` expired records, and return how many; 0 where the store expires items itself."""
        ...


class TokenStore(Protocol):
    """Store of API tokens, by digest."""

    def add(self, token: Token) -> None:
        """Store a new token.

        Raises:
        Conflict: The digest is taken.
        """
        ...

    def find(self, digest: str) -> Token | None:
        """Return the token, valid or not, or None: a strongly consistent read, so that a revocation holds at once."""
        ...

    def revise(self, before: Token, after: Token) -> Token:
        """Replace name, scopes, expiry and revocation in one conditional write; return the token with the next version.

        Of two writers exactly one succeeds. A revocation is never undone or moved. A use that is recorded at the same
        time is kept.

        Raises:
        Conflict: The stored token has not the version of `before` any more; nothing has changed.
        """
        ...

    def used(self, digest: str, at: datetime) -> None:
        """Record when an existing token was used; nothing else of it changes, its version included."""
        ...

    def all(self) -> tuple[Token, ...]:
        """Return all tokens, oldest first."""
        ...


class AuditStore(Protocol):
    """Audit log: who has changed what. Entries are never deleted."""

    def add(self, entry: AuditEntry) -> None:
        """Append the entry. Adding the same entry again changes nothing."""
        ...

    def page(self, limit: int, cursor: str | None = None) -> Page[AuditEntry]:
        """Return entries, newest first (then by id); a read that begins after a write has returned sees it."""
        ...


class ObjectStore(Protocol):
    """A bucket of objects."""

    def put(self, *blobs: NewObject) -> None:
        """Store each object whole or not at all, in any order. A later put of a key replaces the object.

        Raises:
        Unavailable: One could not be stored; others may have been.
        """
        ...

    def get(self, key: str, *, limit: int, version: str = "", etag: str = "") -> bytes:
        """Return the newest bytes, or those of a version, checked to be complete.

        A version can be read after its key was overwritten or deleted, until the bucket expires it.

        Raises:
        ObjectNotFound: There is no such object or version.
        Conflict: The object has another ETag than `etag` (in quotes or without).
        PayloadTooLarge: It has more than `limit` bytes; found before they are read.
        """
        ...

    def read(self, key: str, *, limit: int) -> tuple[bytes, str]:
        """Return the newest bytes, as `get`, and their ETag.

        Raises: ObjectNotFound, PayloadTooLarge.
        """
        ...

    def put_if(self, blob: NewObject, etag: str) -> None:
        """Store the object if its key has still this ETag; an empty one stands for no object.

        Raises:
        Conflict: It has another ETag, or was deleted or created meanwhile; nothing has changed.
        Unavailable: It may have been stored.
        """
        ...

    def exists(self, key: str, version: str = "") -> bool:
        """Return whether there is such an object now, or such a version of it."""
        ...

    def head(self, key: str) -> StoredObject:
        """Return size, ETag, time and version of the newest object.

        Raises:
        ObjectNotFound: There is none.
        """
        ...

    def versions(self, prefix: str, limit: int, after: str | None = None) -> Page[StoredObject]:
        """Return up to `limit` versions under the prefix, also of keys that were overwritten or deleted.

        Ordered by the UTF-8 bytes of their keys, in no promised order within a key; where the bucket keeps no versions,
        its objects. A page may be short, even empty, and still have a next cursor.
        """
        ...

    def presigned_post(self, key: str, *, content_type: str, limit: int, lasts: timedelta) -> PresignedPost:
        """Return a form that uploads exactly this key and content type, with 1 to `limit` bytes, while it lasts."""
        ...

    def presigned_url(self, key: str, *, lasts: timedelta, disposition: str = "") -> str:
        """Return a URL that serves this object to anybody while it lasts, with this Content-Disposition if any.

        The response has `Cache-Control: private`, whatever the object was stored with.
        """
        ...

    def delete(self, *keys: str, budget: Budget) -> None:
        """Delete the objects; missing ones are no error. Each key draws one from the budget, there or not.

        Raises:
        BudgetSpent: The budget is too small for all keys; nothing has been deleted.
        Unavailable: One could not be deleted.
        """
        ...

    def delete_under(self, *prefixes: str, budget: Budget) -> None:
        """Delete every object whose key begins with one of these prefixes, each of which covers one image; as `delete`.

        Raises:
        ValueError: A prefix covers more than one image (see `storage.must_be_of_one_image`); nothing has been
            deleted.
        BudgetSpent: There are more objects than the budget allows; some may have been deleted, never more than allowed.
        """
        ...

    def delete_versions_under(self, *prefixes: str, budget: Budget) -> None:
        """Delete all versions and delete markers under these prefixes, each of which covers one image.

        The newest versions are included; nothing can be restored. Each key draws one from the budget, however many
        versions it has.

        Raises:
        ValueError, BudgetSpent, Unavailable: As `delete_under`.
        """
        ...

    def list(self, prefix: str, limit: int, after: str | None = None) -> Page[StoredObject]:
        """Return up to `limit` (at most 1,000) objects under the prefix, after `after`, by the UTF-8 bytes of keys.

        The next cursor is the last key returned. A listing includes every object that existed from its start to its
        end.
        """
        ...

    def copy(self, key: str, to: str, *, content_type: str = "", cache_control: str = "") -> None:
        """Store the object under another key as well, with its headers, or with both of these.

        Raises:
        ObjectNotFound: There is none.
        """
        ...

    def delete_if(self, key: str, etag: str, *, budget: Budget) -> bool:
        """Delete the object if it still has this ETag (in quotes or without); return whether it had.

        Draws one from the budget either way.

        Raises:
        BudgetSpent: The budget is spent; nothing has been deleted.
        """
        ...


class Cdn(Protocol):
    """The CDN in front of the bucket."""

    def invalidate(self, keys: Sequence[str], *, reference: str, wait: bool = True) -> None:
        """Drop cached copies of these keys, within minutes. The same reference with the same keys is one invalidation.

        A key that ends with an asterisk stands for all that begin so. With `wait` a busy CDN is asked several times.

        Raises:
        ValueError: A key stands for more than one image's or collection's folder; nothing is invalidated.
        TooManyRequests: It is busy with as many invalidations as it accepts.
        Unavailable: It does not answer.
        """
        ...


class QueueAdmin(Protocol):
    """Administration of a work queue. Every method raises Unavailable if AWS does not answer."""

    def depth(self) -> QueueDepth:
        """Return approximate message counts, and whether the queue is paused."""
        ...

    def backlog(self) -> int:
        """Return approximately how many messages wait for a worker; cheaper than `depth`."""
        ...

    def pause(self) -> None:
        """Stop delivery to the function, within a minute; running invocations finish. Pausing twice is no error.

        Messages that arrive meanwhile wait, and waiting counts as no attempt.
        """
        ...

    def resume(self) -> None:
        """Start delivery to the function again, within a minute. Resuming twice is no error."""
        ...

    def purge(self) -> None:
        """Delete every message in the queue, in flight or not; dead letters stay.

        Raises:
        TooManyRequests: It was purged less than a minute ago.
        """
        ...


class MetricsReader(Protocol):
    """Metrics that AWS measures. Methods never raise for an answer that AWS does not give."""

    def function_usage(self, names: Sequence[str]) -> Mapping[str, FunctionUsage]:
        """Return the last hour of these functions, by name, about a minute old.

        A number that cannot be had is None; a function without any is left out.
        """
        ...

    def oldest_messages(self, queues: Sequence[str]) -> Mapping[str, float | None]:
        """Return how many seconds the oldest message of these queues had waited a few minutes ago, by name.

        None, or left out, where that cannot be had.
        """
        ...

    def total(self, name: str, over: timedelta) -> int | None:
        """Return the sum of one of Wallify's metrics without dimensions over the last hours; None if there is none."""
        ...


class Queue(Protocol):
    """A work queue with its dead-letter queue. Every method raises Unavailable if the queue does not answer."""

    def send(self, body: str, *, delay: timedelta = timedelta(0)) -> None:
        """Send a message that becomes visible after the delay (whole seconds, 15 minutes at most: a limit of SQS)."""
        ...

    def publish_dead_letter(self, body: str, *, reason: str) -> None:
        """Publish a message to the dead-letter queue, with its reason (cut to 256 characters; "unknown" if empty)."""
        ...

    def dead_letters(
        self, limit: int, *, hold: timedelta = timedelta(0), wait: timedelta = timedelta(0)
    ) -> tuple[DeadLetter, ...]:
        """Return up to `limit` dead letters, each once; they stay in the queue.

        Without `hold` other readers see them too. With it (a second to 12 hours) no other reader sees them for that
        long, so that the caller alone can remove them. `wait` (up to 20 seconds) is how long an empty queue is polled:
        without it, SQS asks only some of its servers and may miss letters.
        """
        ...

    def release_dead_letters(self, letters: Iterable[DeadLetter]) -> None:
        """End the hold of these dead letters; one that is gone, or not held any more, is no error."""
        ...

    def remove_dead_letter(self, letter: DeadLetter) -> None:
        """Remove a dead letter that `dead_letters` has just returned; one that is gone already is no error.

        Certain while the letter is held: SQS may ignore the removal of a message that was received again since.
        """
        ...

    def change_visibility(self, receipt: str, delay: timedelta) -> None:
        """Hide a received message for that long: whole seconds, rounded up, from one second to 12 hours (SQS)."""
        ...


class Secret(Protocol):
    """A secret's text, which adapters may cache for up to a minute."""

    @property
    def written_at(self) -> datetime | None:
        """Return when the text that was read last was written; None before the first read, or if AWS does not say."""
        ...

    def __call__(self) -> str:
        """Return the text, at most a minute old; empty if no secret is configured.

        Raises:
            Unavailable: It cannot be read.
        """
        ...


class Metrics(Protocol):
    """Recorder of metrics. Recording never fails because of the outside world, and takes no time that matters."""

    def count(self, name: str, value: float = 1, **dimensions: str) -> None:
        """Record a number of the table in `chalicelib.telemetry`.

        Raises:
        ValueError: There is no such metric, or it has other dimensions.
        """
        ...

    def flush(self) -> None:
        """Emit what was recorded since the last call; entry points call it at the end of each invocation."""
        ...
