"""The client of one API."""

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
    """Answer of `GET /health`; `took` is in seconds, `at` is the API's clock, to the second."""

    stage: str
    took: float
    at: datetime | None


@dataclass(frozen=True)
class Client:
    """Client of one API. Every method raises ApiError and nothing else; threads may share it."""

    wire: Transport

    @classmethod
    def at(cls, url: str, token: str | None = None, *, patience: RetryPolicy | None = None) -> Client:
        """Return a client of the API at `url` (`https://…/api` on AWS); close it, or use it in a `with`."""
        return cls(Transport.to(url, token, patience))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self.wire.close()

    @property
    def tasks(self) -> Tasks:
        """Tasks."""
        return Tasks(self.wire)

    @property
    def schedules(self) -> Schedules:
        """Schedules."""
        return Schedules(self.wire)

    @property
    def uploads(self) -> Uploads:
        """Uploads."""
        return Uploads(self.wire)

    @property
    def images(self) -> Images:
        """Images."""
        return Images(self.wire)

    @property
    def collections(self) -> Collections:
        """Collections."""
        return Collections(self.wire)

    @property
    def queues(self) -> Queues:
        """Queues and functions."""
        return Queues(self.wire)

    @property
    def tokens(self) -> Tokens:
        """Tokens."""
        return Tokens(self.wire)

    @property
    def quarantine(self) -> Quarantine:
        """Quarantine."""
        return Quarantine(self.wire)

    @property
    def audit(self) -> Audit:
        """Audit log."""
        return Audit(self.wire)

    def greet(self) -> Health:
        """Ask `GET /health`, which needs no token."""
        began = monotonic()
        answer = self.wire.with_retries(lambda: successful(lambda: self.wire.http.get("/health")), repeatable=True)
        took = monotonic() - began
        health = decode(answer.content, dict[str, Any])
        at = answer.headers.get("Date")
        return Health(str(health.get("stage")), took, parsedate_to_datetime(at) if at else None)

    def version(self) -> str:
        """Return the version that is deployed."""
        document = self.wire.ask("GET", "/openapi.json", dict[str, Any])
        return str(document.get("info", {}).get("version"))

    def check_token(self) -> None:
        """Raise ApiError (401) unless the token is valid, whatever its scopes are."""
        try:
            # Any token may ask for a task; this id does not exist.
            self.tasks.get(UNKNOWN_TASK)
        except ApiError as error:
            if error.code != TASK_NOT_FOUND:
                raise
