"""Names of collections and files: validation, display, and forms for URLs and headers."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import quote

from chalicelib.errors import BadRequest

MOST_FRAME_SIDE, MOST_FRAME_PIXELS = 8_192, 40_000_000
"""Of the frame of a rendition on demand: a display of 8K has 7,680 by 4,320, 33 million."""
DEFAULT_COLLECTION = "default"
_COLLECTION = re.compile(r"\w(?:[\w .-]{0,62}[\w-])?")
_IN_COLLECTION = re.compile(r"[\w .-]")
_MOST_COLLECTION = 64
_MAX_FILENAME = 1024
_MAX_STEM = 100
# Beside letters, digits and marks of any script: characters without a meaning for file systems, shells and URLs.
_SAFE_CHARACTERS = frozenset("_.() +@,=-")
# Control characters, line breaks, and halves of surrogate pairs, which have no UTF-8 form.
_UNDISPLAYABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Characters that change the order in which others are shown: `photo<RLO>gpj.exe` is read as photoexe.jpg. The joiners
# of Persian and of emoji are no such characters. https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters
_REORDERING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f\ufff9-\ufffb]")
_NO_VALUES = frozenset({"undefined", "null", "(null)", "nil", "nan", "none", "[object object]", "[object undefined]"})
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}$")
_INVISIBLE_END = " .\u00a0"
"""Windows drops these from the end of a name, so that the extension ends before them."""
_MOST_NUMBERED = 9


def collection_name(text: str) -> str:
    """Return the normalized name (NFC, trimmed): 1 to 64 letters, digits, `_`, `-`, `.` or spaces of any script.

    Raises: BadRequest for any other text.
    """
    name = unicodedata.normalize("NFC", without_reordering(text)).strip()
    if not _COLLECTION.fullmatch(_without_marks(name)):
        raise BadRequest(
            "name.collection",
            collection=name[:80],
        )
    return name


def new_collection_name(text: str) -> str:
    """Return the normalized name of a collection that may be created by the request.

    Words that programs send for a missing value are refused; a collection with such a name from an older release can
    still be read and emptied, by `collection_name`.

    Raises: BadRequest.
    """
    if is_no_name(text):
        raise BadRequest(
            "collection.placeholder_name",
            collection=text.strip()[:80],
            default=DEFAULT_COLLECTION,
        )
    return collection_name(text)


def is_no_name(text: str) -> bool:
    """True for a word that programs send for a missing value, such as `undefined` (JavaScript) or `None` (Python)."""
    return without_reordering(text).strip().casefold() in _NO_VALUES


def folder_collection(folder: str) -> tuple[str, str]:
    """Return the collection for a folder of another tool, and a warning if its name differs, otherwise "".

    Each run of characters that a collection's name cannot have becomes `_`, so two folders may become one collection.
    A folder without any letter or digit, or named like a missing value, becomes the default collection.
    """
    try:
        return new_collection_name(folder), ""
    except BadRequest:
        name = _collection_of_folder(folder)
    displayed = shown(folder)[:_MOST_COLLECTION] if folder else ""
    return name, f'The folder "{displayed}" is no name for a collection, so the image is in the collection "{name}".'


def _collection_of_folder(folder: str) -> str:
    plain = unicodedata.normalize("NFC", without_reordering(folder))
    safe = re.sub(
        " *\0[\0 ]*",
        "_",
        "".join(char if _is_mark(char) or _IN_COLLECTION.fullmatch(char) else "\0" for char in plain),
    )
    name = safe.strip(" ._-")[:_MOST_COLLECTION].rstrip(" ._-")
    while name and not _COLLECTION.fullmatch(_without_marks(name)):
        name = name[1:]  # an accent without its letter
    return DEFAULT_COLLECTION if not name or is_no_name(folder) or is_no_name(name) else name


def without_reordering(text: str) -> str:
    """Return the text without characters that change the display order of others."""
    return _REORDERING.sub("", text)


def display_name(text: str) -> str:
    """Return a client's file name for display, without characters that reorder it.

    Raises: BadRequest for control characters or more than 1024 characters.
    """
    text = without_reordering(text)
    if not all(map(_is_displayable, text)):
        raise BadRequest("name.control_characters")
    if len(text) > _MAX_FILENAME:
        raise BadRequest("name.file_too_long", limit=_MAX_FILENAME, length=len(text))
    return text or "unnamed"


def shown(text: str) -> str:
    """Return a file name from an object's key for display; invalid characters are replaced, not refused."""
    plain = without_reordering(text)
    safe = "".join(char if _is_displayable(char) else "\N{REPLACEMENT CHARACTER}" for char in plain)
    return safe[:_MAX_FILENAME] or "unnamed"


def url_name(filename: str, extension: str) -> str:
    """Return the name for URLs: the last part of the path in safe characters, with the extension of the bytes."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", filename))[-1].rstrip(_INVISIBLE_END)
    stem = _with_safe_characters(_EXTENSION.sub("", last)).strip(" ._")
    return f"{stem[:_MAX_STEM].rstrip() or 'image'}.{extension}"


_SIZED = re.compile(r"(?P<stem>.+)-(?P<width>[1-9]\d{0,4})(?P<extension>\.\w+)", re.ASCII | re.DOTALL)


def sized_name(name: str, width: int) -> str:
    """Return the name with a width before its extension, as `read_sized_name` takes it."""
    stem, dot, extension = name.rpartition(".")
    return f"{stem}-{width}{dot}{extension}"


def read_sized_name(text: str) -> tuple[str, int] | None:
    """Return an image's name and the width in pixels from a text such as `lake-1080.jpg`; None without a width."""
    found = _SIZED.fullmatch(text)
    return (f"{found['stem']}{found['extension']}", int(found["width"])) if found else None


def candidates(name: str, image_id: str) -> Iterator[str]:
    """Yield the name, `name_1` to `name_9`, and finally one with the image's id, which no other image can have."""
    stem, dot, extension = name.rpartition(".")
    yield name
    for number in range(1, _MOST_NUMBERED + 1):
        yield f"{stem}_{number}{dot}{extension}"
    yield f"{stem}_{image_id}{dot}{extension}"


def has_wrong_extension(filename: str, extension: str) -> bool:
    """True if the name's extension is that of another type than the bytes have."""
    claimed = _EXTENSION.search(filename.rstrip(_INVISIBLE_END))
    return claimed is not None and _ALIASES.get(claimed[0][1:].lower(), claimed[0][1:].lower()) != extension


def misnamed(filename: str, extension: str) -> tuple[str, ...]:
    """Return the warning for a file whose extension is that of another type than its bytes have, or none."""
    if not has_wrong_extension(filename, extension):
        return ()
    return (MISNAMED.format(extension=extension),)


MISNAMED = "The file's content does not match the extension in its name; the image is catalogued as .{extension}."


_ALIASES = {"jpeg": "jpg", "jpe": "jpg", "jfif": "jpg", "tif": "tiff", "dib": "bmp", "apng": "png"}


def _is_displayable(char: str) -> bool:
    return unicodedata.category(char) not in _UNDISPLAYABLE


def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] == "M"


def _without_marks(text: str) -> str:
    # Vowel signs and accents are part of their letters in Hindi, Thai or Arabic, but `\w` does not match them. They are
    # replaced by a character that is valid anywhere but in first place.
    return "".join("-" if _is_mark(char) else char for char in text)


def _with_safe_characters(text: str) -> str:
    """Return the text with `_` for each run of characters that may have a meaning for a program."""
    plain = (char if char.isalnum() or _is_mark(char) or char in _SAFE_CHARACTERS else "\0" for char in text)
    return re.sub("\0+", "_", "".join(plain))


def attachment(filename: str, extension: str) -> str:
    """Return a Content-Disposition header that saves the file under its name, with the extension of its bytes.

    Old clients read `filename`, in which other than ASCII letters lose their accents or become `_`; all others
    `filename*`.
    """
    name = f"{saved_stem(filename)}.{extension}"
    return f"attachment; filename=\"{_ascii(name)}\"; filename*=UTF-8''{quote(name, safe='')}"


def saved_stem(filename: str) -> str:
    """Return the name under which a browser saves the file, without its extension."""
    stem = filename.rpartition(".")[0] or filename
    return "".join(char if char.isprintable() and char not in _SPECIAL else "_" for char in stem)


_SPECIAL = '"\\/:*?<>|'


def _ascii(name: str) -> str:
    bare = (char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    return "".join(char if " " <= char <= "~" and char not in _SPECIAL else "_" for char in bare)


FOLDER, SYSTEM_FILE, EMPTY = "folder_marker", "system_file", "empty_object"
"""Reasons to ignore an object."""
_SYSTEM_FILES = frozenset(
    {".ds_store", "._.ds_store", "thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", ".localized"}
    | {"icon\r", ".directory", ".picasa.ini", "picasa.ini", ".nomedia", ".apdisk", ".volumeicon.icns"}
)
_SYSTEM_FOLDERS = frozenset(
    {"__macosx", ".spotlight-v100", ".trashes", ".fseventsd", ".temporaryitems", "@eadir", "#recycle"}
    | {"$recycle.bin", "system volume information"}
)
_APPLE_DOUBLE = "._"  # prefix of macOS's resource forks on file systems that have none
_HADOOP_FOLDER = "$folder$"  # suffix of folder markers of Hadoop's S3 file systems: `name_$folder$`


def reason_to_ignore(key: str, size: int | None) -> str | None:
    """Return why another tool's object is no upload, or None if it is one. A `size` of None is unknown."""
    folders, _, name = key.casefold().rpartition("/")
    if not name or name.endswith(_HADOOP_FOLDER):
        return FOLDER
    in_system_folder = not _SYSTEM_FOLDERS.isdisjoint(folders.split("/"))
    if in_system_folder or name in _SYSTEM_FILES or name.startswith(_APPLE_DOUBLE):
        return SYSTEM_FILE
    return EMPTY if size == 0 else None
