"""What the rules need from the world. Each docstring is a promise that `tests/contracts` holds every back end to."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Protocol

from chalicelib.admin.model import AuditEntry, ExpiringRecord, FunctionUsage, QueueDepth, Token
from chalicelib.budget import Budget
from chalicelib.images.model import ANY_IMAGE, CollectionInfo, CollectionStats, Image, ImageFilter, Rendition
from chalicelib.maintenance.model import ScheduleStatus
from chalicelib.messages import DeadLetter
from chalicelib.objects import NewObject, PresignedPost, StoredObject
from chalicelib.paging import Page
from chalicelib.tasks.model import ChildCounts, Task, TaskFilter


class Clock(Protocol):
    """The time of day."""

    def now(self) -> datetime:
        """This moment, aware, in UTC."""
        ...

    def sleep(self, seconds: float) -> None:
        """Come back after that long."""
        ...


class TaskStore(Protocol):
    """Where tasks live. A write that has returned is seen by every later read of that task."""

    def add(self, task: Task) -> None:
        """Keep a new task at version 0; Conflict if the id is known, and then nothing changes."""
        ...

    def get(self, task_id: str) -> Task:
        """The newest snapshot; TaskNotFound if there is none."""
        ...

    def replace(self, before: Task, after: Task) -> Task:
        """Put `after` in place of `before`, and answer it with the next version.

        One conditional write: Conflict unless the stored task still has `before.version`, and then nothing changes; of
        two writers exactly one succeeds. When `after` is final, `before` is not, and there is a parent, the parent's
        tally moves by one with it, in the same transaction.
        """
        ...

    def active(self, limit: int, cursor: str | None = None) -> Page[Task]:
        """Tasks that are not final, oldest first; costs grow with the active tasks, not with history."""
        ...

    def history(self, wanted: TaskFilter, limit: int, cursor: str | None = None) -> Page[Task]:
        """Tasks that match, newest first by creation (then id), final or not; a cursor from the same filter continues.

        May be a moment behind the newest writes. A page may be short, even empty, and still have a next cursor.
        """
        ...

    def children(self, parent_id: str, limit: int, cursor: str | None = None) -> Page[Task]:
        """The parent's children in the order of their index."""
        ...

    def forget(self, now: datetime, limit: int) -> int:
        """Remove up to `limit` tasks whose time is over, and say how many; 0 where the store forgets by itself."""
        ...

    def tally(self, parent_id: str) -> ChildCounts:
        """How the parent's children have ended so far; zeros where none has."""
        ...


class Catalog(Protocol):
    """Where images live."""

    def publish(
        self, image: Image, renditions: Sequence[Rendition], *, before: Task, after: Task, unique: bool = True
    ) -> Task:
        """Add the image with its renditions, count it, and end the task that made it, all or nothing.

        Answers the stored task, which moves as in `TaskStore.replace`. Conflict if it has changed; DuplicateImage
        (detail `image_id`) if `unique` and the collection has these bytes already; NameTaken if the name is in use
        there; PrivacyDiffers if the renditions lie where those of a collection that was settled so do not;
        whichever is found first, and then nothing has changed. An unknown collection comes into being with its
        first image. With `unique=False` the bytes may repeat; the digest stays with the image that had it first.
        """
        ...

    def image(self, image_id: str) -> Image:
        """The image; ImageNotFound if there is none, or if it is in the trash."""
        ...

    def known(self, image_ids: Iterable[str]) -> Mapping[str, Image]:
        """Those of these images that there are, in the trash or not: a strongly consistent read, for up to 1,000 ids.

        All or nothing: raises if it cannot tell of every id, because what is missing here may be deleted for it.
        """
        ...

    def revise(self, before: Image, after: Image, renditions: Sequence[Rendition] | None = None) -> Image:
        """Put `after` in place of `before`, and answer it with the next version; other renditions too, if given.

        One conditional write: Conflict unless the stored image still has `before.version`, NameTaken if its new name is
        in use, and then nothing changes. Name, digest and counters move with it, out of the old collection and into the
        new one; into the trash they are let go, and out of it they are taken again. A digest that another image has
        stays with that one. Id, digest and day of creation of an image do not change. PrivacyDiffers, as `publish`,
        for an image that comes into the new collection, or out of the trash.
        """
        ...

    def remove(self, image: Image) -> None:
        """Forget the image with its renditions, name, digest and count; once it is gone, again is no error.

        Conflict if it has changed since it was read, and then nothing changes.
        """
        ...

    def trashed(self, limit: int, cursor: str | None = None) -> Page[Image]:
        """Images in the trash, longest there first; may be a moment behind the newest writes."""
        ...

    def renditions(self, image_id: str) -> tuple[Rendition, ...]:
        """All renditions of an image, ordered by (size as text, format); empty where there is no such image."""
        ...

    def named(self, collection: str, name: str) -> Image:
        """The image of that name; ImageNotFound if there is none."""
        ...

    def with_digest(self, collection: str, sha256: str) -> Image | None:
        """The image with exactly these bytes, or None."""
        ...

    def images(
        self, collection: str, limit: int, cursor: str | None = None, wanted: ImageFilter = ANY_IMAGE
    ) -> Page[Image]:
        """A collection's images that match, without the trashed, newest first; may be a moment behind new writes.

        With a filter a page may be short, even empty, and still have a next cursor.
        """
        ...

    def collections(self) -> tuple[str, ...]:
        """Names of all collections that ever had an image, in code point order; of others, too, maybe."""
        ...

    def about(self, collection: str) -> CollectionInfo:
        """What is said of the collection, by a strongly consistent read; version 0 where nothing was ever said."""
        ...

    def abouts(self) -> Mapping[str, CollectionInfo]:
        """All that is said of collections, by their names."""
        ...

    def describe(self, before: CollectionInfo, after: CollectionInfo) -> CollectionInfo:
        """Put `after` in place of `before`, and answer it with the next version.

        One conditional write: Conflict unless the stored one still has `before.version`, and then nothing changes; of
        two writers exactly one succeeds, the first write of all included.
        """
        ...

    def undescribe(self, collection: str) -> None:
        """Forget what is said of the collection; twice is once."""
        ...

    def stats(self, collection: str) -> CollectionStats:
        """What the collection adds up to; zeros for an unknown one. Exact: it moves with every change of an image."""
        ...

    def stats_with_version(self, collection: str) -> tuple[CollectionStats, str]:
        """What the collection adds up to, and a mark that stays the same for as long as nothing moves that."""
        ...

    def privacy(self, collection: str) -> bool | None:
        """Whether the collection was settled to be private; None where nothing was. A strongly consistent read."""
        ...

    def set_privacy(self, collection: str, mark: str, *, private: bool) -> None:
        """Settle that renditions of this collection's images lie under `guarded/`, or that they do not.

        One conditional write, which moves the mark: Conflict if the mark has moved since it was read, and then nothing
        changes. No image comes into the collection afterwards whose renditions lie otherwise.
        """
        ...

    def correct(self, delta: CollectionStats, mark: str) -> None:
        """Add these (also negative) numbers to what their collection adds up to, which moves the mark.

        One conditional write: Conflict if the mark has moved since it was read, and then nothing changes.
        """
        ...


class ScheduleStore(Protocol):
    """Where schedules keep what they have done last, by name."""

    def get(self, name: str) -> ScheduleStatus:
        """The newest snapshot, by a strongly consistent read; a fresh one, version 0, where nothing was kept yet."""
        ...

    def replace(self, before: ScheduleStatus, after: ScheduleStatus) -> ScheduleStatus:
        """Put `after` in place of `before`, and answer it with the next version.

        One conditional write: Conflict unless the stored slot still has `before.version`, and then nothing changes; of
        two writers exactly one succeeds, the first write of all included.
        """
        ...


class ExpiringStore(Protocol):
    """Where records live that are of use for a while, by key."""

    def get(self, key: str) -> ExpiringRecord:
        """The newest snapshot, by a strongly consistent read; a fresh one, version 0, where nothing is kept.

        One that has expired may still be there.
        """
        ...

    def replace(self, before: ExpiringRecord, after: ExpiringRecord) -> ExpiringRecord:
        """Put `after` in place of `before`, and answer it with the next version.

        One conditional write: Conflict unless the stored record still has `before.version`, and then nothing changes;
        of two writers exactly one succeeds, the first write of all included.
        """
        ...

    def forget(self, now: datetime, limit: int) -> int:
        """Remove up to `limit` expired records, and say how many; 0 where the store forgets by itself."""
        ...


class TokenStore(Protocol):
    """Where tokens live, by digest."""

    def add(self, token: Token) -> None:
        """Keep a new token; Conflict if the digest is known."""
        ...

    def find(self, digest: str) -> Token | None:
        """The token, valid or not, or None; a strongly consistent read, so that a revocation holds at once."""
        ...

    def revise(self, before: Token, after: Token) -> Token:
        """Put name, scopes, expiry and revocation of `after` in place of those stored, and answer the next version.

        One conditional write: Conflict unless the stored token still has `before.version`, and then nothing changes; of
        two writers exactly one succeeds. A revocation is never undone or moved. A use that is noted at the same time
        is kept.
        """
        ...

    def used(self, digest: str, at: datetime) -> None:
        """Note when a token that there is was used; nothing else of it changes, and its version neither."""
        ...

    def all(self) -> tuple[Token, ...]:
        """All tokens, oldest first."""
        ...


class AuditStore(Protocol):
    """Where it is written down who has changed what. Nothing forgets an entry."""

    def add(self, entry: AuditEntry) -> None:
        """Keep the entry; the same entry again changes nothing."""
        ...

    def page(self, limit: int, cursor: str | None = None) -> Page[AuditEntry]:
        """Entries, newest first (then by id); a read that begins after a write has returned sees it."""
        ...


class ObjectStore(Protocol):
    """A bucket."""

    def put(self, *blobs: NewObject) -> None:
        """Store each object whole or not at all, in any order; a second put of a key replaces the first.

        Unavailable if one could not be stored; others may be there then.
        """
        ...

    def get(self, key: str, *, limit: int, version: str = "", etag: str = "") -> bytes:
        """The newest bytes, or those of a version, checked to be complete.

        A version can be read after its key was written again or deleted, until the bucket forgets it. ObjectNotFound if
        there is none; Conflict if it has another ETag than the one given (in quotes or without); PayloadTooLarge if it
        has more than `limit` bytes, before they are read.
        """
        ...

    def has(self, key: str, version: str = "") -> bool:
        """True when there is such an object now, or such a version of it."""
        ...

    def newest(self, key: str) -> StoredObject:
        """The object as it is now, with its version; ObjectNotFound."""
        ...

    def versions(self, prefix: str, limit: int, after: str | None = None) -> Page[StoredObject]:
        """Up to `limit` versions under the prefix, also of keys that were written again or deleted.

        By their keys' UTF-8 bytes, in no promised order within a key; where the store keeps no versions, its objects. A
        page may be short, even empty, and still have a next cursor.
        """
        ...

    def form(self, key: str, *, content_type: str, limit: int, lasts: timedelta) -> PresignedPost:
        """An upload form for exactly this key and type and 1 to `limit` bytes, which the store takes while it lasts."""
        ...

    def link(self, key: str, *, lasts: timedelta, disposition: str = "") -> str:
        """An address that shows this object to anybody while it lasts, with this Content-Disposition if any.

        The answer is `Cache-Control: private`, whatever the object was stored with.
        """
        ...

    def delete(self, *keys: str, budget: Budget) -> None:
        """Remove the objects; those that are not there are no error. Unavailable if one could not be removed.

        Each key draws from the budget, there or not: BudgetSpent, with nothing removed, if it is too small for all.
        """
        ...

    def delete_under(self, *prefixes: str, budget: Budget) -> None:
        """Remove every object whose key begins with one of these, each of which covers one image; as `delete`.

        ValueError, with nothing removed, for a prefix that covers more (see `keys.must_be_of_one_image`). BudgetSpent
        where there are more objects than the budget has left; some may have been removed by then, never more than that.
        """
        ...

    def list(self, prefix: str, limit: int, after: str | None = None) -> Page[StoredObject]:
        """Up to `limit` (at most 1,000) objects under the prefix by their keys' UTF-8 bytes, those beyond `after` only.

        The next cursor is the last key shown. One look sees every object that was there all the while.
        """
        ...

    def copy(self, key: str, to: str) -> None:
        """Store the object under another key as well, headers included; ObjectNotFound."""
        ...

    def delete_if(self, key: str, etag: str, *, budget: Budget) -> bool:
        """Remove the object if it still is the one with this etag (in quotes or without); whether it was.

        Draws one, whether it was or not: BudgetSpent.
        """
        ...


class Cdn(Protocol):
    """The caches in front of the bucket."""

    def invalidate(self, keys: Sequence[str], *, mark: str, wait: bool = True) -> None:
        """Drop what is cached of these keys, soon; asking again with the same mark asks once.

        A key that ends with an asterisk stands for all that begin so. With `wait` a busy CDN is asked several times.
        Unavailable, TooManyRequests.
        """
        ...


class QueueAdmin(Protocol):
    """A work queue as people look after it. Every verb raises Unavailable where the cloud does not answer."""

    def load(self) -> QueueDepth:
        """How much is in it, about, and whether it is paused."""
        ...

    def backlog(self) -> int:
        """How many messages wait for a worker, about; cheaper than `load`."""
        ...

    def pause(self) -> None:
        """Let its function take nothing more, soon; what runs is finished. What is paused already is no error.

        Messages that come meanwhile wait, and waiting counts as no try.
        """
        ...

    def resume(self) -> None:
        """Let its function go on, soon; what is not paused is no error."""
        ...

    def purge(self) -> None:
        """Throw away every message in it, what is in flight included; TooManyRequests more than once a minute."""
        ...


class MetricsReader(Protocol):
    """What the cloud measures. It never fails: a number that is not to be had is None, or its owner is left out."""

    def usages(self, names: Sequence[str]) -> Mapping[str, FunctionUsage]:
        """The last hour of each of these functions, about a minute old."""
        ...

    def oldest(self, queues: Sequence[str]) -> Mapping[str, float | None]:
        """Seconds for which the oldest message of each of these queues had waited, a few minutes ago."""
        ...


class Queue(Protocol):
    """A work queue with its dead letters. Every verb raises Unavailable if the queue does not answer."""

    def send(self, body: str, *, delay: timedelta = timedelta(0)) -> None:
        """Put a message in, to be seen after the delay (15 minutes at most, an SQS limit)."""
        ...

    def publish_dead_letter(self, body: str, *, reason: str) -> None:
        """Put a message among the dead letters, with the reason beside it."""
        ...

    def dead_letters(
        self, limit: int, *, hold: timedelta = timedelta(0), wait: timedelta = timedelta(0)
    ) -> tuple[DeadLetter, ...]:
        """Some of the dead letters, up to `limit`, each once; they stay in the queue.

        Without `hold` the next reader sees them too. With it (a second to 12 hours) no other reader sees them for that
        long, so that the caller alone may remove them. `wait` (up to 20 seconds) is how long an empty queue is asked:
        without it, SQS asks only some of its servers and may miss letters that are there.
        """
        ...

    def release(self, letters: Iterable[DeadLetter]) -> None:
        """Show held dead letters to the next reader again; one that is gone, or is not held any more, is no error."""
        ...

    def remove_dead_letter(self, letter: DeadLetter) -> None:
        """Remove a dead letter that `dead` has just answered; one that is gone already is no error.

        Certain while the letter is held: SQS may ignore the removal of a message that was received again since.
        """
        ...

    def change_visibility(self, receipt: str, delay: timedelta) -> None:
        """Hide a received message for so long, up to 12 hours (SQS), instead of its visibility timeout."""
        ...


class Metrics(Protocol):
    """Where numbers go. Counting never fails for reasons of the world, and costs no time that matters."""

    def count(self, name: str, value: float = 1, **dimensions: str) -> None:
        """Note a number of the table in `core.metrics`; ValueError for another name or other dimensions."""
        ...

    def flush(self) -> None:
        """Hand on what was counted since the last time; the doors do so at the end of each invocation."""
        ...
