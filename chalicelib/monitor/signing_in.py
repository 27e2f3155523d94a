"""Signing in to the monitor and out of it."""

from __future__ import annotations

from typing import Annotated

import msgspec

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.cookies import forgotten, kept, must_come_from_our_page, sealed_in
from chalicelib.api.endpoint import PUBLIC, Reply, endpoint
from chalicelib.api.request_body import must_be_json
from chalicelib.api.vocabulary import Moment
from chalicelib.core.tokens import Scope
from chalicelib.errors import Forbidden, Unauthorized, Unavailable, UnsupportedType
from chalicelib.services.sessions import Session
from chalicelib.wiring import wired


class SignIn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Who wants to come in."""

    token: Annotated[str, msgspec.Meta(min_length=1, max_length=256)]


class SessionRecord(msgspec.Struct, frozen=True):
    """An open session, and what its page needs to know."""

    name: str
    """Of the token."""
    scopes: tuple[Scope, ...]
    ends_at: Moment
    csrf: str
    """To be sent as `X-CSRF-Token` with every request that changes something."""
    stage: str
    max_body_bytes: int
    """Larger files go straight into the bucket."""
    max_upload_bytes: int
    routes: tuple[str, ...]
    """What this deployment answers, such as `GET /tasks`."""


class SessionReply(msgspec.Struct, frozen=True):
    """The session, or null without one."""

    session: SessionRecord | None


@endpoint(
    "POST /monitor/session",
    "Sign in to the monitor",
    scopes=PUBLIC,
    replies={201: Reply("Signed in; the cookie stands for the token.", SessionReply, headers=("Set-Cookie",))},
    errors=(Unauthorized, Forbidden, UnsupportedType, Unavailable),
)
def open_session(ask: Ask, body: SignIn) -> Answer:
    """The cookie is HttpOnly and SameSite=Strict. It ends after 12 hours, or with its token.

    Failed attempts are limited, for each network address and in all: 429 with `Retry-After`. Only JSON is taken, and
    only from the monitor's own page: a form of another site cannot sign a browser in.
    """
    must_come_from_our_page(ask)
    must_be_json(ask)
    sessions = wired().sessions
    session = sessions.open(body.token.strip(), ask.address)
    cookie = kept(session.sealed, ask.headers, ask.link("/"), sessions.lasts)
    return data(SessionReply(_record(session)), 201).having(Set_Cookie=cookie)


@endpoint("GET /monitor/session", "Who is signed in", scopes=PUBLIC, replies={200: Reply("The session.", SessionReply)})
def session(ask: Ask) -> Answer:
    """Null where nobody is, so that asking is no error."""
    return data(SessionReply(_found(ask)))


@endpoint(
    "DELETE /monitor/session",
    "Sign out of the monitor",
    scopes=PUBLIC,
    replies={200: Reply("Signed out.", SessionReply, headers=("Set-Cookie",))},
    errors=(Forbidden, Unavailable),
)
def close_session(ask: Ask) -> Answer:
    """The session ends on the server, wherever its cookie may have been copied to, and the browser forgets it."""
    must_come_from_our_page(ask)
    wired().sessions.close(sealed_in(ask.headers))
    return data(SessionReply(None)).having(Set_Cookie=forgotten(ask.headers, ask.link("/")))


def _found(ask: Ask) -> SessionRecord | None:
    sealed = sealed_in(ask.headers)
    if not sealed:
        return None
    try:
        return _record(wired().sessions.find(sealed))
    except Unauthorized:
        return None


def _record(session: Session) -> SessionRecord:
    # Both lists name this module, directly or not.
    from chalicelib.api import routes  # noqa: PLC0415
    from chalicelib.monitor.routes import ENDPOINTS  # noqa: PLC0415

    given, principal = wired().settings, session.principal
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
