"""No route ignores what it is sent: what it does not know is refused by name, and values are read by one rule."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from enum import Enum
from types import SimpleNamespace
from typing import Any, get_args

import msgspec
import pytest
from chalice.app import Chalice
from hypothesis import given, settings
from hypothesis import strategies as st

from chalicelib import container
from chalicelib.container import Container
from chalicelib.errors import BadRequest
from chalicelib.http.openapi import description
from chalicelib.http.parsing import field_names, from_json, from_text, types_of, without_empty
from chalicelib.http.routes import MONITOR_ROUTES, ROUTES, register
from chalicelib.http.routing import Endpoint
from chalicelib.http.validation import FORM as WORDS
from tests.endpoints import ENDPOINTS, MONITOR
from tests.http.forms import FORM, a_file, a_form, a_part, upload
from tests.http.gateway import Gateway, Got, answered
from tests.http.memory_service import BOOTSTRAP, a_jpeg, memory_service

EVERY = (*ENDPOINTS, *MONITOR)
AN_ID = "11111111-1111-4111-8111-111111111111"
WITH_BODY = [one for one in EVERY if {"body", "form"} & {*one.parts}]
BODILESS = [one for one in EVERY if one not in WITH_BODY]


@pytest.fixture(scope="session")
def app() -> Chalice:
    """With the monitor's routes."""
    app = Chalice("wallify", configure_logs=False)
    register(app, (*ROUTES, *MONITOR_ROUTES))
    return app


def path_of(one: Endpoint) -> str:
    return re.sub(r"{\w+}", AN_ID, one.path.replace("{token_id}", "0" * 64))


def sent(client: Gateway, one: Endpoint, query: str = "", method: str = "", **headers: str) -> Got:
    """A request that is right but for the query or the headers."""
    return client.ask(method or one.method, path_of(one) + query, body_of(one), headers=headers | _kind(one))


def body_of(one: Endpoint) -> bytes | None:
    if "form" in one.parts:
        return a_form(
            a_file(a_jpeg()) if "file" in one.parts else a_part('form-data; name="files"; filename="a"', b"x")
        )
    return b"{}" if "body" in one.parts else None


def _kind(one: Endpoint) -> dict[str, str]:
    return {"Content-Type": FORM} if "form" in one.parts else {}


def refused(got: Got, name: str) -> bool:
    return (got.status, got.json["details"].get("parameter")) == (400, name) and f"`{name}`" in got.json["message"]


def test_a_query_parameter_that_a_route_does_not_know_is_refused(admin: Gateway, services: Container) -> None:
    def is_refused(one: Endpoint) -> bool:
        got, allowed = sent(admin, one, "?nobody=1"), list(field_names(one.parts.get("query")))
        is_told = refused(got, "nobody") and all(name in got.json["message"] for name in allowed)
        return is_told and got.json["details"]["allowed"] == allowed

    assert [one.operation for one in EVERY if not is_refused(one)] == []


def test_head_is_as_strict_as_get(admin: Gateway, services: Container) -> None:
    readable = [one for one in EVERY if one.method == "GET"]

    assert [one.operation for one in readable if sent(admin, one, "?nobody=1", "HEAD").status != 400] == []


def test_a_header_of_ours_that_a_route_does_not_know_is_refused(admin: Gateway, services: Container) -> None:
    slips = ["x-wallify-dry-run", "x-idempotency-key", "idempotence-key"]
    tried = [(one, name) for one in EVERY for name in slips]
    tried += [(one, "idempotency-key") for one in EVERY if "headers" not in one.parts]

    assert [(one.operation, name) for one, name in tried if not refused(sent(admin, one, **{name: "1"}), name)] == []


@pytest.mark.parametrize("body", [b'{"state": "FAILURE"}', b"state=FAILURE", b"[]", b"null"])
def test_a_body_where_none_is_taken_is_refused(admin: Gateway, services: Container, body: bytes) -> None:
    for one in BODILESS:
        got = admin.ask(one.method, path_of(one), body)

        assert (got.status, got.json["details"].get("parameter")) == (400, "body"), one.operation
        assert f"{one.method} {one.path} takes no body" in got.json["message"]


def test_a_body_that_asks_for_nothing_is_no_body(admin: Gateway, services: Container) -> None:
    for one in BODILESS:
        got = admin.ask(one.method, path_of(one), b" {}\n")

        assert got.json["details"].get("parameter") != "body" if got.status >= 400 else got.text, one.operation


def fields(part: str) -> list[tuple[Endpoint, str]]:
    return [(one, name) for one in EVERY for name in field_names(one.parts.get(part))]


def test_a_parameter_comes_once_and_says_something(admin: Gateway, services: Container) -> None:
    for one, name in fields("query"):
        assert refused(sent(admin, one, f"?{name}=1&{name}=1"), name), (one.operation, name)
        for nothing in ("", "%20", "%09%20"):
            got = sent(admin, one, f"?{name}={nothing}")
            assert (got.status, got.json["details"]) == (400, {"parameter": name}), one.operation


def places(kind: object, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every object that a body may hold: where it is, and the smallest JSON that has it hold `nobody`."""
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        yield path, {"nobody": 1}
        for name, inner in types_of(kind).items():
            for place, value in places(inner, f"{path}.{name}".removeprefix(".")):
                yield place, {name: value}
    for part in get_args(kind):
        in_list = getattr(kind, "__origin__", None) in {tuple, list}
        for place, value in places(part, f"{path}[0]" if in_list else path):
            yield place, [value] if in_list else value


@pytest.mark.parametrize("one", [one for one in EVERY if "body" in one.parts], ids=lambda one: one.operation)
def test_a_json_field_that_nobody_knows_is_refused_at_any_depth(
    admin: Gateway, services: Container, one: Endpoint
) -> None:
    for place, value in places(one.parts["body"]):
        got = admin.ask(one.method, path_of(one), json.dumps(value).encode())

        assert refused(got, f"{place}.nobody".removeprefix(".")), got.text
        assert got.json["details"]["allowed"]


@pytest.mark.parametrize(
    "one", [one for one in EVERY if {"body", "form"} & {*one.parts}], ids=lambda one: one.operation
)
def test_the_description_says_that_no_other_field_is_taken(one: Endpoint) -> None:
    told = description(EVERY)
    schemas = told["components"]["schemas"]
    ((_, body),) = told["paths"][one.path][one.method.lower()]["requestBody"]["content"].items()
    found = [body["schema"]]

    for schema in found:
        objects = schemas[named(schema["$ref"])] if "$ref" in schema else schema
        assert objects["additionalProperties"] is False
        refs = re.findall(r'"\$ref": "([^"]+)"', json.dumps(objects))
        found += [{"$ref": ref} for ref in refs if "properties" in schemas[named(ref)]]


def named(ref: str) -> str:
    return ref.rpartition("/")[2]


def test_the_description_says_that_every_route_may_refuse_a_request() -> None:
    told = [responses for methods in description(EVERY)["paths"].values() for responses in methods.values()]

    assert len(told) == len(EVERY)
    assert [one["operationId"] for one in told if "`bad_request`" not in one["responses"]["400"]["description"]] == []


def test_a_json_field_comes_once(admin: Gateway, services: Container) -> None:
    def is_refused(one: Endpoint, name: str) -> bool:
        return refused(admin.ask(one.method, path_of(one), f'{{"{name}": 1, "{name}": 1}}'.encode()), name)

    assert [(one.operation, name) for one, name in fields("body") if not is_refused(one, name)] == []


def test_the_walk_reaches_fields_inside_of_others() -> None:
    assert {place for one in EVERY for place, _ in places(one.parts.get("body"))} == {"", "files[0]", "focal_point"}


@pytest.mark.parametrize("one", [one for one in EVERY if "form" in one.parts], ids=lambda one: one.operation)
def test_a_forms_field_that_nobody_knows_is_refused(admin: Gateway, services: Container, one: Endpoint) -> None:
    body = a_form(a_file(a_jpeg()) if "file" in one.parts else a_part('form-data; name="files"; filename="a"', b"x"))
    extra = a_part('form-data; name="colection"', b"x")

    got = admin.ask(one.method, one.path, extra + body, headers={"Content-Type": FORM})

    assert refused(got, "colection")
    assert got.json["details"]["did_you_mean"] == "collection"


@pytest.mark.parametrize(
    ("method", "path", "message"),
    [
        ("GET", "/tasks?stauts=FAILURE", "Unknown parameter `stauts`. Allowed: limit, cursor, state, type, "),
        ("GET", "/tasks?State=FAILURE", "Did you mean `state`?"),
        ("POST", "/tasks/retry?status=FAILURE", "Did you mean `state`?"),
        ("GET", "/health?verbose=1", "Unknown parameter `verbose`. None is allowed here."),
        ("POST", "/file_upload?async=true", "None is allowed here. Send it as a form field."),
        ("POST", "/thumbnails?collection=a", "None is allowed here. Send it in the JSON body."),
    ],
)
def test_a_slip_is_told_what_was_meant(admin: Gateway, method: str, path: str, message: str) -> None:
    got = admin.ask(method, path)

    assert got.status == 400
    assert message in got.json["message"]


def test_a_slip_is_told_in_turkish_too(admin: Gateway) -> None:
    told = admin.get("/tasks?stauts=1", Accept_Language="tr").json["message"]

    assert told.startswith("Bilinmeyen parametre: `stauts`. Kabul edilenler: limit, cursor, state, ")


def test_a_body_on_a_filter_route_is_told_where_filters_go(admin: Gateway) -> None:
    got = admin.post("/tasks/retry", b'{"state": "FAILURE"}')

    assert got.json["message"].startswith("POST /tasks/retry takes no body; send its parameters in the query string: ")


@pytest.mark.parametrize("name", ["utm_source", "fbclid", "gclid"])
def test_what_others_append_to_shared_links_breaks_no_picture(anyone: Gateway, services: Container, name: str) -> None:
    assert anyone.get(f"/i/{AN_ID}/full?{name}=x").status == 404
    assert anyone.get(f"/i/{AN_ID}/full?widht=9&{name}=x").status == 400


def test_a_body_that_is_nested_too_deeply_is_the_callers_fault(admin: Gateway) -> None:
    got = admin.post("/tokens", b"[" * 100_000)

    assert (got.status, got.json["message"]) == (400, "The body is nested too deeply.")


def test_a_byte_order_mark_before_json_is_no_mistake(admin: Gateway) -> None:
    assert admin.post("/tokens", b'\xef\xbb\xbf{"name": "a", "scopes": ["read"]}').status == 201


# One rule for blanks, case and empty fields.


def words_of(kind: object) -> tuple[str, ...]:
    """The words that a field has a fixed list of."""
    if isinstance(kind, msgspec.Meta):
        told = (kind.extra or {}).get(WORDS)
        return told if isinstance(told, tuple) else ()
    if isinstance(kind, type) and issubclass(kind, Enum):
        return tuple(str(one.value) for one in kind)
    return next((found for part in get_args(kind) if (found := words_of(part))), ())


TEXT_PARTS = ("query", "form", "headers")
TEXTS = [one for part in TEXT_PARTS for one in fields(part)]


def test_blanks_around_a_value_and_the_case_of_its_letters_do_not_matter() -> None:
    for one, name in TEXTS:
        is_read_in_any_form(one, name)


def is_read_in_any_form(one: Endpoint, name: str) -> None:
    kind = next(kind for part, kind in one.parts.items() if part in TEXT_PARTS and name in types_of(kind))

    for word in words_of(types_of(kind)[name]):
        for written in (word, f" {word}\t", f"\n{word.upper()} ", word.title(), f"\u00a0{word.lower()}"):
            read = getattr(msgspec.convert(from_text({name: written}, kind), kind), field_of(kind, name))
            assert str(read).lower() == word.lower()
    assert from_text({name: "\t a B\u00a0"}, kind) == {name: "a B"}


def field_of(kind: type[msgspec.Struct], name: str) -> str:
    return next(field.name for field in msgspec.structs.fields(kind) if field.encode_name == name)


def test_the_walk_knows_fixed_words() -> None:
    kinds = [types_of(kind)[name] for one in EVERY for part, kind in one.parts.items() for name in types_of(kind)]

    assert sum(bool(words_of(kind)) for kind in kinds) >= 12


@pytest.mark.parametrize("fields_", [{"async": ""}, {"collection": ""}, {"on_duplicate": " "}, {"async": " true "}])
def test_an_empty_field_of_a_form_is_one_that_was_not_sent(
    admin: Gateway, working_services: Container, fields_: dict[str, str]
) -> None:
    parts = [a_part(f'form-data; name="{name}"', text.encode()) for name, text in fields_.items()]

    got = upload(admin, *parts, a_file(a_jpeg()))

    assert (got.status, got.json["file"]["collection"]) == (202 if fields_.get("async") else 201, "default")


@pytest.mark.parametrize("words", [["READ"], [" read "], ["Read"]])
def test_words_in_json_are_read_in_any_case_too(admin: Gateway, words: list[str]) -> None:
    got = admin.post("/tokens", json.dumps({"name": " as it is ", "scopes": words}).encode())

    assert (got.json["token"]["scopes"], got.json["token"]["name"]) == (["read"], " as it is ")


@pytest.mark.parametrize("word", ["True", " YES", "on", "1"])
def test_every_switch_takes_the_same_words(admin: Gateway, working_services: Container, word: str) -> None:
    upload(admin, a_file(a_jpeg()), collection="lakes")

    assert admin.ask("DELETE", f"/collections/lakes?force={word.replace(' ', '%20')}").status == 202


# Misspelt and extreme input: nothing is widened, everything is named.

QUERIES = sorted({name for one in EVERY for name in field_names(one.parts.get("query"))})
EXTREMES = [
    "",
    " ",
    "null",
    "undefined",
    "NaN",
    "*",
    "%",
    "-1",
    "0",
    "1e9",
    "9" * 400,
    "\x00",
    "🌅",
    "true",
    "' OR 1=1",
]


def slips(name: str) -> list[str]:
    """The name with a letter left out, doubled or swapped, and in other cases."""
    swapped = [name[:at] + name[at + 1] + name[at] + name[at + 2 :] for at in range(len(name) - 1)]
    return [
        *swapped,
        *(name[:at] + name[at + 1 :] for at in range(len(name))),
        name + name[-1],
        name.upper(),
        f" {name}",
    ]


@settings(max_examples=150, deadline=None, database=None, derandomize=True)
@given(st.data())
def test_misspelt_and_extreme_queries_are_named_and_widen_nothing(data: st.DataObject) -> None:
    one = data.draw(st.sampled_from(EVERY))
    name = data.draw(st.sampled_from(QUERIES).flatmap(lambda known: st.sampled_from([known, *slips(known)])))
    value = data.draw(st.sampled_from(EXTREMES) | st.text(max_size=20))
    services = memory_service()
    container.use(services)
    try:
        got = Gateway(_APP, authorization=BOOTSTRAP).event(one.method, path_of(one), body_of(one), _kind(one))
        got["multiValueQueryStringParameters"] = {name: [value]}
        response = _answer(got)
    finally:
        container.use(None)

    if name not in field_names(one.parts.get("query")):
        assert response.status in {400, 401}
        assert response.status == 401 or response.json["details"]["parameter"] == name[:80]
    else:
        assert response.status < 500


def _answer(event: dict[str, Any]) -> Got:
    return answered(_APP(event, SimpleNamespace(aws_request_id="lambda")))


_APP = Chalice("wallify", configure_logs=False)
register(_APP, (*ROUTES, *MONITOR_ROUTES))

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=8,
)


@settings(max_examples=100, deadline=None, database=None, derandomize=True)
@given(
    st.sampled_from([one for one in EVERY if "body" in one.parts]),
    st.dictionaries(st.text(max_size=8), JSON, min_size=1),
)
def test_a_body_with_a_field_that_nobody_knows_is_never_taken(one: Endpoint, body: dict[str, Any]) -> None:
    kind = one.parts["body"]
    if set(body) <= set(field_names(kind)):
        return
    with pytest.raises(BadRequest) as refusal:
        from_json(body, kind)
    assert refusal.value.details["allowed"]


def test_from_text_reads_nothing_that_the_kind_does_not_have() -> None:
    kind = next(one.parts["form"] for one in EVERY if one.operation == "upload_file")

    assert from_text(without_empty({"collection": " a ", "async": " "}), kind) == {"collection": "a"}
