"""The `Queue` and `QueueAdmin` ports over SQS and Lambda.

The name of a dead-letter queue is the name of its queue with the suffix `-dead`. A queue is paused by disabling its
event source mapping. A flag that workers check would not do: each receive counts as an attempt, so that a paused queue
would move all its messages to the dead letters after five receives.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from math import ceil
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from chalicelib.adapters.aws import unavailable_or_misconfigured
from chalicelib.errors import TooManyRequests
from chalicelib.json_formats import DeadLetter

if TYPE_CHECKING:
    from chalicelib.admin.scopes import QueueDepth

_LONGEST = timedelta(hours=12)  # limit of SQS for a visibility timeout
_LONGEST_DELAY = timedelta(minutes=15)  # limit of SQS for a delay
_AT_ONCE = 10  # limit of ReceiveMessage
_LONGEST_POLL = timedelta(seconds=20)  # longest wait of ReceiveMessage for a first message
_LOOK = timedelta(seconds=10)
"""Visibility timeout while dead letters are listed, so that one listing does not receive a message twice."""


@dataclass(frozen=True)
class SqsQueue:
    """One SQS queue by its name."""

    name: str
    connect: Callable[[], Any]

    def change_visibility(self, receipt: str, delay: timedelta) -> None:
        """See `Queue.change_visibility`. The delay is rounded up to whole seconds."""
        seconds = max(ceil(min(delay, _LONGEST).total_seconds()), 1)
        with _translated(self.name):
            self.connect().change_message_visibility(
                QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=seconds
            )

    def send(self, body: str, *, delay: timedelta = timedelta(0)) -> None:
        """See `Queue.send`."""
        seconds = int(min(delay, _LONGEST_DELAY).total_seconds())
        with _translated(self.name):
            self.connect().send_message(QueueUrl=self._url, MessageBody=body, DelaySeconds=seconds)

    def publish_dead_letter(self, body: str, *, reason: str) -> None:
        """See `Queue.publish_dead_letter`."""
        said = {"reason": {"DataType": "String", "StringValue": reason[:256] or "unknown"}}
        with _translated(self.name):
            self.connect().send_message(QueueUrl=self._dead_url, MessageBody=body, MessageAttributes=said)

    def dead_letters(
        self, limit: int, *, hold: timedelta = timedelta(0), wait: timedelta = timedelta(0)
    ) -> tuple[DeadLetter, ...]:
        """See `Queue.dead_letters`."""
        found: dict[str, DeadLetter] = {}
        try:
            while len(found) < limit and (some := self._receive(limit - len(found), hold or _LOOK, wait)):
                found.update({letter.message_id: letter for letter in some})
        finally:
            if not hold:
                self.release_dead_letters(found.values())
        return tuple(found.values())

    def release_dead_letters(self, letters: Iterable[DeadLetter]) -> None:
        """See `Queue.release_dead_letters`."""
        handles = [letter.receipt for letter in letters]
        for at in range(0, len(handles), _AT_ONCE):
            entries = [
                {"Id": str(number), "ReceiptHandle": handle, "VisibilityTimeout": 0}
                for number, handle in enumerate(handles[at : at + _AT_ONCE])
            ]
            with _translated(
                self.name
            ):  # a message that fails here is already visible or removed; the response only reports it
                self.connect().change_message_visibility_batch(QueueUrl=self._dead_url, Entries=entries)

    def remove_dead_letter(self, letter: DeadLetter) -> None:
        """See `Queue.remove_dead_letter`."""
        with _translated(self.name):
            try:
                self.connect().delete_message(QueueUrl=self._dead_url, ReceiptHandle=letter.receipt)
            except self.connect().exceptions.ReceiptHandleIsInvalid:
                # SQS returns success for a second removal; its emulators return an error about the receipt.
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
    """One SQS queue by its name, with its dead-letter queue of the same name and the suffix `-dead`."""

    name: str
    sqs: Callable[[], Any]
    functions: Callable[[], Any]
    """Returns a Lambda client."""
    _urls: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)
    """Known addresses by name: a request that waits for a task asks for the length of its queue."""

    def depth(self) -> QueueDepth:
        """See `QueueAdmin.depth`."""
        from chalicelib.admin.scopes import QueueDepth  # noqa: PLC0415  # workers of images never ask for it

        with _translated(self.name):
            attributes = self._attributes(self.name, *_COUNTED.values(), "QueueArn")
            # Dead letters that are being listed are hidden, but still in the queue.
            dead = self._attributes(f"{self.name}-dead", _COUNTED["waiting"], _COUNTED["in_flight"])
            feeds = self._feeds(attributes["QueueArn"])
        numbers = {name: int(attributes[attribute]) for name, attribute in _COUNTED.items()}
        paused = bool(feeds) and all(feed["State"] in _RESTING for feed in feeds)
        return QueueDepth(**numbers, dead=sum(map(int, dead.values())), paused=paused)

    def backlog(self) -> int:
        """See `QueueAdmin.backlog`."""
        with _translated(self.name):
            return int(self._attributes(self.name, _COUNTED["waiting"])[_COUNTED["waiting"]])

    def pause(self) -> None:
        """See `QueueAdmin.pause`."""
        self._switch(on=False)

    def resume(self) -> None:
        """See `QueueAdmin.resume`."""
        self._switch(on=True)

    def purge(self) -> None:
        """See `QueueAdmin.purge`."""
        with _translated(self.name):
            try:
                self.sqs().purge_queue(QueueUrl=self._url(self.name))
            except self.sqs().exceptions.PurgeQueueInProgress as cause:
                raise TooManyRequests("queue.purge_too_soon") from cause

    def _switch(self, *, on: bool) -> None:
        with _translated(self.name):
            arn = self._attributes(self.name, "QueueArn")["QueueArn"]
            for feed in self._feeds(arn):
                # AWS refuses a change while the previous one is in progress; if the state is already right, nothing is
                # done.
                if (feed["State"] in _RESTING) is on:
                    self.functions().update_event_source_mapping(UUID=feed["UUID"], Enabled=on)

    def _feeds(self, arn: str) -> list[dict[str, Any]]:
        mappings: list[dict[str, Any]] = self.functions().list_event_source_mappings(EventSourceArn=arn)[
            "EventSourceMappings"
        ]
        return mappings

    def _attributes(self, name: str, *wanted: str) -> dict[str, str]:
        answer = self.sqs().get_queue_attributes(QueueUrl=self._url(name), AttributeNames=list(wanted))
        attributes: dict[str, str] = answer["Attributes"]
        return attributes

    def _url(self, name: str) -> str:
        if name not in self._urls:
            self._urls[name] = self.sqs().get_queue_url(QueueName=name)["QueueUrl"]
        return self._urls[name]
