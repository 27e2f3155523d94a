"""A route, declared once: the same declaration serves the request and writes the API's description."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import msgspec

from chalicelib.api.answers import Answer
from chalicelib.core.tokens import Scope
from chalicelib.errors import WallifyError

View = Callable[..., Answer]
Parts = Mapping[str, type[msgspec.Struct]]

PUBLIC: tuple[Scope, ...] = ()
ANY_TOKEN: tuple[Scope, ...] = (Scope.READ, Scope.UPLOAD, Scope.TASKS)


@dataclass(frozen=True, slots=True)
class Reply:
    """One way in which a route answers when all goes well."""

    meaning: str
    shape: type[msgspec.Struct] | None = None
    """What the JSON looks like."""
    content_type: str = ""
    """Of a body that has no shape of ours; empty for no body."""
    headers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, eq=False)
class Endpoint:
    """One method of one path."""

    method: str
    path: str
    view: View
    summary: str
    scopes: tuple[Scope, ...]
    """A token needs one of these; none for what is public."""
    replies: Mapping[int, Reply]
    errors: tuple[type[WallifyError], ...]
    """What may go wrong beside what may go wrong anywhere."""
    parts: Parts
    """What the view takes: `at` (the path), `query`, `headers`, `body` (JSON), or `form` and `file` (multipart)."""

    @property
    def name(self) -> str:
        """The view's name; unique among the routes."""
        return self.view.__name__

    @property
    def description(self) -> str:
        """The view's docstring."""
        return inspect.getdoc(self.view) or ""


def endpoint(
    route: str,
    summary: str,
    *,
    scopes: tuple[Scope, ...],
    replies: Mapping[int, Reply],
    errors: tuple[type[WallifyError], ...] = (),
) -> Callable[[View], Endpoint]:
    """Declare a view `(ask, …) -> Answer` as a route such as `GET /health`.

    The names and types of the view's further parameters say what the route takes.
    """
    method, path = route.split(" ")

    def declared(view: View) -> Endpoint:
        _, *parameters = inspect.signature(view, eval_str=True).parameters.values()
        parts = {parameter.name: parameter.annotation for parameter in parameters}
        return Endpoint(method, path, view, summary, scopes, replies, errors, parts)

    return declared
