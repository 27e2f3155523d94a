from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib import storage
from chalicelib.images.model import TOMBSTONE, can_restore, is_tombstone
from chalicelib.maintenance.model import (
    OrphanVerdict,
    RetentionAges,
    allowed,
    is_incomplete,
    may_name,
    picture_verdict,
    upload_verdict,
)
from chalicelib.storage import StoredObject
from chalicelib.tasks.model import Task
from tests.builders import NOON, a_final_task, a_rendition, a_task, an_image

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.mark.parametrize(
    ("task", "age", "verdict"),
    [
        (a_task(), 30 * DAY, OrphanVerdict.NEEDED),
        (a_final_task(), 7 * DAY, OrphanVerdict.LEFTOVER),
        (a_final_task(), 7 * DAY - HOUR, OrphanVerdict.YOUNG),
        (None, 7 * DAY, OrphanVerdict.LEFTOVER),
        (None, HOUR, OrphanVerdict.LOST),
        (None, HOUR / 2, OrphanVerdict.YOUNG),
    ],
)
def test_an_upload_is_judged_by_its_task_and_its_age(task: Task | None, age: timedelta, verdict: OrphanVerdict) -> None:
    upload = StoredObject("incoming/nature/a.jpg", 1, "e", NOON - age)
    assert upload_verdict(upload, task, now=NOON, ages=RetentionAges()) is verdict


@pytest.mark.parametrize(
    ("known", "names", "busy", "verdict"),
    [
        (True, True, False, OrphanVerdict.NEEDED),
        (True, False, False, OrphanVerdict.ORPHAN),
        (True, False, True, OrphanVerdict.ORPHAN),
        (False, False, False, OrphanVerdict.ORPHAN),
        (False, False, True, OrphanVerdict.BUSY),
    ],
)
def test_an_old_object_is_judged_by_its_rows_and_its_writer(
    known: bool,  # noqa: FBT001  # columns of the table
    names: bool,  # noqa: FBT001
    busy: bool,  # noqa: FBT001
    verdict: OrphanVerdict,
) -> None:
    image = an_image() if known else None
    assert picture_verdict(image, names, "i1", {"i1"} if busy else set()) is verdict


def test_only_orphans_and_leftovers_are_rubbish() -> None:
    assert [verdict for verdict in OrphanVerdict if verdict.is_removable] == [
        OrphanVerdict.ORPHAN,
        OrphanVerdict.LEFTOVER,
    ]


@pytest.mark.parametrize(
    ("key", "told"),
    [
        ("originals/i1/abc.jpg", True),
        ("originals/i1/abd.jpg", False),
        ("renditions/i1/r2-t7/600.jpg", True),
        ("renditions/i1/r2-t7/full.jpg", None),
        ("renditions/i1/o1-t8/full.jpg", True),
        ("renditions/i1/o1-t8/full.avif", True),
        ("renditions/i1/r2/600.jpg", None),
        ("renditions/i1/r2-t9/600.jpg", None),
        ("renditions/i1", None),
    ],
)
def test_an_images_own_row_tells_of_most_keys(key: str, told: bool | None) -> None:  # noqa: FBT001  # a column
    image = an_image(original_key="originals/i1/abc.jpg", recipe="r2-t7", optimized="o1-t8")
    assert may_name(image, key) is told


def test_the_full_form_of_an_image_that_was_never_optimised_is_its_own() -> None:
    assert may_name(an_image(recipe="r2-t7"), "renditions/i1/r2-t7/full.jpg") is True


@pytest.mark.parametrize(("seen", "cap"), [(0, 1000), (20_000, 1000), (20_020, 1001), (1_000_000, 50_000)])
def test_one_run_takes_away_a_share_or_a_thousand(seen: int, cap: int) -> None:
    assert allowed(seen, share=0.05, least=1000) == cap


@pytest.mark.parametrize(
    ("key", "owner"),
    [
        ("originals/i1/a.jpg", "i1"),
        ("renditions/i1/r1/600.jpg", "i1"),
        ("originals/stray.jpg", "stray.jpg"),
        ("renditions/", None),
        ("originals/i1/", None),
        ("incoming/i1/a.jpg", None),
        ("quarantine/originals/i1/a.jpg", None),
    ],
)
def test_a_key_tells_its_image(key: str, owner: str | None) -> None:
    assert storage.owner_of(key) == owner


def test_the_prefixes_of_one_image_hold_nothing_of_another() -> None:
    assert not storage.original("i10", "0" * 64, "jpg").startswith(storage.all_of("i1"))


def test_what_is_being_erased_can_never_be_restored() -> None:
    doomed = an_image(trashed_at=TOMBSTONE)
    assert is_tombstone(doomed)
    assert not can_restore(doomed, NOON, 7 * DAY)
    assert can_restore(an_image(trashed_at=NOON - DAY), NOON, 7 * DAY)
    assert not can_restore(an_image(), NOON, 7 * DAY)


def test_an_image_without_its_rows_or_with_too_few_of_them_is_incomplete() -> None:
    row = a_rendition()
    image = an_image(rendition_bytes=row.bytes)
    assert is_incomplete(image, [])
    assert is_incomplete(an_image(rendition_bytes=row.bytes + 1), [row])
    assert not is_incomplete(image, [row])
