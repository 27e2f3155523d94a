"""The session's way through HTTP: one cookie, and beside it a header for whatever changes something."""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from datetime import timedelta
from http.cookies import CookieError, SimpleCookie

from chalicelib.admin.model import Principal
from chalicelib.api.asking import Ask
from chalicelib.container import container
from chalicelib.errors import Forbidden

COOKIE = "wallify_session"
CSRF_HEADER = "x-csrf-token"
_SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
_OUR_PAGES = frozenset({"same-origin", "none"})


def sealed_in(headers: Mapping[str, str]) -> str:
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


def must_come_from_our_page(ask: Ask) -> None:
    """Pass a request that no page of another site has sent: by Sec-Fetch-Site, or else by Origin; Forbidden.

    Programs send neither. A browser that is too old for the first sends the second with whatever changes something.
    """
    site, origin = ask.headers.get("sec-fetch-site"), ask.headers.get("origin")
    ours = site in _OUR_PAGES if site is not None else origin in {None, ask.origin}
    if not ours:
        raise Forbidden("Another site has sent this request; sign in and out on the monitor's own page.")


def must_be_meant(method: str, headers: Mapping[str, str]) -> None:
    """Pass a request that changes nothing, or that shows what only our own page knows; Forbidden."""
    if method in _SAFE:
        return
    # The header may hold what is no ASCII, and then comparing as text would raise.
    shown = headers.get(CSRF_HEADER, "").encode(errors="replace")
    if not hmac.compare_digest(shown, container().sessions.csrf(sealed_in(headers)).encode()):
        raise Forbidden("The request does not carry the session's X-CSRF-Token.")


def principal_behind(headers: Mapping[str, str]) -> Principal:
    """Whose token the request's session stands for; Unauthorized."""
    return container().sessions.find(sealed_in(headers)).principal


def kept(sealed: str, headers: Mapping[str, str], path: str, lasts: timedelta) -> str:
    """The Set-Cookie line for a session: no script can read it, and no other site can send it."""
    cookie = SimpleCookie({COOKIE: sealed})[COOKIE]
    cookie["path"], cookie["max-age"] = path, int(lasts.total_seconds())
    cookie["httponly"], cookie["samesite"] = True, "Strict"
    # On plain HTTP (a local stack) a Secure cookie would be lost.
    cookie["secure"] = came_by_https(headers)
    return cookie.OutputString()


def came_by_https(headers: Mapping[str, str]) -> bool:
    """Whether the client speaks HTTPS, which the gateway and the CDN say. Header names are lower-case."""
    return "https" in (headers.get("x-forwarded-proto"), headers.get("cloudfront-forwarded-proto"))


def forgotten(headers: Mapping[str, str], path: str) -> str:
    """The Set-Cookie line that ends a session in its browser."""
    return kept("", headers, path, timedelta(0))
