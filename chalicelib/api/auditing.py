"""Recording changes in the audit log, and describing their targets."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from msgspec import UNSET

from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Audited
from chalicelib.container import container

Parts = Mapping[str, Any]
"""What a view was given: `at`, `query` and `body`, as its endpoint declares them."""


def note(ask: Ask, audited: Audited | None, parts: Parts, done: str = "") -> None:
    """Record a change after the view has made it, with its outcome; nothing for a view that changes nothing.

    Unavailable where the entry cannot be written: the client then repeats the request, which is safe for every change.
    """
    if audited is not None:
        # The outcome stands first: a long filter is cut off at the end.
        told = ": ".join(part for part in (done, audited.target(parts)) if part)
        container().audit.note(audited.action, told, actor=ask.actor, token_id=ask.owner)


def path_and_options(parts: Parts) -> str:
    """Describe the target by the names in the path, followed by the options."""
    return " ".join((*msgspec.structs.astuple(parts["at"]), *option_words(parts)))


def options(parts: Parts) -> str:
    """Describe the target by the options alone."""
    return " ".join(option_words(parts))


def option_words(parts: Parts) -> list[str]:
    """Query parameters and body fields as `name=value`, without those that have their default value."""
    found = []
    for part in (parts[name] for name in ("query", "body") if name in parts):
        for field in msgspec.structs.fields(part):
            value = getattr(part, field.name)
            if value is not UNSET and value != field.default and field.name != "confirm":
                found.append(f"{field.name}={_word(value)}")
    return found


def _word(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
