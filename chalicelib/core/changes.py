"""The message that says that a collection's public face has changed. It may be lost or doubled: the hour puts it right.

It is no `Work` (see `messages`), because nobody asked for it, nobody waits for it, and it has no end to tell of.
"""

from __future__ import annotations

import json


def write_change(collection: str) -> str:
    """The message that `read_change` understands."""
    return json.dumps({"changed": collection})


def read_change(body: str) -> str | None:
    """The collection that has changed; None for messages of any other kind."""
    try:
        message = json.loads(body)
    except (ValueError, RecursionError):
        return None
    changed = message.get("changed") if isinstance(message, dict) else None
    return changed if isinstance(changed, str) else None
