"""What a rule is."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from infra.rules.deployment import Deployment

Check = Callable[[Deployment], Iterator[str]]


@dataclass(frozen=True)
class Rule:
    """One rule; `check` says of a deployment where it is broken."""

    name: str
    reason: str
    check: Check
