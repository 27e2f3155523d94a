"""Signing in to the monitor and out of it."""

from __future__ import annotations

from typing import Annotated

import msgspec

from chalicelib.admin.model import Scope
from chalicelib.admin.sessions import Session
from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.cookies import forgotten, kept, must_come_from_our_page, sealed_in
from chalicelib.api.endpoint import PUBLIC, Reply, Tag, endpoint, schema
from chalicelib.api.request_body import must_be_json
from chalicelib.api.vocabulary import Moment
from chalicelib.container import container
from chalicelib.errors import Forbidden, Unauthorized, Unavailable, UnsupportedType


@schema("SignIn", "The token to sign in with.")
class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    token: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


@schema("Session", "An open session and the settings its page needs.")
class SessionRecord(msgspec.Struct, frozen=True):
    name: Annotated[str, msgspec.Meta(description="Name of the token.")]
    scopes: tuple[Scope, ...]
    ends_at: Moment
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
def create_session(ask: Ask, body: SignIn) -> Answer:
    must_come_from_our_page(ask)
    must_be_json(ask)
    sessions = container().sessions
    session = sessions.open(body.token.strip(), ask.address)
    cookie = kept(session.sealed, ask.headers, ask.link("/"), sessions.lasts)
    return data(SessionReply(_record(session)), 201).having(Set_Cookie=cookie)


@endpoint(
    "GET /monitor/session",
    operation="get_session",
    tag=Tag.MONITORING,
    summary="Get the current session",
    description="Null without a session; that is not an error.",
    scopes=PUBLIC,
    replies={200: Reply("The session.", SessionReply)},
)
def get_session(ask: Ask) -> Answer:
    return data(SessionReply(_found(ask)))


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
def delete_session(ask: Ask) -> Answer:
    must_come_from_our_page(ask)
    container().sessions.close(sealed_in(ask.headers))
    return data(SessionReply(None)).having(Set_Cookie=forgotten(ask.headers, ask.link("/")))


def _found(ask: Ask) -> SessionRecord | None:
    sealed = sealed_in(ask.headers)
    if not sealed:
        return None
    try:
        return _record(container().sessions.find(sealed))
    except Unauthorized:
        return None


def _record(session: Session) -> SessionRecord:
    # Both lists name this module, directly or not.
    from chalicelib.api import routes  # noqa: PLC0415
    from chalicelib.monitor.routes import ENDPOINTS  # noqa: PLC0415

    given, principal = container().settings, session.principal
    return SessionRecord(
        name=principal.name,
        scopes=tuple(sorted(principal.scopes)),
        ends_at=session.ends_at,
        csrf=session.csrf,
        stage=given.stage,
        max_body_bytes=given.max_body_bytes,
        max_upload_bytes=given.max_upload_bytes,
        routes=tuple(sorted({f"{one.method} {one.path}" for one in (*routes.ENDPOINTS, *ENDPOINTS)})),
    )
