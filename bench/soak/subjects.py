"""What a message is about, in whatever words it says so."""

from __future__ import annotations

from chalicelib.json_formats import UnknownMessage, Work, read, read_change, read_optimize, read_visibility


def subjects(body: str) -> frozenset[str]:
    """Ids of tasks and images, keys of uploads and names of collections; nothing for a message that nobody can read."""
    change, image_id = read_change(body), read_visibility(body) or read_optimize(body)
    if change is not None or image_id is not None:
        return frozenset({change.collection if change else str(image_id)})
    try:
        return frozenset(asked.task_id if isinstance(asked, Work) else asked.key for asked in read(body))
    except UnknownMessage:
        return frozenset()
