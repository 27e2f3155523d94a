"""The monitor's files, read from the package, and the security headers of its page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from functools import cache
from hashlib import sha256
from pathlib import Path
from urllib.parse import urlsplit

from chalicelib import storage
from chalicelib.container import container
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
