"""The Queue over SQS; its dead-letter queue is the queue of the same name with `-dead` behind it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from math import ceil
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from chalicelib.aws.troubles import fault_of
from chalicelib.core.messages import DeadLetter

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

    def postpone(self, receipt: str, delay: timedelta) -> None:
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

    def bury(self, body: str, *, reason: str) -> None:
        """Put a message among the dead letters; see Queue."""
        said = {"reason": {"DataType": "String", "StringValue": reason[:256] or "unknown"}}
        with _translated(self.name):
            self.connect().send_message(QueueUrl=self._dead_url, MessageBody=body, MessageAttributes=said)

    def dead(
        self, limit: int, *, hold: timedelta = timedelta(0), wait: timedelta = timedelta(0)
    ) -> tuple[DeadLetter, ...]:
        """Some of the dead letters; see Queue."""
        found: dict[str, DeadLetter] = {}
        try:
            while len(found) < limit and (some := self._receive(limit - len(found), hold or _LOOK, wait)):
                found.update({letter.message_id: letter for letter in some})
        finally:
            if not hold:
                self.release(found.values())
        return tuple(found.values())

    def release(self, letters: Iterable[DeadLetter]) -> None:
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

    def dig_up(self, letter: DeadLetter) -> None:
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
        raise fault_of(cause, "sqs", queue, _SILENT) from cause


_SILENT = "The queue does not answer as it should; try again shortly."
