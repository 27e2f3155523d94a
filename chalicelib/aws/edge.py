"""The Edge over CloudFront."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from botocore.exceptions import BotoCoreError, ClientError, HTTPClientError

from chalicelib.errors import Unavailable

_AT_ONCE = 1000
"""CloudFront works on 3,000 paths at a time, of all requests together."""


@dataclass(frozen=True)
class CloudFront:
    """One distribution by its id; without an id there is nothing in front of the bucket."""

    distribution: str
    connect: Callable[[], Any]

    def forget(self, keys: Sequence[str], *, mark: str) -> None:
        """Ask for the keys' invalidation; see Edge."""
        if not self.distribution:
            return
        for start in range(0, len(keys), _AT_ONCE):
            self._forget([f"/{quote(key)}" for key in keys[start : start + _AT_ONCE]], f"{mark}-{start}")

    def _forget(self, paths: Sequence[str], mark: str) -> None:
        # The same CallerReference with the same paths is the same invalidation, however often it is asked for.
        batch = {"Paths": {"Quantity": len(paths), "Items": list(paths)}, "CallerReference": mark}
        try:
            self.connect().create_invalidation(DistributionId=self.distribution, InvalidationBatch=batch)
        except (ClientError, BotoCoreError, HTTPClientError) as cause:
            raise Unavailable("The CDN does not answer as it should; try again shortly.") from cause
