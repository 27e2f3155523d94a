"""What the gateway says itself has the shape and the words of our own errors."""

from __future__ import annotations

import json

import pytest

from chalicelib import errors
from chalicelib.i18n import ENGLISH, TURKISH, messages
from cli.local.gateway_errors import HEADER_PREFIX, GatewayResponses

WORDS = GatewayResponses.load()
CODES = {
    error.code: error
    for error in vars(errors).values()
    if isinstance(error, type) and issubclass(error, errors.WallifyError) and error.code in messages()
}
OURS = {code: error.status for code, error in CODES.items()}


@pytest.mark.parametrize("response_type", WORDS.responses)
def test_every_answer_has_the_error_shape(response_type: str) -> None:
    status, headers, body = WORDS.say(response_type)
    said = json.loads(body)

    assert said.keys() == {"success", "status", "code", "message", "request_id", "details"}
    assert (said["success"], said["status"], said["details"].keys()) == (False, status, {"tr"})
    assert said["request_id"] == headers["x-amzn-RequestId"]
    assert headers["X-Content-Type-Options"] == "nosniff"
    assert not [name for name in headers if name.startswith("Access-Control")]
    # What the local cloud speaks is plain HTTP.
    assert "Strict-Transport-Security" not in headers
    assert WORDS.responses[response_type]["ResponseParameters"][f"{HEADER_PREFIX}Strict-Transport-Security"]


@pytest.mark.parametrize("response_type", WORDS.responses)
def test_a_code_that_we_use_too_means_the_same(response_type: str) -> None:
    said = json.loads(WORDS.say(response_type)[2])

    assert OURS.get(said["code"], said["status"]) == said["status"]


def test_an_unknown_route_is_not_found_rather_than_forbidden() -> None:
    assert WORDS.say("MISSING_AUTHENTICATION_TOKEN")[0] == 404


def test_a_refused_token_names_the_scheme() -> None:
    assert WORDS.say("UNAUTHORIZED")[1]["WWW-Authenticate"] == "Bearer"


@pytest.mark.parametrize("response_type", WORDS.responses)
def test_a_sentence_of_ours_is_ours_in_turkish_too(response_type: str) -> None:
    body = WORDS.say(response_type)[2]
    said = json.loads(body)

    assert body.isascii()
    ours = {messages()[code][ENGLISH]: messages()[code][TURKISH] for code in CODES}
    assert said["details"]["tr"] == ours.get(said["message"], said["details"]["tr"])
    assert said["details"]["tr"] not in {"", said["message"]}
