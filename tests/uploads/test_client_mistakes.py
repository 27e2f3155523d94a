"""The mistakes that callers of upload APIs make most: each has a sentence of its own, in both languages."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass

import pytest

from chalicelib.container import Container
from chalicelib.errors import WallifyError
from chalicelib.http.request import URLENCODED
from chalicelib.i18n import TURKISH, template
from tests.http.forms import BOUNDARY, FORM, a_form, a_part
from tests.http.gateway import Gateway, Got
from tests.http.memory_service import a_jpeg, bucket_of

PICTURE = a_jpeg(64, 48)
JSON = "application/json"
OCTETS = "application/octet-stream"


def a_named(name: str, body: bytes = PICTURE, filename: str | None = "a.jpg", more: str = "") -> bytes:
    file = "" if filename is None else f'; filename="{filename}"'
    return a_part(f'form-data; name="{name}"{file}{more}', body)


def refused(client: Gateway, path: str, body: bytes, content_type: str, **headers: str) -> tuple[Got, str]:
    """The answer in English, and the Turkish sentence."""
    got = client.post(path, body, Content_Type=content_type, **headers)
    turkish = client.post(path, body, Content_Type=content_type, Accept_Language="tr", **headers)
    assert turkish.status == got.status
    return got, turkish.json["message"]


LF_ONLY = a_form(a_named("file", b"x")).replace(b"\r\n", b"\n")
MIXED = "\r\nContent-Type: multipart/mixed; boundary=inner"
NESTED = b"--inner\r\nContent-Disposition: file; filename=a.jpg\r\n\r\nx\r\n--inner--"
CODED = "\r\nContent-Transfer-Encoding: "
KLINGON = "\r\nContent-Type: text/plain; charset=klingon"
NO_DISPOSITION = f"--{BOUNDARY}\r\nX-A: b\r\n\r\nx\r\n--{BOUNDARY}--\r\n".encode()
NOT_CRLF = a_form(a_named("file")).replace(f"{BOUNDARY}\r\n".encode(), f"{BOUNDARY}x\r\n".encode())


@dataclass(frozen=True)
class Sent:
    """A request with a mistake."""

    body: bytes
    kind: str = FORM
    path: str = "/file_upload"
    status: int = 400


def a_single(*parts: bytes, **fields: str) -> Sent:
    return Sent(a_form(*parts, **fields))


def a_bulk(*parts: bytes) -> Sent:
    return Sent(a_form(*parts), path="/bulk_upload")


MISTAKES: dict[str, tuple[Sent, str]] = {
    "file in image": (a_single(a_named("image")), "The file is in the field image; send it in file."),
    "bytes in image, without a file name": (
        a_single(a_named("image", filename=None)),
        "The file is in the field image; send it in file.",
    ),
    "file in files[] of a single upload": (
        a_single(a_named("files[]")),
        "The file is in the field files[], which POST /bulk_upload takes; send it in file.",
    ),
    "file in the text field": (
        a_single(a_named("collection")),
        "The file is in the field collection; send it in file.",
    ),
    "file in the text field, too": (
        a_single(a_named("file"), a_named("collection")),
        "The field collection contains a file; send files in file.",
    ),
    "text in the file field": (
        a_single(a_named("file", b"photo.jpg", None)),
        "The field file contains text, not a file; with curl, write file=@photo.jpg.",
    ),
    "data URL in the file field": (
        a_single(a_named("file", b"data:image/png;base64,iVBORw0KGgo=", None)),
        "The field file contains text, not a file; with curl, write file=@photo.jpg.",
    ),
    "no file chosen": (a_single(a_named("file", b"", "")), "The field file has no file; choose a file."),
    "no file chosen in Node": (a_single(a_named("file", b"", None)), "The field file has no file; choose a file."),
    "no file": (a_single(collection="a"), "The form has no field file; it has collection."),
    "nothing in the form": (a_single(), "The form is empty; the field file is required."),
    "nothing at all": (Sent(b""), "The request has no body; send a form with the file in the field file."),
    "file twice": (
        a_single(a_named("file"), a_named("file")),
        "This route takes one file; send several files to POST /bulk_upload.",
    ),
    "field twice": (
        a_single(a_named("file"), a_named("async", b"1", None), a_named("async", b"0", None)),
        "The field async is in the form more than once; send it once.",
    ),
    "long field": (
        a_single(a_named("file"), collection="x" * 1025),
        "The field collection has more than 1024 bytes, which is the limit.",
    ),
    "field in another set": (
        a_single(a_named("file"), a_named("collection", "Doğa".encode("cp1254"), None)),
        "The field collection must be text in UTF-8.",
    ),
    "field in an unknown set": (
        a_single(a_named("file"), a_named("collection", b"a", None, KLINGON)),
        "The field collection has an unknown character set; send it in UTF-8.",
    ),
    "bulk: file": (a_bulk(a_named("file")), "The files are in the field file; send them in files[] (or files)."),
    "bulk: file[]": (
        a_bulk(a_named("file[]"), a_named("file[]")),
        "The files are in the field file[]; send them in files[] (or files).",
    ),
    "bulk: files[0]": (
        a_bulk(a_named("files[0]"), a_named("files[1]")),
        "The files are in the field files[0]; send them in files[] (or files).",
    ),
    "no boundary": (
        Sent(a_form(a_named("file")), "multipart/form-data"),
        "The Content-Type header has no boundary=; do not set this header yourself, let the HTTP client set it.",
    ),
    "empty boundary": (
        Sent(a_form(a_named("file")), 'multipart/form-data; boundary=""'),
        "The Content-Type header has no boundary=; do not set this header yourself, let the HTTP client set it.",
    ),
    "another boundary": (
        Sent(a_form(a_named("file")), "multipart/form-data; boundary=mine"),
        "The body does not contain the boundary of the Content-Type header; let the HTTP client set both.",
    ),
    "cut off": (
        Sent(a_form(a_named("file"))[:-8]),
        "The form is incomplete: the closing boundary is missing.",
    ),
    "LF alone": (Sent(LF_ONLY), "The lines of the form end with LF; multipart/form-data requires CRLF."),
    "a form in the form": (
        a_single(a_named("file", NESTED, None, MIXED)),
        "The field file contains a form (multipart/mixed); send each file as a separate part.",
    ),
    "no base64": (
        a_single(a_named("file", b"???", more=f"{CODED}base64")),
        "The field file is declared as base64 but is not valid base64.",
    ),
    "another transfer coding": (
        a_single(a_named("file", more=f"{CODED}x-uuencode")),
        "The field file has the transfer encoding x-uuencode; send its bytes unencoded.",
    ),
    "no name": (
        a_single(a_part("form-data", b"x")),
        "A part of the form has no name; its Content-Disposition must have name=.",
    ),
    "no disposition": (Sent(NO_DISPOSITION), "A part of the form has no Content-Disposition header."),
    "an attachment": (
        a_single(a_part("attachment; name=file", b"x")),
        "The Content-Disposition of a part of the form must be form-data.",
    ),
    "a part of another length": (
        a_single(a_named("file", more="\r\nContent-Length: 9")),
        "The Content-Length of a part of the form is not its length.",
    ),
    "a header that is none": (
        a_single(a_named("file", more="\r\nnot a header")),
        "A header of a part of the form cannot be read.",
    ),
    "a long header": (
        a_single(a_named("file", filename="x" * 20_000)),
        "A part of the form has more than 8 headers, or a header of more than 16384 bytes.",
    ),
    "many parts": (
        a_single(*(a_named(f"f{number}", b"x", None) for number in range(20)), a_named("file")),
        "The form has more than 16 parts, which is the limit.",
    ),
    "bytes behind a boundary": (
        Sent(NOT_CRLF),
        "The form is not valid multipart/form-data: the bytes next to a boundary are wrong.",
    ),
    "urlencoded": (
        Sent(b"file=photo.jpg&collection=a", URLENCODED, status=415),
        (
            f"A form of type {URLENCODED} cannot contain a file; "
            "send it as multipart/form-data, with the file in the field file."
        ),
    ),
    "JSON to a form": (
        Sent(b'{"file": "iVBORw0KGgo="}', JSON, status=415),
        "This route takes a form (multipart/form-data) with the file in the field file, not JSON.",
    ),
    "the file as the body": (
        Sent(PICTURE, "image/jpeg", status=415),
        "The body is the file itself (image/jpeg); send it as a form (multipart/form-data), in the field file.",
    ),
    "bytes as the body": (
        Sent(PICTURE, OCTETS, "/bulk_upload", 415),
        f"The body is the file itself ({OCTETS}); send it as a form (multipart/form-data), in the field files[].",
    ),
    "no type": (
        Sent(a_form(a_named("file")), "", status=415),
        "The Content-Type header is missing; send the file as a form (multipart/form-data), in the field file.",
    ),
    "multipart/mixed": (
        Sent(a_form(a_named("file")), f"multipart/mixed; boundary={BOUNDARY}", status=415),
        "This route takes a form of type multipart/form-data, not multipart/mixed.",
    ),
    "plain text": (
        Sent(b"photo.jpg", "text/plain", status=415),
        "This route takes a form of type multipart/form-data, not text/plain.",
    ),
    "a form to a JSON route": (
        Sent(a_form(a_named("file")), path="/uploads"),
        "This route takes JSON (Content-Type: application/json), not a form.",
    ),
    "urlencoded to a JSON route": (
        Sent(b"filename=a.jpg&content_type=image%2Fjpeg", URLENCODED, "/uploads"),
        "This route takes JSON (Content-Type: application/json), not a form.",
    ),
    "the file to a JSON route": (
        Sent(PICTURE, "image/jpeg", "/uploads"),
        "This route takes JSON (Content-Type: application/json), not a file of type image/jpeg.",
    ),
}


@pytest.mark.parametrize(("sent", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_each_mistake_has_its_own_sentence(admin: Gateway, services: Container, sent: Sent, sentence: str) -> None:
    got, turkish = refused(admin, sent.path, sent.body, sent.kind)

    assert (got.status, got.json["message"]) == (sent.status, sentence)
    assert turkish not in {sentence, template(got.json["code"], TURKISH)}
    assert "{" not in turkish
    assert bucket_of(services).under("") == []


BODIES = {
    "/file_upload": (FORM, a_form(a_named("file"))),
    "/bulk_upload": (FORM, a_form(a_named("files[]"))),
    "/uploads": (JSON, b'{"filename": "a.jpg", "content_type": "image/jpeg"}'),
    "/tokens": (JSON, b'{"name": "a", "scopes": ["read"]}'),
}


@pytest.mark.parametrize("coding", ["gzip", "br", "deflate", "zstd", "GZIP", "x-gzip", "identity, gzip"])
@pytest.mark.parametrize("path", BODIES)
def test_a_compressed_body_is_415_and_names_its_coding(
    admin: Gateway, services: Container, path: str, coding: str
) -> None:
    kind, plain = BODIES[path]

    got, turkish = refused(admin, path, gzip.compress(plain), kind, Content_Encoding=coding)

    named = coding.lower().removeprefix("identity, ")
    assert (got.status, got.json["code"], got.json["details"]) == (415, "unsupported_coding", {"coding": named})
    assert got.headers["Accept-Encoding"] == "identity"
    assert got.json["message"] == (
        f"The body is compressed with {named} (Content-Encoding); send it uncompressed, without that header."
    )
    assert named in turkish


def test_a_body_that_says_it_is_not_coded_is_taken(admin: Gateway, working_services: Container) -> None:
    got = admin.post("/file_upload", a_form(a_named("file")), Content_Type=FORM, Content_Encoding="identity")

    assert got.status == 201


def test_a_coding_without_a_body_means_nothing(admin: Gateway, services: Container) -> None:
    assert admin.get("/collections", Content_Encoding="gzip").status == 200


@pytest.mark.parametrize("path", ["/uploads", "/tokens"])
def test_a_byte_order_mark_before_json_is_taken(admin: Gateway, services: Container, path: str) -> None:
    fields = {"/uploads": {"filename": "a.jpg"}, "/tokens": {"name": "a", "scopes": ["read"]}}[path]

    assert admin.post(path, json.dumps(fields).encode("utf-8-sig"), Content_Type=JSON).status == 201


def test_json_that_curl_sends_without_naming_its_type_is_still_taken(admin: Gateway, services: Container) -> None:
    got = admin.post("/tokens", b'{"name": "a", "scopes": ["read"]}', Content_Type=URLENCODED)

    assert got.status == 201


def test_the_kinds_of_error_know_their_sentences() -> None:
    error = WallifyError("{a} of {b}, {c}", a=1, b=["x", "y"])

    assert (error.message, str(error), error.text_id) == ("1 of x, y, {c}", "1 of x, y, {c}", "{a} of {b}, {c}")
