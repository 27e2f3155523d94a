"""Writing changes down: which views change something, and what a line of the audit log says that they changed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from chalicelib.api.asking import Ask
from chalicelib.wiring import wired

Parts = Mapping[str, Any]
"""What a view was given: `at`, `query` and `body`, as its endpoint declares them."""


def note(ask: Ask, view: str, parts: Parts, done: str = "") -> None:
    """Write down that the view has done its work, and what came of it, if it is one that changes something.

    Unavailable where that cannot be written: then the client asks again, and every change may be asked for twice.
    """
    about = ABOUT.get(view)
    if about is not None:
        # What came of it stands first: a long filter is cut off at the end.
        told = ": ".join(part for part in (done, about(parts)) if part)
        wired().desk.audit.note(view, told, actor=ask.actor, token_id=ask.owner)


def _place(parts: Parts) -> str:
    """The names in the path, with whatever else was asked for."""
    return " ".join((*msgspec.structs.astuple(parts["at"]), *_options(parts)))


def _options(parts: Parts) -> list[str]:
    """Given options, those that stand at their default left out."""
    found = []
    for part in (parts[name] for name in ("query", "body") if name in parts):
        for field in msgspec.structs.fields(part):
            value = getattr(part, field.name)
            if value is not UNSET and value != field.default and field.name != "confirm":
                found.append(f"{field.name}={_word(value)}")
    return found


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _retried(parts: Parts) -> str:
    """The filters of a retry, those that hold without being named included."""
    query = parts["query"]
    state = f"state={query.state if query.state is not UNSET else 'FAILURE'}"
    others = [said for said in _options({"query": query}) if not said.startswith(("state=", "limit=", "cursor="))]
    return " ".join([state, *others])


def _only_options(parts: Parts) -> str:
    return " ".join(_options(parts))


def _images(parts: Parts) -> str:
    return f"{len(parts['body'].image_ids)}: {' '.join(parts['body'].image_ids)}"


def _new_token(parts: Parts) -> str:
    return f"{parts['body'].name} ({', '.join(sorted(parts['body'].scopes))})"


def _changed_token(parts: Parts) -> str:
    body, told = parts["body"], [parts["at"].token_id]
    told += [f"name={body.name}"] if body.name is not UNSET else []
    told += [f"scopes={','.join(sorted(body.scopes))}"] if body.scopes is not UNSET else []
    told += [f"days={body.days or 'for ever'}"] if body.days is not UNSET else []
    return " ".join(told)


ABOUT: Mapping[str, Callable[[Parts], str]] = {
    "cancel_task": _place,
    "retry_task": _place,
    "retry_tasks": _retried,
    "redrive": _place,
    "remove_dead_letter": _place,
    "pause_queue": _place,
    "resume_queue": _place,
    "purge_queue": _place,
    "run_schedule": _place,
    "switch_schedule": _place,
    "change_image": _place,
    "delete_image": _place,
    "restore_image": _place,
    "delete_images": _images,
    "delete_collection": _place,
    "create_collection": _only_options,
    "change_collection": _place,
    "link_image": _place,
    "make_thumbnails": _only_options,
    "restore_object": _only_options,
    "issue_token": _new_token,
    "change_token": _changed_token,
    "revoke_token": _place,
}
"""Every view that changes something for others than its caller; an upload is told of by its task."""
