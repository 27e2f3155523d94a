from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path

from chalicelib.adapters.memory import MemoryState
from chalicelib.admin.monitoring import Functions
from chalicelib.admin.scopes import FUNCTIONS
from chalicelib.tasks.model import QUEUES, Status, TaskType
from tests.builders import NOON, FrozenClock, a_task
from tests.memory_admin import MemoryMetricsReader

CONFIG = Path(__file__).parents[2] / ".chalice" / "config.json"
MINUTE = timedelta(minutes=1)
ONLY_WHILE_DEPLOYING = {"migrate"}
"""Nobody watches what runs once."""


def running(*tasks: object) -> dict[str, int | None]:
    state = MemoryState()
    for number, task in enumerate(tasks):
        state.tasks.add(a_task(f"t{number}", **task))  # type: ignore[arg-type]  # fields of Task
    workforce = Functions(state.tasks, MemoryMetricsReader(), FrozenClock(), concurrency=4)
    return {report.name: report.running for report in workforce.all()}


def held(type_: TaskType, until: timedelta = MINUTE) -> dict[str, object]:
    return {"type": type_, "status": Status.STARTED, "owner": "run-1", "lease_until": NOON + until}


def test_every_function_that_is_deployed_is_known() -> None:
    deployed = json.loads(CONFIG.read_text(encoding="utf-8"))["lambda_functions"]

    assert {function.name for function in FUNCTIONS} == set(deployed) - ONLY_WHILE_DEPLOYING


def test_every_kind_of_task_with_a_worker_has_one_function() -> None:
    worked_on = [type_ for function in FUNCTIONS for type_ in function.types]

    # A bulk upload's parent is a sum, nobody works on it.
    assert sorted(worked_on) == sorted(set(TaskType) - {TaskType.BULK_PROCESS_IMAGES})
    assert {function.lane for function in FUNCTIONS if function.lane} == set(QUEUES)


def test_what_a_function_holds_runs() -> None:
    found = running(
        held(TaskType.PROCESS_IMAGE),
        held(TaskType.PROCESS_IMAGE),
        held(TaskType.GENERATE_THUMBNAILS),
        held(TaskType.DELETE_IMAGES),
        held(TaskType.OPTIMIZE_IMAGES),
    )

    assert (found["process_image"], found["make_thumbnails"], found["maintenance"]) == (2, 1, 2)


def test_what_waits_or_has_lost_its_worker_does_not_run() -> None:
    assert running({}, held(TaskType.PROCESS_IMAGE, -MINUTE))["process_image"] == 0


def test_functions_that_hold_no_tasks_say_nothing_of_them() -> None:
    assert {name: running()[name] for name in ("api_handler", "sweep")} == {"api_handler": None, "sweep": None}
