"""The one error of the client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

UNREACHABLE = "unreachable"


class ApiError(Exception):
    """What the API answered instead of what was asked for: its `code` for programs, its `message` for people.

    `status` is the HTTP status, 0 where nobody answered (code `unreachable`). `details` are the API's facts about this
    case, `request_id` finds it in the logs. `retry_after` is in seconds, where the API named a time.
    """

    def __init__(  # noqa: PLR0913  # the fields of the API's error shape
        self,
        message: str,
        *,
        status: int = 0,
        code: str = UNREACHABLE,
        request_id: str = "",
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
    ) -> None:
        self.message = message
        self.status = status
        self.code = code
        self.request_id = request_id
        self.details = dict(details or {})
        self.retry_after = retry_after
        super().__init__(message)
