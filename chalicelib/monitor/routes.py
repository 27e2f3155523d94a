"""Routes of the monitor: its page, its files, signing in and out."""

from __future__ import annotations

from typing import Annotated

import msgspec

from chalicelib.admin.model import Scope
from chalicelib.admin.sessions import Session
from chalicelib.container import container
from chalicelib.errors import Forbidden, NotFound, Unauthorized, Unavailable, UnsupportedType
from chalicelib.http.app import (
    expired_cookie_header,
    require_own_page,
    session_cookie,
    session_cookie_header,
)
from chalicelib.http.request import Request, Response, Timestamp, conditional, json_response, require_json
from chalicelib.http.routing import PUBLIC, Reply, Tag, endpoint, registered_routes, schema
from chalicelib.monitor import static_files

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
    told = {
        "Content-Type": static_files.content_type(static_files.PAGE),
        "Cache-Control": _ASK_AGAIN,
        **static_files.security_headers(),
    }
    return conditional(request, Response(200, static_files.page_html(), told))


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
    if path.file not in static_files.files() or path.file == static_files.PAGE:
        raise NotFound
    # A page from before a deployment asks for its own version and gets ours, which it must not keep.
    keep = _FOR_EVER if path.version == static_files.version() else _ASK_AGAIN
    told = {"Content-Type": static_files.content_type(path.file), "Cache-Control": keep}
    return conditional(request, Response(200, static_files.files()[path.file], told))


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


ENDPOINTS = (
    get_monitor,
    get_monitor_file,
    get_session,
    create_session,
    delete_session,
)
