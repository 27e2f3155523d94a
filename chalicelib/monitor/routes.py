"""Routes of the monitor: its page, its static files, signing in and out."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from typing import Annotated
from urllib.parse import urlsplit

import msgspec

from chalicelib import storage
from chalicelib.admin.scopes import Scope
from chalicelib.admin.sessions import Session
from chalicelib.container import container
from chalicelib.errors import Forbidden, NotFound, Unauthorized, Unavailable, UnsupportedType
from chalicelib.http.app import expired_cookie_header, require_own_page, session_cookie, session_cookie_header
from chalicelib.http.request import Request, Response, Timestamp, conditional, json_response, require_json
from chalicelib.http.routes import registered_routes
from chalicelib.http.routing import PUBLIC, Reply, Tag, endpoint, schema
from chalicelib.ports import ObjectStore

FOLDER = Path(__file__).parent / "static"
API_PAGE = FOLDER / "rapidoc"
"""Script of `/docs`, which is no part of the monitor's own page."""
PAGE = "index.html"
TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}


@cache
def files() -> Mapping[str, str]:
    """Every file by name. Only what is in this table is ever served."""
    found = sorted((*FOLDER.iterdir(), *API_PAGE.iterdir()))
    return {path.name: path.read_text(encoding="utf-8") for path in found if path.suffix in TYPES}


@cache
def version() -> str:
    """Changes whenever any file does."""
    return sha256("\0".join(text for pair in files().items() for text in pair).encode()).hexdigest()[:12]


def content_type(name: str) -> str:
    """The media type of a file in the table."""
    return TYPES[Path(name).suffix]


def page_html() -> str:
    """The page, leading to this version's files."""
    return files()[PAGE].replace("VERSION", version())


_MOMENT = timedelta(minutes=1)
_RULES = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: {pictures} {links}",
    "connect-src 'self' {forms}",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    # Text never becomes HTML in our scripts; the browser holds them to it (https://www.w3.org/TR/trusted-types/).
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)


def security_headers() -> Mapping[str, str]:
    """Security headers of the page."""
    return {
        "Content-Security-Policy": content_policy(container().objects, container().settings.cdn_url),
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
        "X-Frame-Options": "DENY",
    }


def content_policy(objects: ObjectStore, cdn_url: str) -> str:
    """The page's Content-Security-Policy.

    Only the bucket itself knows the hosts of its forms and of the links that private and trashed pictures are shown
    by, and signing makes no request either.
    """
    form = objects.presigned_post("incoming/x", content_type="image/jpeg", limit=1, lasts=_MOMENT)
    link = objects.presigned_url(storage.GUARDED, lasts=_MOMENT)
    places = {"pictures": _origin(cdn_url), "links": _origin(link), "forms": _origin(form.url)}
    return "; ".join(" ".join(rule.format(**places).split()) for rule in _RULES)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""


_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class AssetAt(msgspec.Struct, frozen=True):
    """Path of a file of the monitor."""

    version: Name
    file: Name


@endpoint(
    "GET /monitor",
    operation="get_monitor",
    tag=Tag.MONITORING,
    summary="Show the monitor",
    description="The web app. It contains no data; without a session it shows only the sign-in form.",
    scopes=PUBLIC,
    replies={200: Reply("The web app.", content_type="text/html")},
)
def get_monitor(request: Request) -> Response:
    sent = {
        "Content-Type": content_type(PAGE),
        "Cache-Control": _ASK_AGAIN,
        **security_headers(),
    }
    return conditional(request, Response(200, page_html(), sent))


@endpoint(
    "GET /monitor/{version}/{file}",
    operation="get_monitor_file",
    tag=Tag.MONITORING,
    summary="Get a file of the monitor",
    description="Scripts, styles and the icon. The content under one version never changes.",
    scopes=PUBLIC,
    replies={200: Reply("The file.", content_type="text/javascript")},
    errors=(NotFound,),
)
def get_monitor_file(request: Request, path: AssetAt) -> Response:
    if path.file not in files() or path.file == PAGE:
        raise NotFound
    # A page from before a deployment asks for its own version and gets ours, which it must not keep.
    keep = _FOR_EVER if path.version == version() else _ASK_AGAIN
    sent = {"Content-Type": content_type(path.file), "Cache-Control": keep}
    return conditional(request, Response(200, files()[path.file], sent))


@schema("SignIn", "The token to sign in with.")
class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


@schema("Session", "An open session and the settings its page needs.")
class SessionRecord(msgspec.Struct, frozen=True):
    name: Annotated[str, msgspec.Meta(description="Name of the token.")]
    scopes: tuple[Scope, ...]
    ends_at: Timestamp
    csrf: Annotated[
        str, msgspec.Meta(description="Value for the header `X-CSRF-Token` of every request that changes something.")
    ]
    stage: str
    max_body_bytes: Annotated[int, msgspec.Meta(description="Larger files are uploaded straight to the bucket.")]
    max_upload_bytes: int
    routes: Annotated[tuple[str, ...], msgspec.Meta(description="Routes of this deployment, such as `GET /tasks`.")]


@schema("SessionReply", "The session, or null without one.")
class SessionReply(msgspec.Struct, frozen=True):
    session: SessionRecord | None


@endpoint(
    "POST /monitor/session",
    operation="create_session",
    tag=Tag.MONITORING,
    summary="Sign in to the monitor",
    description=(
        "Sets an HttpOnly, SameSite=Strict session cookie. The session ends after 12 hours, or with its token.\n\n"
        "Failed attempts are limited per network address and in total: 429 with `Retry-After`. Only JSON from "
        "the monitor's own page is accepted, so that a form of another site cannot sign a browser in."
    ),
    scopes=PUBLIC,
    replies={201: Reply("Signed in; the cookie represents the token.", SessionReply, headers=("Set-Cookie",))},
    errors=(Unauthorized, Forbidden, UnsupportedType, Unavailable),
)
def create_session(request: Request, body: SignIn) -> Response:
    require_own_page(request)
    require_json(request)
    sessions = container().sessions
    session = sessions.open(body.token.strip(), request.address)
    cookie = session_cookie_header(session.sealed, request.headers, request.link("/"), sessions.lasts)
    return json_response(SessionReply(_record(session)), 201).with_headers(Set_Cookie=cookie)


@endpoint(
    "GET /monitor/session",
    operation="get_session",
    tag=Tag.MONITORING,
    summary="Get the current session",
    description="Null without a session; that is not an error.",
    scopes=PUBLIC,
    replies={200: Reply("The session.", SessionReply)},
)
def get_session(request: Request) -> Response:
    return json_response(SessionReply(_found(request)))


@endpoint(
    "DELETE /monitor/session",
    operation="delete_session",
    tag=Tag.MONITORING,
    summary="Sign out of the monitor",
    description=(
        "The session ends on the server, so copies of its cookie stop working, and the browser deletes the cookie."
    ),
    scopes=PUBLIC,
    replies={200: Reply("Signed out.", SessionReply, headers=("Set-Cookie",))},
    errors=(Forbidden, Unavailable),
)
def delete_session(request: Request) -> Response:
    require_own_page(request)
    container().sessions.close(session_cookie(request.headers))
    return json_response(SessionReply(None)).with_headers(
        Set_Cookie=expired_cookie_header(request.headers, request.link("/"))
    )


def _found(request: Request) -> SessionRecord | None:
    sealed = session_cookie(request.headers)
    if not sealed:
        return None
    try:
        return _record(container().sessions.find(sealed))
    except Unauthorized:
        return None


def _record(session: Session) -> SessionRecord:
    given, principal = container().settings, session.principal
    return SessionRecord(
        name=principal.name,
        scopes=tuple(sorted(principal.scopes)),
        ends_at=session.ends_at,
        csrf=session.csrf,
        stage=given.stage,
        max_body_bytes=given.max_body_bytes,
        max_upload_bytes=given.max_upload_bytes,
        routes=registered_routes(),
    )
