"""What everybody may read: the way in, whether we are well, and how to talk to us."""

from __future__ import annotations

import msgspec

from chalicelib.api.answers import Answer, data
from chalicelib.api.asking import Ask
from chalicelib.api.endpoint import PUBLIC, Reply, endpoint
from chalicelib.wiring import wired


class Health(msgspec.Struct, frozen=True):
    """We are well."""

    status: str
    stage: str


@endpoint("GET /health", "Whether the API answers", scopes=PUBLIC, replies={200: Reply("It does.", Health)})
def health(_: Ask) -> Answer:
    """Touches no database, so that a watcher may ask often."""
    return data(Health("ok", wired().settings.stage))
