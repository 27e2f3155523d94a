from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.api.asking import Ask
from chalicelib.api.forms import form_of
from chalicelib.errors import BadRequest, UnsupportedType
from chalicelib.wiring import Wired
from tests.api.forms import BOUNDARY, FORM, a_file, a_form, a_part


def asking(body: bytes, content_type: str = FORM) -> Ask:
    headers = {"content-type": content_type, "content-length": str(len(body))}
    return Ask("POST", "/", "/", headers, {}, {}, "r1", "", lambda: body)


def test_a_form_is_its_file_and_its_fields(house: Wired) -> None:
    form = form_of(asking(a_form(a_file(b"\r\n--bytes\r\n", "a.jpg"), collection="doğa")))

    (file,) = form.files
    assert (file.filename, file.body, form.fields) == ("a.jpg", b"\r\n--bytes\r\n", {"collection": "doğa"})


@pytest.mark.parametrize(
    ("disposition", "filename"),
    [
        ('form-data; name="file"; filename="günaydın.jpg"', "günaydın.jpg"),  # noqa: RUF001  # Turkish
        ("form-data; name=file; filename=plain.jpg", "plain.jpg"),
        (r'form-data; name="file"; filename="say \"hi\".jpg"', 'say "hi".jpg'),
        ('form-data; name="file"; filename="say %22hi%22.jpg"', 'say "hi".jpg'),
        ('form-data; name="file"; filename="100%25.jpg"', "100%25.jpg"),
        ("form-data; name=\"file\"; filename*=UTF-8''g%C3%BCnayd%C4%B1n.jpg", "günaydın.jpg"),  # noqa: RUF001
        ('form-data; name="file"; filename="x.jpg"; filename*=utf-8\'tr\'%C5%9Fi%C5%9Fe.jpg', "şişe.jpg"),
        ("form-data; name=\"file\"; filename*=iso-8859-1''caf%E9.jpg", "café.jpg"),
        ('form-data; name="file"; filename="; filename*=utf-8\'\'evil.jpg"', "; filename*=utf-8''evil.jpg"),
        ('form-data; name="file"; filename="C:\\fakepath\\a.jpg"', "a.jpg"),
        ('form-data; name="file"', ""),
    ],
)
def test_every_client_way_of_writing_a_name_is_read(house: Wired, disposition: str, filename: str) -> None:
    form = form_of(asking(a_form(a_part(disposition, b"x"))))

    assert form.files[0].filename == filename


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
        a_form(a_part("form-data; name=\"file\"; filename*=utf-8''%FF%FE", b"x")),
        a_form(a_part('form-data; name="file"; filename="' + "x" * 20_000 + '"', b"x")),
        a_form(*(a_part(f'form-data; name="f{i}"', b"x") for i in range(20)), a_file(b"x")),
        a_form(a_file(b"x")).replace(b'filename="photo', b'filename="\xff\xfe'),
        a_form(a_part('form-data; name="file"\r\nContent-Length: 99', b"x")),
    ],
)
def test_a_hostile_form_is_a_bad_request(house: Wired, body: bytes) -> None:
    with pytest.raises(BadRequest):
        form_of(asking(body))


@pytest.mark.parametrize("content_type", ["", "application/json", "image/jpeg", "multipart/mixed; boundary=x"])
def test_another_type_of_body_is_not_supported(house: Wired, content_type: str) -> None:
    with pytest.raises(UnsupportedType):
        form_of(asking(a_form(a_file(b"x")), content_type))


@pytest.mark.parametrize("content_type", ["multipart/form-data", 'multipart/form-data; boundary=""'])
def test_a_form_without_a_boundary_is_a_bad_request(house: Wired, content_type: str) -> None:
    with pytest.raises(BadRequest):
        form_of(asking(a_form(a_file(b"x")), content_type))


@given(st.binary(max_size=300))
def test_whatever_bytes_come_nothing_but_a_bad_request_happens(junk: bytes) -> None:
    body = f"--{BOUNDARY}\r\n".encode() + junk

    with pytest.raises(BadRequest):
        form_of(asking(body))


def test_whoever_sends_two_files_is_told_where_many_go(house: Wired) -> None:
    with pytest.raises(BadRequest, match="send many to POST /bulk_upload") as refused:
        form_of(asking(a_form(a_file(b"x"), a_file(b"y"))))

    assert refused.value.details == {"field": "file", "use": "POST /bulk_upload"}
