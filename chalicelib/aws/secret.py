"""A secret's text, remembered for a while: asking on every request costs money and time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.aws.troubles import fault_of


@dataclass
class Secret:
    """One secret by its id; call it for its text. A changed secret is seen after at most `lasts`."""

    secret_id: str
    connect: Callable[[], Any]
    now: Callable[[], datetime]
    lasts: timedelta = timedelta(minutes=1)
    _text: str = field(default="", init=False, repr=False)
    _read_at: datetime | None = field(default=None, init=False)

    def __call__(self) -> str:
        """The text, or "" where there is no such secret by configuration; Unavailable if it cannot be read."""
        if not self.secret_id:
            return ""
        now = self.now()
        if self._read_at is None or now - self._read_at >= self.lasts:
            self._text, self._read_at = self._read(), now
        return self._text

    def _read(self) -> str:
        try:
            text: str = self.connect().get_secret_value(SecretId=self.secret_id)["SecretString"]
        except (ClientError, BotoCoreError) as cause:
            raise fault_of(cause, "secretsmanager", self.secret_id, _SILENT) from cause
        return text


_SILENT = "The first token's secret cannot be read; try again shortly."
