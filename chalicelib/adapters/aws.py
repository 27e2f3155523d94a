"""AWS clients, the mapping of AWS error codes (throttling, wrong configuration), secrets, and the clock."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any
from urllib.parse import urlsplit

from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import Misconfigured, Unavailable
from chalicelib.telemetry import Counting

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
        "301",  # HEAD has no body, so botocore uses the status as the code
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
"""Error codes after which a retry cannot succeed: a policy, a key, a name or a setting is wrong."""
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
"""Exceptions that botocore raises before it sends a request, with the same meaning; ParamValidationError is an invalid
id."""
_FORBIDDEN = (401, 403)
_LONGEST_REASON = 300


def is_configuration(answer: Mapping[str, Any]) -> bool:
    """Return True if a retry of the request cannot succeed; takes an error response as botocore parses it."""
    code = answer.get("Error", {}).get("Code", "")
    if code in THROTTLES:
        return False
    return code in CONFIGURATION or answer.get("ResponseMetadata", {}).get("HTTPStatusCode") in _FORBIDDEN


def misconfigured(fault: Exception, service: str, resource: str) -> Misconfigured | None:
    """Return the configuration fault behind a botocore exception; None for other causes.

    It has a reason for administrators.
    """
    answer, kind = getattr(fault, "response", None), type(fault).__name__
    if isinstance(answer, Mapping) and is_configuration(answer):
        error = answer.get("Error", {})
        operation = str(getattr(fault, "operation_name", ""))
        return _misconfigured(service, operation, str(error.get("Code", "")), resource, str(error.get("Message", "")))
    if kind in SETUP_FAULTS:
        # The exception's own message may contain parameters of the request.
        return _misconfigured(service, "", kind, resource, "")
    return None


def denied(service: str, operation: str, code: str, resource: str) -> Misconfigured | None:
    """Return the same for one error code in a response about several items, such as that of DeleteObjects."""
    return _misconfigured(service, operation, code, resource, "") if code in CONFIGURATION else None


def _misconfigured(service: str, operation: str, code: str, resource: str, reason: str) -> Misconfigured:
    cause = {
        "service": service,
        "operation": operation,
        "error": code,
        "resource": resource,
        "reason": reason[:_LONGEST_REASON],
    }
    return Misconfigured(cause={name: text for name, text in cause.items() if text})


_SERVER_ERROR = 500


def count_faults(client: Any, service: str, metrics: Counting) -> Any:  # noqa: ANN401  # boto3's clients have no types
    """Count throttling and server errors of the client in the metrics.

    A second call for the same client does nothing.
    """
    client.meta.events.register("response-received", partial(_note, service, metrics), unique_id="wallify-troubles")
    return client


@dataclass(frozen=True)
class AwsClients:
    """Factory of clients whose errors are counted in the metrics."""

    metrics: Counting
    packaged: bool = True
    """Use the package's descriptions of services, if it has some."""

    def __call__(self, service: str) -> Any:  # noqa: ANN401  # botocore's clients have no types
        """Return the client of the service, the same one at each call."""
        if self.packaged:
            return count_faults(client(service), service, self.metrics)
        return count_faults(client(service, packaged=False), service, self.metrics)


def unavailable_or_misconfigured(cause: Exception, service: str, resource: str, otherwise: str) -> Unavailable:
    """Translate a botocore exception into Misconfigured, or into Unavailable with this message."""
    return misconfigured(cause, service, resource) or Unavailable(otherwise)


def _note(
    service: str,
    metrics: Counting,
    *,
    parsed_response: dict[str, Any] | None,
    exception: Exception | None,
    **_: object,
) -> None:
    answer = parsed_response or {}
    if is_configuration(answer):
        # Counted here, because a failure of a clock or of the sweeper belongs to no task.
        metrics.count("Faults", cause=Misconfigured.code)
    if answer.get("Error", {}).get("Code") in THROTTLES:
        metrics.count("AwsThrottles", aws=service)
    elif exception is not None or answer.get("ResponseMetadata", {}).get("HTTPStatusCode", 0) >= _SERVER_ERROR:
        metrics.count("AwsErrors", aws=service)


_REGIONAL = {"addressing_style": "virtual", "us_east_1_regional_endpoint": "regional"}
_AWS_SUFFIXES = (".amazonaws.com", ".amazonaws.com.cn", ".amazonaws.eu", ".c2s.ic.gov", ".sc2s.sgov.gov")


@cache
def client(service: str, *, packaged: bool = True) -> Any:  # noqa: ANN401  # botocore makes its clients from data files; they have no types
    """Create a client of the service, with credentials, region and endpoint from the usual AWS environment.

    It makes at most five attempts with jitter ("standard" retry mode) and has short timeouts, because functions have a
    short timeout themselves. Addresses signed by an S3 client contain the host of the region, or of an endpoint that
    the environment sets. Descriptions of services come from the package if it has them, unless `packaged` is false.
    """
    from botocore.config import Config  # noqa: PLC0415  # a request that needs no AWS should not pay for it

    made_of = session(packaged=packaged)
    config = Config(
        retries={"mode": "standard", "total_max_attempts": 5},
        connect_timeout=3,
        read_timeout=20,
        max_pool_connections=16,
        # Presigned forms require Signature Version 4, which every region accepts.
        signature_version="s3v4" if service == "s3" else None,
        # By default, botocore signs addresses of the global host. It redirects requests for buckets that are less than
        # about a day old, and it refuses requests for buckets in regions opened since 2019
        # (https://docs.aws.amazon.com/AmazonS3/latest/userguide/VirtualHosting.html#deprecated-global-endpoint).
        # A custom endpoint has one host for all buckets.
        s3=_REGIONAL if service == "s3" and _is_own_host(made_of) else None,
    )
    return made_of.create_client(service, config=config)


def session(*, packaged: bool = True) -> Any:  # noqa: ANN401  # botocore has no types
    """Return the session that clients are made of, the same one at each call; see `client`."""
    return _session(packaged)


@cache
def _session(packaged: bool) -> Any:  # noqa: ANN401, FBT001  # a key of the cache
    """Create a session.

    boto3 would add nothing that is used, and takes 30 ms to import.
    """
    from botocore.session import Session  # noqa: PLC0415  # 100 ms, as above

    from chalicelib.adapters.aws_data import FOLDER, PackagedLoader  # noqa: PLC0415  # as above

    made = Session()
    if packaged and FOLDER.is_dir():
        made.register_component("data_loader", PackagedLoader(FOLDER))
    return made


def forget_clients() -> None:
    """Let clients be made anew, with what the environment says then (tests)."""
    client.cache_clear()
    _session.cache_clear()


def _is_own_host(made_of: Any) -> bool:  # noqa: ANN401
    """Return True if clients call S3 in their region, and False if the environment sets a custom endpoint."""
    from botocore.configprovider import ConfiguredEndpointProvider  # noqa: PLC0415  # as above

    files = {"full_config": made_of.full_config, "scoped_config": made_of.get_scoped_config()}
    if not (endpoint := ConfiguredEndpointProvider(**files, client_name="s3").provide()):
        return True
    host = urlsplit(endpoint).hostname or ""
    service, _, rest = host.partition(f".{made_of.get_config_variable('region')}.")
    return service.removesuffix(".dualstack") in {"s3", "s3-fips"} and f".{rest}" in _AWS_SUFFIXES


@dataclass
class SecretsManagerSecret:
    """Secret by id, cached for `lasts`: a changed value is read after at most this time."""

    secret_id: str
    connect: Callable[[], Any]
    now: Callable[[], datetime]
    lasts: timedelta = timedelta(minutes=1)
    _text: str = field(default="", init=False, repr=False)
    _read_at: datetime | None = field(default=None, init=False)
    written_at: datetime | None = field(default=None, init=False)
    """Time at which the cached value was written; None before the first read, and if the service does not return it."""

    def __call__(self) -> str:
        """Return the text, or "" if no secret is configured. Raises Unavailable if it cannot be read."""
        if not self.secret_id:
            return ""
        now = self.now()
        if self._read_at is None or now - self._read_at >= self.lasts:
            self._text, self._read_at = self._read(), now
        return self._text

    def _read(self) -> str:
        try:
            found = self.connect().get_secret_value(SecretId=self.secret_id)
        except (ClientError, BotoCoreError) as cause:
            raise unavailable_or_misconfigured(cause, "secretsmanager", self.secret_id, _SILENT) from cause
        self.written_at = found.get("CreatedDate")
        return str(found["SecretString"])


_SILENT = "secret.unavailable"


class SystemClock:
    """System clock in UTC."""

    def now(self) -> datetime:
        """See `Clock.now`."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """See `Clock.sleep`."""
        time.sleep(seconds)


@dataclass(frozen=True)
class FrozenClock(SystemClock):
    """Clock with a fixed time, for tests of later dates."""

    moment: datetime

    def now(self) -> datetime:
        """Return the fixed time."""
        return self.moment


def new_id() -> str:
    """Return a random id."""
    return str(uuid.uuid4())
