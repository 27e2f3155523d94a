"""What AWS's error codes say: too much at once, or a configuration of ours that cannot work. Tables for every edge.

Sources: https://docs.aws.amazon.com/AmazonS3/latest/API/ErrorResponses.html and the "Common Errors" and operations of
SQS, DynamoDB, Secrets Manager, CloudFront, CloudWatch, Lambda and KMS.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from chalicelib.errors import Misconfigured

THROTTLES = frozenset(
    {
        "KmsThrottled",
        "ProvisionedThroughputExceededException",
        "RequestLimitExceeded",
        "RequestThrottled",
        "RequestThrottledException",
        "SlowDown",
        "ThrottledException",
        "Throttling",
        "ThrottlingException",
        "TooManyInvalidationsInProgress",
        "TooManyRequestsException",
    }
)
"""https://docs.aws.amazon.com/sdkref/latest/guide/feature-retry-behavior.html"""
_NOT_ALLOWED = frozenset(
    {
        "AccessDenied",
        "AccessDeniedException",
        "AccountProblem",
        "AllAccessDisabled",
        "AuthFailure",
        "AuthorizationError",
        "NotAuthorized",
        "NotSignedUp",
        "OptInRequired",
        "SubscriptionRequiredException",
        "UnauthorizedAccess",
        "UnauthorizedOperation",
    }
)
_WRONG_CREDENTIALS = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "IncompleteSignatureException",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSecurity",
        "InvalidSignatureException",
        "InvalidToken",
        "MissingAuthenticationToken",
        "MissingAuthenticationTokenException",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
        "TokenRefreshRequired",
        "UnrecognizedClientException",
    }
)
_NOT_THERE = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "InvalidAddress",
        "InvalidBucketName",
        "NoSuchBucket",
        "NoSuchDistribution",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
        "TableNotFoundException",
    }
)
_ELSEWHERE = frozenset(
    {
        "301",  # HEAD has no body, so botocore takes the status for the code
        "AuthorizationHeaderMalformed",
        "BucketRegionError",
        "IllegalLocationConstraintException",
        "PermanentRedirect",
    }
)
_KEYS = frozenset(
    {
        "DecryptionFailure",
        "InaccessibleEncryptionDateTimeException",
        "KMS.DisabledException",
        "KMS.InvalidStateException",
        "KMS.KMSInvalidStateException",
        "KMS.NotFoundException",
        "KMSAccessDeniedException",
        "KMSDisabledException",
        "KMSInvalidStateException",
        "KMSNotFoundException",
        "KmsAccessDenied",
        "KmsDisabled",
        "KmsInvalidKeyUsage",
        "KmsInvalidState",
        "KmsNotFound",
        "KmsOptInRequired",
    }
)
CONFIGURATION = _NOT_ALLOWED | _WRONG_CREDENTIALS | _NOT_THERE | _ELSEWHERE | _KEYS
"""Codes that trying again does not change: somebody has to mend a policy, a key, a name or a setting."""
SETUP_FAULTS = frozenset(
    {
        "InvalidConfigError",
        "InvalidRegionError",
        "NoCredentialsError",
        "NoRegionError",
        "ParamValidationError",
        "PartialCredentialsError",
        "ProfileNotFound",
    }
)
"""Exceptions of botocore that say the same before a request is made; an id that no service takes is one of them."""
_FORBIDDEN = (401, 403)
_LONGEST_REASON = 300


def is_configuration(answer: Mapping[str, Any]) -> bool:
    """True for an answer of AWS, as botocore parses it, that no retry can change."""
    code = answer.get("Error", {}).get("Code", "")
    if code in THROTTLES:
        return False
    return code in CONFIGURATION or answer.get("ResponseMetadata", {}).get("HTTPStatusCode") in _FORBIDDEN


def misconfigured(fault: Exception, service: str, resource: str) -> Misconfigured | None:
    """What a botocore exception says of our configuration, with its cause for administrators; None for nothing."""
    answer, kind = getattr(fault, "response", None), type(fault).__name__
    if isinstance(answer, Mapping) and is_configuration(answer):
        told = answer.get("Error", {})
        operation = str(getattr(fault, "operation_name", ""))
        return _told(service, operation, str(told.get("Code", "")), resource, str(told.get("Message", "")))
    if kind in SETUP_FAULTS:
        # Its own words may repeat what was sent.
        return _told(service, "", kind, resource, "")
    return None


def denied(service: str, operation: str, code: str, resource: str) -> Misconfigured | None:
    """The same for a code inside an answer that reports on many things, such as DeleteObjects'."""
    return _told(service, operation, code, resource, "") if code in CONFIGURATION else None


def _told(service: str, operation: str, code: str, resource: str, reason: str) -> Misconfigured:
    cause = {
        "service": service,
        "operation": operation,
        "error": code,
        "resource": resource,
        "reason": reason[:_LONGEST_REASON],
    }
    return Misconfigured(cause={name: text for name, text in cause.items() if text})
