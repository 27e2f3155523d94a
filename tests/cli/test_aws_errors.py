"""What a person at the terminal is told when AWS, or the way to it, answers with an error."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    PartialCredentialsError,
    ProfileNotFound,
    ProxyConnectionError,
    SSLError,
    UnauthorizedSSOTokenError,
    UnknownServiceError,
)

from cli import errors
from cli.deploy.target import StageTarget
from cli.local import aws
from tests.cli.conftest import Terminal

HERE = "https://sts.eu-central-1.amazonaws.com/"


def refused(code: str, operation: str = "CreateChangeSet") -> ClientError:
    return ClientError({"Error": {"Code": code, "Message": "no"}}, operation)


@pytest.mark.parametrize(
    ("error", "words", "code"),
    [
        (EndpointConnectionError(endpoint_url=HERE), "AWS cannot be reached", errors.UNREACHABLE),
        (ConnectTimeoutError(endpoint_url=HERE), "AWS cannot be reached", errors.UNREACHABLE),
        (ProxyConnectionError(proxy_url="http://p"), "AWS cannot be reached", errors.UNREACHABLE),
        (SSLError(endpoint_url=HERE, error="self-signed"), "AWS cannot be reached", errors.UNREACHABLE),
        (NoCredentialsError(), "no valid AWS credentials. Sign in", errors.FAILED),
        (PartialCredentialsError(provider="env", cred_var="X"), "no valid AWS credentials", errors.FAILED),
        (ProfileNotFound(profile="nobody"), "no valid AWS credentials", errors.FAILED),
        (UnauthorizedSSOTokenError(), "no valid AWS credentials", errors.FAILED),
        (UnknownServiceError(service_name="x", known_service_names="y"), "AWS cannot be asked", errors.FAILED),
        (refused("ExpiredToken"), "no valid AWS credentials", errors.FAILED),
        (refused("InvalidClientTokenId"), "no valid AWS credentials", errors.FAILED),
        (refused("SignatureDoesNotMatch"), "the clock of this machine", errors.FAILED),
        (refused("AccessDenied"), "AWS refuses CreateChangeSet. infra/deployer.json", errors.DENIED),
        (refused("AccessDeniedException", "GetRestApi"), "AWS refuses GetRestApi", errors.DENIED),
        (refused("LimitExceededException"), "AWS answered CreateChangeSet with LimitExceededException", errors.FAILED),
    ],
)
def test_each_error_is_one_sentence_with_its_remedy(error: BotoCoreError | ClientError, words: str, code: int) -> None:
    told = aws.explained(error)

    assert words in f"{told.what} {told.advice}"
    assert (told.exit_code, told.evidence) == (code, str(error))


@pytest.mark.parametrize(
    "command",
    [
        ("deploy", "--stage", "dev"),
        ("deploy", "--stage", "dev", "--plan"),
        ("deploy", "--stage", "dev", "--infra-only"),
        ("teardown", "--stage", "dev", "--yes"),
        ("keys", "list", "--stage", "dev"),
    ],
)
def test_no_command_shows_a_traceback_when_aws_refuses(
    wallify: Terminal, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    def client(_: StageTarget, service: str) -> object:
        raise refused("AccessDenied", service)

    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setattr(StageTarget, "client", client)

    typed = wallify(*command)

    assert (typed.code, typed.out) == (errors.DENIED, "")
    assert "AWS refuses" in typed.err
