"""The emulator's upload forms end with their file, as those of S3 do."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from ministack.services import s3

from cli.local.ministack_patches import upload_forms
from tests.http.forms import FORM, a_form, a_part

THEIRS = s3._parse_multipart_form  # noqa: SLF001  # what we change


@pytest.fixture(autouse=True)
def ours() -> Iterator[None]:
    upload_forms.apply()
    yield
    s3._parse_multipart_form = THEIRS  # noqa: SLF001


def names(*parts: bytes) -> list[str]:
    return [name for name, *_ in s3._parse_multipart_form(FORM, a_form(*parts))]  # noqa: SLF001


def a_field(name: str, text: bytes = b"x") -> bytes:
    return a_part(f'form-data; name="{name}"', text)


FILE = a_part('form-data; name="file"; filename="a.jpg"', b"bytes")


def test_fields_after_the_file_are_ignored() -> None:
    assert names(a_field("key"), FILE, a_field("submit"), a_field("key"), FILE) == ["key", "file"]


def test_fields_before_it_are_read() -> None:
    assert names(a_field("key"), a_field("policy"), FILE) == ["key", "policy", "file"]


def test_a_form_without_a_file_keeps_its_fields() -> None:
    assert names(a_field("key"), a_field("policy")) == ["key", "policy"]
