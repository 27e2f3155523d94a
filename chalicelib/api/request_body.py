"""What the headers say about a request's body, and what to say when it is not the kind of body that a route takes."""

from __future__ import annotations

import re

from chalicelib.api.asking import Ask
from chalicelib.errors import BadRequest, UnsupportedCoding, UnsupportedType

FORM = "multipart/form-data"
JSON = "application/json"
URLENCODED = "application/x-www-form-urlencoded"
_OF_FILES = ("image/", "video/", "audio/", "application/octet-stream", "binary/", "application/pdf")
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"
_BOUNDARY = re.compile(r';\s*boundary\s*=\s*(?:"([^"]*)"|([^;,\s]+))', re.IGNORECASE)


def must_not_be_compressed(ask: Ask) -> None:
    """UnsupportedCoding with the coding (RFC 9110, section 15.5.16); without a body, the header does not matter."""
    named = (one.strip().lower() for one in ask.headers.get("content-encoding", "").split(","))
    codings = [one[:40] for one in named if one not in {"", "identity"}]
    if codings and ask.body():
        raise UnsupportedCoding(
            "The body is coded as {coding} (Content-Encoding); send it as it is, without that header.",
            coding=", ".join(codings)[:100],
        )


def media_type(ask: Ask) -> str:
    """The type that the Content-Type header names, without its parameters, in lower case; empty if there is none."""
    return ask.headers.get("content-type", "").partition(";")[0].strip().lower()[:100]


def boundary_of(ask: Ask, field: str) -> str:
    """The boundary of the form; UnsupportedType for another body, BadRequest for a form that names no boundary.

    `field` is where the file belongs.
    """
    kind = media_type(ask)
    if kind != FORM:
        raise UnsupportedType(_no_form(kind), type=kind, field=field, send=FORM)
    found = _BOUNDARY.search(ask.headers["content-type"])
    boundary = (found[1] or found[2] or "") if found else ""
    if not boundary:
        raise BadRequest(
            "The Content-Type header lacks boundary=; do not set that header yourself, let your client set it.",
            header="Content-Type",
        )
    return boundary


def json_of(ask: Ask) -> bytes:
    """The body as JSON; some tools of Windows put a byte order mark before it, which JSON does not allow."""
    return ask.body().removeprefix(_BYTE_ORDER_MARK)


def must_be_json(ask: Ask) -> None:
    """UnsupportedType for a body that is not declared as JSON.

    A page of any site may send a form or plain text without asking first
    (https://fetch.spec.whatwg.org/#cors-safelisted-request-header); for JSON a browser asks.
    """
    kind = media_type(ask)
    if kind != JSON:
        raise UnsupportedType("This takes JSON: set Content-Type to {send}.", type=kind, send=JSON)


def not_json(ask: Ask) -> BadRequest | None:
    """The mistake, where a body that is not JSON is something else that can be named."""
    kind = media_type(ask)
    if kind.startswith("multipart/"):
        return BadRequest("This takes JSON (Content-Type: application/json), not a form.", type=kind)
    if kind.startswith(_OF_FILES):
        return BadRequest("This takes JSON (Content-Type: application/json), not the file itself.", type=kind)
    if kind == URLENCODED and re.match(rb"[\w.%+\[\]-]+=", ask.body()):
        return BadRequest("This takes JSON (Content-Type: application/json), not a form.", type=kind)
    return None


def _no_form(kind: str) -> str:
    if not kind:
        return "The Content-Type header is missing; send the file as a form ({send}), in the field {field}."
    if kind == URLENCODED:
        return "A form of type {type} holds no file; send it as {send}, with the file in the field {field}."
    if "json" in kind:
        return "This takes a form ({send}) with the file in the field {field}, not JSON."
    if kind.startswith(_OF_FILES):
        return "The body is the file itself ({type}); send it as a form ({send}), in the field {field}."
    return "This takes a form of type {send}, not {type}."
