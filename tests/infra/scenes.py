"""The remaining routes and jobs of the table in docs/reference/calls.md, each with what it needs."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from chalicelib.json_formats import Work, write, write_optimize, write_visibility
from chalicelib.tasks.model import Failure
from tests.http.forms import FORM, a_file, a_form
from tests.infra.account import Account
from tests.infra.day import PICTURE, arrive, images, upload

Scene = tuple[str, Callable[[], object]]
FAULT = Failure("unavailable", "Try again shortly.", retryable=True)


def other_scenes(account: Account, round_: int) -> Iterator[Scene]:
    """Yield what is counted, in this order; what lies between is not."""
    for part in (_lists, _collections, _images_for_good, _tasks, _jobs, _tokens, _dead_letters, _private):
        yield from part(account, round_)


def _lists(account: Account, _: int) -> Iterator[Scene]:
    paths = ("/", "/docs", "/openapi.json", "/health", "/audit", "/functions", "/queues", "/schedules", "/trash")
    image_id = images(account)[0]
    account.ask("GET", f"/r/{image_id}/square-400-smart")
    account.work("Thumbnails")
    account.work("Maintenance")
    yield "`GET /r/{image_id}/{wish}`, stored", lambda: account.ask("GET", f"/r/{image_id}/square-400-smart")
    wish, signed = {"options": "w=90"}, f"/images/{image_id}/rendition-url"
    yield "`POST /images/{image_id}/rendition-url`", lambda: account.ask("POST", signed, wish)
    yield "`GET /images/{image_id}/original`", lambda: account.ask("GET", f"/images/{image_id}/original")
    for path in (*paths, "/tokens", "/quarantine"):
        yield f"`GET {path}`", lambda path=path: account.ask("GET", path)  # type: ignore[misc]  # bound on purpose
    yield "`GET /collections/{name}`", lambda: account.ask("GET", "/collections/lakes")


def _collections(account: Account, round_: int) -> Iterator[Scene]:
    ask, name = account.ask, f"made-{round_}"
    yield "`POST /collections`", lambda: ask("POST", "/collections", {"name": name, "title": "Made"})
    yield "`PATCH /collections/{name}`, described", lambda: ask("PATCH", f"/collections/{name}", {"description": "new"})
    for number in range(2):
        upload(account, 60 + number, collection=name)
    arrive(account)
    account.work("Maintenance")
    yield "`PATCH /collections/{name}`, closed", lambda: ask("PATCH", f"/collections/{name}", {"private": True})
    yield "`change_privacy`, closing two images", lambda: account.work("Maintenance")
    yield "`PATCH /collections/{name}`, opened", lambda: ask("PATCH", f"/collections/{name}", {"private": False})
    yield "`change_privacy`, opening two images", lambda: account.work("Maintenance")
    yield "`PATCH /collections/{name}`, renamed", lambda: ask("PATCH", f"/collections/{name}", {"name": f"{name}-b"})
    yield "`rename_collection`, two images", lambda: account.work("Maintenance")
    yield "`DELETE /collections/{name}`", lambda: ask("DELETE", f"/collections/{name}-b?force=true")
    yield "`delete_images`, a collection with two images", lambda: account.work("Maintenance")


def _images_for_good(account: Account, round_: int) -> Iterator[Scene]:
    ask = account.ask
    for number in range(2):
        upload(account, 70 + number, collection="gone")
    arrive(account)
    account.work("Maintenance")
    first, second = images(account, "gone")
    yield "`POST /thumbnails`, one image", lambda: ask("POST", "/thumbnails", {"image_id": first, "everything": True})
    yield "`generate_thumbnails`, one image", lambda: account.work("Thumbnails")
    account.work("Maintenance")
    yield "`DELETE /images/{image_id}`, `forever=true`", lambda: ask("DELETE", f"/images/{first}?forever=true")
    account.work("Maintenance")
    yield "`POST /deletions`, one image", lambda: ask("POST", "/deletions", {"image_ids": [second]})
    yield "`delete_images`, one image", lambda: account.work("Maintenance")
    key = f"originals/held-{round_}/a.jpg"
    account.put(f"quarantine/{key}", b"held")
    yield "`POST /quarantine/restore`", lambda: ask("POST", "/quarantine/restore", {"key": key})


def _tasks(account: Account, round_: int) -> Iterator[Scene]:
    ask = account.ask
    files = a_form(
        *(a_file(PICTURE + b"bulk %d" % (10 * round_ + number), f"{number}.jpg") for number in range(2)), async_="true"
    )
    yield (
        "`POST /bulk_upload`, two files",
        lambda: ask("POST", "/bulk_upload", files.replace(b'name="file"', b'name="files[]"'), Content_Type=FORM),
    )
    arrive(account)
    account.work("Maintenance")
    cancelled = upload(account, 80, body=PICTURE + b"cancelled %d" % round_)
    yield "`POST /task/cancel/{task_id}`, waiting", lambda: ask("POST", f"/task/cancel/{cancelled}")
    for number in range(2):
        _fail(account, failed := upload(account, 90 + number, body=PICTURE + b"failed %d" % (10 * round_ + number)))
    yield "`POST /task/retry/{task_id}`", lambda: ask("POST", f"/task/retry/{failed}")
    yield "`POST /tasks/retry`, one task", lambda: ask("POST", "/tasks/retry?state=FAILURE")
    arrive(account)
    account.work("Maintenance")


def _fail(account: Account, task_id: str) -> None:
    """The task's attempts were used up by a fault that is over."""
    services = account.services_of("test")
    task = services.leases.begin(task_id, "a run")
    services.leases.fail(task, FAULT)


def _jobs(account: Account, _: int) -> Iterator[Scene]:
    ask = account.ask
    yield "`PATCH /schedules/{name}`", lambda: ask("PATCH", "/schedules/optimize", {"enabled": True})
    for name in ("stats", "optimize", "cleanup"):
        yield (
            f"`POST /schedules/{{name}}/run`, {name}",
            lambda name=name: ask(  # type: ignore[misc]  # bound on purpose
                "POST", f"/schedules/{name}/run"
            ),
        )
        yield f"`{_JOBS[name]}`, all images", lambda: account.work("Maintenance")
    yield "`optimizer`, one image", lambda: account.handle("Optimizer", write_optimize(images(account)[1]))
    yield "`cleanup_orphaned_files`, started by its schedule", lambda: account.tick("cleanup_orphaned_files")
    account.work("Maintenance")
    image_id = images(account)[0]
    yield (
        "`maintenance`, hiding of an image looked after",
        lambda: account.handle("Maintenance", write_visibility(image_id)),
    )


_JOBS = {"stats": "update_collection_stats", "optimize": "optimize_images", "cleanup": "cleanup_orphaned_files"}


def _tokens(account: Account, _: int) -> Iterator[Scene]:
    ask, made = account.ask, list[str]()
    yield (
        "`POST /tokens`",
        lambda: made.append(ask("POST", "/tokens", {"name": "day", "scopes": ["read"]})["token"]["token_id"]),
    )
    yield "`PATCH /tokens/{token_id}`", lambda: ask("PATCH", f"/tokens/{made[0]}", {"name": "evening", "days": 1})
    yield "`DELETE /tokens/{token_id}`", lambda: ask("DELETE", f"/tokens/{made[0]}")


def _dead_letters(account: Account, round_: int) -> Iterator[Scene]:
    ask = account.ask
    account.add_dead_letter("Thumbnails", "no message of ours")
    yield "`GET /queues/{name}/dead`, one letter", lambda: ask("GET", "/queues/thumbnails/dead")
    letter = ask("GET", "/queues/thumbnails/dead")["letters"][0]["message_id"]
    place = f"/queues/thumbnails/dead/{letter}"
    yield "`GET /queues/{name}/dead/{message_id}`", lambda: ask("GET", place)
    yield "`DELETE /queues/{name}/dead/{message_id}`", lambda: ask("DELETE", place)
    done = ask("GET", "/tasks?state=SUCCESS&type=process_image")["tasks"][0]["task_id"]
    account.add_dead_letter("Thumbnails", write(Work(done)))
    yield "`POST /queues/{name}/redrive`, one letter", lambda: ask("POST", "/queues/thumbnails/redrive")
    for act in ("pause", "resume"):
        yield (
            f"`POST /queues/{{name}}/{act}`",
            lambda act=act: ask(  # type: ignore[misc]  # bound on purpose
                "POST", f"/queues/thumbnails/{act}"
            ),
        )
    # SQS refuses a second purge of a queue within a minute.
    name = ("images", "thumbnails")[round_]
    yield "`POST /queues/{name}/purge`", lambda: ask("POST", f"/queues/{name}/purge", {"confirm": name})


def _private(account: Account, round_: int) -> Iterator[Scene]:
    ask, name = account.ask, f"secret-{round_}"
    yield "`PATCH /collections/{name}`, made private", lambda: ask("PATCH", f"/collections/{name}", {"private": True})
    upload(account, 99, collection=name)
    arrive(account)
    account.work("Maintenance")
    image_id = images(account, name)[0]
    yield "`POST /collections/{name}/access`", lambda: ask("POST", f"/collections/{name}/access", {"hours": 1})
    yield "`POST /images/{image_id}/link`", lambda: ask("POST", f"/images/{image_id}/link", {"hours": 1})
