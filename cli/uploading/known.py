"""Bytes that need not be sent because the collection has them."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from cli.client.errors import ApiError

if TYPE_CHECKING:
    from cli.client.api import Client

PAGE = 100
FORBIDDEN, NOT_FOUND = 403, 404


@dataclass
class Known:
    """Digests that are in the collection, or on their way there; threads may share it."""

    look: Callable[[], set[str]] = set
    """Reads them; called once, for the first file that is to be sent, so that a run without one asks nothing."""
    digests: set[str] | None = None
    lock: threading.Lock = field(default_factory=threading.Lock)

    def is_new(self, sha256: str) -> bool:
        """True for whoever asks first; that one has to bring it. ApiError if they cannot be read."""
        with self.lock:
            if self.digests is None:
                self.digests = self.look()
            if sha256 in self.digests:
                return False
            self.digests.add(sha256)
            return True

    def forget(self, sha256: str) -> None:
        """It did not arrive after all."""
        with self.lock:
            if self.digests is not None:
                self.digests.discard(sha256)


def known(api: Client, collection: str, files: int) -> Known:
    """What the collection has, if asking is cheaper than sending: at most one request for each file.

    Nothing, for a token that may not look; the API itself finds such files too, once it has their bytes.
    """
    return Known(partial(_digests, api, collection, files))


def _digests(api: Client, collection: str, files: int) -> set[str]:
    try:
        if api.collections.get(collection).images > files * PAGE:
            return set()
        return {image.sha256 for image in api.images.of(collection, page=PAGE)}
    except ApiError as error:
        if error.status not in {FORBIDDEN, NOT_FOUND}:
            raise
        return set()
