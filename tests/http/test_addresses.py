"""Links are right at each address of a gateway: default ones of every partition, private ones, domains of our own.

The events are as API Gateway sends them: at a custom domain `path` and `requestContext.path` have its base path
mapping, at a default address `requestContext.path` alone has the stage.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec import structs

from chalicelib.container import Container
from chalicelib.http.request import address_of
from chalicelib.uploads.service import Upload
from tests.http.forms import a_file, upload
from tests.http.gateway import Gateway, Got, answered
from tests.http.memory_service import a_jpeg

Event = dict[str, Any]
REGIONAL = "a1b2c3.execute-api.eu-central-1.amazonaws.com"
PLACES: Mapping[str, tuple[str, str, str]] = {
    # what it is -> domainName, what precedes our paths in `requestContext.path`, and in `path`
    "regional": (REGIONAL, "/api", ""),
    "new region": ("a1b2c3.execute-api.il-central-1.amazonaws.com", "/api", ""),
    "edge": ("a1b2c3.execute-api.us-east-1.amazonaws.com", "/api", ""),
    "government": ("a1b2c3.execute-api.us-gov-west-1.amazonaws.com", "/api", ""),
    "China": ("a1b2c3.execute-api.cn-north-1.amazonaws.com.cn", "/api", ""),
    "private": ("a1b2c3-vpce-0123abcd.execute-api.eu-west-1.amazonaws.com", "/api", ""),
    "inside a VPC": ("vpce-0123-abcd.execute-api.eu-west-1.vpce.amazonaws.com", "/api", ""),
    "stage like a route": (REGIONAL, "/images", ""),
    "domain": ("api.example.org", "", ""),
    "domain like a default one": ("a.execute-api.eu-west-1.amazonaws.com.example.org", "", ""),
    "domain with a base path": ("api.example.org", "/wall", "/wall"),
    "domain with a long base path": ("api.example.org", "/v1/wall/papers", "/v1/wall/papers"),
    "domain with a base path like a route": ("api.example.org", "/images", "/images"),
    "domain in China": ("api.example.cn", "/wall", "/wall"),
}


@dataclass
class Place(Gateway):
    """The gateway at an address."""

    domain: str = ""
    context_base: str = ""
    path_base: str = ""

    def event(self, method: str, url: str, body: bytes | None, headers: Mapping[str, str]) -> Event:
        event = super().event(method, url, body, headers)
        path = event["path"]
        event["path"] = self.path_base + path
        event["requestContext"] |= {
            "domainName": self.domain,
            "path": self.context_base + path,
            "stage": self.context_base.strip("/") or "api",
        }
        return event


@pytest.fixture(params=list(PLACES.values()), ids=list(PLACES))
def place(request: pytest.FixtureRequest, admin: Gateway) -> Place:
    domain, context_base, path_base = request.param
    return Place(admin.app, admin.authorization, domain=domain, context_base=context_base, path_base=path_base)


def test_links_lead_back_to_the_address_that_was_used(place: Place) -> None:
    assert place.get("/").json["links"]["tasks"] == f"{place.context_base}/tasks"


def test_the_description_names_the_address_that_was_used(place: Place) -> None:
    assert place.get("/openapi.json").json["servers"] == [{"url": place.context_base or "/"}]


def test_a_location_and_every_link_of_a_record_lead_back(place: Place, working_services: Container) -> None:
    made = upload(place, a_file(a_jpeg()))
    links = made.json["file"]["links"]
    assert made.headers["Location"] == links["self"]
    assert all(link.startswith(f"{place.context_base}/") for link in links.values())
    # Whatever may be put before them, what is behind it is a path of ours.
    ours = [link.removeprefix(place.context_base) for link in links.values()]
    assert [Gateway(place.app, place.authorization).get(link).status for link in ours] == [200, 302, 302, 200, 200]


def test_a_task_is_found_where_the_answer_says(place: Place, services: Container) -> None:
    response = upload(place, a_file(a_jpeg()), async_="true")
    assert response.headers["Location"] == f"{place.context_base}/task/status/{response.json['file']['task_id']}"


def test_a_signed_link_is_a_whole_address(place: Place, working_services: Container) -> None:
    place.ask("PATCH", "/collections/secret", b'{"private": true}')
    working_services.uploads.accept(Upload("secret", "a.jpg", a_jpeg()))
    (image,) = place.get("/collections/secret/images").json["images"]
    shared = place.ask("POST", f"/images/{image['image_id']}/link", b'{"hours": 1}').json["url"]
    begins = f"https://{place.domain}{place.context_base}/cdn/secret/a.jpg?expires="
    assert shared.startswith(begins)
    assert image["links"]["cdn"].startswith(begins)


def test_records_of_public_pictures_lead_to_the_edge_where_there_is_one(
    place: Place, working_services: Container
) -> None:
    working_services.settings = structs.replace(working_services.settings, edge_url="https://edge.example")
    place.ask("PATCH", "/collections/secret", b'{"private": true}')
    working_services.uploads.accept(Upload("secret", "a.jpg", a_jpeg()))

    links = upload(place, a_file(a_jpeg())).json["file"]["links"]
    (private,) = place.get("/collections/secret/images").json["images"]

    assert links["cdn"].startswith("https://edge.example/cdn/")
    assert links["named"].startswith("https://edge.example/p/")
    assert links["self"].startswith(f"{place.context_base}/images/")
    assert private["links"]["cdn"].startswith(f"https://{place.domain}{place.context_base}/cdn/secret/a.jpg?")


def test_paths_and_methods_that_are_not_there_are_told_apart(place: Place) -> None:
    assert place.ask("OPTIONS", "/tasks").status == 204
    assert (place.ask("DELETE", "/tasks").status, place.get("/nowhere").status) == (405, 404)


def ask_catch_all(place: Place, method: str, path: str) -> Got:
    """As the gateway does where a known path lacks the method."""
    event = place.event(method, path, None, {})
    event["resource"] = event["requestContext"]["resourcePath"] = "/{proxy+}"
    event["pathParameters"] = {"proxy": path.strip("/")}
    return answered(place.app(event, SimpleNamespace(aws_request_id="lambda")))


def test_what_the_catch_all_gets_is_told_apart_too(place: Place) -> None:
    assert ask_catch_all(place, "OPTIONS", "/tasks").status == 204
    assert [ask_catch_all(place, "DELETE", path).status for path in ("/tasks", "/nowhere")] == [405, 404]


def test_the_address_of_a_local_cloud_is_the_one_that_was_used() -> None:
    event = {"path": "/health", "requestContext": {"path": "/api/health", "resourcePath": "/health", "stage": "api"}}
    found = address_of(event, {"host": "127.0.0.1:7545", "x-forwarded-proto": "http"})
    assert (found.origin, found.base, found.path) == ("http://127.0.0.1:7545", "", "/health")


@pytest.mark.parametrize("path", ["//evil.example/health", "/wall//health", "///health", "/api/health/"])
def test_no_path_makes_a_link_to_another_host(path: str) -> None:
    context = {"path": path, "resourcePath": "/health", "domainName": "api.example.org", "stage": "api"}
    assert not address_of({"path": path, "requestContext": context}, {}).base.startswith("//")


def test_a_path_that_does_not_end_like_its_route_has_the_stage_of_a_default_address_alone() -> None:
    context = {"path": "/api/images/a/b", "resourcePath": "/images/{image_id}", "stage": "api", "domainName": REGIONAL}
    assert address_of({"path": "/images/a/b", "requestContext": context}, {}).base == "/api"
    own = {**context, "domainName": "api.example.org"}
    assert address_of({"path": "/images/a/b", "requestContext": own}, {}).base == ""
