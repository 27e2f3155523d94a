# ruff: noqa: RUF001  # Turkish has letters that look like others
from __future__ import annotations

from base64 import encodebytes
from binascii import b2a_qp

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.container import Container
from chalicelib.errors import BadRequest, UnsupportedType
from chalicelib.http.multipart import form_of
from chalicelib.http.request import Request
from tests.http.forms import BOUNDARY, FORM, a_file, a_form, a_part


def asking(body: bytes, content_type: str = FORM) -> Request:
    headers = {"content-type": content_type, "content-length": str(len(body))}
    return Request("POST", "/", "/", headers, {}, {}, "r1", "", lambda: body)


def test_a_form_is_its_file_and_its_fields(services: Container) -> None:
    form = form_of(asking(a_form(a_file(b"\r\n--bytes\r\n", "a.jpg"), collection="doğa")))

    (file,) = form.files
    assert (file.filename, file.body, form.fields) == ("a.jpg", b"\r\n--bytes\r\n", {"collection": "doğa"})


@pytest.mark.parametrize(
    ("disposition", "filename"),
    [
        ('form-data; name="file"; filename="günaydın.jpg"', "günaydın.jpg"),
        ("form-data; name=file; filename=plain.jpg", "plain.jpg"),
        (r'form-data; name="file"; filename="say \"hi\".jpg"', 'say "hi".jpg'),
        ('form-data; name="file"; filename="say %22hi%22.jpg"', 'say "hi".jpg'),
        ('form-data; name="file"; filename="100%25.jpg"', "100%25.jpg"),
        ("form-data; name=\"file\"; filename*=UTF-8''g%C3%BCnayd%C4%B1n.jpg", "günaydın.jpg"),
        ('form-data; name="file"; filename="x.jpg"; filename*=utf-8\'tr\'%C5%9Fi%C5%9Fe.jpg', "şişe.jpg"),
        ("form-data; name=\"file\"; filename*=iso-8859-1''caf%E9.jpg", "café.jpg"),
        ("form-data; name=\"file\"; filename*=ISO-8859-9''g%FCne%FE.jpg", "güneş.jpg"),
        ("form-data; name=\"file\"; filename*=windows-1254'tr'g%FCne%FE.jpg", "güneş.jpg"),
        ('form-data; name="file"; filename*="UTF-8\'\'g%C3%BCne%C5%9F.jpg"', "güneş.jpg"),
        ("form-data; name=\"file\"; FileName* = UTF-8''g%C3%BCne%C5%9F.jpg ; x=y", "güneş.jpg"),
        ('form-data; name="file"; filename*=g%C3%BCne%C5%9F.jpg', "güneş.jpg"),
        ("form-data; name=\"file\"; filename*=no-such-set''g%C3%BCne%C5%9F.jpg", "güneş.jpg"),
        ("form-data; name=\"file\"; filename*=utf-8''%FF.jpg", "\ufffd.jpg"),
        ("form-data; name=\"file\"; filename*=UTF-8''C%3A%5Cfotos%5Ca.jpg", "a.jpg"),
        ('form-data; name="file"; filename="aio%20%C4%9F%C3%BCne%C5%9F.jpg"', "aio ğüneş.jpg"),
        ('form-data; name="file"; filename="my%20photo%20%281%29.jpg"', "my photo (1).jpg"),
        ('form-data; name="file"; filename="say%20%22hi%22.jpg"', 'say "hi".jpg'),
        ('form-data; name="file"; filename="100%25%20nature.jpg"', "100% nature.jpg"),
        ('form-data; name="file"; filename="50% off %41.jpg"', "50% off %41.jpg"),
        ('form-data; name="file"; filename="%2e%2e%2fetc.jpg"', "%2e%2e%2fetc.jpg"),
        ('form-data; name="file"; filename="a%00b.jpg"', "a%00b.jpg"),
        ('form-data; name="file"; filename="%FF%FE.jpg"', "%FF%FE.jpg"),
        ('form-data; name="file"; filename="=?utf-8?B?Z8O8bmXFny5qcGc=?="', "güneş.jpg"),
        ('form-data; name="file"; filename="=?iso-8859-9?Q?g=FCne=FE.jpg?="', "güneş.jpg"),
        ('form-data; name="file"; filename="=?no-such-set?B?Z8O8bg==?="', "=?no-such-set?B?Z8O8bg==?="),
        ("form-data; name=file; filename=my photo.jpg", "my photo.jpg"),
        ("form-data; name=file; filename=güneş.jpg; x=y", "güneş.jpg"),
        ('form-data ; name = "file" ; filename = "a.jpg" ', "a.jpg"),
        ('form-data; filename="a.jpg"; name="file"', "a.jpg"),
        ('form-data;\r\n name="file";\r\n filename="a.jpg"', "a.jpg"),
        ('form-data;\r\n\tname="file";\r\n\t\tfilename="güneş.jpg"', "güneş.jpg"),
        ('form-data; name="file"; filename="photo.jpg. "', "photo.jpg. "),
        ('form-data; name="file"; filename="' + r"\"" * 8_000, ""),
        ('form-data; name="file"; x="\\"; filename*=utf-8\'\'a.jpg', ""),
        ('form-data; name="file"; filename="\\\\server\\fotos\\a.jpg"', "a.jpg"),
        ('form-data; name="file"; filename="; filename*=utf-8\'\'evil.jpg"', "; filename*=utf-8''evil.jpg"),
        ('form-data; name="file"; filename="C:\\fakepath\\a.jpg"', "a.jpg"),
        ('form-data; name="file"', ""),
    ],
)
def test_every_client_way_of_writing_a_name_is_read(services: Container, disposition: str, filename: str) -> None:
    form = form_of(asking(a_form(a_part(disposition, b"\xff\xd8\xff"))))

    assert form.files[0].filename == filename


@pytest.mark.parametrize(
    ("raw", "filename"),
    [
        ("çiçek ığüşö.jpg".encode("iso-8859-9"), "çiçek ığüşö.jpg"),
        ("çiçek.jpg".encode("iso-8859-1"), "çiçek.jpg"),
        ("‘ığüşöç’ €.jpg".encode("cp1254"), "‘ığüşöç’ €.jpg"),
        ("güneş".encode()[:-1] + b".jpg", "güne\ufffd.jpg"),
        (b"\xff\xfe.jpg", "ÿş.jpg"),
        (b"\x81.jpg", "\ufffd.jpg"),
    ],
    ids=["Latin-5", "Latin-1", "windows-1254", "cut UTF-8", "no text", "no letter"],
)
def test_a_name_in_bytes_of_another_set_is_decoded_or_replaced(services: Container, raw: bytes, filename: str) -> None:
    form = form_of(asking(a_form(a_file(b"\xff\xd8\xff", "NAME")).replace(b"NAME", raw)))

    assert form.files[0].filename == filename


@pytest.mark.parametrize("junk", [b"", b"This is a multipart message.\r\n", b"\r\n"])
def test_what_stands_before_and_behind_the_form_is_ignored(services: Container, junk: bytes) -> None:
    form = form_of(asking(junk + a_form(a_file(b"\xff\xd8\xff"), collection="a") + junk))

    assert (form.files[0].body, form.fields) == (b"\xff\xd8\xff", {"collection": "a"})


@pytest.mark.parametrize("coding", ["base64", "BASE64 ", "quoted-printable", "binary", "8bit", "7bit"])
def test_parts_that_were_sent_as_text_are_decoded(services: Container, coding: str) -> None:
    picture = b"\xff\xd8\xff\r\n= " * 40
    sent = {"base64": encodebytes(picture).replace(b"\n", b"\r\n"), "quoted-printable": b2a_qp(picture, istext=False)}
    disposition = f'form-data; name="file"; filename="a.jpg"\r\nContent-Transfer-Encoding: {coding}'

    form = form_of(asking(a_form(a_part(disposition, sent.get(coding.strip().lower(), picture)))))

    assert form.files[0].body == picture


@pytest.mark.parametrize("charset", ["", "utf-8", "UTF-8", "iso-8859-9", "windows-1254"])
def test_a_field_is_read_in_the_set_that_it_declares(services: Container, charset: str) -> None:
    declared = f"\r\nContent-Type: text/plain; charset={charset}" if charset else ""
    part = a_part(f'form-data; name="collection"{declared}', "Doğa".encode(charset or "utf-8"))

    assert form_of(asking(a_form(a_file(b"\xff\xd8\xff"), part))).fields == {"collection": "Doğa"}


def test_a_short_text_that_came_as_a_file_is_still_the_fields_text(services: Container) -> None:
    # What Python's requests makes of files={"file": open(...), "collection": "nature"}.
    part = a_part('form-data; name="collection"; filename="collection"', b"nature")

    assert form_of(asking(a_form(a_file(b"\xff\xd8\xff"), part))).fields == {"collection": "nature"}


@pytest.mark.parametrize(
    "content_type",
    [
        'multipart/form-data; boundary="A B:C/1=2?"',
        "multipart/form-data; boundary=A/B:C=1",
        "Multipart/Form-Data; charset=utf-8; Boundary=A",
        "multipart/form-data;boundary=A;charset=utf-8",
    ],
)
def test_every_way_of_naming_the_boundary_is_read(services: Container, content_type: str) -> None:
    named = content_type.split("oundary=")[1].removesuffix(";charset=utf-8").strip('"')
    body = a_form(a_file(b"\xff\xd8\xff")).replace(BOUNDARY.encode(), named.encode())

    assert form_of(asking(body, content_type)).files[0].body == b"\xff\xd8\xff"


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"--" + BOUNDARY.encode(),
        a_form(a_file(b"x"))[:-8],
        b"preamble " + a_form(a_file(b"x")),
        a_form(a_file(b"x")).replace(b"\r\n", b"\n"),
        a_form(a_part("attachment; name=file", b"x")),
        a_form(a_part("form-data", b"x")),
        a_form(a_file(b"x"), a_file(b"y")),
        a_form(a_file(b"x"), a_part('form-data; name="async"', b"1"), a_part('form-data; name="async"', b"0")),
        a_form(a_file(b"x"), a_part('form-data; name="collection"', b"\xff\xfe")),
        a_form(a_file(b"x"), a_part('form-data; name="collection"', b"x" * 2_000)),
        a_form(a_part('form-data; name="photo"', b"x")),
        a_form(a_part('form-data; name="file"; filename="' + "x" * 20_000 + '"', b"x")),
        a_form(*(a_part(f'form-data; name="f{i}"', b"x") for i in range(20)), a_file(b"x")),
        a_form(a_part('form-data; name="file"\r\nContent-Length: 99', b"x")),
    ],
)
def test_a_hostile_form_is_a_bad_request(services: Container, body: bytes) -> None:
    with pytest.raises(BadRequest):
        form_of(asking(body))


@pytest.mark.parametrize("content_type", ["", "application/json", "image/jpeg", "multipart/mixed; boundary=x"])
def test_another_type_of_body_is_not_supported(services: Container, content_type: str) -> None:
    with pytest.raises(UnsupportedType):
        form_of(asking(a_form(a_file(b"x")), content_type))


@pytest.mark.parametrize("content_type", ["multipart/form-data", 'multipart/form-data; boundary=""'])
def test_a_form_without_a_boundary_is_a_bad_request(services: Container, content_type: str) -> None:
    with pytest.raises(BadRequest):
        form_of(asking(a_form(a_file(b"x")), content_type))


@given(st.binary(max_size=300))
def test_whatever_bytes_come_nothing_but_a_bad_request_happens(junk: bytes) -> None:
    body = f"--{BOUNDARY}\r\n".encode() + junk

    with pytest.raises(BadRequest):
        form_of(asking(body))


def test_whoever_sends_two_files_is_told_where_many_go(services: Container) -> None:
    with pytest.raises(BadRequest, match="send several files to POST /bulk_upload") as refused:
        form_of(asking(a_form(a_file(b"x"), a_file(b"y"))))

    assert refused.value.details == {"field": "file", "use": "POST /bulk_upload"}
