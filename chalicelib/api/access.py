"""Who makes a request (one look at their token), and whether they may."""

from __future__ import annotations

import re
from dataclasses import replace

from chalicelib.admin.model import Principal, Scope
from chalicelib.admin.tokens import authorise
from chalicelib.api.asking import Ask
from chalicelib.api.cookies import must_be_meant, principal_behind, sealed_in
from chalicelib.container import container
from chalicelib.errors import Unauthorized

# A token is short and printable; what is not cannot be one, and need not be looked up.
_PRESENTED = re.compile(r"(?:Bearer +)?(?P<token>[\x21-\x7e]{1,256})", re.IGNORECASE)


def allowed(ask: Ask, scopes: tuple[Scope, ...]) -> Ask:
    """The request with its owner, if its token has one of the scopes; as it is where none is needed.

    Unauthorized without a valid one; Forbidden without the scope.
    """
    if not scopes:
        return ask
    principal = authenticate(ask)
    authorise(principal, scopes)
    return replace(
        ask,
        owner=principal.token_id,
        actor=principal.name,
        is_admin=principal.is_admin,
        scopes=principal.scopes,
    )


def authenticate(ask: Ask) -> Principal:
    """Who makes the request, with one read of their token.

    The token is in the Authorization header or, for the monitor's pages, behind the session cookie.

    Raises:
        Unauthorized: without a valid one.
        Forbidden: for a change that a page of somebody else's may have sent with the cookie.
    """
    if "authorization" in ask.headers or not sealed_in(ask.headers):
        return container().tokens.authenticate(presented(ask))
    must_be_meant(ask.method, ask.headers)
    return principal_behind(ask.headers)


def presented(ask: Ask) -> str:
    """The token in `Authorization: TOKEN` or `Authorization: Bearer TOKEN`; Unauthorized if there is none."""
    found = _PRESENTED.fullmatch(ask.headers.get("authorization", "").strip())
    if found is None:
        raise Unauthorized
    return found["token"]
