"""The monitor's page and its files."""

from __future__ import annotations

from typing import Annotated

import msgspec

from chalicelib.errors import NotFound
from chalicelib.http.declaration import PUBLIC, Reply, Tag, endpoint
from chalicelib.http.request import Request
from chalicelib.http.response import Response, conditional
from chalicelib.monitor import assets, policy

_FOR_EVER = "public, max-age=31536000, immutable"
_ASK_AGAIN = "no-cache"

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=64)]


class AssetAt(msgspec.Struct, frozen=True):
    """A file's place."""

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
    told = {"Content-Type": assets.content_type(assets.PAGE), "Cache-Control": _ASK_AGAIN, **policy.headers()}
    return conditional(request, Response(200, assets.page(), told))


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
    if path.file not in assets.files() or path.file == assets.PAGE:
        raise NotFound
    # A page from before a deployment asks for its own version and gets ours, which it must not keep.
    keep = _FOR_EVER if path.version == assets.version() else _ASK_AGAIN
    told = {"Content-Type": assets.content_type(path.file), "Cache-Control": keep}
    return conditional(request, Response(200, assets.files()[path.file], told))
