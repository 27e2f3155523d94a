"""The Lane over SQS and Lambda: a queue is paused by the switch of what feeds it to its function.

The switch is Lambda's own. A flag that workers honour would have them receive and put back every message, which counts
as a try: after five looks a paused queue would have become a heap of dead letters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from chalicelib.aws.troubles import fault_of
from chalicelib.core.workforce import Load
from chalicelib.errors import TooManyRequests

_RESTING = frozenset({"Disabled", "Disabling"})
_COUNTED = {
    "waiting": "ApproximateNumberOfMessages",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}


@dataclass(frozen=True)
class SqsLane:
    """One queue by its name; its dead letters are in the queue of the same name with `-dead` behind it."""

    name: str
    sqs: Callable[[], Any]
    functions: Callable[[], Any]
    """A client of Lambda."""

    def load(self) -> Load:
        """How much is in it; see Lane."""
        with _translated(self.name):
            told = self._attributes(self.name, *_COUNTED.values(), "QueueArn")
            # Whoever looks at dead letters hides them for a moment; they are still there.
            dead = self._attributes(f"{self.name}-dead", _COUNTED["waiting"], _COUNTED["in_flight"])
            feeds = self._feeds(told["QueueArn"])
        numbers = {name: int(told[attribute]) for name, attribute in _COUNTED.items()}
        paused = bool(feeds) and all(feed["State"] in _RESTING for feed in feeds)
        return Load(**numbers, dead=sum(map(int, dead.values())), paused=paused)

    def backlog(self) -> int:
        """How many messages wait for a worker; see Lane."""
        with _translated(self.name):
            return int(self._attributes(self.name, _COUNTED["waiting"])[_COUNTED["waiting"]])

    def pause(self) -> None:
        """Let its function take nothing more; see Lane."""
        self._switch(on=False)

    def resume(self) -> None:
        """Let its function go on; see Lane."""
        self._switch(on=True)

    def purge(self) -> None:
        """Throw away what is in it; see Lane."""
        with _translated(self.name):
            try:
                self.sqs().purge_queue(QueueUrl=self._url(self.name))
            except self.sqs().exceptions.PurgeQueueInProgress as cause:
                raise TooManyRequests("A queue can be purged once a minute.") from cause

    def _switch(self, *, on: bool) -> None:
        with _translated(self.name):
            arn = self._attributes(self.name, "QueueArn")["QueueArn"]
            for feed in self._feeds(arn):
                # While a switch moves, AWS refuses to move it again; where it stands already there is nothing to do.
                if (feed["State"] in _RESTING) is on:
                    self.functions().update_event_source_mapping(UUID=feed["UUID"], Enabled=on)

    def _feeds(self, arn: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.functions().list_event_source_mappings(EventSourceArn=arn)[
            "EventSourceMappings"
        ]
        return found

    def _attributes(self, name: str, *wanted: str) -> dict[str, str]:
        answer = self.sqs().get_queue_attributes(QueueUrl=self._url(name), AttributeNames=list(wanted))
        told: dict[str, str] = answer["Attributes"]
        return told

    def _url(self, name: str) -> str:
        url: str = self.sqs().get_queue_url(QueueName=name)["QueueUrl"]
        return url


@contextmanager
def _translated(queue: str) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError, HTTPClientError) as cause:
        raise fault_of(cause, "sqs", queue, _SILENT) from cause


_SILENT = "The queue does not answer as it should; try again shortly."
