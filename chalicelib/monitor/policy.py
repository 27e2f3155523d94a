"""What the monitor's page may do: our own files, pictures from the CDN and the bucket, uploads into the bucket."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from chalicelib import storage_keys
from chalicelib.container import container
from chalicelib.ports import ObjectStore

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


def headers() -> Mapping[str, str]:
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
    by, and signing either asks nobody.
    """
    form = objects.presigned_post("incoming/x", content_type="image/jpeg", limit=1, lasts=_MOMENT)
    link = objects.presigned_url(storage_keys.GUARDED, lasts=_MOMENT)
    places = {"pictures": _origin(cdn_url), "links": _origin(link), "forms": _origin(form.url)}
    return "; ".join(" ".join(rule.format(**places).split()) for rule in _RULES)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
