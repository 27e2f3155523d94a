"""HTTP requests of the client: httpx below, typed values, retries and `ApiError` above."""

from __future__ import annotations

import random
import re
import ssl
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cache
from ipaddress import ip_address
from threading import Lock
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

import msgspec

from cli.client.models import ApiError

# With httpx comes its own command line, if click is installed, which takes a tenth of the start of each command. None
# has it do without: https://docs.python.org/3/reference/import.html#the-module-cache
sys.modules.setdefault("httpx._main", None)  # type: ignore[arg-type]  # typeshed knows modules only

import httpx  # noqa: E402

TOO_MANY = 429
"""Statuses of requests that were refused before any effect, so all of them may be repeated."""
PASSING = frozenset({0, 502, 503, 504})
"""No answer, or a failed service: idempotent requests may be repeated."""


@dataclass(frozen=True)
class RetryPolicy:
    """How often to try a request, and how long to wait in between; in seconds."""

    tries: int = 5
    first_wait: float = 0.4
    longest_wait: float = 60.0
    sleep: Callable[[float], None] = time.sleep
    jitter: Callable[[], float] = random.random

    def waits(self) -> Iterator[float]:
        """Yield doubling waits, each spread over its upper half so that many clients do not come back at once."""
        for turn in range(self.tries - 1):
            yield self.first_wait * 2**turn * (1 + self.jitter()) / 2

    def rest(self, planned: float, error: ApiError) -> None:
        """Wait as planned, or as long as `Retry-After` says if that is longer."""
        self.sleep(min(max(planned, error.retry_after or 0), self.longest_wait))


def is_retryable(error: ApiError, *, repeatable: bool) -> bool:
    """Return True if the same request may succeed later, and sending it again does no harm."""
    return error.status == TOO_MANY or (repeatable and error.status in PASSING)


T = TypeVar("T")
Query = Mapping[str, str | int | None]

TIMEOUT = httpx.Timeout(60, connect=10)
"""The gateway gives up after 29 seconds; a slow line needs longer for a file."""
_NO_MORE = msgspec.Raw(b"null")
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_MET: set[object] = set()
"""Types that an answer was decoded as before."""
_FIRST = Lock()


@dataclass(frozen=True)
class Transport:
    """HTTP connections of one API; `plain` is for its bucket and CDN, which must never get the token."""

    http: httpx.Client
    plain: httpx.Client
    patience: RetryPolicy = field(default_factory=RetryPolicy)

    @classmethod
    def to(cls, url: str, token: str | None, patience: RetryPolicy | None = None) -> Transport:
        """Connect to the API at `url`, with `token` if there is one."""
        headers = {"Accept": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        with api_errors():
            # A proxy could not reach this machine's own addresses.
            outside = not _is_this_machine(httpx.URL(url).host)
            trust = _trust(outside)
            http = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT, trust_env=outside, verify=trust)
        plain = httpx.Client(timeout=TIMEOUT, trust_env=outside, verify=trust)
        return cls(http, plain, patience or RetryPolicy())

    def close(self) -> None:
        """Close all connections."""
        self.http.close()
        self.plain.close()

    def ask(
        self,
        method: str,
        path: str,
        kind: type[T],
        *,
        query: Query | None = None,
        repeatable: bool = False,
        **sent: Any,  # noqa: ANN401  # httpx's own keywords
    ) -> T:
        """Return the answer to a request as a value of that type. Raises ApiError for any other answer, or none.

        An idempotent request (by `repeatable` or by its method) is repeated with growing pauses.
        """
        params = {name: value for name, value in (query or {}).items() if value is not None}
        answer = self.with_retries(
            lambda: successful(lambda: self.http.request(method, path, params=params, **sent)),
            repeatable=repeatable or method in IDEMPOTENT,
        )
        return decode(answer.content, kind)

    def walk(
        self, path: str, what: str, kind: type[T], query: Query | None = None, *, method: str = "GET"
    ) -> Iterator[T]:
        """Yield the items of a list, page after page; the next page is requested when it is needed."""
        at = dict(query or {})
        while True:
            page = self.ask(method, path, dict[str, msgspec.Raw], query=at, repeatable=True)
            yield from decode(page[what], list[kind])  # type: ignore[valid-type]  # a type that is known at run time
            cursor = msgspec.json.decode(page.get("next_cursor", _NO_MORE))
            if cursor is None:
                return
            at["cursor"] = cursor

    def fetch(self, url: str, out: BinaryIO) -> int:
        """Write the content of a public URL; return the number of bytes. Raises ApiError as `ask` does."""
        return self.with_retries(lambda: self._copied(url, out), repeatable=True)

    def with_retries(self, attempt: Callable[[], T], *, repeatable: bool) -> T:
        """Run an attempt; repeat it where that may help and does no harm."""
        for planned in self.patience.waits():
            try:
                return attempt()
            except ApiError as error:
                if not is_retryable(error, repeatable=repeatable):
                    raise
                self.patience.rest(planned, error)
        return attempt()

    def _copied(self, url: str, out: BinaryIO) -> int:
        out.seek(0)
        out.truncate()
        with api_errors(), self.plain.stream("GET", url, follow_redirects=True) as answer:
            if not answer.is_success:
                answer.read()
                raise error_from(answer)
            return sum(out.write(chunk) for chunk in answer.iter_bytes())


@contextmanager
def api_errors() -> Iterator[None]:
    """Raise ApiError for every error of httpx in the block."""
    try:
        yield
    except httpx.HTTPError as silence:
        where = urlsplit(str(silence.request.url))
        raise ApiError(f"{where.scheme}://{where.netloc} does not answer: {_why(silence)}.") from silence
    except httpx.InvalidURL as bad:
        raise ApiError(f"The address cannot be used: {bad}.") from bad


def successful(request: Callable[[], httpx.Response]) -> httpx.Response:
    """Return the answer if it is a success; raise ApiError for any other, and for none."""
    with api_errors():
        answer = request()
    if answer.is_success:
        return answer
    raise error_from(answer)


def error_from(answer: httpx.Response) -> ApiError:
    """Return the error of an answer, also for answers of a gateway or proxy."""
    error = _error_body(answer)
    return ApiError(
        str(error.get("message") or f"The answer was {answer.status_code} {answer.reason_phrase}."),
        status=answer.status_code,
        code=str(error.get("code") or f"http_{answer.status_code}"),
        request_id=str(error.get("request_id") or answer.headers.get("X-Request-Id", "")),
        details=error.get("details") or {},
        retry_after=retry_after_seconds(answer.headers.get("Retry-After")),
    )


def retry_after_seconds(retry_after: str | None) -> float | None:
    """Return `Retry-After` in seconds from now; it is a number or a date (RFC 9110, 10.2.3)."""
    try:
        return float(retry_after) if retry_after else None
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after or "").timestamp() - time.time())
    except ValueError:
        return None


def decode(body: bytes | msgspec.Raw, kind: type[T]) -> T:
    """Decode JSON as a value of that type; unknown fields are ignored."""
    try:
        # msgspec analyses a type at its first use, which is not thread-safe.
        with nullcontext() if kind in _MET else _FIRST:
            value = msgspec.json.decode(body, type=kind)
            _MET.add(kind)
            return value
    except msgspec.MsgspecError as other:
        raise ApiError(
            f"The answer does not match the API's schema: {other}.", code="not_understood", status=200
        ) from other


def _error_body(answer: httpx.Response) -> dict[str, Any]:
    try:
        error = answer.json()
    except ValueError:
        return {}
    return error if isinstance(error, dict) else {}


def _why(silence: httpx.HTTPError) -> str:
    if isinstance(silence, httpx.TimeoutException):
        return "it took too long"
    without_number = re.sub(r"^\[[^]]*\] *", "", str(silence))
    return without_number.rstrip(".").lower() or "no answer"


@cache
def _trust(outside: bool) -> ssl.SSLContext:  # noqa: FBT001 - it has this one meaning
    """Return the trusted certificates; reading them takes 20 ms, so they are shared."""
    return httpx.create_ssl_context(trust_env=outside)


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
