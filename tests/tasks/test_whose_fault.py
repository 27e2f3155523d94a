"""A bug of ours never looks like a bad picture: it is tried again, keeps its traceback, and raises the alarm."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import cast

import pytest

from chalicelib.engine import pipeline, placeholder, probe, renditions, resampling
from chalicelib.engine.model import Recipe
from chalicelib.engine.pipeline import REBUILDERS
from chalicelib.images import process_image
from chalicelib.images.process_image import ProcessImage
from chalicelib.tasks.model import Status, Task
from tests.pictures import a_jpeg, exif_block
from tests.world import World, a_png

CUT = a_png()[:40]


@dataclass(frozen=True)
class Bug:
    """A place in our code, and what goes wrong there."""

    where: object
    name: str
    fault: Exception


BUGS = {
    "thumbhash": Bug(placeholder, "thumbhash", ValueError("bytes must be in range(0, 256)")),
    "a wave of the thumbhash": Bug(placeholder, "_transform", ZeroDivisionError("division by zero")),
    "the placeholder": Bug(pipeline, "placeholder", IndexError("list index out of range")),
    "the colours": Bug(pipeline, "dominant_colors", TypeError("unsupported operand")),
    "sRGB": Bug(renditions, "to_srgb", KeyError("LAB")),
    "before resampling": Bug(renditions, "to_eight_bit", AttributeError("no attribute")),
    "turning": Bug(renditions, "upright", KeyError(9)),
    "the size": Bug(renditions, "fit_size", ZeroDivisionError("float division by zero")),
    "resampling": Bug(resampling, "_by_pillow", OSError("broken")),
    "encoding": Bug(pipeline, "encode", OSError("encoder error -2")),
    "the public form": Bug(pipeline, "publish", ValueError("public")),
    "cleaning": Bug(pipeline, "is_foreign", AttributeError("search")),
    "Exif": Bug(probe, "read_exif", ValueError("exif")),
    "the limits": Bug(probe, "_check_size", TypeError("limits")),
    "memory": Bug(pipeline, "resize_steps", MemoryError()),
    "recursion": Bug(pipeline, "resize_steps", RecursionError("maximum recursion depth exceeded")),
    "the catalogue's row": Bug(process_image, "image_of", KeyError("picture")),
}


@dataclass(frozen=True)
class Wrong:
    """Whatever is asked of it, it fails."""

    fault: Exception

    def __call__(self, *_: object, **__: object) -> None:
        raise self.fault

    def __getattr__(self, _: str) -> Callable[..., None]:
        return self


@pytest.fixture(params=BUGS)
def bug(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Bug:
    planted = BUGS[request.param]
    monkeypatch.setattr(resampling, "_simd", lambda: None)
    monkeypatch.setattr(resampling, "_module", lambda: None)
    monkeypatch.setattr(planted.where, planted.name, Wrong(planted.fault))
    return planted


def test_a_bug_is_tried_again_and_then_an_internal_error_with_its_traceback(
    world: World, bug: Bug, caplog: pytest.LogCaptureFixture
) -> None:
    task = world.upload(a_jpeg((40, 30), exif=exif_block()))
    world.deliver()
    assert _told(world.task(task)) == (Status.RETRY, 1, "internal_error", True)

    world.run_until_idle()

    ended = world.task(task)
    assert _told(ended) == (Status.FAILURE, 5, "internal_error", True)
    assert ended.error is not None
    assert type(bug.fault).__name__ in ended.error.trace
    alarms = [line for line in caplog.records if getattr(line, "alarm", "") == "internal_error"]
    assert len(alarms) == 5
    assert all(line.exc_info for line in alarms)
    assert world.metrics.total("Faults", cause="internal_error") == 5
    assert [letter.reason for letter in world.queue.letters] == ["internal_error"]
    assert world.bucket.under("incoming/")


def test_a_picture_that_really_is_damaged_fails_at_once_beside_the_bug(world: World, bug: Bug) -> None:
    good, damaged = world.upload(a_png()), world.upload(CUT)

    world.run_until_idle()

    assert world.task(good).error is None or world.task(good).error.code == "internal_error"  # type: ignore[union-attr]
    assert _told(world.task(damaged)) == (Status.FAILURE, 1, "image_damaged", False)
    assert bug


@pytest.mark.parametrize(
    "recipe",
    [Recipe(formats=("jpg2000",)), Recipe(sizes=()), Recipe(sizes=(cast("int", "big"),))],
    ids=["a format that nobody writes", "no size", "a size that is no number"],
)
def test_a_wrong_recipe_is_not_held_against_the_picture(world: World, recipe: Recipe) -> None:
    world.services.process_image = replace(cast("ProcessImage", world.services.process_image), recipe=recipe)
    task = world.upload()

    world.run_until_idle()

    assert _told(world.task(task)) == (Status.FAILURE, 5, "internal_error", True)


def test_bytes_that_lie_to_our_own_cleaner_are_nobodys_fault_as_pixels_are_there(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = world.upload(a_jpeg((40, 30)))
    monkeypatch.setitem(REBUILDERS, "jpeg", Wrong(IndexError("index out of range")))

    world.run_until_idle()

    assert world.task(task).status is Status.SUCCESS


def test_a_fault_of_ours_that_ends_is_forgotten(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    task = world.upload()
    with monkeypatch.context() as patched:
        patched.setattr(pipeline, "encode", Wrong(RuntimeError("a bug")))
        world.deliver()

    world.run_until_idle()

    assert (world.task(task).status, world.task(task).error) == (Status.SUCCESS, None)
    assert pipeline


def _told(task: Task) -> tuple[Status, int, str, bool]:
    assert task.error is not None
    return task.status, task.attempts, task.error.code, task.error.retryable
