"""What the audit log says, and that no change escapes it."""

from __future__ import annotations

import json
from pathlib import Path

from chalice.app import Chalice

from chalicelib import monitor
from chalicelib.admin.monitoring import Audit
from chalicelib.admin.scopes import AuditEntry, Scope
from chalicelib.admin.tokens import digest_of
from chalicelib.container import Container
from chalicelib.errors import Unavailable
from chalicelib.json_formats import to_iso
from chalicelib.names import display_name
from chalicelib.ports import Page
from chalicelib.uploads.service import Upload
from tests.endpoints import ENDPOINTS
from tests.http.gateway import Gateway, Got
from tests.http.memory_service import BOOTSTRAP, a_jpeg, a_token, finish
from tests.naughty import HARMLESS

UPLOADS = {"upload_file", "upload_files", "create_presigned_uploads"}
"""Their tasks tell of them."""


def send(admin: Gateway, method: str, url: str, **body: object) -> Got:
    return admin.ask(method, url, json.dumps(body).encode() if body else None)


def lines(admin: Gateway) -> list[tuple[str, str]]:
    return [(entry["action"], entry["target"]) for entry in admin.get("/audit").json["entries"]]


def an_image(services: Container) -> str:
    accepted = services.uploads.accept(Upload("nature", "a.jpg", a_jpeg()))
    assert accepted.task is not None
    finish(services, accepted.task.task_id)
    return services.state.catalog.find_by_name("nature", "a.jpg").image_id


def test_every_view_that_changes_something_is_written_down() -> None:
    changing = {one.operation for one in ENDPOINTS if one.method != "GET"}

    assert changing - UPLOADS == {one.operation for one in ENDPOINTS if one.audit}


def test_the_monitor_has_words_for_every_action() -> None:
    page = (Path(monitor.__file__).parent / "static" / "view_audit.js").read_text("utf-8")

    assert [one.audit.action for one in ENDPOINTS if one.audit and f"  {one.audit.action}: " not in page] == []


def test_an_entry_says_who_what_and_when(admin: Gateway, services: Container) -> None:
    admin.post("/queues/images/pause")

    assert admin.get("/audit").json == {
        "entries": [
            {
                "at": to_iso(services.clock.now()),
                "actor": "bootstrap",
                "token_id": digest_of(BOOTSTRAP),
                "action": "pause_queue",
                "target": "images",
            }
        ],
        "next_cursor": None,
    }


def test_the_life_of_an_image_can_be_read(admin: Gateway, services: Container) -> None:
    image = an_image(services)
    send(admin, "PATCH", f"/images/{image}", collection="sea")
    send(admin, "DELETE", f"/images/{image}")
    send(admin, "POST", f"/images/{image}/restore")
    send(admin, "POST", "/thumbnails", image_id=image, everything=True)
    send(admin, "POST", "/deletions", image_ids=[image])

    assert sorted(lines(admin)) == sorted(
        [
            ("update_image", f"{image} collection=sea"),
            ("delete_image", image),
            ("restore_image", image),
            ("generate_thumbnails", f"image_id={image} everything=true"),
            ("delete_images", f"1: {image}"),
        ]
    )


def test_tokens_are_named_and_never_shown(admin: Gateway) -> None:
    issued = send(admin, "POST", "/tokens", name="iOS app", scopes=["read", "upload"]).json
    send(admin, "DELETE", f"/tokens/{issued['token']['token_id']}")

    assert sorted(lines(admin)) == [
        ("create_token", "iOS app (read, upload)"),
        ("revoke_token", issued["token"]["token_id"]),
    ]
    assert issued["secret"] not in admin.get("/audit").text


def test_schedules_are_written_down_with_how_they_ran(admin: Gateway) -> None:
    admin.post("/schedules/cleanup/run?dry_run=true")
    send(admin, "PATCH", "/schedules/stats", enabled=False)

    assert sorted(lines(admin)) == [
        ("run_schedule", "cleanup dry_run=true"),
        ("update_schedule", "stats enabled=false"),
    ]


def test_whoever_did_it_is_named(app: Chalice, services: Container, admin: Gateway) -> None:
    worker = Gateway(app, authorization=a_token(services, Scope.TASKS))

    worker.post("/queues/images/pause")

    assert [entry["actor"] for entry in admin.get("/audit").json["entries"]] == ["test"]


def test_what_was_refused_is_not_written_down(admin: Gateway, app: Chalice, services: Container) -> None:
    admin.post("/queues/nothing/pause")
    send(admin, "POST", "/queues/images/purge", confirm="wrong")
    Gateway(app, authorization=a_token(services, Scope.READ)).post("/queues/images/pause")

    assert lines(admin) == []


def test_reading_is_not_written_down(admin: Gateway) -> None:
    for path in ("/queues", "/tokens", "/audit", "/trash"):
        assert admin.get(path).status == 200

    assert lines(admin) == []


def test_the_log_comes_a_page_at_a_time(admin: Gateway) -> None:
    for _ in range(3):
        admin.post("/queues/images/pause")

    first = admin.get("/audit?limit=2").json
    rest = admin.get(f"/audit?limit=2&cursor={first['next_cursor']}").json

    assert (len(first["entries"]), len(rest["entries"]), rest["next_cursor"]) == (2, 1, None)


def test_a_name_from_the_wild_is_told_as_it_is(admin: Gateway) -> None:
    wild = [name for name in HARMLESS if 1 <= len(name) <= 80]
    names = [name for name in wild if send(admin, "POST", "/tokens", name=name, scopes=["read"]).status == 201]

    page = admin.get("/audit?limit=200").json["entries"]

    assert {entry["target"] for entry in page} == {f"{name} (read)" for name in names}
    # What a name of one line cannot hold: control characters, and those that reorder others.
    assert all(display_name(name) != name for name in set(wild) - set(names))


class Broken:
    """A log that cannot be written."""

    def add(self, _: AuditEntry) -> None:
        raise Unavailable

    def page(self, limit: int, cursor: str | None = None) -> Page[AuditEntry]:  # noqa: ARG002  # the port's words
        return Page(())


def test_a_change_that_cannot_be_written_down_is_told_to_its_caller(admin: Gateway, services: Container) -> None:
    services.audit = Audit(Broken(), services.clock, lambda: "id")

    assert admin.post("/queues/images/pause").status == 503
