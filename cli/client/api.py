"""The client: one API, and everything that it does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from email.utils import parsedate_to_datetime
from time import monotonic
from types import TracebackType
from typing import Any, Self

from cli.client.http import RetryPolicy, Transport, decode, successful
from cli.client.models import ApiError
from cli.client.resources import Audit, Collections, Images, Quarantine, Queues, Schedules, Tasks, Tokens
from cli.client.uploads import Uploads

UNKNOWN_TASK = "00000000-0000-4000-8000-000000000000"
TASK_NOT_FOUND = "task_not_found"


@dataclass(frozen=True)
class Health:
    """An API's answer to whether it is well; `took` is in seconds, `at` is its clock, to the second."""

    stage: str
    took: float
    at: datetime | None


@dataclass(frozen=True)
class Client:
    """A Wallify as its clients see it. Every verb raises ApiError and nothing else; threads may share it."""

    wire: Transport

    @classmethod
    def at(cls, url: str, token: str | None = None, *, patience: RetryPolicy | None = None) -> Client:
        """The API at `url` (`https://…/api` on AWS); to be closed, or used in a `with`."""
        return cls(Transport.to(url, token, patience))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """End all connections."""
        self.wire.close()

    @property
    def tasks(self) -> Tasks:
        """What is done, and how it ended."""
        return Tasks(self.wire)

    @property
    def schedules(self) -> Schedules:
        """What is done by the clock."""
        return Schedules(self.wire)

    @property
    def uploads(self) -> Uploads:
        """Files on their way in."""
        return Uploads(self.wire)

    @property
    def images(self) -> Images:
        """Pictures."""
        return Images(self.wire)

    @property
    def collections(self) -> Collections:
        """What pictures are in."""
        return Collections(self.wire)

    @property
    def queues(self) -> Queues:
        """What waits for a worker."""
        return Queues(self.wire)

    @property
    def tokens(self) -> Tokens:
        """Who may do what."""
        return Tokens(self.wire)

    @property
    def quarantine(self) -> Quarantine:
        """What clean-up has taken away."""
        return Quarantine(self.wire)

    @property
    def audit(self) -> Audit:
        """Who did what."""
        return Audit(self.wire)

    def greet(self) -> Health:
        """Whether the API answers, and what it says of itself; needs no token."""
        began = monotonic()
        answer = self.wire.patiently(lambda: successful(lambda: self.wire.http.get("/health")), repeatable=True)
        took = monotonic() - began
        told = decode(answer.content, dict[str, Any])
        at = answer.headers.get("Date")
        return Health(str(told.get("stage")), took, parsedate_to_datetime(at) if at else None)

    def version(self) -> str:
        """The version of what is deployed."""
        told = self.wire.ask("GET", "/openapi.json", dict[str, Any])
        return str(told.get("info", {}).get("version"))

    def check_token(self) -> None:
        """ApiError (401) unless the token is good, whatever its scopes are."""
        try:
            # Any token may ask for a task; nobody has this one.
            self.tasks.get(UNKNOWN_TASK)
        except ApiError as error:
            if error.code != TASK_NOT_FOUND:
                raise
