"""The one shape of every error, in the client's language."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Annotated, Any

import msgspec

from chalicelib.errors import MethodNotAllowed, Misconfigured, Unauthorized, UnsupportedCoding, WallifyError
from chalicelib.http.declaration import schema
from chalicelib.http.request import Language
from chalicelib.http.response import Response, json_response
from chalicelib.i18n import filled, template, translated
from chalicelib.tasks.model import Failure

RETRY_AFTER_SECONDS = "2"


@schema("Problem", "The shape of every error.")
class Problem(msgspec.Struct, frozen=True, kw_only=True):
    success: bool = False
    status: Annotated[int, msgspec.Meta(description="The HTTP status.")]
    code: Annotated[str, msgspec.Meta(description="Stable error code for programs.")]
    message: Annotated[str, msgspec.Meta(description="Message for people, in English or Turkish.")]
    request_id: Annotated[str, msgspec.Meta(description="Id of this request in the logs.")]
    details: Annotated[Mapping[str, Any], msgspec.Meta(description="Facts about the error.")]


class InternalError(WallifyError):
    """Something went wrong inside Wallify."""


def problem_response(error: WallifyError, language: Language, request_id: str) -> Response:
    """The answer to a request that failed."""
    told = Problem(
        status=error.status,
        code=error.code,
        message=localized(error, language),
        request_id=request_id,
        details=error.details,
    )
    return json_response(told, error.status).with_headers(Content_Language=str(language), **_headers(error))


def localized(error: WallifyError | Failure, language: Language) -> str:
    """An error's message in the language, with the same facts; at least the message of its code."""
    if language is Language.ENGLISH:
        return error.message
    text_id = error.text_id if isinstance(error, WallifyError) else error.sentence
    # Rows of earlier versions hold an English message in place of an id.
    found = template(text_id, language) or translated(text_id or error.message, language)
    return filled(found or template(error.code, language) or error.message, error.details)


def localized_warnings(warnings: Iterable[str], language: Language) -> tuple[str, ...]:
    """What a record says about its file, in the language; rows keep it in English."""
    return tuple(translated(one, language) or one for one in warnings)


def _headers(error: WallifyError) -> dict[str, str]:
    if isinstance(error, Unauthorized):
        return {"WWW_Authenticate": "Bearer"}
    if isinstance(error, MethodNotAllowed):
        return {"Allow": str(error.details["allow"])}
    if isinstance(error, UnsupportedCoding):
        # https://www.rfc-editor.org/rfc/rfc9110#section-15.5.16
        return {"Accept_Encoding": "identity"}
    after = str(error.details.get("retry_after", RETRY_AFTER_SECONDS))
    # A configuration is not mended in two seconds.
    return {"Retry_After": after} if error.retryable and not isinstance(error, Misconfigured) else {}
