"""The Queue over SQS."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from functools import cached_property
from typing import Any

_LONGEST = timedelta(hours=12)  # SQS allows no more


@dataclass(frozen=True)
class SqsQueue:
    """One queue by its name."""

    name: str
    connect: Callable[[], Any]

    def postpone(self, receipt: str, delay: timedelta) -> None:
        """Hide a received message for so long; see Queue."""
        seconds = int(min(delay, _LONGEST).total_seconds())
        self.connect().change_message_visibility(
            QueueUrl=self._url, ReceiptHandle=receipt, VisibilityTimeout=max(seconds, 1)
        )

    @cached_property
    def _url(self) -> str:
        url: str = self.connect().get_queue_url(QueueName=self.name)["QueueUrl"]
        return url
