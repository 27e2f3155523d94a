"""All planted bugs, by area."""

from __future__ import annotations

from collections.abc import Mapping

from tests.mutants.access import ACCESS
from tests.mutants.engine import ENGINE
from tests.mutants.mutant import Mutant
from tests.mutants.maintenance import MAINTENANCE
from tests.mutants.stores import STORES
from tests.mutants.tasks import TASKS

AREAS: Mapping[str, tuple[Mutant, ...]] = {
    "tasks": TASKS,
    "stores": STORES,
    "access": ACCESS,
    "maintenance and delivery": MAINTENANCE,
    "engine": ENGINE,
}
MUTANTS: Mapping[str, Mutant] = {one.name: one for area in AREAS.values() for one in area}
