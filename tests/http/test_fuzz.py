"""The description against the running API: whatever a client may send, the answer is one that was described."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from chalice.app import Chalice
from hypothesis import HealthCheck, Phase, settings, strategies
from schemathesis.checks import CHECKS, load_all_checks
from schemathesis.generation.feedback import FeedbackSources
from schemathesis.pytest._test_builder import build_operation_test
from schemathesis.python._constants.orchestrator import make_constants_value_source
from schemathesis.specs.openapi.schemas import OpenApiSchema

from chalicelib import container
from chalicelib.http.openapi import description
from chalicelib.http.routes import FORM_TYPE, register
from tests.endpoints import ENDPOINTS
from tests.http.gateway import Gateway
from tests.http.memory_service import BOOTSTRAP, hire, memory_service


@dataclass(frozen=True)
class AsWsgi:
    """The app behind a gateway, as a WSGI application."""

    app: Chalice

    def __call__(self, environ: Mapping[str, Any], start_response: Callable[..., object]) -> Iterator[bytes]:
        path = quote(environ["PATH_INFO"].encode("latin-1"))
        body = environ["wsgi.input"].read(int(environ.get("CONTENT_LENGTH") or 0))
        headers = {name[5:].replace("_", "-"): text for name, text in environ.items() if name.startswith("HTTP_")}
        headers["Content-Type"] = environ.get("CONTENT_TYPE", "")
        url = f"{path}?{environ['QUERY_STRING']}"
        got = Gateway(self.app).ask(environ["REQUEST_METHOD"], url, body, headers=headers)
        start_response(f"{got.status} {HTTPStatus(got.status).phrase}", list(got.headers.items()))
        return iter((got.text.encode(),))


def served() -> Chalice:
    app = Chalice("wallify", configure_logs=False)
    register(app)
    return app


# What a schema cannot say about them, their formats name (see `chalicelib/http/request.py`).
schemathesis.openapi.format(
    "collection-name",
    strategies.from_regex(
        r"[A-Za-z0-9](?:[\w .-]{0,20}\w)?",
        fullmatch=True,
        alphabet=strategies.characters(categories=["Ll", "Lu", "Nd"], include_characters="_ .-"),
    ),
)
schemathesis.openapi.format(
    "file-name", strategies.text(strategies.characters(exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1)
)

_SHOWN = strategies.characters(exclude_categories=["Cc", "Cs", "Cf", "Zl", "Zp"])
schemathesis.openapi.format("one-line", strategies.text(_SHOWN, min_size=1, max_size=40))
schemathesis.openapi.format("lines", strategies.text(_SHOWN | strategies.sampled_from("\n\t"), max_size=40))

DESCRIPTION = description(ENDPOINTS)
OPERATIONS = tuple((method.upper(), path) for path, methods in DESCRIPTION["paths"].items() for method in methods)
REFUSED_BY_WHAT_IT_MEANS = {
    "POST /queues/{name}/purge": "`confirm` is the queue's name, once more",
    "POST /uploads": "the largest size is a setting",
    "POST /tasks/retry": "one of seven parameters is needed; OpenAPI has no rule over several parameters",
    "POST /file_upload": "the bytes are no picture",
    "POST /bulk_upload": "none of the files is a picture",
}
"""Operations that refuse what their schema allows, and why no schema could say it."""


@pytest.fixture
def fuzzed_services() -> Iterator[None]:
    services = memory_service()
    hire(services)
    container.use(services)
    yield
    container.use(None)


@pytest.fixture(scope="module")
def schema() -> OpenApiSchema:
    schema = schemathesis.openapi.from_dict(DESCRIPTION)
    schema.app = AsWsgi(served())
    load_all_checks()
    return schema


# `schema.parametrize()` makes the cases of all operations in each process that collects; here each test makes its own.
@pytest.mark.usefixtures("fuzzed_services")
@pytest.mark.parametrize(("method", "path"), OPERATIONS)
def test_the_api_keeps_to_its_description(schema: OpenApiSchema, method: str, path: str) -> None:
    build_operation_test(
        config=schema.config,
        operation=schema[path][method],
        test_func=answers_as_described,
        given_kwargs={},
        feedback=FeedbackSources(constants_value_source=make_constants_value_source(schema)),
    )()


@settings(
    max_examples=12,
    derandomize=True,
    database=None,
    deadline=None,
    phases=(Phase.explicit, Phase.generate),
    suppress_health_check=list(HealthCheck),
)
def answers_as_described(case: schemathesis.Case[Any]) -> None:
    left_out: set[str] = set()
    if case.operation.label in REFUSED_BY_WHAT_IT_MEANS or "cursor" in (case.query or {}):
        # A cursor may be well formed and still be none of ours.
        left_out.add("positive_data_acceptance")
    if case.media_type == FORM_TYPE:
        # A form has no types: a list of one `false` is sent as the same bytes as `false`, which is right to accept.
        left_out.add("negative_data_rejection")
    checks = [check for check in CHECKS.get_all() if check.__name__ not in left_out]

    case.call_and_validate(headers={"Authorization": BOOTSTRAP}, checks=checks)  # type: ignore[arg-type]  # their own checks are wider than they say
