from __future__ import annotations

import io
import uuid
from datetime import UTC, datetime, timedelta

import pytest
from rich.console import Console

from chalicelib.tasks.factory import TaskSpec
from chalicelib.tasks.model import Failure, Status
from cli import errors
from cli.commands import tasks
from cli.commands.tasks import parse_moment
from tests.browser.seeds import a_failed_upload, a_waiting_upload
from tests.cli.conftest import Terminal
from tests.cli.served_api import ServedApi
from tests.http.memory_service import bucket_of

NOBODY = str(uuid.UUID(int=7, version=4))


def test_tasks_are_listed_with_the_newest_first(at_desk: Terminal, desk: ServedApi) -> None:
    desk.picture(1)
    failed = a_failed_upload(desk.services)

    typed = at_desk("tasks")

    heading, first, second = typed.out.splitlines()
    assert (typed.code, heading.split("\t")[:2]) == (0, ["id", "state"])
    assert first.split("\t")[:2] == [failed.task_id, "FAILURE"]
    assert "wallpapers / picture-1.jpg" in second


def test_filters_say_which_tasks(at_desk: Terminal, desk: ServedApi) -> None:
    desk.picture(1)
    failed = a_failed_upload(desk.services)

    (one,) = at_desk("tasks", "--state", "failure", "--since", "1h", "--collection", "mountains", "--json").lines

    assert (one["task_id"], one["error"]["code"]) == (failed.task_id, "image_damaged")


def test_a_task_that_failed_tells_the_facts_of_its_error(at_desk: Terminal, desk: ServedApi) -> None:
    facts = {"frames": 121, "limit": 120, "supported": ["gif", "png"]}
    task = a_waiting_upload(desk.services)
    failure = Failure("image_too_large", "Too long.", details=facts, cause={"service": "s3", "error": "AccessDenied"})
    desk.services.state.tasks.replace(task, task.failed(failure, now=desk.services.clock.now(), keep=timedelta(days=1)))

    printed = at_desk("task", task.task_id).out

    assert "frames: 121, limit: 120, supported: gif png" in printed
    assert "service: s3, error: AccessDenied" in printed


def test_a_list_may_be_cut_short_or_not(at_desk: Terminal, desk: ServedApi) -> None:
    for number in range(3):
        desk.picture(number)

    assert len(at_desk("tasks", "--limit", "2", "--json").lines) == 2
    assert len(at_desk("tasks", "--all", "--limit", "2", "--json").lines) == 2
    assert len(at_desk("tasks", "--all", "--json").lines) == 3


def test_a_time_that_nobody_understands_is_not_sent(at_desk: Terminal, desk: ServedApi) -> None:
    typed = at_desk("tasks", "--since", "yesterday")

    assert typed.code == 2
    assert "yesterday is no time; say 30m, 2h, 7d" in typed.err


def test_a_time_may_be_told_in_full_or_as_long_ago() -> None:
    assert datetime.fromisoformat(parse_moment("2026-03-04T12:00Z")) == datetime(2026, 3, 4, 12, tzinfo=UTC)
    assert datetime.fromisoformat(parse_moment("2h")) < datetime.fromisoformat(parse_moment("90m")) < datetime.now(UTC)


def test_a_task_is_shown_with_what_came_of_it(at_desk: Terminal, desk: ServedApi) -> None:
    failed = a_failed_upload(desk.services)

    typed = at_desk("task", failed.task_id)

    assert typed.code == 0
    assert "image_damaged: " in typed.out
    assert at_desk("task", failed.task_id, "--json").json["status"] == "FAILURE"


@pytest.mark.parametrize("length", [4, 8, 23, 35])
def test_the_beginning_of_an_id_is_enough(at_desk: Terminal, desk: ServedApi, length: int) -> None:
    desk.picture(1)
    task = a_waiting_upload(desk.services)

    assert at_desk("task", task.task_id[:length], "--json").json["task_id"] == task.task_id
    assert at_desk("cancel", task.task_id[:length]).code == 0
    assert at_desk("task", task.task_id, "--json").json["status"] == "REVOKED"
    assert "uploaded object is no longer" in at_desk("retry", task.task_id[:length]).err  # found: it has no object here


def test_the_beginning_of_several_ids_names_them_and_does_nothing(at_desk: Terminal, desk: ServedApi) -> None:
    both = [str(uuid.UUID(int=0xABCD << 112 | number, version=4)) for number in range(2)]
    for one in both:
        desk.services.state.tasks.add(desk.services.task_factory.image_task(TaskSpec(one), "mountains", "a.jpg"))

    typed = at_desk("cancel", "abcd")

    assert typed.code == errors.MISUSED
    assert all(one in typed.err for one in both)
    assert [at_desk("task", one, "--json").json["status"] for one in both] == ["PENDING", "PENDING"]


@pytest.mark.parametrize("text", ["abc", "not-an-id", "ABCD"])
def test_what_is_no_beginning_of_an_id_is_asked_as_it_is(at_desk: Terminal, desk: ServedApi, text: str) -> None:
    typed = at_desk("task", text)

    assert typed.code in {errors.MISSING, errors.REFUSED}
    assert "GET /tasks" not in desk.asked


def test_a_task_that_nobody_has_ends_with_five(at_desk: Terminal) -> None:
    typed = at_desk("task", NOBODY)

    assert (typed.code, typed.err.strip(), typed.out) == (5, "There is no task with this id.", "")


def test_an_error_is_a_document_for_programs(at_desk: Terminal) -> None:
    body = at_desk("task", NOBODY, "--json").json

    assert body == {
        "success": False,
        "status": 404,
        "code": "task_not_found",
        "message": "There is no task with this id.",
    }


def test_watching_ends_with_the_task(at_desk: Terminal, desk: ServedApi) -> None:
    task = desk.services.schedules.run("cleanup")
    desk.work_when_looked_at()

    typed = at_desk("task", task.task_id, "--watch", "--json")

    assert typed.code == 0
    assert typed.lines[-1]["status"] == "SUCCESS"


def test_watching_what_fails_ends_with_seven(at_desk: Terminal, desk: ServedApi) -> None:
    failed = a_failed_upload(desk.services)

    assert at_desk("task", failed.task_id, "--watch").code == 7


def test_a_waiting_task_is_cancelled(at_desk: Terminal, desk: ServedApi) -> None:
    waiting = a_waiting_upload(desk.services)

    typed = at_desk("cancel", waiting.task_id)

    assert (typed.code, typed.out.strip()) == (0, f"{waiting.task_id} is cancelled.")
    assert desk.services.tasks.get(waiting.task_id).status is Status.REVOKED


def test_a_task_that_has_ended_is_not_cancelled(at_desk: Terminal, desk: ServedApi) -> None:
    failed = a_failed_upload(desk.services)

    assert at_desk("cancel", failed.task_id).code == 6


def test_one_that_fails_does_not_keep_the_others_from_it(at_desk: Terminal, desk: ServedApi) -> None:
    waiting = a_waiting_upload(desk.services)

    typed = at_desk("cancel", NOBODY, waiting.task_id, "--json")

    assert (typed.code, typed.json["status"]) == (7, "REVOKED")
    assert f"{NOBODY}: There is no task with this id." in typed.err


def test_a_task_is_tried_again_as_a_new_one(at_desk: Terminal, desk: ServedApi) -> None:
    desk.works = False
    failed = a_failed_upload(desk.services)

    body = at_desk("retry", failed.task_id, "--json").json

    assert body["task_id"] != failed.task_id
    assert body["subject"]["filename"] == "broken.jpg"


def test_all_that_match_are_tried_again(at_desk: Terminal, desk: ServedApi) -> None:
    failed = [a_failed_upload(desk.services, name) for name in ("one.jpg", "two.jpg")]

    damaged = {task.task_id for task in failed}

    cautious = at_desk("retry", "--all", "--json").lines
    preview = at_desk("retry", "--state", "FAILURE", "--retryable", "any", "--dry-run", "--json").lines
    printed = at_desk("retry", "--state", "FAILURE", "--retryable", "any", "--json").lines
    again = at_desk("retry", "--state", "FAILURE", "--retryable", "any", "--json").lines

    assert (cautious, again) == ([], [])
    assert [{one["task_id"] for one in some} for some in (preview, printed)] == [damaged, damaged]
    assert {(one["status"], one["error"]) for one in preview} == {("FAILURE", "image_damaged")}


def test_options_that_ids_have_no_use_for_are_refused(at_desk: Terminal) -> None:
    assert at_desk("retry", NOBODY, "--dry-run").code == 2


@pytest.mark.parametrize("words", [(), ("--all", "--state", "FAILURE"), (NOBODY, "--all")])
def test_what_to_try_again_must_be_clear(at_desk: Terminal, words: tuple[str, ...]) -> None:
    typed = at_desk("retry", *words)

    assert typed.code == 2
    assert "Select the tasks by ids, by filters, or with --all." in typed.err


def test_trying_again_what_went_well_is_refused(at_desk: Terminal, desk: ServedApi) -> None:
    image = desk.picture(1)

    assert at_desk("retry", image.task_id).code == 6


def test_clean_up_runs_and_reports_only(at_desk: Terminal, desk: ServedApi) -> None:
    desk.work_when_looked_at()

    typed = at_desk("run", "cleanup", "--dry-run", "--watch", "--json")

    assert (typed.code, typed.lines[-1]["type"]) == (0, "cleanup_orphaned_files")
    assert typed.lines[-1]["result"]["dry_run"] is True


def test_a_clean_up_that_stops_at_its_limit_says_so_in_words_and_numbers(at_desk: Terminal, desk: ServedApi) -> None:
    desk.picture(1)
    bucket = bucket_of(desk.services)
    for number in range(3):
        bucket.drop(f"originals/lost-{number}/0.png", b"lost")
        bucket.written[f"originals/lost-{number}/0.png"] -= timedelta(days=30)
    desk.work_when_looked_at()

    typed = at_desk("run", "cleanup", "--limit", "2", "--watch")

    assert (typed.code, "state       PARTIAL" in typed.out) == (7, True)
    text = " ".join(typed.out.split())
    assert "budget_spent: Stopped at the limit: 2 of " in text
    assert "this run may remove 2. Check in the quarantine that they are not needed, then run clean-up again" in text
    assert len(bucket.under("quarantine/")) == 2
    assert at_desk("tasks", "--state", "PARTIAL", "--json").json["error"]["code"] == "budget_spent"


@pytest.mark.parametrize(
    ("job", "type_"),
    [("stats", "update_collection_stats"), ("optimize", "optimize_images"), ("thumbnails", "generate_thumbnails")],
)
def test_each_job_runs_by_hand(at_desk: Terminal, desk: ServedApi, job: str, type_: str) -> None:
    desk.picture(1)

    assert at_desk("run", job, "--collection", "wallpapers", "--json").json["type"] == type_


def test_a_run_says_how_to_follow_it(at_desk: Terminal) -> None:
    assert "see `wallify task " in at_desk("run", "cleanup").out


def test_a_job_takes_only_options_that_it_has_a_use_for(at_desk: Terminal, desk: ServedApi) -> None:
    typed = at_desk("run", "stats", "--dry-run")

    assert (typed.code, typed.err.strip(), desk.asked) == (2, "stats does not take --dry-run.", [])


def test_runs_never_overlap(at_desk: Terminal) -> None:
    at_desk("run", "cleanup")

    assert at_desk("run", "cleanup").code == 6


def test_schedules_are_listed_and_switched(at_desk: Terminal) -> None:
    switched = at_desk("schedules", "--json", "disable", "optimize").json
    listed = {one["name"]: one["enabled"] for one in at_desk("schedules", "--json").lines}

    assert (switched["enabled"], listed["optimize_images"], listed["cleanup_orphaned_files"]) == (False, False, True)
    assert at_desk("schedules", "enable", "optimize").out.strip() == "optimize_images is on."
    assert at_desk("schedules", "enable", "nonsense").code == 5


def test_people_see_a_bar_while_they_watch(at_desk: Terminal, desk: ServedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    console = Console(file=io.StringIO(), force_terminal=True, width=100)
    monkeypatch.setattr(tasks, "stdout", console)
    task = desk.services.schedules.run("cleanup")
    desk.work_when_looked_at()

    typed = at_desk("task", task.task_id, "--watch")

    assert isinstance(console.file, io.StringIO)
    assert "cleanup_orphaned_files success" in console.file.getvalue()
    assert "state       SUCCESS" in typed.out
