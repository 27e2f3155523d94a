"""The `Cdn` port over CloudFront."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from chalicelib.adapters.aws import unavailable_or_misconfigured
from chalicelib.errors import TooManyRequests

_AT_ONCE = 1000
"""CloudFront works on 3,000 paths at a time, of all requests together, and on 15 that end with an asterisk."""
_WILD_AT_ONCE = 10
_PAUSES = (1.0, 2.0, 4.0, 8.0)
"""Seconds between attempts while CloudFront accepts no more invalidations."""
_BUSY = {"TooManyInvalidationsInProgress", "Throttling", "ThrottlingException", "TooManyRequestsException"}


@dataclass(frozen=True)
class CloudFrontCdn:
    """Distribution by id; without an id, invalidations do nothing."""

    distribution: str
    connect: Callable[[], Any]
    sleep: Callable[[float], None]

    def invalidate(self, keys: Sequence[str], *, reference: str, wait: bool = True) -> None:
        """See `Cdn.invalidate`."""
        if not self.distribution:
            return
        at_once = _WILD_AT_ONCE if any(key.endswith("*") for key in keys) else _AT_ONCE
        for start in range(0, len(keys), at_once):
            paths = [f"/{quote(key, safe='/*')}" for key in keys[start : start + at_once]]
            self._create_with_retries(paths, f"{reference}-{start}", _PAUSES if wait else ())

    def _create_with_retries(self, paths: Sequence[str], reference: str, pauses: Sequence[float]) -> None:
        for pause in pauses:
            with suppress(TooManyRequests):
                self._create(paths, reference)
                return
            self.sleep(pause)
        self._create(paths, reference)

    def _create(self, paths: Sequence[str], reference: str) -> None:
        # The same CallerReference with the same paths is the same invalidation, however often it is asked for.
        batch = {"Paths": {"Quantity": len(paths), "Items": list(paths)}, "CallerReference": reference}
        try:
            self.connect().create_invalidation(DistributionId=self.distribution, InvalidationBatch=batch)
        except ClientError as cause:
            if cause.response["Error"]["Code"] in _BUSY:
                raise TooManyRequests("cdn.busy") from cause
            raise unavailable_or_misconfigured(cause, "cloudfront", self.distribution, _SILENT) from cause
        except (BotoCoreError, HTTPClientError) as cause:
            raise unavailable_or_misconfigured(cause, "cloudfront", self.distribution, _SILENT) from cause


_SILENT = "cdn.unavailable"
