from __future__ import annotations

import ast
import json
from collections.abc import Iterator

import pytest

from chalicelib.settings import load
from tests.architecture.modules import ROOT, Module, modules

CHANCE = {
    "datetime": {"now", "utcnow", "today"},
    "date": {"today"},
    "time": {"time", "time_ns", "monotonic", "monotonic_ns", "perf_counter", "sleep"},
    "uuid": {"uuid1", "uuid4"},
    "random": {"random", "uniform", "choice", "randint"},
    "secrets": {"token_urlsafe", "token_hex", "token_bytes", "choice"},
    "os": {"urandom"},
}
GIVEN_IN_TESTS = "a default that tests replace"
UNFORESEEABLE = "a secret that not even a test may foresee"
ALLOWED_CHANCE = {
    "chalicelib.adapters.aws": "the one clock, and the one maker of ids",
    "chalicelib.admin.sessions": UNFORESEEABLE,
    "chalicelib.admin.tokens": UNFORESEEABLE,
    "chalicelib.container.services": "hands jitter to the services that need some",
    "chalicelib.adapters.records": "spreads retries",
    "chalicelib.adapters.dynamodb.table": GIVEN_IN_TESTS,
    "chalicelib.adapters.sql.database": GIVEN_IN_TESTS,
    "chalicelib.http.app": "measures how long a request took, for its log line",
    "chalicelib.telemetry": GIVEN_IN_TESTS,
}
ENVIRONMENT = {("os", "environ"), ("os", "environb"), ("os", "getenv")}
CLIENTS = {
    *(("boto3", name) for name in ("client", "resource", "Session", "session")),
    *(("botocore.session", name) for name in ("Session", "get_session")),
}
HANDLERS = {
    "on_sqs_message",
    "on_sns_message",
    "on_s3_event",
    "on_kinesis_record",
    "on_dynamodb_record",
    "on_cw_event",
    "schedule",
    "lambda_function",
    "authorizer",
}


def attributes(module: Module) -> Iterator[tuple[str, str]]:
    """Each `name.attribute` in the module, and each `from name import attribute`."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            yield node.value.id, node.attr
        elif isinstance(node, ast.ImportFrom):
            yield from ((str(node.module), alias.name) for alias in node.names)


def handlers(module: Module) -> Iterator[str]:
    """Functions that Chalice makes Lambda functions of their own from."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.FunctionDef):
            names = {
                part.attr for mark in node.decorator_list for part in ast.walk(mark) if isinstance(part, ast.Attribute)
            }
            if names & HANDLERS:
                yield node.name


def using(names: set[tuple[str, str]]) -> set[str]:
    """Modules that have one of these names."""
    return {name for name, module in modules().items() if names & set(attributes(module))}


def test_only_the_settings_read_the_environment() -> None:
    assert using(ENVIRONMENT) == {"chalicelib.settings"}


def test_only_the_aws_room_makes_clients() -> None:
    assert {name for name in using(CLIENTS) if not name.startswith("chalicelib.adapters.")} == set()


def test_time_ids_and_chance_come_in_from_outside() -> None:
    assert using({(who, what) for who, some in CHANCE.items() for what in some}) == ALLOWED_CHANCE.keys()


def test_handlers_of_events_live_on_the_switchboard_only() -> None:
    # In a blueprint a handler becomes an entry module of its own, and app.py never runs
    # (https://github.com/aws/chalice/issues/1566).
    homes = {name for name, module in modules().items() if any(handlers(module))}
    assert homes == {"app"}


def test_every_function_has_its_size_and_time_in_the_configuration() -> None:
    config = json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8"))
    named = {"api_handler", *handlers(modules()["app"])}
    assert set(config["lambda_functions"]) == named
    assert all({"lambda_memory_size", "lambda_timeout"} <= one.keys() for one in config["lambda_functions"].values())


LEASES = {
    "process_image": "lease_seconds",
    "make_thumbnails": "job_lease_seconds",
    "maintenance": "job_lease_seconds",
}


@pytest.mark.parametrize(("function", "lease"), LEASES.items())
def test_a_lease_outlasts_the_function_that_holds_it(function: str, lease: str) -> None:
    config = json.loads((ROOT / ".chalice" / "config.json").read_text("utf-8"))
    assert getattr(load({}), lease) > config["lambda_functions"][function]["lambda_timeout"]


def test_uploads_reach_the_api_as_bytes() -> None:
    import app  # noqa: PLC0415  # the switchboard reads its settings when it is imported

    assert "multipart/form-data" in app.app.api.binary_types
