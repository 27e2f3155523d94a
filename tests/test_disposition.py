from __future__ import annotations

from email.message import Message

import pytest

from chalicelib.names import attachment
from tests.builders import A_WILD_NAME


@pytest.mark.parametrize(
    ("filename", "old", "new"),
    [
        ("lake.jpg", "lake.avif", "lake.avif"),
        ("Gölge ışık.png", "Golge _s_k.avif", "Gölge ışık.avif"),  # noqa: RUF001  # Turkish, on purpose
        ("no extension", "no extension.avif", "no extension.avif"),
        ('a"b/c\\d.jpg', "a_b_c_d.avif", "a_b_c_d.avif"),
        ("x\r\nSet-Cookie: y.jpg", "x__Set-Cookie_ y.avif", "x__Set-Cookie_ y.avif"),
        ("100% 🌅.jpg", "100% _.avif", "100% 🌅.avif"),
    ],
)
def test_a_name_of_any_script_survives_for_old_and_new_clients(filename: str, old: str, new: str) -> None:
    header = attachment(filename, "avif")
    plain, _, extended = header.partition("; filename*=")
    assert plain == f'attachment; filename="{old}"'
    message = Message()
    message["Content-Disposition"] = f"attachment; filename*={extended}"
    assert message.get_filename() == new


def test_nothing_in_a_name_can_end_the_header() -> None:
    header = attachment(A_WILD_NAME, "jpg")
    assert header.isascii()
    assert header.isprintable()
    assert header.count('"') == 2
