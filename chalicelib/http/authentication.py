"""Authenticates requests by token or session cookie, and checks their scopes."""

from __future__ import annotations

import hmac
import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from http.cookies import CookieError, SimpleCookie

from chalicelib.admin.model import Principal, Scope
from chalicelib.admin.tokens import authorise
from chalicelib.errors import Forbidden, Unauthorized
from chalicelib.http.request import Request
from chalicelib.http.services import services

COOKIE = "wallify_session"
CSRF_HEADER = "x-csrf-token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OUR_PAGES = frozenset({"same-origin", "none"})


def session_cookie(headers: Mapping[str, str]) -> str:
    """What the request's session cookie holds; empty without one. Header names are lower-case.

    Browsers say where a request was started (https://www.w3.org/TR/fetch-metadata/): one that another site started,
    a sister domain included, has no session.
    """
    if headers.get("sec-fetch-site", "none") not in _OUR_PAGES:
        return ""
    try:
        found = SimpleCookie(headers.get("cookie", "")).get(COOKIE)
    except CookieError:
        return ""
    return found.value if found else ""


def require_own_page(request: Request) -> None:
    """Pass a request that no page of another site has sent: by Sec-Fetch-Site, or else by Origin; Forbidden.

    Programs send neither. A browser that is too old for the first sends the second with whatever changes something.
    """
    site, origin = request.headers.get("sec-fetch-site"), request.headers.get("origin")
    ours = site in _OUR_PAGES if site is not None else origin in {None, request.origin}
    if not ours:
        raise Forbidden("session.other_site")


def require_csrf_token(method: str, headers: Mapping[str, str]) -> None:
    """Pass a request that changes nothing, or that shows what only our own page knows; Forbidden."""
    if method in _SAFE:
        return
    # The header may hold what is no ASCII, and then comparing as text would raise.
    shown = headers.get(CSRF_HEADER, "").encode(errors="replace")
    if not hmac.compare_digest(shown, services().sessions.csrf(session_cookie(headers)).encode()):
        raise Forbidden("session.csrf")


def principal_of_session(headers: Mapping[str, str]) -> Principal:
    """Whose token the request's session stands for; Unauthorized."""
    return services().sessions.find(session_cookie(headers)).principal


def session_cookie_header(sealed: str, headers: Mapping[str, str], path: str, lasts: timedelta) -> str:
    """The Set-Cookie line for a session: no script can read it, and no other site can send it."""
    cookie = SimpleCookie({COOKIE: sealed})[COOKIE]
    cookie["path"], cookie["max-age"] = path, int(lasts.total_seconds())
    cookie["httponly"], cookie["samesite"] = True, "Strict"
    # On plain HTTP (a local stack) a Secure cookie would be lost.
    cookie["secure"] = is_https(headers)
    return cookie.OutputString()


def is_https(headers: Mapping[str, str]) -> bool:
    """Whether the client speaks HTTPS, which the gateway and the CDN say. Header names are lower-case."""
    return "https" in (headers.get("x-forwarded-proto"), headers.get("cloudfront-forwarded-proto"))


def expired_cookie_header(headers: Mapping[str, str], path: str) -> str:
    """The Set-Cookie line that ends a session in its browser."""
    return session_cookie_header("", headers, path, timedelta(0))


# A token is short and printable; what is not cannot be one, and need not be looked up.
_PRESENTED = re.compile(r"(?:Bearer +)?(?P<token>[\x21-\x7e]{1,256})", re.IGNORECASE)


def authorized(request: Request, scopes: tuple[Scope, ...]) -> Request:
    """The request with its owner, if its token has one of the scopes; as it is where none is needed.

    Unauthorized without a valid one; Forbidden without the scope.
    """
    if not scopes:
        return request
    principal = authenticate(request)
    authorise(principal, scopes)
    return replace(
        request,
        owner=principal.token_id,
        actor=principal.name,
        is_admin=principal.is_admin,
        scopes=principal.scopes,
    )


def authenticate(request: Request) -> Principal:
    """Who makes the request, with one read of their token.

    The token is in the Authorization header or, for the monitor's pages, behind the session cookie.

    Raises:
        Unauthorized: without a valid one.
        Forbidden: for a change that a page of another site may have sent with the cookie.
    """
    if "authorization" in request.headers or not session_cookie(request.headers):
        return services().tokens.authenticate(presented_token(request))
    require_csrf_token(request.method, request.headers)
    return principal_of_session(request.headers)


def presented_token(request: Request) -> str:
    """The token in `Authorization: TOKEN` or `Authorization: Bearer TOKEN`; Unauthorized if there is none."""
    found = _PRESENTED.fullmatch(request.headers.get("authorization", "").strip())
    if found is None:
        raise Unauthorized
    return found["token"]
