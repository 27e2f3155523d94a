"""What the API says is there after a load: tasks one by one, and the collection's own counters."""

from __future__ import annotations

from dataclasses import dataclass
from http import HTTPStatus
from typing import Any

import httpx

PAGE = 100
MOST_PAGES = 100


@dataclass(frozen=True)
class Counted:
    """None where this API has no route that tells."""

    succeeded: int | None
    """Tasks of the collection that ended in SUCCESS, counted row by row."""
    images: int | None
    """Images, by the counters of the collection."""
    active: int | None
    """Tasks that are not final, of all collections."""

    def exact(self, *, at_least: int, at_most: int) -> str:
        """Whether all that the API told is one number, and one that can be: yes, no or unknown.

        The bounds differ where clients had no answer: an upload may have arrived all the same.
        """
        told = {number for number in (self.succeeded, self.images) if number is not None}
        if not told:
            return "unknown, the API has no route that tells"
        right = len(told) == 1 and at_least <= min(told) <= at_most
        return "yes" if right else f"no, {sorted(told)} instead of {at_least} to {at_most}"


def counted(client: httpx.Client, collection: str) -> Counted:
    """Ask the running stack."""
    stats = _asked(client, f"/collections/{collection}")
    active = _asked(client, "/tasks/active")
    return Counted(_succeeded(client, collection), _within(stats, "images"), _within(active, "total"))


def _succeeded(client: httpx.Client, collection: str) -> int | None:
    found, cursor = 0, None
    for _ in range(MOST_PAGES):
        page = _asked(client, "/tasks", collection=collection, state="SUCCESS", limit=PAGE, cursor=cursor)
        if page is None:
            return None
        found += len(page["tasks"])
        cursor = page["next_cursor"]
        if cursor is None:
            break
    return found


def _asked(client: httpx.Client, path: str, **query: str | int | None) -> dict[str, Any] | None:
    answer = client.get(path, params={name: value for name, value in query.items() if value is not None})
    if answer.status_code in {HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN}:
        return None
    answer.raise_for_status()
    body: dict[str, Any] = answer.json()
    return body


def _within(body: dict[str, Any] | None, name: str) -> int | None:
    """The first number of this name, at the top or one level down, as records nest their counters."""
    if body is None:
        return None
    nested = [body, *(value for value in body.values() if isinstance(value, dict))]
    return next((part[name] for part in nested if isinstance(part.get(name), int)), None)
