"""The `Queue` and `QueueAdmin` ports over SQS and Lambda.

The dead-letter queue of a queue has its name with `-dead` behind it. A queue is paused by disabling the event source
mapping that feeds it to its function. A flag that workers honour would make them receive and return every message,
which counts as an attempt: after five receives a paused queue would have moved all its messages to the dead letters.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from math import ceil
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from chalicelib.adapters.aws import unavailable_or_misconfigured
from chalicelib.admin.scopes import QueueDepth
from chalicelib.errors import TooManyRequests
from chalicelib.messages import DeadLetter

_LONGEST = timedelta(hours=12)  # SQS hides no message longer
_LONGEST_DELAY = timedelta(minutes=15)  # and delays none longer
_AT_ONCE = 10  # ReceiveMessage answers no more
_LONGEST_POLL = timedelta(seconds=20)  # and waits no longer for a first message
_LOOK = timedelta(seconds=10)
"""How long one look may take: for that long it hides what it has received, so that it does not see it twice."""


@dataclass(frozen=True)
class SqsQueue:
    """One queue by its name."""

    name: str
    connect: Callable[[], Any]

    def change_visibility(self, receipt: str, delay: timedelta) -> None:
        """Hide a received message for so long, in whole seconds and not a moment less; see Queue."""
        seconds = max(ceil(min(delay, _LONGEST).total_seconds()), 1)
        with _translated(self.name):
            self.connect().change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=seconds
            )

    def send(self, body: str, *, delay: timedelta = timedelta(0)) -> None:
        """Put a message in; see Queue."""
        seconds = int(min(delay, _LONGEST_DELAY).total_seconds())
        with _translated(self.name):
            self.connect().send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=seconds)

    def publish_dead_letter(self, body: str, *, reason: str) -> None:
        """Put a message among the dead letters; see Queue."""
        said = {"reason": {"DataType": "String", "StringValue": reason[:256] or "unknown"}}
        with _translated(self.name):
            self.connect().send_message(QueueUrl=self._dead_url, MessageBody=body, MessageAttributes=said)

    def dead_letters(
        self, limit: int, *, hold: timedelta = timedelta(0), wait: timedelta = timedelta(0)
    ) -> tuple[DeadLetter, ...]:
        """Some of the dead letters; see Queue."""
        found: dict[str, DeadLetter] = {}
        try:
            while len(found) < limit and (some := self._receive(limit - len(found), hold or _LOOK, wait)):
                found.update({letter.message_id: letter for letter in some})
        finally:
            if not hold:
                self.release_dead_letters(found.values())
        return tuple(found.values())

    def release_dead_letters(self, letters: Iterable[DeadLetter]) -> None:
        """Show held dead letters again; see Queue."""
        handles = [letter.receipt for letter in letters]
        for at in range(0, len(handles), _AT_ONCE):
            entries = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(handles[at : at + _AT_ONCE])
            ]
            with _translated(
                self.name
            ):  # what fails one by one is gone or visible already, and is reported in the answer
                self.connect().change_message_visibility_batch(QueueUrl=self._dead_url, Entries=entries)

    def remove_dead_letter(self, letter: DeadLetter) -> None:
        """Remove a dead letter; see Queue."""
        with _translated(self.name):
            try:
                self.connect().delete_message(QueueUrl=self._dead_url, ReceiptHandle=letter.receipt)
            except self.connect().exceptions.ReceiptHandleIsInvalid:
                # SQS itself answers a second removal with success; its emulators say that they know no such receipt.
                return

    def _receive(self, limit: int, hold: timedelta, wait: timedelta) -> list[DeadLetter]:
        with _translated(self.name):
            answer = self.connect().receive_message(
                QueueUrl=self._dead_url,
                MaxNumberOfMessages=min(limit, _AT_ONCE),
                VisibilityTimeout=max(int(min(hold, _LONGEST).total_seconds()), 1),
                WaitTimeSeconds=int(min(wait, _LONGEST_POLL).total_seconds()),
                MessageSystemAttributeNames=["SentTimestamp"],
                MessageAttributeNames=["reason"],
            )
        return [_letter(message) for message in answer.get("Messages", ())]

    @cached_property
    def _url(self) -> str:
        return self._url_of(self.name)

    @cached_property
    def _dead_url(self) -> str:
        return self._url_of(f"{self.name}-dead")

    def _url_of(self, name: str) -> str:
        with _translated(self.name):
            url: str = self.connect().get_queue_url(QueueName=name)["QueueUrl"]
        return url


def _letter(message: dict[str, Any]) -> DeadLetter:
    reason = message.get("MessageAttributes", {}).get("reason", {}).get("StringValue", "")
    sent = datetime.fromtimestamp(int(message["Attributes"]["SentTimestamp"]) / 1000, UTC)
    return DeadLetter(message["MessageId"], message["Body"], reason, sent, message["ReceiptHandle"])


@contextmanager
def _translated(queue: str) -> Iterator[None]:
    try:
        yield
    except (ClientError, BotoCoreError, HTTPClientError) as cause:
        raise unavailable_or_misconfigured(cause, "sqs", queue, _SILENT) from cause


_SILENT = "queue.unavailable"


_RESTING = frozenset({"Disabled", "Disabling"})
_COUNTED = {
    "waiting": "ApproximateNumberOfMessages",
    "in_flight": "ApproximateNumberOfMessagesNotVisible",
    "delayed": "ApproximateNumberOfMessagesDelayed",
}


@dataclass(frozen=True)
class SqsQueueAdmin:
    """One queue by its name; its dead letters are in the queue of the same name with `-dead` behind it."""

    name: str
    sqs: Callable[[], Any]
    functions: Callable[[], Any]
    """A client of Lambda."""

    def depth(self) -> QueueDepth:
        """How much is in it; see Lane."""
        with _translated(self.name):
            told = self._attributes(self.name, *_COUNTED.values(), "QueueArn")
            # Reading dead letters hides them for a moment; they are still in the queue.
            dead = self._attributes(f"{self.name}-dead", _COUNTED["waiting"], _COUNTED["in_flight"])
            feeds = self._feeds(told["QueueArn"])
        numbers = {name: int(told[attribute]) for name, attribute in _COUNTED.items()}
        paused = bool(feeds) and all(feed["State"] in _RESTING for feed in feeds)
        return QueueDepth(**numbers, dead=sum(map(int, dead.values())), paused=paused)

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
                raise TooManyRequests("queue.purge_too_soon") from cause

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
