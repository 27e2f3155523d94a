"""The `Secret` port over Secrets Manager; texts are cached for a minute, because each read costs money and time."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.adapters.aws import unavailable_or_misconfigured


@dataclass
class SecretsManagerSecret:
    """Secret by id. A changed secret is seen after at most `lasts`."""

    secret_id: str
    connect: Callable[[], Any]
    now: Callable[[], datetime]
    lasts: timedelta = timedelta(minutes=1)
    _text: str = field(default="", init=False, repr=False)
    _read_at: datetime | None = field(default=None, init=False)
    written_at: datetime | None = field(default=None, init=False)
    """When the text that was read last was written; None before, and where the service does not say."""

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
            found = self.connect().get_secret_value(SecretId=self.secret_id)
        except (ClientError, BotoCoreError) as cause:
            raise unavailable_or_misconfigured(cause, "secretsmanager", self.secret_id, _SILENT) from cause
        self.written_at = found.get("CreatedDate")
        return str(found["SecretString"])


_SILENT = "secret.unavailable"
