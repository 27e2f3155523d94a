"""The front door: plain paths in, the gateway's paths out, every byte as it was."""

from __future__ import annotations

import gzip
import random
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from chalicelib import storage
from chalicelib.adapters.aws import SystemClock
from chalicelib.delivery.edge_access import EdgeAccess
from chalicelib.keyring import KeySecret
from cli.local import machine, reverse_proxy
from cli.local.access import KEY_HEADER
from cli.local.gateway_errors import picture_headers
from cli.local.http_server import Limits
from cli.local.signed_access import KEY_ID, PUBLIC_EXPONENT, RSA_BITS, jwk_of
from tests.cli.fake_emulator import Upstream, front_of
from tests.fake_edge import ASKED, REDIRECT, TOLD, Asked, Told

MEGABYTE = 1024 * 1024
PIECES = [b"--x\r\n", bytes(range(256)), b"\r\n--x--\r\n"]


@pytest.fixture
def upstream() -> Upstream:
    return Upstream(machine.free_port())


@pytest.fixture
def client(upstream: Upstream) -> Iterator[httpx.Client]:
    with front_of(upstream) as made:
        yield made


@pytest.mark.parametrize(
    ("asked", "passed_on"),
    [
        ("/file_upload", "/restapis/wallify/api/_user_request_/file_upload"),
        ("/", "/restapis/wallify/api/_user_request_/"),
        ("/tasks?state=PENDING&text=a%2Bb+c", "/restapis/wallify/api/_user_request_/tasks?state=PENDING&text=a%2Bb+c"),
        ("/cdn/w/g%C3%BCn%2Fayd%C4%B1n.jpg", "/restapis/wallify/api/_user_request_/cdn/w/g%C3%BCn%2Fayd%C4%B1n.jpg"),
        ("/media/renditions/a/r1/150.jpg", "/renditions/a/r1/150.jpg"),
        ("/media/renditions/a%20b.jpg?v=1", "/renditions/a%20b.jpg?v=1"),
        ("/mediator", "/restapis/wallify/api/_user_request_/mediator"),
    ],
)
def test_plain_paths_lead_to_the_gateway_and_media_to_the_distribution(
    client: httpx.Client, upstream: Upstream, asked: str, passed_on: str
) -> None:
    client.get(asked)

    assert upstream.requests[0].path == passed_on


@pytest.mark.parametrize("asked", ASKED)
def test_redirects_of_the_distribution_are_asked_for_as_on_aws(
    client: httpx.Client, upstream: Upstream, asked: Asked
) -> None:
    client.get(f"/media{asked.path}", headers=asked.headers)

    [sent] = upstream.requests
    if not asked.target:
        assert sent.path == asked.path
        return
    own = {"host", KEY_HEADER, "x-forwarded-for", "x-forwarded-proto", "x-forwarded-port", "accept"}
    assert (sent.path, sent.headers["accept"]) == (f"/restapis/wallify/api/_user_request_{asked.target}", asked.accept)
    assert set(sent.headers) <= own


@dataclass(frozen=True)
class Granted:
    """A front that has the public key of what grants access to a collection."""

    upstream: Upstream
    pair: RSAPrivateKey

    def cookies(self, client: httpx.Client, collection: str = "family", hours: int = 1) -> dict[str, str]:
        known = KeySecret(KeySecret('{"root": "r"}', None).with_edge_key(jwk_of(KEY_ID, self.pair)), None).edge_keys()
        access = EdgeAccess(lambda: known, (KEY_ID,), f"{str(client.base_url).rstrip('/')}/media", SystemClock())
        return dict(access.grant(collection, timedelta(hours=hours)).cookies)


@pytest.fixture
def granted(upstream: Upstream, tmp_path: Path) -> Granted:
    pair = rsa.generate_private_key(public_exponent=PUBLIC_EXPONENT, key_size=RSA_BITS)
    upstream.edge_key = tmp_path / "edge-key"
    upstream.edge_key.write_text(f"{pair.public_key().public_numbers().n:x}", encoding="ascii")
    return Granted(upstream, pair)


FORM = f"{uuid.UUID(int=7)}/{storage.shelf('family')}/r1/600.jpg"


def test_a_granted_private_picture_comes_from_the_bucket(granted: Granted, client: httpx.Client) -> None:
    granted.upstream.body = b"picture"
    cookies = granted.cookies(client)

    by_cookie = client.get(
        f"/media/private/{FORM}", headers={"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())}
    )
    query = "&".join(f"{name.removeprefix('CloudFront-')}={value}" for name, value in cookies.items())
    by_query = client.get(f"/media/private/{FORM}?{query}")

    assert (by_cookie.status_code, by_cookie.content, by_query.content) == (200, b"picture", b"picture")
    for name, value in picture_headers().items():
        assert by_cookie.headers[name] == value
    for sent in granted.upstream.requests:
        path, _, signed = sent.path.partition("?")
        assert path == f"/wallify-local/guarded/{FORM}"
        assert "X-Amz-Signature=" in signed
        assert "Policy=" not in signed


@pytest.mark.parametrize(
    ("collection", "hours", "path"),
    [
        ("work", 1, FORM),
        ("family", -1, FORM),
        ("family", 1, FORM.replace(storage.shelf("family"), storage.shelf("work"))),
        (None, 1, FORM),
        ("family", 1, FORM.replace("r1/600.jpg", "%2e%2e/%2E%2E/%2e%2e/originals/x.jpg")),
        ("family", 1, FORM.replace("r1/600.jpg", "..%2f..%2foriginals/x.jpg")),
    ],
    ids=["another collection", "expired", "another shelf", "no cookies", "dots", "encoded slashes"],
)
def test_without_a_grant_a_private_picture_is_missing_and_the_bucket_is_not_asked(
    granted: Granted, client: httpx.Client, collection: str | None, hours: int, path: str
) -> None:
    cookies = granted.cookies(client, collection, hours) if collection else {}

    got = client.get(f"/media/private/{path}", headers={"Cookie": "; ".join(f"{k}={v}" for k, v in cookies.items())})

    assert (got.status_code, got.json()["code"]) == (404, "not_found")
    assert granted.upstream.requests == []


def test_cookies_of_other_programs_do_not_matter(granted: Granted, client: httpx.Client) -> None:
    cookies = "; ".join(f"{k}={v}" for k, v in granted.cookies(client).items())

    got = client.get(f"/media/private/{FORM}", headers={"Cookie": f'a@b=c; {cookies}; "odd; d=e=f'})

    assert got.status_code == 200


def test_a_private_picture_that_the_bucket_does_not_have_is_missing(granted: Granted, client: httpx.Client) -> None:
    granted.upstream.status = 403
    cookies = "; ".join(f"{k}={v}" for k, v in granted.cookies(client).items())

    assert client.get(f"/media/private/{FORM}", headers={"Cookie": cookies}).status_code == 404


def test_without_a_key_nothing_private_is_let_through(granted: Granted, client: httpx.Client) -> None:
    cookies = "; ".join(f"{k}={v}" for k, v in granted.cookies(client).items())
    granted.upstream.edge_key.unlink()

    assert client.get(f"/media/private/{FORM}", headers={"Cookie": cookies}).status_code == 404


@pytest.mark.parametrize("told", TOLD)
def test_redirects_of_the_distribution_are_answered_as_on_aws(
    client: httpx.Client, upstream: Upstream, told: Told
) -> None:
    upstream.status, upstream.headers, upstream.body = told.status, dict(told.headers), told.body.encode()

    got = client.get(f"/media{REDIRECT}")

    assert (got.status_code, got.text) == (told.shown, told.shown_body)
    assert {name: got.headers[name] for name in told.headers} == told.headers
    for name, value in picture_headers().items():
        assert got.headers[name] == value


@pytest.mark.parametrize(
    ("name", "kind", "begins"),
    [
        ("", "text/html", "<!doctype html>"),
        ("?collection=a", "text/html", "<!doctype html>"),
        ("gallery.css", "text/css", ":root"),
        ("gallery.js", "text/javascript", "//"),
        ("wallify.js", "text/javascript", "const SCREENS"),
    ],
)
def test_the_example_gallery_is_here(
    client: httpx.Client, upstream: Upstream, name: str, kind: str, begins: str
) -> None:
    got = client.get(f"/gallery/{name}")

    assert (got.status_code, got.headers["Content-Type"]) == (200, f"{kind}; charset=utf-8")
    assert got.text.startswith(begins)
    assert upstream.requests == []


@pytest.mark.parametrize("name", ["..%2F..%2Fpyproject.toml", "%2e%2e/README.md", "README.md", "other.js"])
def test_nothing_else_of_the_project_can_be_read_there(client: httpx.Client, name: str) -> None:
    assert client.get(f"/gallery/{name}").status_code == 404
    assert client.post("/gallery/").status_code == 405


SIGNATURE = "X-Amz-Date=1&X-Amz-Signature=abc&response-cache-control=private%2C%20max-age%3D300"


@pytest.mark.parametrize("area", ["guarded", "trashed/i1/guarded"])
def test_a_signed_address_leads_to_the_bucket_as_it_was_signed(
    client: httpx.Client, upstream: Upstream, area: str
) -> None:
    upstream.headers = {"Cache-Control": "private, max-age=300", "Strict-Transport-Security": "max-age=1"}

    got = client.get(f"/media/{area}/a%20b.jpg?{SIGNATURE}", headers={"X-Other": "1"})

    asked = upstream.requests[0]
    assert asked.path == f"/wallify-local/{area}/a%20b.jpg?{SIGNATURE}"
    assert asked.headers["host"] == f"127.0.0.1:{upstream.port}"
    assert got.headers["Cache-Control"] == "private, max-age=300"
    assert got.headers["X-Content-Type-Options"] == "nosniff"
    assert got.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert "Strict-Transport-Security" not in got.headers


@pytest.mark.parametrize("status", [403, 404])
def test_a_signed_address_that_leads_to_nothing_is_not_found(
    client: httpx.Client, upstream: Upstream, status: int
) -> None:
    upstream.status, upstream.body = status, b"<Error><Code>AccessDenied</Code></Error>"

    got = client.get(f"/media/guarded/a.jpg?{SIGNATURE}")

    assert (got.status_code, got.json()["code"], got.headers["Content-Type"]) == (404, "not_found", "application/json")
    assert got.headers["Cache-Control"] == "public, max-age=1"


@pytest.mark.parametrize("target", ["/media/guarded/a.jpg", f"/media/renditions/a.jpg?{SIGNATURE}", "/media/guarded/"])
def test_what_is_not_signed_is_the_distributions_own(client: httpx.Client, upstream: Upstream, target: str) -> None:
    client.get(target)

    assert upstream.requests[0].headers["host"] == "d1.cloudfront.net"
    assert upstream.requests[0].path == target.removeprefix("/media")


@pytest.mark.parametrize("size", [0, 1, 65_536, 3 * MEGABYTE + 1])
def test_a_multipart_body_arrives_byte_for_byte(client: httpx.Client, upstream: Upstream, size: int) -> None:
    picture = random.Random(size).randbytes(size)
    request = client.build_request("POST", "/file_upload", files={"file": ("göğün rengi.jpg", picture, "image/jpeg")})
    body = request.read()

    client.send(request)

    assert upstream.requests[0].body == body
    assert upstream.requests[0].headers["content-type"] == request.headers["content-type"]
    assert upstream.requests[0].headers["content-length"] == str(len(body))


def test_a_chunked_body_arrives_whole(client: httpx.Client, upstream: Upstream) -> None:
    client.post("/file_upload", content=iter(PIECES), headers={"Content-Type": "multipart/form-data; boundary=x"})

    assert upstream.requests[0].body == b"".join(PIECES)
    assert "transfer-encoding" not in upstream.requests[0].headers


def test_a_compressed_body_is_not_unpacked_on_the_way(client: httpx.Client, upstream: Upstream) -> None:
    packed = gzip.compress(b"{}")

    client.post("/uploads", content=packed, headers={"Content-Encoding": "gzip"})

    assert upstream.requests[0].body == packed


@pytest.mark.parametrize("encoding", ["gzip", "identity"])
def test_an_answer_comes_back_byte_for_byte(client: httpx.Client, upstream: Upstream, encoding: str) -> None:
    upstream.body = gzip.compress(random.Random(1).randbytes(MEGABYTE))
    upstream.headers = {"Content-Type": "image/avif", "Content-Encoding": encoding, "ETag": '"e"'}

    with client.stream("GET", "/media/renditions/a.avif") as answer:
        body = b"".join(answer.iter_raw())

    assert body == upstream.body
    assert (answer.headers["etag"], answer.headers["content-encoding"]) == ('"e"', encoding)


def test_a_head_request_is_answered_with_the_length_and_no_body(client: httpx.Client, upstream: Upstream) -> None:
    upstream.body = b"x" * 1000

    answer = client.head("/media/renditions/a.jpg")

    assert (answer.headers["content-length"], answer.content) == ("1000", b"")
    assert client.get("/media/renditions/a.jpg").content == upstream.body


@pytest.mark.parametrize("status", [204, 304])
def test_answers_without_a_body_leave_the_connection_usable(
    client: httpx.Client, upstream: Upstream, status: int
) -> None:
    upstream.status = status

    assert [client.get("/media/a").status_code for _ in range(3)] == [status] * 3


def test_redirects_are_the_clients_to_follow(client: httpx.Client, upstream: Upstream) -> None:
    upstream.status, upstream.headers = 302, {"Location": "http://127.0.0.1:1/elsewhere"}

    answer = client.get("/cdn/w/a.jpg")

    assert (answer.status_code, answer.headers["location"]) == (302, "http://127.0.0.1:1/elsewhere")


def test_the_gateway_learns_who_asks_from_the_front_and_not_from_the_client(
    client: httpx.Client, upstream: Upstream
) -> None:
    lies = {
        "Host": "localhost",
        "X-Wallify-Stack": "a guess",
        "X-Forwarded-For": "6.6.6.6",
        "X-Forwarded-Proto": "gopher",
    }

    client.get("/health", headers=lies)

    got = upstream.requests[0].headers
    assert got["host"] == f"127.0.0.1:{client.base_url.port}"
    assert (got["x-forwarded-for"], got["x-forwarded-proto"]) == ("127.0.0.1", "http")


def test_the_distribution_is_asked_by_its_name_and_as_over_https(client: httpx.Client, upstream: Upstream) -> None:
    client.get("/media/renditions/a.jpg")

    got = upstream.requests[0].headers
    assert (got["host"], got["x-forwarded-proto"]) == ("d1.cloudfront.net", "https")


def test_headers_pass_as_they_are(client: httpx.Client, upstream: Upstream) -> None:
    client.options("/health", headers={"Authorization": "Bearer t", "Origin": "http://a", "Accept": "image/avif"})

    got = upstream.requests[0]
    assert got.method == "OPTIONS"
    assert (got.headers["authorization"], got.headers["origin"], got.headers["accept"]) == (
        "Bearer t",
        "http://a",
        "image/avif",
    )


@pytest.mark.parametrize("size", [reverse_proxy.MAX_EVENT_BYTES * 3 // 4 + 10, 10 * MEGABYTE + 1, 30 * MEGABYTE])
def test_a_body_that_the_gateway_would_refuse_is_refused_with_advice(
    client: httpx.Client, upstream: Upstream, size: int
) -> None:
    answer = client.post("/file_upload", content=bytes(size))

    assert answer.status_code == 413
    assert answer.json()["code"] == "payload_too_large"
    assert "POST /uploads" in answer.json()["message"]
    assert upstream.requests == []


def test_the_largest_body_that_lambda_takes_passes(client: httpx.Client, upstream: Upstream) -> None:
    client.post("/file_upload", content=bytes(reverse_proxy.MAX_EVENT_BYTES * 3 // 4))

    assert len(upstream.requests[0].body) == reverse_proxy.MAX_EVENT_BYTES * 3 // 4


def test_a_function_that_takes_too_long_is_a_gateway_timeout(upstream: Upstream) -> None:
    upstream.waits = 0.5
    with front_of(upstream, Limits(answer=0.05)) as client:
        answer = client.get("/tasks")

    assert (answer.status_code, answer.json()["code"]) == (504, "gateway_timeout")


def test_an_emulator_that_is_gone_is_a_bad_gateway_in_our_words() -> None:
    with front_of(Upstream(machine.free_port(), answers=False)) as client:
        answer = client.get("/health")

    assert (answer.status_code, answer.json()["code"]) == (502, "bad_gateway")


def test_one_connection_serves_many_requests(client: httpx.Client, upstream: Upstream) -> None:
    assert [client.get("/health").status_code for _ in range(20)] == [200] * 20
    assert len({request.peer for request in upstream.requests}) == 1


STORAGE = {"X-Wallify-Storage": "No space left on device"}


@pytest.mark.parametrize(("path", "status"), [("/health", 200), ("/file_upload", 500), ("/tasks", 502), ("/a", 504)])
def test_storage_that_cannot_be_written_is_told_with_the_reason(
    client: httpx.Client, upstream: Upstream, path: str, status: int
) -> None:
    upstream.status, upstream.headers, upstream.body = status, STORAGE, b"{}"

    answer = client.get(path)

    body = answer.json()
    assert (answer.status_code, body["status"], body["code"], answer.headers["retry-after"]) == (
        503,
        503,
        "unavailable",
        "5",
    )
    assert body["details"]["reason"] == "No space left on device"
    assert body["details"]["tr"]


@pytest.mark.parametrize(("path", "status"), [("/tasks", 200), ("/file_upload", 503), ("/tasks/1", 404)])
def test_other_answers_stay_as_they_are(client: httpx.Client, upstream: Upstream, path: str, status: int) -> None:
    upstream.status, upstream.headers, upstream.body = status, STORAGE, b'{"mine": true}'

    answer = client.get(path)

    assert (answer.status_code, answer.json(), "x-wallify-storage" in answer.headers) == (status, {"mine": True}, False)
