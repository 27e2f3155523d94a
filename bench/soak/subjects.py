"""What a message is about, in whatever words it says so."""

from __future__ import annotations

from chalicelib.json_formats import UnknownMessage, Work, read, read_change, read_optimize, read_visibility


def subjects(body: str) -> frozenset[str]:
    """Ids of tasks and images, keys of uploads and names of collections; nothing for a message that nobody can read."""
    told = read_change(body) or read_visibility(body) or read_optimize(body)
    if told is not None:
        return frozenset({told})
    try:
        return frozenset(asked.task_id if isinstance(asked, Work) else asked.key for asked in read(body))
    except UnknownMessage:
        return frozenset()
