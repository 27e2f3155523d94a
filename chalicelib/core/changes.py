"""The message that says that a collection's public face has changed. It may be lost or doubled: the hour puts it right.

It is no `Work` (see `messages`), because nobody asked for it, nobody waits for it, and it has no end to tell of.
"""

from __future__ import annotations

import json

_CHANGED, _VISIBILITY = "changed", "visibility"


def write_change(collection: str) -> str:
    """The message that `read_change` understands."""
    return json.dumps({_CHANGED: collection})


def read_change(body: str) -> str | None:
    """The collection that has changed; None for messages of any other kind."""
    return _read(body, _CHANGED)


def write_visibility(image_id: str) -> str:
    """The message that has an image's renditions hidden or shown, as its row says when the message is read."""
    return json.dumps({_VISIBILITY: image_id})


def read_visibility(body: str) -> str | None:
    """The image whose renditions are to be hidden or shown; None for messages of any other kind."""
    return _read(body, _VISIBILITY)


def _read(body: str, name: str) -> str | None:
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    found = message.get(name) if isinstance(message, dict) else None
    return found if isinstance(found, str) else None
