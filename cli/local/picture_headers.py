"""What the distribution adds to pictures by signed addresses; the emulated one hands no signatures on."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any
from urllib.parse import parse_qs

from infra.template import FOUNDATION, read

MEDIA = "/media/"
GUARDED = ("guarded/", "trashed/")
SIGNATURE = "X-Amz-Signature"


def is_signed(target: str) -> bool:
    """Whether a path with its query is a signed address of a private or trashed picture."""
    path, _, query = target.partition("?")
    return path.removeprefix(MEDIA).startswith(GUARDED) and path.startswith(MEDIA) and SIGNATURE in parse_qs(query)


@cache
def picture_headers() -> Mapping[str, str]:
    """The headers of infra/foundation.yaml that hold over plain HTTP, too."""
    policy: Any = read(FOUNDATION)["Resources"]["PictureHeaders"]["Properties"]["ResponseHeadersPolicyConfig"]
    security = policy["SecurityHeadersConfig"]
    custom = {one["Header"]: one["Value"] for one in policy["CustomHeadersConfig"]["Items"]}
    return custom | {
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": security["FrameOptions"]["FrameOption"],
        "Content-Security-Policy": security["ContentSecurityPolicy"]["ContentSecurityPolicy"],
        "Referrer-Policy": security["ReferrerPolicy"]["ReferrerPolicy"],
    }
