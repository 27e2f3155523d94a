"""What a bucket promises: the one in memory, the soak's, and S3 by moto and by the local cloud's emulator."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import timedelta

import pytest

from chalicelib.adapters.s3 import S3Bucket
from chalicelib.errors import Conflict, ObjectNotFound, PayloadTooLarge, Unavailable
from chalicelib.ports import ObjectStore
from chalicelib.storage import IMMUTABLE, PRIVATE, Budget, NewObject, StoredObject
from tests.contracts.buckets import Bench, in_memory, in_the_soak, over_moto, over_s3

LIMIT = 1_000
KEYS = (
    "incoming/a/plain.jpg",
    "incoming/a/with a space +%2B &?#.jpg",
    "incoming/a/ç ğ ı ö ş ü İ.jpg",  # noqa: RUF001  # Turkish, on purpose
    "incoming/a/line\nbreak\ttab.jpg",
    "incoming/a/ends with a newline\n",
    "incoming/a/" + "k" * (1_024 - len("incoming/a/")),
)
NEVER: dict[str, Callable[[ObjectStore], object]] = {
    "head": lambda objects: objects.head("a"),
    "get": lambda objects: objects.get("a", limit=LIMIT),
    "copy": lambda objects: objects.copy("a", "b"),
}
ACTS: dict[str, Callable[[ObjectStore], object]] = {
    "put": lambda objects: objects.put(NewObject("a", b"a", "image/png")),
    "delete": lambda objects: objects.delete("a", budget=Budget(9)),
}


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Bench]:
    with ExitStack() as stack:
        match request.param:
            case "memory":
                yield in_memory()
            case "soak":
                yield in_the_soak()
            case "emulator":
                yield over_s3(request.getfixturevalue("emulator_address"))
            case kind:
                yield stack.enter_context(over_moto(versions=kind == "moto"))


@pytest.fixture
def objects(bench: Bench) -> ObjectStore:
    return bench.objects


# Nearest to the function, so that a test's id begins with its bucket, by which tests/conftest.py knows the slow ones.
every = pytest.mark.parametrize("bench", ["memory", "soak", "moto", "emulator"], indirect=True)
versioned = pytest.mark.parametrize("bench", ["memory", "moto", "emulator"], indirect=True)
unversioned = pytest.mark.parametrize("bench", ["soak", "moto-unversioned"], indirect=True)


def put(objects: ObjectStore, key: str, body: bytes) -> StoredObject:
    """Write the key, and say what is there now."""
    objects.put(NewObject(key, body, "image/png"))
    return objects.head(key)


def seen(objects: ObjectStore, prefix: str, limit: int = 1_000) -> list[tuple[str, bytes]]:
    """Every version under the prefix, page by page, with its bytes."""
    found: list[tuple[str, bytes]] = []
    after: str | None = None
    while True:
        page = objects.versions(prefix, limit, after)
        assert len(page.items) <= limit
        found += [(one.key, objects.get(one.key, limit=LIMIT, version=one.version)) for one in page.items]
        after = page.next_cursor
        if after is None:
            return found


@versioned
def test_the_newest_is_told_with_its_version(objects: ObjectStore) -> None:
    first, second = put(objects, "a", b"old"), put(objects, "a", b"newer")
    assert (first.bytes, second.bytes) == (3, 5)
    assert first.version != second.version
    assert first.etag != second.etag
    assert all((first.version, second.version))


@pytest.mark.parametrize("act", NEVER.values(), ids=NEVER)
@every
def test_what_is_not_there_is_not_found(objects: ObjectStore, act: Callable[[ObjectStore], object]) -> None:
    assert not objects.exists("a")
    with pytest.raises(ObjectNotFound):
        act(objects)
    assert not objects.exists("b")


@every
def test_what_was_put_can_be_got_and_a_second_put_replaces_it(objects: ObjectStore) -> None:
    objects.put(NewObject("a", b"old", "image/png"), NewObject("b", b"other", "image/png"))
    objects.put(NewObject("a", b"new", "image/png"))
    assert [objects.get(key, limit=LIMIT) for key in ("a", "b")] == [b"new", b"other"]
    assert objects.exists("a")


@every
def test_objects_that_are_put_together_are_all_there(objects: ObjectStore) -> None:
    objects.put(*(NewObject(f"{number:02}", bytes([number]), "image/png") for number in range(30)))
    assert [one.key for one in objects.list("", 99).items] == [f"{number:02}" for number in range(30)]
    assert objects.get("07", limit=LIMIT) == b"\x07"


@every
def test_the_head_and_the_listing_tell_the_same_of_an_object(objects: ObjectStore) -> None:
    first, second = put(objects, "x/a", b"old"), put(objects, "x/a", b"newer")
    (listed,) = objects.list("x/", 9).items
    assert (second.key, second.bytes) == (listed.key, listed.bytes) == ("x/a", 5)
    assert second.etag == listed.etag != first.etag
    assert second.modified == listed.modified >= first.modified
    assert second.modified.utcoffset() == timedelta(0)
    assert listed.version == ""


@every
def test_an_object_may_be_as_large_as_the_limit_and_no_larger(objects: ObjectStore) -> None:
    put(objects, "a", b"12345")
    assert objects.get("a", limit=5) == b"12345"
    with pytest.raises(PayloadTooLarge) as refused:
        objects.get("a", limit=4)
    assert refused.value.details == {"limit": 4, "bytes": 5}


@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
@every
def test_keys_of_any_letters_are_put_listed_copied_and_deleted(objects: ObjectStore, key: str) -> None:
    objects.put(NewObject(key, b"bytes", "image/png"))
    objects.copy(key, f"quarantine/{key[:1_000]}")
    assert objects.get(f"quarantine/{key[:1_000]}", limit=LIMIT) == b"bytes"
    assert [one.key for one in objects.list("incoming/a/", 9).items] == [key]
    assert objects.list(key, 9, key).items == ()
    objects.delete(key, budget=Budget(1))
    assert objects.list("incoming/", 9).items == ()


@every
def test_objects_are_listed_by_the_bytes_of_their_keys_and_in_pages(objects: ObjectStore) -> None:
    for key in ("x/b", "x/a", "x/ş", "x/Z", "x/\uff5e", "x/\U0001f600", "y"):
        put(objects, key, b"bytes")
    first = objects.list("x/", 3)
    assert [one.key for one in first.items] == ["x/Z", "x/a", "x/b"]
    assert first.next_cursor == "x/b"
    second = objects.list("x/", 3, first.next_cursor)
    # By UTF-8; by UTF-16, as some languages compare, the last two would change places.
    assert [one.key for one in second.items] == ["x/ş", "x/\uff5e", "x/\U0001f600"]
    assert second.next_cursor is None
    assert objects.list("x/", 1, "x/aa").items[0].key == "x/b"


@every
def test_a_copy_keeps_bytes_and_headers_and_leaves_the_first_where_it_is(bench: Bench) -> None:
    for number, control in enumerate((IMMUTABLE, PRIVATE)):
        key = f"günaydın {number}.png"  # noqa: RUF001  # Turkish, on purpose
        bench.objects.put(NewObject(key, b"bytes", "image/avif", control))
        bench.objects.copy(key, f"{number}/b")
        assert [bench.objects.get(one, limit=LIMIT) for one in (key, f"{number}/b")] == [b"bytes", b"bytes"]
        assert bench.headers(key) == bench.headers(f"{number}/b") == ("image/avif", control)


@every
def test_a_copy_has_other_headers_if_they_are_given(bench: Bench) -> None:
    bench.objects.put(NewObject("a", b"bytes", "image/avif", IMMUTABLE))
    bench.objects.copy("a", "b", content_type="image/png", cache_control=PRIVATE)
    assert bench.objects.get("b", limit=LIMIT) == b"bytes"
    assert (bench.headers("a"), bench.headers("b")) == (("image/avif", IMMUTABLE), ("image/png", PRIVATE))


@every
def test_removing_what_is_not_there_is_no_error_and_draws_from_the_budget(objects: ObjectStore) -> None:
    objects.put(NewObject("a", b"a", "image/png"), NewObject("b", b"b", "image/png"))
    budget = Budget(2)
    objects.delete("a", "c", budget=budget)
    assert budget.left == 0
    objects.delete(budget=budget)
    objects.delete_under("originals/nothing/", budget=budget)
    assert [one.key for one in objects.list("", 9).items] == ["b"]


@every
def test_what_lies_under_prefixes_is_removed_and_nothing_beside_it(objects: ObjectStore) -> None:
    kept = ("originals/10/a", "quarantine/originals/1/a", "renditions/2/a")
    for key in ("originals/1/a", "originals/1/b/c", "renditions/1/a", *kept):
        put(objects, key, b"bytes")
    objects.delete_under("originals/1/", "renditions/1/", budget=Budget(3))
    assert tuple(one.key for one in objects.list("", 9).items) == kept


@every
def test_versions_of_one_image_are_removed_with_what_was_overwritten_or_deleted(objects: ObjectStore) -> None:
    kept = ("originals/10/a", "renditions/2/a")
    for key in ("originals/1/a", "originals/1/a", "originals/1/b", "renditions/1/a", *kept):
        put(objects, key, b"bytes")
    objects.delete("originals/1/b", "renditions/1/a", budget=Budget(2))
    budget = Budget(3)
    for _ in range(2):  # the second time there is nothing left
        objects.delete_versions_under("originals/1/", "renditions/1/", budget=budget)
        assert tuple(one.key for one in objects.versions("", 9).items) == kept
        assert tuple(one.key for one in objects.list("", 9).items) == kept


@pytest.mark.parametrize("bench", ["moto", "emulator"], indirect=True)
def test_no_delete_marker_is_left_of_an_image(bench: Bench) -> None:
    assert isinstance(bench.objects, S3Bucket)
    put(bench.objects, "originals/1/a", b"bytes")
    bench.objects.delete("originals/1/a", "originals/1/never", budget=Budget(2))
    bench.objects.delete_versions_under("originals/1/", budget=Budget(2))
    found = bench.objects.connect().list_object_versions(Bucket=bench.objects.name)
    assert not {"Versions", "DeleteMarkers"} & found.keys()


@every
def test_a_form_names_its_key_and_content_type(objects: ObjectStore) -> None:
    key = "incoming/nature/t1/upload"
    form = objects.presigned_post(key, content_type="image/png", limit=LIMIT, lasts=timedelta(minutes=15))
    assert (form.fields["key"], form.fields["Content-Type"]) == (key, "image/png")
    assert form.url.startswith("http")


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@every
def test_a_bucket_that_does_not_answer_is_unavailable(bench: Bench, act: Callable[[ObjectStore], object]) -> None:
    with pytest.raises(Unavailable):
        act(bench.silent)


@pytest.mark.parametrize("bench", ["memory", "soak"], indirect=True)
def test_a_page_has_at_most_1_000_objects_whatever_is_asked_for(objects: ObjectStore) -> None:
    objects.put(*(NewObject(f"x/{number:04}", b"", "image/png") for number in range(1_001)))
    page = objects.list("x/", 2_000)
    assert (len(page.items), page.next_cursor) == (1_000, "x/0999")
    assert [one.key for one in objects.list("x/", 2_000, page.next_cursor).items] == ["x/1000"]


@unversioned
def test_a_bucket_without_versions_shows_its_objects_as_the_only_ones(objects: ObjectStore) -> None:
    for key in ("x/b", "x/a", "x/a", "y"):
        assert put(objects, key, key.encode()).version == ""
    assert seen(objects, "x/", 1) == seen(objects, "x/") == [("x/a", b"x/a"), ("x/b", b"x/b")]
    objects.delete("x/a", budget=Budget(1))
    assert seen(objects, "x/") == [("x/b", b"x/b")]


@versioned
def test_a_version_is_read_after_its_key_was_written_again_and_deleted(objects: ObjectStore) -> None:
    first, second = put(objects, "a", b"old"), put(objects, "a", b"new")
    assert objects.get("a", limit=LIMIT) == b"new"
    assert objects.get("a", limit=LIMIT, version=first.version) == b"old"
    objects.delete("a", budget=Budget(9))
    assert [objects.get("a", limit=LIMIT, version=one.version) for one in (first, second)] == [b"old", b"new"]
    assert (objects.exists("a"), objects.exists("a", first.version)) == (False, True)


@versioned
def test_a_version_that_never_was_is_not_found(objects: ObjectStore) -> None:
    other = put(objects, "b", b"b")
    put(objects, "a", b"a")
    assert not objects.exists("a", other.version)
    with pytest.raises(ObjectNotFound):
        objects.get("a", limit=LIMIT, version=other.version)


@versioned
def test_the_limit_holds_for_versions(objects: ObjectStore) -> None:
    first = put(objects, "a", b"12345")
    put(objects, "a", b"1")
    with pytest.raises(PayloadTooLarge):
        objects.get("a", limit=4, version=first.version)


@pytest.mark.parametrize("quotes", ['"', ""])
@every
def test_bytes_are_read_only_if_they_are_those_that_were_meant(objects: ObjectStore, quotes: str) -> None:
    first = put(objects, "a", b"old").etag.strip('"')
    assert objects.get("a", limit=LIMIT, etag=f"{quotes}{first}{quotes}") == b"old"
    put(objects, "a", b"new")
    with pytest.raises(Conflict):
        objects.get("a", limit=LIMIT, etag=f"{quotes}{first}{quotes}")
    objects.delete("a", budget=Budget(9))
    with pytest.raises(ObjectNotFound):
        objects.get("a", limit=LIMIT, etag=f"{quotes}{first}{quotes}")


@pytest.mark.parametrize("quotes", ['"', ""])
@every
def test_an_object_is_removed_only_if_it_is_the_one_that_was_meant(objects: ObjectStore, quotes: str) -> None:
    first, second = (put(objects, "a", body).etag.strip('"') for body in (b"old", b"new"))
    assert not objects.delete_if("a", f"{quotes}{first}{quotes}", budget=Budget(9))
    assert objects.get("a", limit=LIMIT) == b"new"
    assert objects.delete_if("a", f"{quotes}{second}{quotes}", budget=Budget(9))
    assert not objects.exists("a")


@every
def test_an_object_is_replaced_only_if_it_is_the_one_that_was_read(objects: ObjectStore) -> None:
    objects.put_if(NewObject("a", b"old", "image/png"), "")
    body, etag = objects.read("a", limit=LIMIT)
    assert body == b"old"
    objects.put_if(NewObject("a", b"new", "image/png"), etag)
    assert objects.read("a", limit=LIMIT) != (b"new", etag)
    for stale in ("", etag):
        with pytest.raises(Conflict):
            objects.put_if(NewObject("a", b"late", "image/png"), stale)
    assert objects.get("a", limit=LIMIT) == b"new"


@every
def test_an_object_that_was_deleted_meanwhile_is_not_replaced(objects: ObjectStore) -> None:
    put(objects, "a", b"old")
    etag = objects.read("a", limit=LIMIT)[1]
    objects.delete("a", budget=Budget(9))
    with pytest.raises(Conflict):
        objects.put_if(NewObject("a", b"late", "image/png"), etag)
    assert not objects.exists("a")
    objects.put_if(NewObject("a", b"new", "image/png"), "")
    assert objects.get("a", limit=LIMIT) == b"new"


@every
def test_what_is_read_is_bounded_and_must_be_there(objects: ObjectStore) -> None:
    with pytest.raises(ObjectNotFound):
        objects.read("a", limit=LIMIT)
    put(objects, "a", bytes(LIMIT + 1))
    with pytest.raises(PayloadTooLarge):
        objects.read("a", limit=LIMIT)


@versioned
def test_every_version_is_listed_whatever_became_of_its_key(objects: ObjectStore) -> None:
    put(objects, "x/a", b"1")
    put(objects, "x/a", b"2")
    put(objects, "x/b", b"3")
    objects.delete("x/a", budget=Budget(9))
    put(objects, "x/a", b"4")
    objects.delete("x/b", budget=Budget(9))
    put(objects, "y/a", b"5")
    wanted = [("x/a", b"1"), ("x/a", b"2"), ("x/a", b"4"), ("x/b", b"3")]
    assert sorted(seen(objects, "x/")) == wanted
    assert sorted(seen(objects, "x/", 1)) == wanted
    assert sorted(seen(objects, "x/", 2)) == wanted
    assert seen(objects, "z/") == []


@versioned
def test_versions_are_listed_by_their_keys(objects: ObjectStore) -> None:
    for key in ("x/b", "x/a", "x/é", "x/a", "x/Z"):
        put(objects, key, key.encode())
    assert [key for key, _ in seen(objects, "x/", 2)] == ["x/Z", "x/a", "x/a", "x/b", "x/é"]


@pytest.mark.parametrize("key", KEYS, ids=range(len(KEYS)))
@versioned
def test_versions_of_keys_of_any_letters_are_found_and_read(objects: ObjectStore, key: str) -> None:
    first, second = put(objects, key, b"old"), put(objects, key, b"new")
    assert objects.get(key, limit=LIMIT, version=first.version) == b"old"
    assert {(one.key, one.version) for one in objects.versions("incoming/", 9).items} == {
        (key, first.version),
        (key, second.version),
    }
    assert [one.key for one in objects.list("incoming/", 9).items] == [key]
    assert objects.delete_if(key, second.etag, budget=Budget(9))
