from __future__ import annotations

from chalicelib.admin.scopes import FunctionUsage
from chalicelib.container import Container
from tests.http.gateway import Gateway
from tests.memory_admin import MemoryMetricsReader


def test_each_function_tells_how_it_is_doing(admin: Gateway, services: Container) -> None:
    usage = FunctionUsage(1288, 3, 0, 740.0, 1910.5, 11, 2048, 60)
    services.metrics_reader = MemoryMetricsReader(known={"process_image": usage})

    by_name = {one["name"]: one for one in admin.get("/functions").json["functions"]}

    assert by_name["process_image"] == {
        "name": "process_image",
        "running": 0,
        "concurrency": 4,
        "invocations": 1288,
        "errors": 3,
        "throttles": 0,
        "duration_p50_ms": 740.0,
        "duration_p95_ms": 1910.5,
        "cold_starts": 11,
        "memory_mb": 2048,
        "timeout_seconds": 60,
    }


def test_what_is_not_measured_is_null_and_not_zero(admin: Gateway, services: Container) -> None:
    by_name = {one["name"]: one for one in admin.get("/functions").json["functions"]}

    measured = {name: value for name, value in by_name["sweep"].items() if name != "name"}
    assert set(measured.values()) == {None}
