"""Answers for routes that the API does not have yet, in the shape that the monitor expects them in.

A route that the API has is never stood in for, so that this file can only shrink.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import Endpoint, Reply, endpoint
from chalicelib.core.tokens import Scope
from chalicelib.errors import NotFound

OK = {200: Reply("It is so.")}


class NameAt(msgspec.Struct, frozen=True):
    """A thing's place."""

    name: str


@dataclass
class StandIns:
    """What the routes answer; a test may change it."""

    queues: dict[str, dict[str, Any]] = field(default_factory=dict)
    audit: list[dict[str, Any]] = field(default_factory=list)

    def __post_init__(self) -> None:
        numbers = {"images": (12, 4, 2, 41, 3), "thumbnails": (0, 0, 0, 0, 0), "maintenance": (1, 1, 0, 8, 0)}
        names = ("waiting", "in_flight", "delayed", "oldest_age_seconds", "dead")
        self.queues = {
            name: {"name": name, **dict(zip(names, told, strict=True)), "paused": False}
            for name, told in numbers.items()
        }

    def endpoints(self) -> tuple[Endpoint, ...]:
        """Everything that is stood in for."""
        return (*self._queue_routes(), *self._other_routes())

    def _note(self, action: str, target: str) -> None:
        self.audit.insert(
            0, {"at": datetime.now(UTC).isoformat(), "actor": "bootstrap", "action": action, "target": target}
        )

    def _queue_routes(self) -> tuple[Endpoint, ...]:
        @endpoint("GET /queues", "Queues", scopes=(Scope.TASKS,), replies=OK)
        def queues(_: Ask) -> Answer:
            return data({"queues": list(self.queues.values())})

        def verb(name: str, **changes: object) -> Endpoint:
            def act(_: Ask, at: NameAt) -> Answer:
                if at.name not in self.queues:
                    raise NotFound
                self.queues[at.name].update(changes)
                self._note(f"{name}_queue", at.name)
                return data(self.queues[at.name])

            act.__name__ = f"{name}_queue"
            return endpoint(f"POST /queues/{{name}}/{name}", name, scopes=(Scope.TASKS,), replies=OK)(act)

        return queues, verb("pause", paused=True), verb("resume", paused=False), verb("purge", waiting=0, delayed=0)

    def _other_routes(self) -> tuple[Endpoint, ...]:
        @endpoint("GET /functions", "Functions", scopes=(Scope.TASKS,), replies=OK)
        def functions(_: Ask) -> Answer:
            numbers = {
                "api_handler": (0, None, 4210, 0, 18, 96, 7, 1769, 29),
                "process_image": (4, 4, 1288, 3, 740, 1910, 11, 2048, 60),
                "make_thumbnails": (0, 4, 96, 0, 680, 1520, 2, 2048, 60),
                "maintenance": (1, 4, 27, 0, 2300, 9100, 5, 512, 120),
            }
            keys = [
                "running",
                "concurrency",
                "invocations",
                "errors",
                "duration_p50_ms",
                "duration_p95_ms",
                "cold_starts",
                "memory_mb",
            ]
            keys.append("timeout_seconds")
            told = [{"name": name, **dict(zip(keys, row, strict=True))} for name, row in numbers.items()]
            return data({"functions": told})

        @endpoint("GET /audit", "Audit log", scopes=(Scope.ADMIN,), replies=OK)
        def audit(_: Ask) -> Answer:
            return data({"entries": self.audit[:50], "next_cursor": None})

        return functions, audit
