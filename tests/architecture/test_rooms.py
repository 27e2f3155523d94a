from __future__ import annotations

import sys
from graphlib import TopologicalSorter

import pytest

from tests.architecture.rooms import MAY, PACKAGES, ROOMS, imports, is_ours, modules, room_of

every_module = pytest.mark.parametrize("name", sorted(modules()))


@every_module
def test_imports_point_down(name: str) -> None:
    module = modules()[name]
    allowed = MAY[module.room] | {module.room}
    assert {found for found in imports(module) if is_ours(found) and room_of(found) not in allowed} == set()


@every_module
def test_each_package_is_known_in_its_rooms_only(name: str) -> None:
    module = modules()[name]
    roots = {found.split(".")[0] for found in imports(module) if not is_ours(found)} - sys.stdlib_module_names
    assert {root for root in roots if module.room not in PACKAGES.get(root, frozenset())} == set()


DETOURS = {
    # The session tells the page which routes there are, and it is one of them itself.
    "chalicelib.monitor.signing_in": {"chalicelib.monitor.routes", "chalicelib.api.routes"},
}
"""Late imports that close a circle on purpose."""


def test_no_module_imports_itself_by_a_detour() -> None:
    ours = {
        name: {found for found in imports(module, annotations=False) if is_ours(found)}
        for name, module in modules().items()
    }
    graph = {name: found - DETOURS.get(name, set()) for name, found in ours.items()}
    assert set(graph) <= set(TopologicalSorter(graph).static_order())
    assert all(detours <= ours[name] for name, detours in DETOURS.items())


def test_no_room_knows_itself_by_a_detour() -> None:
    assert len(list(TopologicalSorter(MAY).static_order())) == len(ROOMS)


def test_the_rules_are_there_for_every_room() -> None:
    assert MAY.keys() == ROOMS.keys()
    assert {room for rooms in (*MAY.values(), *PACKAGES.values()) for room in rooms} <= ROOMS.keys()
    assert {module.room for module in modules().values()} == set(ROOMS)
