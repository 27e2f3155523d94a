"""Each error code of AWS, by service: a configuration that no retry changes, or something that passes."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    ConnectTimeoutError,
    EndpointConnectionError,
    NoCredentialsError,
    NoRegionError,
    ParamValidationError,
    PartialCredentialsError,
    ReadTimeoutError,
)

from chalicelib.adapters.aws import denied, unavailable_or_misconfigured
from chalicelib.errors import Misconfigured, Unavailable

SECRET = "AKIA-secret-4711"
OPERATIONS = {
    "s3": "PutObject",
    "sqs": "SendMessage",
    "dynamodb": "TransactWriteItems",
    "secretsmanager": "GetSecretValue",
    "cloudfront": "CreateInvalidation",
    "cloudwatch": "GetMetricData",
    "lambda": "UpdateEventSourceMapping",
}
EVERYWHERE = (
    (403, "AccessDenied"),
    (400, "AccessDeniedException"),
    (403, "InvalidClientTokenId"),
    (400, "UnrecognizedClientException"),
    (400, "ExpiredTokenException"),
    (403, "SignatureDoesNotMatch"),
    (400, "IncompleteSignature"),
    (403, "MissingAuthenticationToken"),
    (403, "OptInRequired"),
    (403, "ACodeThatIsNewTomorrow"),
)
WRONG = {
    "s3": (
        (404, "NoSuchBucket"),
        (400, "InvalidBucketName"),
        (301, "PermanentRedirect"),
        (301, "301"),
        (400, "AuthorizationHeaderMalformed"),
        (400, "ExpiredToken"),
        (403, "InvalidAccessKeyId"),
        (403, "RequestTimeTooSkewed"),
        (403, "AllAccessDisabled"),
        (403, "403"),
        (400, "KMS.DisabledException"),
        (400, "KMS.NotFoundException"),
    ),
    "sqs": (
        (400, "AWS.SimpleQueueService.NonExistentQueue"),
        (400, "QueueDoesNotExist"),
        (400, "InvalidAddress"),
        (403, "InvalidSecurity"),
        (400, "KmsAccessDenied"),
        (400, "KmsDisabled"),
        (400, "KmsNotFound"),
    ),
    "dynamodb": (
        (400, "ResourceNotFoundException"),
        (400, "TableNotFoundException"),
        (400, "InaccessibleEncryptionDateTimeException"),
    ),
    "secretsmanager": ((400, "ResourceNotFoundException"), (400, "DecryptionFailure")),
    "cloudfront": ((404, "NoSuchDistribution"),),
    "cloudwatch": ((400, "NotAuthorized"),),
    "lambda": ((404, "ResourceNotFoundException"), (400, "KMSAccessDeniedException")),
}
PASSING = (
    (503, "SlowDown"),
    (400, "Throttling"),
    (400, "ThrottlingException"),
    (400, "RequestThrottled"),
    (403, "RequestThrottledException"),
    (400, "ProvisionedThroughputExceededException"),
    (429, "TooManyRequestsException"),
    (400, "KmsThrottled"),
    (400, "RequestTimeout"),
    (500, "InternalError"),
    (500, "InternalServerError"),
    (503, "ServiceUnavailable"),
    (502, "BadGateway"),
)


def refused(service: str, status: int, code: str) -> ClientError:
    answer: Any = {
        "Error": {"Code": code, "Message": "User: arn:aws:iam::1:role/x is not authorized", "StringToSign": SECRET},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(answer, OPERATIONS[service])


@pytest.mark.parametrize("service", OPERATIONS)
def test_what_no_retry_changes_is_a_fault_of_the_configuration_with_its_cause(service: str) -> None:
    for status, code in (*EVERYWHERE, *WRONG[service]):
        fault = unavailable_or_misconfigured(refused(service, status, code), service, "wallify-prod", "Silent.")

        assert isinstance(fault, Misconfigured), code
        assert fault.cause == {
            "service": service,
            "operation": OPERATIONS[service],
            "error": code,
            "resource": "wallify-prod",
            "reason": "User: arn:aws:iam::1:role/x is not authorized",
        }
        assert (fault.details, SECRET in str(vars(fault))) == ({}, False)


@pytest.mark.parametrize("service", OPERATIONS)
def test_what_passes_is_unavailable(service: str) -> None:
    for status, code in PASSING:
        fault = unavailable_or_misconfigured(refused(service, status, code), service, "wallify-prod", "Silent.")

        assert (type(fault), fault.message) == (Unavailable, "Silent."), code


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (NoCredentialsError(), "NoCredentialsError"),
        (PartialCredentialsError(provider="env", cred_var="AWS_SECRET_ACCESS_KEY"), "PartialCredentialsError"),
        (NoRegionError(), "NoRegionError"),
        (ParamValidationError(report=f"Invalid bucket name {SECRET}"), "ParamValidationError"),
    ],
)
def test_a_call_that_cannot_even_be_made_is_one_too_and_repeats_nothing(fault: BotoCoreError, kind: str) -> None:
    meant = unavailable_or_misconfigured(fault, "s3", "media", "Silent.")

    assert isinstance(meant, Misconfigured)
    assert meant.cause == {"service": "s3", "error": kind, "resource": "media"}


@pytest.mark.parametrize(
    "fault",
    [
        EndpointConnectionError(endpoint_url="https://x"),
        ConnectTimeoutError(endpoint_url="https://x"),
        ReadTimeoutError(endpoint_url="https://x"),
    ],
)
def test_a_network_that_is_down_passes(fault: BotoCoreError) -> None:
    assert type(unavailable_or_misconfigured(fault, "s3", "media", "Silent.")) is Unavailable


def test_an_answer_about_many_things_says_which_of_them_is_not_allowed() -> None:
    assert denied("s3", "DeleteObjects", "InternalError", "media") is None
    assert denied("s3", "DeleteObjects", "AccessDenied", "media") is not None
