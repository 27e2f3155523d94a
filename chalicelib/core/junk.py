"""Objects that file systems and copying tools leave beside pictures, and that nobody means to upload.

They come with a folder that is copied whole (`aws s3 sync`, rclone, a mounted bucket). They are ignored and counted,
since a failed task for each would hide the failures that matter. What comes by a form of ours is never ignored.
"""

from __future__ import annotations

FOLDER, SYSTEM_FILE, EMPTY = "folder_marker", "system_file", "empty_object"
"""Why an object is ignored."""
_SYSTEM_FILES = frozenset(
    {".ds_store", "._.ds_store", "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", ".localized"}
    | {"icon\r", ".directory", ".picasa.ini", "picasa.ini", ".nomedia", ".apdisk", ".volumeicon.icns"}
)
_SYSTEM_FOLDERS = frozenset(
    {"__macosx", ".spotlight-v100", ".trashes", ".fseventsd", ".temporaryitems", "@eadir", "#recycle"}
    | {"$recycle.bin", "system volume information"}
)
_APPLE_DOUBLE = "._"  # macOS keeps resource forks so where the file system has none
_HADOOP_FOLDER = "$folder$"  # as Hadoop's S3 file systems mark a folder: `name_$folder$`


def reason_to_ignore(key: str, size: int | None) -> str | None:
    """Why an object of another tool is no upload; None for one that is. A `size` of None is unknown."""
    folders, _, name = key.casefold().rpartition("/")
    if not name or name.endswith(_HADOOP_FOLDER):
        return FOLDER
    in_system_folder = not _SYSTEM_FOLDERS.isdisjoint(folders.split("/"))
    if in_system_folder or name in _SYSTEM_FILES or name.startswith(_APPLE_DOUBLE):
        return SYSTEM_FILE
    return EMPTY if size == 0 else None
