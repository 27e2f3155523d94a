# Turkish has letters that look like others
"""Forms byte for byte as clients make them: those of Python by the libraries themselves, others as they were seen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

import aiohttp
import httpx
import pytest
import requests

from chalicelib.container import Container
from tests.http.gateway import Gateway
from tests.http.memory_service import a_jpeg

PICTURE = a_jpeg(64, 48)
NAME = 'ğüneş "1" (ç).jpg'
URL = "https://api.example/file_upload"


@dataclass(frozen=True)
class Sent:
    """One form."""

    content_type: str
    body: bytes


def by_requests() -> Sent:
    made = requests.Request("POST", URL, files={"file": (NAME, PICTURE)}, data={"collection": "doğa"}).prepare()
    assert isinstance(made.body, bytes)
    return Sent(str(made.headers["Content-Type"]), made.body)


def by_httpx() -> Sent:
    made = httpx.Request("POST", URL, files={"file": (NAME, PICTURE)}, data={"collection": "doğa"})
    return Sent(made.headers["Content-Type"], made.read())


def by_aiohttp(*, quoted: bool = True) -> Sent:
    form = aiohttp.FormData(quote_fields=quoted)
    form.add_field("file", PICTURE, filename=NAME, content_type="image/jpeg")
    form.add_field("collection", "doğa")
    writer = form()
    assert isinstance(writer, aiohttp.MultipartWriter)
    # In a thread of its own: a browser test before this one may have left its event loop to this thread.
    with ThreadPoolExecutor(1) as thread:
        return Sent(writer.content_type, thread.submit(asyncio.run, writer.as_bytes()).result())


FIELD = 'Content-Disposition: form-data; name="collection"'


def seen(boundary: str, file: str, field: str = FIELD, *, quoted: bool = False) -> Sent:
    """A form of these two parts' headers, their lines in `|`."""
    parts = ((file, PICTURE), (field, "doğa".encode()))
    written = (
        f"--{boundary}\r\n{headers}\r\n\r\n".replace("|", "\r\n").encode() + body + b"\r\n" for headers, body in parts
    )
    named = f'"{boundary}"' if quoted else boundary
    return Sent(f"multipart/form-data; boundary={named}", b"".join(written) + f"--{boundary}--\r\n".encode())


ESCAPED, SLASHED = NAME.replace('"', "%22"), NAME.replace('"', '\\"')
OCTETS = "Content-Type: application/octet-stream"
FILE = 'Content-Disposition: form-data; name="file"; filename='
HTML = f'{FILE}"{ESCAPED}"|Content-Type: image/jpeg'
"""As the HTML standard has it: quotes and line breaks are escaped, nothing else."""
BACKSLASHES = f'{FILE}"{SLASHED}"|Content-Type: image/jpeg'

CLIENTS: dict[str, Callable[[], Sent]] = {
    "requests": by_requests,
    "httpx": by_httpx,
    "aiohttp": by_aiohttp,
    "aiohttp, not quoted": lambda: by_aiohttp(quoted=False),
    "curl 7.88": lambda: seen("------------------------2a8dc1b7d0c5e5a9", HTML),
    "curl 7.58, PHP 7": lambda: seen("------------------------d74496d66958873e", BACKSLASHES),
    "Chrome": lambda: seen("----WebKitFormBoundary7MA4YWxkTrZu0gW", HTML),
    "Firefox": lambda: seen("---------------------------735323031399963166993862150", HTML),
    "Node's fetch": lambda: seen("----formdata-undici-038161219174", HTML),
    "form-data": lambda: seen("--------------------------515890814546601021194782", HTML),
    "OkHttp": lambda: seen(
        "5e6f0c5a-6f0a-4f0e-9d0c-1c3c1d7c5a55",
        f'{FILE}"{ESCAPED}"|Content-Type: image/jpeg|Content-Length: {len(PICTURE)}',
        f"{FIELD}|Content-Length: 5",
    ),
    "Apache HttpClient": lambda: seen(
        "T7mHqZ-S8Ynl1gxTGmCFnjMG3dGyAqYxZ",
        f'{FILE}"{SLASHED}"|{OCTETS}|Content-Transfer-Encoding: binary',
        f"{FIELD}|Content-Type: text/plain; charset=UTF-8|Content-Transfer-Encoding: 8bit",
    ),
    ".NET": lambda: seen(
        "8d2c5f0e-4f5b-4f0a-8a3e-1a2b3c4d5e6f",
        'Content-Disposition: form-data; name=file; filename="=?utf-8?B?xJ/DvG5lxZ8gIjEiICjDpykuanBn?="; '
        "filename*=utf-8''%C4%9F%C3%BCne%C5%9F%20%221%22%20%28%C3%A7%29.jpg",
        "Content-Type: text/plain; charset=utf-8|Content-Disposition: form-data; name=collection",
        quoted=True,
    ),
    ".NET, the coded word alone": lambda: seen(
        "8d2c5f0e", 'Content-Disposition: form-data; name=file; filename="=?utf-8?B?xJ/DvG5lxZ8gIjEiICjDpykuanBn?="'
    ),
    "Java mail": lambda: seen(
        "----=_Part_5_1804428172.1732848000000",
        f'{OCTETS}|Content-Disposition: form-data;|\tname="file";|\tfilename="{SLASHED}"',
        quoted=True,
    ),
    "Go": lambda: seen("4b2f6a3c9d", f'{FILE}"{SLASHED}"|{OCTETS}'),
    "Dart": lambda: seen(
        "dart-http-boundary-+kTz8mN",
        f'content-type: image/jpeg|content-disposition: form-data; name="file"; filename="{ESCAPED}"',
        f"{FIELD}|content-type: text/plain; charset=utf-8|content-transfer-encoding: binary".lower(),
    ),
}


@pytest.mark.parametrize("made", CLIENTS.values(), ids=CLIENTS)
def test_the_form_of_each_client_is_read_to_the_letter(
    admin: Gateway, working_services: Container, made: Callable[[], Sent]
) -> None:
    sent = made()

    got = admin.post("/file_upload", sent.body, Content_Type=sent.content_type)

    assert got.status == 201, got.text
    assert (got.json["file"]["filename"], got.json["file"]["collection"]) == (NAME, "doğa")


@pytest.mark.parametrize("made", [by_requests, by_httpx, by_aiohttp], ids=["requests", "httpx", "aiohttp"])
def test_a_wrong_field_is_named_to_each_client(admin: Gateway, services: Container, made: Callable[[], Sent]) -> None:
    sent = made()

    got = admin.post("/file_upload", sent.body.replace(b'name="file"', b'name="photo"'), Content_Type=sent.content_type)

    assert (got.status, got.json["message"]) == (400, "The file is in the field photo; send it in file.")
