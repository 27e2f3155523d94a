from __future__ import annotations

import errno

import pytest

from chalicelib.engine.guard import bad_picture_at_worst
from chalicelib.errors import DamagedImage, ImageTooLarge


@pytest.mark.parametrize(
    "fault", [OSError("broken data stream"), ValueError(), KeyError("x"), SyntaxError("not a PNG")]
)
def test_a_decoders_complaint_is_the_pictures_fault(fault: Exception) -> None:
    with pytest.raises(DamagedImage), bad_picture_at_worst():
        raise fault


@pytest.mark.parametrize("fault", [MemoryError(), RecursionError()])
def test_what_is_too_much_is_too_large(fault: Exception) -> None:
    with pytest.raises(ImageTooLarge), bad_picture_at_worst():
        raise fault


@pytest.mark.parametrize(
    "fault",
    [ImportError("no such module"), OSError(errno.ENOSPC, "No space left on device"), FileNotFoundError(2, "x")],
)
def test_what_we_lack_ourselves_is_not_held_against_the_picture(fault: Exception) -> None:
    with pytest.raises(type(fault)), bad_picture_at_worst():
        raise fault
