"""A cursor works for the list, the filters and the order that it was given for, and for nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from urllib.parse import quote

import pytest
from chalice.app import Chalice
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from chalicelib import container
from chalicelib.container import Container
from chalicelib.http.parsing import CURSOR, field_names
from chalicelib.storage import Budget
from chalicelib.tasks.model import Failure, Status
from chalicelib.uploads.service import Upload
from tests.builders import NOON, a_final_task, a_task
from tests.endpoints import ENDPOINTS
from tests.http.gateway import Gateway, Got
from tests.http.memory_service import BOOTSTRAP, a_jpeg, bucket_of, hire, memory_service
from tests.memory_secret import MemorySecret

ID = "{:08x}-1111-4111-8111-111111111111"
NOT_OURS = "The cursor is not valid, or it was changed; start again without a cursor."
OF_ANOTHER_LIST = "The cursor belongs to another list; send it to the route that returned it."
OF_OTHER_FILTERS = (
    "The cursor belongs to other filters or another order; "
    "send the filters and the order of the request that returned it."
)

LISTS = {
    "list_active_tasks": "GET /tasks/active?limit=1",
    "list_tasks": "GET /tasks?limit=1",
    "retry_tasks": "POST /tasks/retry?limit=1&state=FAILURE&dry_run=true",
    "list_quarantined_objects": "GET /quarantine?limit=1",
    "list_trash": "GET /trash?limit=1",
    "list_collection_images": "GET /collections/nature/images?limit=1",
    "list_audit_entries": "GET /audit?limit=1",
}
SORTED = {
    sort: f"GET /collections/nature/images?limit=1&sort={sort}" for sort in ("oldest", "name", "largest", "random")
}
OTHERS = {"sea": "GET /collections/sea/images?limit=1", "filtered": "GET /tasks?limit=1&state=FAILURE"}
EVERY = LISTS | SORTED | OTHERS


@pytest.fixture(scope="module")
def filled_services() -> Container:
    """Three of everything that is listed."""
    services = memory_service()
    hire(services)
    for number in range(3):
        for collection in ("nature", "sea", "gone"):
            name = f"{collection}-{number}.jpg"
            accepted = services.uploads.accept(Upload(collection, name, a_jpeg(40 + number, 40, seed=number)))
            if collection == "gone" and accepted.task is not None:
                services.trash.trash(accepted.task.subject.image_id or "")
        error = Failure("unavailable", "The bucket does not respond; try again shortly.", retryable=True)
        services.state.tasks.add(a_task(ID.format(number), created_at=NOON + timedelta(seconds=number)))
        bucket_of(services).drop(f"incoming/{number}", b"bytes")
        special = {"error": error, "args": {"source": f"incoming/{number}"}}
        services.state.tasks.add(a_final_task(ID.format(16 + number), status=Status.FAILURE, **special))
        bucket_of(services).drop(f"originals/lost-{number}/günaydın.png", b"bytes")  # noqa: RUF001  # Turkish
        (stored,) = services.objects.list(f"originals/lost-{number}/", 1).items
        services.quarantine.take(stored, Budget(1))
        services.audit.note("pause_queue", "images", actor="a", token_id="t")  # names a token
        services.clock.sleep(1)
    return services


@pytest.fixture
def lists(filled_services: Container, app: Chalice) -> Iterator[Gateway]:
    container.use(filled_services)
    yield Gateway(app, authorization=BOOTSTRAP)
    container.use(None)


def ask(client: Gateway, address: str, cursor: str | None = None) -> Got:
    method, url = address.split(" ")
    return client.ask(method, url if cursor is None else f"{url}&cursor={quote(cursor)}")


def cursor_of(client: Gateway, address: str) -> str:
    cursor: str = ask(client, address).json["next_cursor"]
    return cursor


def test_every_list_is_in_the_table() -> None:
    assert {one.operation for one in ENDPOINTS if CURSOR in field_names(one.parts.get("query"))} == set(LISTS)


@pytest.mark.parametrize("address", EVERY.values(), ids=EVERY)
def test_a_cursor_goes_on_to_the_end(lists: Gateway, address: str) -> None:
    seen, cursor = [], None
    while True:
        got = ask(lists, address, cursor)
        assert got.status == 200
        seen += [str(one) for key, some in got.json.items() if isinstance(some, list) for one in some]
        cursor = got.json["next_cursor"]
        if cursor is None:
            break
    assert len(seen) == len(set(seen)) >= 3


@pytest.mark.parametrize("address", EVERY.values(), ids=EVERY)
def test_a_cursor_that_was_changed_is_refused(lists: Gateway, address: str) -> None:
    good = cursor_of(lists, address)
    middle = len(good) // 2
    other = "A" if good[middle] != "A" else "B"
    changed = [
        *(good + "x", good + "=", good + "A", good[:-1], good[1:], good[:middle] + other + good[middle + 1 :]),
        *("null", "undefined", "NaN", "0", "x", "W10", "A" * 4000, good.swapcase(), good + good),
    ]
    for last in "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_":
        changed += [good[:-1] + last] if last != good[-1] else []

    for cursor in changed:
        got = ask(lists, address, cursor)
        assert (got.status, got.json["message"], got.json["details"]) == (400, NOT_OURS, {"parameter": CURSOR}), cursor


@pytest.mark.parametrize("address", EVERY.values(), ids=EVERY)
def test_a_cursor_of_another_list_filter_or_order_is_refused(lists: Gateway, address: str) -> None:
    here = address.partition("?")[0]
    for elsewhere in EVERY.values():
        if elsewhere != address:
            got = ask(lists, address, cursor_of(lists, elsewhere))
            wrong = OF_OTHER_FILTERS if elsewhere.partition("?")[0] == here else OF_ANOTHER_LIST
            assert (got.status, got.json["message"]) == (400, wrong), elsewhere


@pytest.mark.parametrize("other", ["state=SUCCESS", "type=process_image", "text=a", "since=2026-03-04T12:00:00Z", ""])
def test_a_cursor_of_other_filters_is_refused(lists: Gateway, other: str) -> None:
    cursor = cursor_of(lists, OTHERS["filtered"])

    got = ask(lists, f"GET /tasks?limit=1&{other}".rstrip("&"), cursor)

    assert (got.status, got.json["message"]) == (400, OF_OTHER_FILTERS)


def test_a_page_may_have_another_size_than_the_one_before(lists: Gateway) -> None:
    cursor = cursor_of(lists, LISTS["list_tasks"])

    assert ask(lists, "GET /tasks?limit=7", cursor).status == 200


def test_a_cursor_of_a_random_order_brings_its_seed_along(lists: Gateway) -> None:
    first = ask(lists, f"{SORTED['random']}&seed=abc").json

    assert ask(lists, SORTED["random"], first["next_cursor"]).json["seed"] == "abc"
    assert ask(lists, f"{SORTED['random']}&seed=xyz", first["next_cursor"]).json["message"] == OF_OTHER_FILTERS


def test_a_cursor_sealed_with_another_secret_is_refused(lists: Gateway, filled_services: Container) -> None:
    cursor = cursor_of(lists, LISTS["list_tasks"])
    filled_services.bootstrap = MemorySecret("another")
    try:
        assert ask(lists, LISTS["list_tasks"], cursor).json["message"] == NOT_OURS
    finally:
        filled_services.bootstrap = MemorySecret(BOOTSTRAP)


@pytest.mark.parametrize(
    ("query", "parameter"),
    [("limit=1&per_page=2", "per_page"), ("seed=abc", "seed"), ("seed=abc&sort=name", "seed")],
)
def test_of_two_parameters_that_exclude_each_other_none_is_ignored(lists: Gateway, query: str, parameter: str) -> None:
    got = lists.get(f"/collections/nature/images?{query}")

    assert (got.status, got.json["details"]["parameter"]) == (400, parameter)


@settings(
    max_examples=60,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(st.text(alphabet="ABCabc012-_", min_size=1, max_size=80), st.integers(0, 60))
@example("A", 0)
def test_no_cursor_that_was_put_together_is_taken(lists: Gateway, text: str, kept: int) -> None:
    good = cursor_of(lists, LISTS["list_tasks"])

    got = ask(lists, LISTS["list_tasks"], good[:kept] + text)

    assert (got.status, got.json["message"]) == (400, NOT_OURS)
