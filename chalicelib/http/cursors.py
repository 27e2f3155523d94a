"""Cursors as clients see them: sealed, and bound to one list, its filters and its order.

A store's cursor says where a page ends. On its way out it is bound to the route, to the names in the path and to the
filters that it was made for, and sealed with an HMAC; on its way in all of that has to be the same.
"""

from __future__ import annotations

import base64
import hmac
import unicodedata
from hashlib import sha256
from typing import TypeVar

import msgspec
from msgspec import UNSET

from chalicelib.errors import BadRequest
from chalicelib.http.request import Request
from chalicelib.http.services import services
from chalicelib.keyring import Key

Q = TypeVar("Q", bound=msgspec.Struct)

CURSOR = "cursor"
_FREE = frozenset({CURSOR, "limit", "page", "per_page", "seed"})
"""Do not belong to the question: sizes, and a seed, which the cursor of a random order holds itself."""
_SEAL, _TAG = 16, 6
NOT_OURS = "cursor.invalid"
OF_ANOTHER_LIST = "cursor.other_list"
OF_OTHER_FILTERS = "cursor.other_filters"


def signed_cursor(request: Request, query: msgspec.Struct, cursor: str | None) -> str | None:
    """The cursor as the client of this list gets it; None at the end."""
    if cursor is None:
        return None
    told = _list_tag(request) + _query_tag(query) + cursor.encode()
    return _written(_seal(told, services().cursor_seals.signing_key()) + told)


def with_store_cursor(request: Request, query: Q) -> Q:
    """The query with the store's cursor in place of the client's.

    BadRequest for a cursor that was changed, or that belongs to another list, other filters or another order.
    """
    given = getattr(query, CURSOR, UNSET)
    return query if given is UNSET else msgspec.structs.replace(query, cursor=_store_cursor(request, query, given))


def _store_cursor(request: Request, query: msgspec.Struct, cursor: str) -> str:
    whole = _read(cursor)
    seal, told = whole[:_SEAL], whole[_SEAL:]
    if len(told) < 2 * _TAG or not _is_sealed(told, seal):
        raise BadRequest(NOT_OURS, parameter=CURSOR)
    if told[:_TAG] != _list_tag(request):
        raise BadRequest(OF_ANOTHER_LIST, parameter=CURSOR)
    if told[_TAG : 2 * _TAG] != _query_tag(query):
        raise BadRequest(OF_OTHER_FILTERS, parameter=CURSOR)
    return told[2 * _TAG :].decode()


def _is_sealed(told: bytes, seal: bytes) -> bool:
    return any(hmac.compare_digest(seal, _seal(told, key)) for key in services().cursor_seals.accepted_keys())


def _seal(told: bytes, key: Key) -> bytes:
    return hmac.digest(key.derived(b"wallify cursor"), told, "sha256")[:_SEAL]


def _list_tag(request: Request) -> bytes:
    method = "GET" if request.method == "HEAD" else request.method
    at = {name: unicodedata.normalize("NFC", text).strip() for name, text in request.path_params.items()}
    return _digest([method, request.route, at])


def _query_tag(query: msgspec.Struct) -> bytes:
    given = msgspec.structs.asdict(query)
    return _digest({name: value for name, value in given.items() if name not in _FREE and value is not UNSET})


def _digest(what: object) -> bytes:
    return sha256(msgspec.json.encode(what, order="sorted")).digest()[:_TAG]


def _written(whole: bytes) -> str:
    return base64.urlsafe_b64encode(whole).decode().rstrip("=")


def _read(cursor: str) -> bytes:
    try:
        whole = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars="-_", validate=True)
    except ValueError:
        return b""
    # The last letter has bits that decoding ignores: only the one way of writing it counts.
    return whole if _written(whole) == cursor else b""
