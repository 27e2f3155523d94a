"""Every kind of failure that a client or a worker can act on.

An error answers two questions: which kind is it (`status`, an HTTP status, and `code`, a stable word for programs), and
may the same work be tried again (`retryable`). Its message is found in `messages.json` by an id, or else by its code;
keywords are facts that a client may see, and that messages name as `{name}`.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from chalicelib.i18n import filled, template


class WallifyError(Exception):
    """Something went wrong."""

    status: ClassVar[int] = 500
    code: ClassVar[str] = "internal_error"
    retryable: ClassVar[bool] = False

    def __init__(self, text_id: str | None = None, /, **details: object) -> None:
        super().__init__(text_id or self.code)
        self.text_id = text_id or self.code
        """Id of the message. A text that is no id (of an error that no client meets) is the message itself."""
        self.details = details

    def __str__(self) -> str:
        return self.message

    @property
    def message(self) -> str:
        """The English message with its details in place."""
        return filled(template(self.text_id) or self.text_id, self.details)


class BadRequest(WallifyError):
    """The request cannot be understood."""

    status = 400
    code = "bad_request"


class EmptyFile(BadRequest):
    """The file is empty."""

    code = "empty_file"


class Unauthorized(WallifyError):
    """A valid token is needed."""

    status = 401
    code = "unauthorized"


class Forbidden(WallifyError):
    """The token does not have the scope that this needs."""

    status = 403
    code = "forbidden"


class NotFound(WallifyError):
    """There is nothing here."""

    status = 404
    code = "not_found"


class TaskNotFound(NotFound):
    """There is no task with this id."""

    code = "task_not_found"


class ImageNotFound(NotFound):
    """There is no such image."""

    code = "image_not_found"


class ObjectNotFound(NotFound):
    """There is no such object in the bucket."""

    code = "object_not_found"


class DeadLetterNotFound(NotFound):
    """The queue has no dead letter with this id."""

    code = "dead_letter_not_found"


class MethodNotAllowed(WallifyError):
    """This address does not answer that method."""

    status = 405
    code = "method_not_allowed"


class Conflict(WallifyError):
    """Somebody else changed this first."""

    status = 409
    code = "conflict"


class IllegalTransition(Conflict):
    """The task cannot go from its state to that one."""

    code = "illegal_transition"


class NameTaken(Conflict):
    """The collection has another image of this name."""

    code = "name_taken"


class DuplicateImage(Conflict):
    """The collection has an image with exactly these bytes."""

    code = "duplicate_image"


class PrivacyDiffers(WallifyError):
    """Images do not move between private and public collections; upload them there."""

    # No Conflict: looking again and trying the same again would never end.
    status = 409
    code = "privacy_differs"


class PayloadTooLarge(WallifyError):
    """The file is larger than this route accepts."""

    status = 413
    code = "payload_too_large"

    @classmethod
    def over(cls, limit: int, size: int, **details: object) -> PayloadTooLarge:
        """The error for a file of `size` bytes where `limit` are taken."""
        return cls("file.too_large", limit=limit, bytes=size, **details)


class UnsupportedType(WallifyError):
    """This type of file is not supported."""

    status = 415
    code = "unsupported_type"


class UnsupportedCoding(WallifyError):
    """The body is compressed; send it as it is, without Content-Encoding."""

    status = 415
    code = "unsupported_coding"


class NotAnImage(WallifyError):
    """The file is not an image."""

    status = 422
    code = "not_an_image"


class DamagedImage(WallifyError):
    """The image is damaged or cut off."""

    status = 422
    code = "image_damaged"


class ImageTooLarge(WallifyError):
    """The image is larger, or more work, than we process."""

    status = 422
    code = "image_too_large"


class SourceGone(WallifyError):
    """The uploaded object is no longer in the bucket."""

    status = 410
    code = "source_gone"


class TooManyRequests(WallifyError):
    """Too many requests at once; try again shortly."""

    status = 429
    code = "too_many_requests"
    retryable = True


class Unavailable(WallifyError):
    """A part of the system does not answer right now; try again shortly."""

    status = 503
    code = "unavailable"
    retryable = True


class Misconfigured(Unavailable):
    """Wallify is not set up as it has to be; its administrators can see what to mend."""

    status = 500
    code = "misconfigured"

    def __init__(
        self, text_id: str | None = None, /, *, cause: Mapping[str, str] | None = None, **details: object
    ) -> None:
        super().__init__(text_id, **details)
        self.cause: Mapping[str, str] = cause or {}
        """What is wrong, for administrators alone: service, operation, error, resource, reason; no secret."""


OURS = frozenset({WallifyError.code, Misconfigured.code})
"""Codes of faults of our own: each occurrence raises an alarm."""
ATTEMPTS: Mapping[str, int] = {Misconfigured.code: 2}
"""Code -> how many attempts a task has at most. A policy is not mended between two attempts, but one that was changed a
moment ago may take effect."""
