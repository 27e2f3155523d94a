"""Requests and answers: httpx below, our values and our one error above."""

from __future__ import annotations

import re
import ssl
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from email.utils import parsedate_to_datetime
from functools import cache
from ipaddress import ip_address
from threading import Lock
from time import time
from typing import Any, BinaryIO, TypeVar
from urllib.parse import urlsplit

import httpx
import msgspec

from cli.client.errors import ApiError
from cli.client.patience import Patience, may_pass

T = TypeVar("T")
Query = Mapping[str, str | int | None]

TIMEOUT = httpx.Timeout(60, connect=10)
"""The gateway gives up after 29 seconds; a slow line needs longer for a file."""
_NO_MORE = msgspec.Raw(b"null")
IDEMPOTENT = frozenset({"GET", "HEAD", "PUT", "DELETE"})
_MET: set[object] = set()
"""Types that an answer was read as before."""
_FIRST = Lock()


@dataclass(frozen=True)
class Wire:
    """One API; `plain` speaks to its bucket and its CDN, which must never see the token."""

    http: httpx.Client
    plain: httpx.Client
    patience: Patience = field(default_factory=Patience)

    @classmethod
    def to(cls, url: str, token: str | None, patience: Patience | None = None) -> Wire:
        """The API at `url`, with `token` if there is one."""
        headers = {"Accept": "application/json", **({"Authorization": f"Bearer {token}"} if token else {})}
        with translated():
            # A proxy of the machine is for other hosts: it could not reach this one's own addresses.
            outside = not _is_this_machine(httpx.URL(url).host)
            trust = _trust(outside)
            http = httpx.Client(base_url=url, headers=headers, timeout=TIMEOUT, trust_env=outside, verify=trust)
        plain = httpx.Client(timeout=TIMEOUT, trust_env=outside, verify=trust)
        return cls(http, plain, patience or Patience())

    def close(self) -> None:
        """End all connections."""
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
        """The answer to a request, as a value of that kind. ApiError for any other answer, or none.

        Asked again, with growing waits, where twice is the same as once: as `repeatable` says, or the method.
        """
        params = {name: value for name, value in (query or {}).items() if value is not None}
        answer = self.patiently(
            lambda: answered(lambda: self.http.request(method, path, params=params, **sent)),
            repeatable=repeatable or method in IDEMPOTENT,
        )
        return read(answer.content, kind)

    def walk(
        self, path: str, what: str, kind: type[T], query: Query | None = None, *, method: str = "GET"
    ) -> Iterator[T]:
        """Everything in a list, page after page; the next page is asked for when it is needed."""
        at = dict(query or {})
        while True:
            page = self.ask(method, path, dict[str, msgspec.Raw], query=at, repeatable=True)
            yield from read(page[what], list[kind])  # type: ignore[valid-type]  # a type that is known at run time
            cursor = msgspec.json.decode(page.get("next_cursor", _NO_MORE))
            if cursor is None:
                return
            at["cursor"] = cursor

    def fetch(self, url: str, out: BinaryIO) -> int:
        """Write what lies at a public address; answers how many bytes. ApiError as with `ask`."""
        return self.patiently(lambda: self._copied(url, out), repeatable=True)

    def patiently(self, attempt: Callable[[], T], *, repeatable: bool) -> T:
        """What an attempt leads to; it is made again where that may help and does no harm."""
        for planned in self.patience.waits():
            try:
                return attempt()
            except ApiError as error:
                if not may_pass(error, repeatable=repeatable):
                    raise
                self.patience.rest(planned, error)
        return attempt()

    def _copied(self, url: str, out: BinaryIO) -> int:
        out.seek(0)
        out.truncate()
        with translated(), self.plain.stream("GET", url, follow_redirects=True) as answer:
            if not answer.is_success:
                answer.read()
                raise error_of(answer)
            return sum(out.write(chunk) for chunk in answer.iter_bytes())


@contextmanager
def translated() -> Iterator[None]:
    """ApiError for whatever httpx raises in the block."""
    try:
        yield
    except httpx.HTTPError as silence:
        where = urlsplit(str(silence.request.url))
        raise ApiError(f"{where.scheme}://{where.netloc} does not answer: {_why(silence)}.") from silence
    except httpx.InvalidURL as bad:
        raise ApiError(f"The address cannot be used: {bad}.") from bad


def answered(request: Callable[[], httpx.Response]) -> httpx.Response:
    """A good answer; ApiError for any other, and for none."""
    with translated():
        answer = request()
    if answer.is_success:
        return answer
    raise error_of(answer)


def error_of(answer: httpx.Response) -> ApiError:
    """The error that an answer tells, also one that comes from somewhere before the API."""
    told = _told(answer)
    return ApiError(
        str(told.get("message") or f"The answer was {answer.status_code} {answer.reason_phrase}."),
        status=answer.status_code,
        code=str(told.get("code") or f"http_{answer.status_code}"),
        request_id=str(told.get("request_id") or answer.headers.get("X-Request-Id", "")),
        details=told.get("details") or {},
        retry_after=seconds(answer.headers.get("Retry-After")),
    )


def seconds(retry_after: str | None) -> float | None:
    """A `Retry-After` in seconds from now; it comes as a number or as a date (RFC 9110, 10.2.3)."""
    try:
        return float(retry_after) if retry_after else None
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(retry_after or "").timestamp() - time())
    except ValueError:
        return None


def read(body: bytes | msgspec.Raw, kind: type[T]) -> T:
    """JSON as a value of that kind; fields that it does not know are left out."""
    try:
        # msgspec describes a type to itself when it meets it first, which threads must not do to one side by side.
        with nullcontext() if kind in _MET else _FIRST:
            value = msgspec.json.decode(body, type=kind)
            _MET.add(kind)
            return value
    except msgspec.MsgspecError as other:
        raise ApiError(f"The answer is not what Wallify says: {other}.", code="not_understood", status=200) from other


def _told(answer: httpx.Response) -> dict[str, Any]:
    try:
        told = answer.json()
    except ValueError:
        return {}
    return told if isinstance(told, dict) else {}


def _why(silence: httpx.HTTPError) -> str:
    if isinstance(silence, httpx.TimeoutException):
        return "it took too long"
    without_number = re.sub(r"^\[[^]]*\] *", "", str(silence))
    return without_number.rstrip(".").lower() or "no answer"


@cache
def _trust(outside: bool) -> ssl.SSLContext:  # noqa: FBT001 - it has this one meaning
    """Who vouches for servers: reading them takes 20 ms, which every client would spend anew."""
    return httpx.create_ssl_context(trust_env=outside)


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
