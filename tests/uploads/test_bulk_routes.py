from __future__ import annotations

from chalicelib.container import Container
from chalicelib.tasks.model import Status
from tests.http.forms import FORM, a_form, a_part
from tests.http.gateway import Gateway, Got
from tests.http.memory_service import a_jpeg


def a_file(body: bytes, filename: str, name: str = "files[]") -> bytes:
    return a_part(f'form-data; name="{name}"; filename="{filename}"', body)


def bulk(client: Gateway, *parts: bytes, key: str | None = None, **fields: str) -> Got:
    headers = {"Content_Type": FORM} | ({"Idempotency_Key": key} if key else {})
    return client.post("/bulk_upload", a_form(*parts, **fields), **headers)


def test_results_come_in_request_order_with_reasons(admin: Gateway, working_services: Container) -> None:
    files = [a_file(a_jpeg(seed=1), "a.jpg"), a_file(b"hello", "b.jpg"), a_file(a_jpeg(seed=2), "c.jpg")]

    got = bulk(admin, *files, collection="doğa", async_="true")

    assert got.status == 202
    assert got.headers["Location"] == f"/task/status/{got.json['task_id']}"
    assert [(item["index"], item["filename"], item["success"]) for item in got.json["results"]] == [
        (0, "a.jpg", True),
        (1, "b.jpg", False),
        (2, "c.jpg", True),
    ]
    assert got.json["results"][1]["error"]["code"] == "not_an_image"
    assert (got.json["total"], got.json["accepted"], len(got.json["task_ids"])) == (3, 2, 3)


def test_a_job_tells_from_its_first_answer_on_how_its_files_do(admin: Gateway, services: Container) -> None:
    got = bulk(admin, a_file(a_jpeg(), "a.jpg"), a_file(b"hello", "b.jpg"), async_="true")

    listed = admin.get("/tasks/active").json["active"]
    cancelled = admin.post(f"/task/cancel/{got.json['task_id']}").json

    assert [got.json["task"]["result"], *(task["result"] for task in listed)] == [
        {"succeeded": 0, "failed": 1, "cancelled": 0}
    ] * 2
    assert (got.json["task"]["progress"]["current"], got.json["task"]["progress"]["total"]) == (1, 2)
    assert cancelled["result"] == {"succeeded": 0, "failed": 1, "cancelled": 1}


def test_a_job_with_a_bad_file_ends_partial(admin: Gateway, working_services: Container) -> None:
    parent = bulk(admin, a_file(a_jpeg(), "a.jpg"), a_file(b"x", "b.jpg"), async_="true").json["task_id"]

    task = admin.get(f"/task/status/{parent}").json

    assert (task["status"], task["progress"]["current"], task["progress"]["total"]) == ("PARTIAL", 2, 2)
    assert task["result"] == {"succeeded": 1, "failed": 1, "cancelled": 0}


def test_a_running_job_tells_how_far_it_is(admin: Gateway, services: Container) -> None:
    parent = bulk(admin, a_file(a_jpeg(), "a.jpg"), a_file(b"x", "b.jpg"), async_="true").json["task_id"]

    task = admin.get(f"/task/status/{parent}").json

    assert (task["status"], task["progress"]["current"]) == ("STARTED", 1)
    assert task["result"] == {"succeeded": 0, "failed": 1, "cancelled": 0}


def test_a_client_that_waits_gets_the_ended_job(admin: Gateway, working_services: Container) -> None:
    got = bulk(admin, a_file(a_jpeg(), "a.jpg", "files"), a_file(a_jpeg(seed=3), "a.jpg", "files"))

    assert (got.status, got.json["task"]["status"], got.json["async_processing"]) == (200, "SUCCESS", False)


def test_only_bad_files_are_refused_together(admin: Gateway, services: Container) -> None:
    got = bulk(admin, a_file(b"hello", "a.jpg"), a_file(b"", "b.jpg"))

    assert (got.status, got.json["code"]) == (400, "nothing_accepted")
    assert [result["code"] for result in got.json["details"]["results"]] == ["not_an_image", "empty_file"]


def test_a_repeated_request_finds_the_same_job(admin: Gateway, working_services: Container) -> None:
    files = [a_file(a_jpeg(), "a.jpg"), a_file(a_jpeg(seed=4), "b.jpg")]
    first = bulk(admin, *files, key="k1", async_="true").json

    again = bulk(admin, *files, key="k1", async_="true").json
    other = bulk(admin, files[0], key="k1", async_="true")

    assert (again["task_id"], again["task_ids"]) == (first["task_id"], first["task_ids"])
    assert (other.status, other.json["code"]) == (409, "idempotency_key_reused")
    assert working_services.state.catalog.stats("default").images == 2


def test_known_bytes_need_no_worker(admin: Gateway, working_services: Container) -> None:
    bulk(admin, a_file(a_jpeg(), "a.jpg"))

    item = bulk(admin, a_file(a_jpeg(), "again.jpg"), a_file(a_jpeg(seed=5), "new.jpg")).json["results"][0]

    assert working_services.tasks.get(item["task_id"]).status is Status.SUCCESS
    assert working_services.state.catalog.stats("default").images == 2
    assert item["image_id"] is not None


def test_cancelling_the_job_stops_its_children(admin: Gateway, services: Container) -> None:
    job = bulk(admin, a_file(a_jpeg(), "a.jpg"), a_file(a_jpeg(seed=6), "b.jpg"), async_="true").json

    got = admin.post(f"/task/cancel/{job['task_id']}")

    assert (got.status, got.json["status"]) == (200, "REVOKED")
    assert {services.tasks.get(item["task_id"]).status for item in job["results"]} == {Status.REVOKED}


def test_too_many_files_are_refused(admin: Gateway, services: Container) -> None:
    got = bulk(admin, *(a_file(b"x", f"{number}.jpg") for number in range(51)))

    assert (got.status, got.json["details"]["files"]) == (400, 51)
