"""A job that has stopped at its budget, over HTTP."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.container import Container
from chalicelib.json_formats import Work
from chalicelib.uploads.service import Upload
from tests.http.gateway import Gateway
from tests.http.memory_service import a_jpeg, bucket_of, finish


def test_a_clean_up_that_has_spent_its_budget_is_partial_and_tells_its_numbers(
    admin: Gateway, services: Container
) -> None:
    accepted = services.uploads.accept(Upload("nature", "a.jpg", a_jpeg()))
    assert accepted.task is not None
    finish(services, accepted.task.task_id)
    bucket = bucket_of(services)
    for number in range(5):
        bucket.drop(f"originals/lost-{number}/0.png", b"lost")
        bucket.written[f"originals/lost-{number}/0.png"] -= timedelta(days=30)
    task_id = admin.post("/schedules/cleanup/run?limit=3").json["task_id"]
    services.chunked_jobs.run(Work(task_id), services.job_worker)

    body = admin.get(f"/task/status/{task_id}").json

    assert (body["status"], body["ready"], body["successful"]) == ("PARTIAL", True, False)
    assert (body["error"]["code"], body["error"]["retryable"]) == ("budget_spent", False)
    seen = body["result"]["seen"]
    assert (body["result"]["taken"], body["result"]["cap"], body["result"]["quarantined"]) == (3, 3, 3)
    assert f"3 of {seen} objects were removed; this run may remove 3." in body["error"]["message"]
    in_turkish = admin.get(f"/task/status/{task_id}", **{"Accept-Language": "tr"}).json
    assert f"{seen} nesneden 3 tanesi" in in_turkish["error"]["message"]
    (listed,) = [one for one in admin.get("/schedules").json["schedules"] if one["name"] == "cleanup_orphaned_files"]
    assert listed["last_task"]["error"]["code"] == "budget_spent"
