from __future__ import annotations

import pytest

from chalicelib.names import EMPTY, FOLDER, SYSTEM_FILE, reason_to_ignore

IGNORED = {
    "incoming/a/.DS_Store": SYSTEM_FILE,
    "incoming/a/Thumbs.db": SYSTEM_FILE,
    "incoming/a/THUMBS.DB": SYSTEM_FILE,
    "incoming/a/desktop.ini": SYSTEM_FILE,
    "incoming/a/._photo.jpg": SYSTEM_FILE,
    "incoming/a/__MACOSX/photo.jpg": SYSTEM_FILE,
    "incoming/a/@eaDir/photo.jpg/SYNOFILE_THUMB_M.jpg": SYSTEM_FILE,
    "incoming/.DS_Store": SYSTEM_FILE,
    "incoming/a/": FOLDER,
    "incoming/": FOLDER,
    "incoming/a_$folder$": FOLDER,
    "incoming/a/b_$folder$": FOLDER,
}


@pytest.mark.parametrize(("key", "reason"), IGNORED.items())
def test_what_nobody_means_to_upload_is_ignored_whatever_its_size(key: str, reason: str) -> None:
    assert [reason_to_ignore(key, size) for size in (0, 6148, None)] == [reason] * 3


@pytest.mark.parametrize(
    "name", ["photo.jpg", ".photo.jpg", "Thumbs.db.jpg", "_photo.jpg", "desktop.ini.png", "folder.jpg", "ds_store"]
)
def test_pictures_are_not_ignored_for_their_names(name: str) -> None:
    assert reason_to_ignore(f"incoming/a/{name}", 1) is None
    assert reason_to_ignore(f"incoming/a/{name}", None) is None
    assert reason_to_ignore(f"incoming/a/{name}", 0) == EMPTY
