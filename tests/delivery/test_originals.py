from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from chalice.app import Chalice

from chalicelib.admin.scopes import Scope
from chalicelib.container import Container
from chalicelib.uploads.service import Upload
from tests.http.gateway import Gateway
from tests.http.memory_service import a_jpeg, a_token, bucket_of

NAME = "Gün batımı.JPG"  # noqa: RUF001  # Turkish, on purpose


@pytest.fixture
def image_id(admin: Gateway, working_services: Container) -> str:
    working_services.uploads.accept(Upload("nature", NAME, a_jpeg()))
    return str(admin.get("/collections/nature/images").json["images"][0]["image_id"])


def test_whoever_may_read_gets_the_file_as_it_was_uploaded(app: Chalice, services: Container, image_id: str) -> None:
    reader = Gateway(app, authorization=f"Bearer {a_token(services, Scope.READ)}")

    got = reader.get(f"/images/{image_id}/original")

    assert (got.status, got.headers["Cache-Control"]) == (302, "private, no-store")
    address = urlsplit(got.headers["Location"])
    assert bucket_of(services).blobs[address.path.lstrip("/")].body == a_jpeg()
    assert "filename*=UTF-8''G%C3%BCn%20bat%C4%B1m%C4%B1" in parse_qs(address.query)["disposition"][0]


@pytest.mark.parametrize("scope", [Scope.UPLOAD, Scope.TASKS])
def test_nobody_else_does(app: Chalice, services: Container, anyone: Gateway, image_id: str, scope: Scope) -> None:
    other = Gateway(app, authorization=f"Bearer {a_token(services, scope)}")
    assert (other.get(f"/images/{image_id}/original").status, anyone.get(f"/images/{image_id}/original").status) == (
        403,
        401,
    )


def test_an_image_that_is_gone_has_no_original(admin: Gateway, image_id: str) -> None:
    admin.ask("DELETE", f"/images/{image_id}")
    assert admin.get(f"/images/{image_id}/original").json["code"] == "image_not_found"
