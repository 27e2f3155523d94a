from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from chalice.app import Chalice
from openapi_spec_validator import validate

from chalicelib.http.routing import ANY_TOKEN, PUBLIC
from tests.endpoints import ENDPOINTS
from tests.http.gateway import Gateway


@pytest.fixture
def document(anyone: Gateway) -> Any:  # noqa: ANN401  # JSON
    return anyone.get("/openapi.json").json


def test_the_description_is_valid_openapi(document: Any) -> None:  # noqa: ANN401
    validate(document)

    assert document["openapi"].startswith("3.1")


def test_the_description_has_the_routes_that_are_served(app: Chalice, document: Any) -> None:  # noqa: ANN401
    served = {
        (path, method.lower())
        for path, methods in app.routes.items()
        for method, entry in methods.items()
        if entry.view_name != "elsewhere" and method != "HEAD"
    }

    assert {(path, method) for path, methods in document["paths"].items() for method in methods} == served


def test_a_route_names_every_parameter_of_its_path(document: Any) -> None:  # noqa: ANN401
    told = {one: document["paths"][one.path][one.method.lower()]["parameters"] for one in ENDPOINTS}
    named = {one: {each["name"] for each in those if each["in"] == "path"} for one, those in told.items()}

    assert [one for one in ENDPOINTS if named[one] != set(re.findall(r"{(\w+)}", one.path))] == []


def test_every_route_says_what_it_is_for(document: Any) -> None:  # noqa: ANN401
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]

    assert all(one["summary"] and one["description"] and one["operationId"] for one in operations)
    assert len({one["operationId"] for one in operations}) == len(operations)


def test_fields_are_described_by_the_words_beside_them(document: Any) -> None:  # noqa: ANN401
    schemas = document["components"]["schemas"]

    assert schemas["Task"]["properties"]["ready"]["description"] == "True when the state is final."
    assert schemas["ImageDetails"]["properties"]["name"]["description"].startswith("Unique within the collection")


def test_the_page_for_people_loads_our_own_script_and_nothing_else(anyone: Gateway) -> None:
    got = anyone.get("/docs")

    assert (got.status, got.headers["Content-Type"]) == (200, "text/html; charset=utf-8")
    assert got.headers["Content-Security-Policy"].startswith("default-src 'none'; script-src 'self'; ")
    assert re.findall(r'(?:src|href|spec-url)="([^"]*)"', got.text) == [
        "monitor/docs/icon.svg",
        "monitor/docs/rapidoc-min.js",
        "openapi.json",
        "openapi.json",
    ]


def test_the_written_reference_has_every_route() -> None:
    reference = (Path(__file__).parents[2] / "docs" / "reference" / "api.md").read_text(encoding="utf-8")
    cells = [line.split("|") for line in reference.splitlines() if line.startswith("|")]
    told = {row[1].strip(): row[2].strip() for row in cells}

    scopes = {f"`{one.method} {one.path}`": one.scopes for one in ENDPOINTS}
    meant = {route: SCOPES.get(those, " or ".join(f"`{scope}`" for scope in those)) for route, those in scopes.items()}
    assert {route: told.get(route, "not there") for route in meant} == meant


SCOPES = {PUBLIC: "public", ANY_TOKEN: "any"}
