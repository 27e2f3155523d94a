"""The trash: what can still be restored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from chalicelib.core.catalog import Image

DOOMED = datetime(1970, 1, 1, tzinfo=UTC)
"""Trashed since ever: an image that is being erased, which no time for restoring covers."""


def is_doomed(image: Image) -> bool:
    """True from the moment on that the image's objects may be gone."""
    return image.trashed_at == DOOMED


def can_restore(image: Image, now: datetime, lasts: timedelta) -> bool:
    """True while a trashed image may come back."""
    return image.trashed_at is not None and now < image.trashed_at + lasts
