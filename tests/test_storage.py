from __future__ import annotations

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import names, storage
from chalicelib.errors import BadRequest
from chalicelib.storage import Incoming

TASK_ID = "0f6f3f4e-6a52-4d0e-9d0b-3f4d1c0a7c11"
OURS = storage.incoming("nature", TASK_ID)
MADE_BY_WORKERS = (
    storage.original("i1", "ab" * 32, "jpg"),
    storage.rendition("i1", "r1", "300", "avif"),
)


def test_our_own_key_says_what_it_was_made_from() -> None:
    assert storage.read_incoming(OURS) == Incoming("nature", "upload", TASK_ID)


FOREIGN = {
    "incoming/nature/a.jpg": Incoming("nature", "a.jpg", None),
    "incoming/a.jpg": Incoming("default", "a.jpg", None),
    "incoming/nature/2026/march/a.jpg": Incoming("nature", "a.jpg", None),
    f"incoming/nature/{TASK_ID.upper()}/a.jpg": Incoming("nature", "a.jpg", None),
    f"incoming/nature/{TASK_ID}": Incoming("nature", TASK_ID, None),
    f"incoming/nature/{TASK_ID}/a.jpg": Incoming("nature", "a.jpg", TASK_ID),
    "incoming//a.jpg": Incoming("", "a.jpg", None),
    "incoming/doğa/günaydın 🌅.jpg": Incoming("doğa", "günaydın 🌅.jpg", None),  # noqa: RUF001  # Turkish, on purpose
    "incoming/../secret.jpg": Incoming("..", "secret.jpg", None),
}


@pytest.mark.parametrize(("key", "said"), FOREIGN.items(), ids=FOREIGN)
def test_keys_of_other_tools_are_read_as_folder_and_file(key: str, said: Incoming) -> None:
    assert storage.read_incoming(key) == said


NO_UPLOADS = ("incoming", "incoming/", "incoming/nature/", "incoming/nature/sub/", "", "a.jpg", "/incoming/a.jpg")


@pytest.mark.parametrize("key", [*NO_UPLOADS, *MADE_BY_WORKERS, "incoming2/nature/a.jpg", "Incoming/nature/a.jpg"])
def test_folder_markers_and_other_prefixes_are_no_uploads(key: str) -> None:
    assert storage.read_incoming(key) is None


def test_what_workers_write_never_starts_a_worker() -> None:
    prefixes = {key.partition("/")[0] for key in (OURS, *MADE_BY_WORKERS)}
    assert prefixes == {"incoming", "originals", "renditions"}
    assert [storage.read_incoming(key) for key in MADE_BY_WORKERS] == [None, None]


@given(st.text(max_size=80), st.text(max_size=80))
def test_no_name_that_a_client_gives_leads_a_key_outside_its_place(collection: str, filename: str) -> None:
    try:
        accepted = names.collection_name(collection)
    except BadRequest:
        return
    key = storage.incoming(accepted, TASK_ID)
    found = storage.read_incoming(key)
    assert key.split("/") == ["incoming", accepted, TASK_ID, "upload"]
    assert found == Incoming(accepted, "upload", TASK_ID)
    assert filename not in {"..", "."} or filename not in key.split("/")


@given(st.text(max_size=200))
def test_any_foreign_key_is_read_without_an_error(rest: str) -> None:
    found = storage.read_incoming(f"incoming/{rest}")
    assert found is None or found.filename


@given(st.text(), st.text(), st.text())
def test_ids_made_from_keys_are_ids_and_the_same_for_ever(bucket: str, key: str, mark: str) -> None:
    made = storage.task_id_of(bucket, key, mark)
    assert storage.is_id(made)
    assert made == storage.task_id_of(bucket, key, mark)


def test_versions_of_one_key_have_different_tasks() -> None:
    made = {storage.task_id_of(bucket, "k", mark) for bucket in ("a", "b") for mark in ("1", "2")}
    assert len(made) == 4


def test_the_image_of_a_task_is_always_the_same_and_not_the_task() -> None:
    image_id = storage.image_id_of(TASK_ID)
    assert image_id == storage.image_id_of(TASK_ID)
    assert storage.is_id(image_id)
    assert image_id not in {TASK_ID, storage.image_id_of(str(uuid4()))}


@pytest.mark.parametrize("text", ["", "t1", TASK_ID.upper(), f" {TASK_ID}", f"{TASK_ID}\n", UUID(TASK_ID).hex, "../x"])
def test_only_the_form_that_we_hand_out_is_an_id(text: str) -> None:
    assert storage.is_id(TASK_ID)
    assert not storage.is_id(text)


def test_a_new_recipe_or_other_bytes_never_overwrite_an_old_result() -> None:
    made = [
        *(storage.rendition("i1", recipe, size, "jpg") for recipe in ("r1", "r2") for size in ("300", "600")),
        *(storage.original("i1", digest * 64, "jpg") for digest in "ab"),
    ]
    assert len(set(made)) == 6


@pytest.mark.parametrize("prefix", [*storage.all_of("i1"), "originals/i1/a.jpg"])
def test_what_covers_one_image_may_be_removed(prefix: str) -> None:
    storage.must_be_of_one_image(prefix)


@pytest.mark.parametrize(
    "prefix",
    ["", "/", "originals", "originals/", "renditions//", "guarded/i1", "incoming/nature/", "quarantine/i1/", "x/"],
)
def test_what_would_cover_more_than_one_image_may_not(prefix: str) -> None:
    with pytest.raises(ValueError, match="one image"):
        storage.must_be_of_one_image(prefix)
