"""The table of routes: true to what the modules declare, complete, and read without importing any of them."""

from __future__ import annotations

import json
import subprocess
import sys
from importlib import import_module

import pytest
from chalice.app import Chalice
from chalice.test import Client

from chalicelib.http.routes import MONITOR_ROUTES, ROUTES, Route, register
from chalicelib.http.routing import Endpoint
from tests.architecture.modules import ROOT, modules

TABLE = (*ROUTES, *MONITOR_ROUTES)


@pytest.mark.parametrize("route", TABLE, ids=lambda route: route.operation)
def test_a_row_says_what_the_endpoint_declares(route: Route) -> None:
    found = route.endpoint()

    assert (found.method, found.path, found.operation) == (route.method, route.path, route.operation)


def test_every_endpoint_that_is_declared_is_in_the_table_once() -> None:
    declared = [
        (name.removeprefix("chalicelib."), attribute)
        for name in modules()
        if name.startswith("chalicelib.") and "migrations" not in name
        for attribute, found in vars(import_module(name)).items()
        if isinstance(found, Endpoint) and found.view.__module__ == name
    ]

    assert sorted(declared) == sorted((route.module, route.operation) for route in TABLE)


@pytest.mark.slow  # a process for itself
def test_a_request_imports_the_routes_of_its_module_alone() -> None:
    code = """
import json, sys, app
from chalice.test import Client
def routes():
    return [name for name in sys.modules if name.startswith("chalicelib.") and name.endswith("routes")]
told = [[0, routes()]]
with Client(app.app) as client:
    for path in ("/health", "/monitor/session"):
        told.append([client.http.get(path).status_code, routes()])
print(json.dumps(told))
"""
    told = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)

    table, monitor = "chalicelib.http.routes", "chalicelib.monitor.routes"
    assert json.loads(told.stdout.splitlines()[-1]) == [[0, [table]], [200, [table]], [200, [table, monitor]]]


def test_a_module_that_cannot_be_imported_is_an_internal_error() -> None:
    app = Chalice("test", configure_logs=False)
    register(app, [Route("GET /lost", "nowhere.routes", "lost")])

    with Client(app) as client:
        answer = client.http.get("/lost")

    assert (answer.status_code, answer.json_body["code"]) == (500, "internal_error")
