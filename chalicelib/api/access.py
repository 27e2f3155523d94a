"""Who is asking, and may they."""

from __future__ import annotations

import re
from collections.abc import Iterator

from chalicelib.api.asking import Ask
from chalicelib.core.tokens import Scope, Token
from chalicelib.errors import Forbidden, Unauthorized
from chalicelib.wiring import wired

# A token is short and printable; what is not cannot be one, and need not be looked up.
_PRESENTED = re.compile(r"(?:Bearer +)?(?P<token>[\x21-\x7e]{1,256})", re.IGNORECASE)


def must_be_allowed(ask: Ask, scopes: tuple[Scope, ...]) -> None:
    """Pass a request whose token has one of the scopes, or any request where none is needed.

    Unauthorized without a valid token; Forbidden without the scope.
    """
    if scopes and not any(_allowing(presented(ask), scopes)):
        raise Forbidden(scope=", ".join(scopes))


def presented(ask: Ask) -> str:
    """The token in `Authorization: TOKEN` or `Authorization: Bearer TOKEN`; Unauthorized if there is none."""
    found = _PRESENTED.fullmatch(ask.headers.get("authorization", "").strip())
    if found is None:
        raise Unauthorized
    return found["token"]


def _allowing(token: str, scopes: tuple[Scope, ...]) -> Iterator[Token]:
    for scope in scopes:
        try:
            yield wired().tokens.check(token, scope)
        except Forbidden:
            continue
