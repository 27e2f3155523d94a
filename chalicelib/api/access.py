"""Who is asking, and may they."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from functools import partial

from chalicelib.api.asking import Ask
from chalicelib.api.cookies import must_be_meant, sealed_in, token_behind
from chalicelib.core.tokens import Scope, Token
from chalicelib.errors import Forbidden, Unauthorized
from chalicelib.wiring import wired

# A token is short and printable; what is not cannot be one, and need not be looked up.
_PRESENTED = re.compile(r"(?:Bearer +)?(?P<token>[\x21-\x7e]{1,256})", re.IGNORECASE)


def allowed(ask: Ask, scopes: tuple[Scope, ...]) -> Ask:
    """The request with its owner, if its token has one of the scopes; as it is where none is needed.

    The token is in the Authorization header or, for the monitor's pages, behind the session cookie.
    Unauthorized without a valid one; Forbidden without the scope.
    """
    if not scopes:
        return ask
    token = next(_allowing(_check(ask), scopes), None)
    if token is None:
        raise Forbidden(scope=", ".join(scopes))
    return replace(ask, owner=token.digest, actor=token.name, is_admin=token.allows(Scope.ADMIN))


def presented(ask: Ask) -> str:
    """The token in `Authorization: TOKEN` or `Authorization: Bearer TOKEN`; Unauthorized if there is none."""
    found = _PRESENTED.fullmatch(ask.headers.get("authorization", "").strip())
    if found is None:
        raise Unauthorized
    return found["token"]


def _check(ask: Ask) -> Callable[[Scope], Token]:
    if "authorization" in ask.headers or not sealed_in(ask.headers):
        return partial(wired().tokens.check, presented(ask))
    must_be_meant(ask.method, ask.headers)
    return partial(token_behind, ask.headers)


def _allowing(check: Callable[[Scope], Token], scopes: tuple[Scope, ...]) -> Iterator[Token]:
    for scope in scopes:
        try:
            yield check(scope)
        except Forbidden:
            continue
