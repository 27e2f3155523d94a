"""What the monitor's page may do: our own files, pictures from the CDN, and uploads into the bucket. No more."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from urllib.parse import urlsplit

from chalicelib.wiring import wired

_RULES = (
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self' blob: {pictures}",
    "connect-src 'self' {bucket}",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    # Text never becomes HTML in our scripts; the browser holds them to it (https://www.w3.org/TR/trusted-types/).
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
)


def headers() -> Mapping[str, str]:
    """Security headers of the page."""
    places = {"pictures": _origin(wired().settings.cdn_url), "bucket": _bucket()}
    return {
        "Content-Security-Policy": "; ".join(rule.format(**places).strip() for rule in _RULES),
        "Referrer-Policy": "no-referrer",
        "Cross-Origin-Opener-Policy": "same-origin",
        "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=()",
        "X-Frame-Options": "DENY",
    }


def _bucket() -> str:
    # Only the bucket itself knows its address; making a form asks nobody.
    form = wired().objects.form("incoming/x", content_type="image/jpeg", limit=1, lasts=timedelta(minutes=1))
    return _origin(form.url)


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else ""
