"""Signing in to the monitor and out of it."""

from __future__ import annotations

from typing import Annotated

import msgspec

from chalicelib.admin.model import Scope
from chalicelib.admin.sessions import Session
from chalicelib.container import container
from chalicelib.errors import Forbidden, Unauthorized, Unavailable, UnsupportedType
from chalicelib.http.authentication import (
    expired_cookie_header,
    require_own_page,
    session_cookie,
    session_cookie_header,
)
from chalicelib.http.declaration import PUBLIC, Reply, Tag, endpoint, schema
from chalicelib.http.params import Timestamp
from chalicelib.http.request import Request, require_json
from chalicelib.http.response import Response, json_response
from chalicelib.http.services import registered_routes


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
