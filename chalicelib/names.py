"""Names that people give: what is accepted, what is shown, and what goes into a URL or a header."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from urllib.parse import quote

from chalicelib.errors import BadRequest

DEFAULT_COLLECTION = "default"
_COLLECTION = re.compile(r"\w(?:[\w .-]{0,62}[\w-])?")
_IN_COLLECTION = re.compile(r"[\w .-]")
_MOST_COLLECTION = 64
_MAX_FILENAME = 1024
_MAX_STEM = 100
# Beside letters, digits and marks of any script: signs that no file system, shell or URL reads a meaning into.
_HARMLESS = frozenset("_.() +@,=-")
# Control characters, line breaks, and halves of surrogate pairs, which have no UTF-8 form.
_UNSHOWABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
# Characters that change the order in which others are shown: `photo<RLO>gpj.exe` is read as photoexe.jpg. The joiners
# of Persian and of emoji are no such characters. https://www.unicode.org/reports/tr9/#Directional_Formatting_Characters
_REORDERING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u206f\ufff9-\ufffb]")
_NO_NAMES = frozenset({"undefined", "null", "(null)", "nil", "nan", "none", "[object object]", "[object undefined]"})
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}$")
_INVISIBLE_END = " .\u00a0"
"""Windows drops these from the end of a name, so that what precedes them is the extension."""
_NUMBERED = 9


def collection_name(text: str) -> str:
    """The name in its one form (NFC, no outer space): 1 to 64 letters, digits, `_`, `-`, `.` or spaces of any script.

    BadRequest for anything else.
    """
    name = unicodedata.normalize("NFC", without_reordering(text)).strip()
    if not _COLLECTION.fullmatch(_without_marks(name)):
        raise BadRequest(
            "name.collection",
            collection=name[:80],
        )
    return name


def new_collection_name(text: str) -> str:
    """The same for a collection that may be made by this: BadRequest for words that programs send when they have none.

    Such a collection can be read and emptied where an older release has made it.
    """
    if is_no_name(text):
        raise BadRequest(
            "collection.placeholder_name",
            collection=text.strip()[:80],
            default=DEFAULT_COLLECTION,
        )
    return collection_name(text)


def is_no_name(text: str) -> bool:
    """True for what a program writes where it has no value, such as `undefined` (JavaScript) or `None` (Python)."""
    return without_reordering(text).strip().casefold() in _NO_NAMES


def folder_collection(folder: str) -> tuple[str, str]:
    """The collection for a folder that another tool has made, and a warning where it is called otherwise, or "".

    Each run of characters that a collection's name cannot have becomes `_`. Two folders may so become one collection. A
    folder without any letter or digit, and one that is called like a missing value, is the default collection.
    """
    try:
        return new_collection_name(folder), ""
    except BadRequest:
        name = _cleaned(folder)
    told = shown(folder)[:_MOST_COLLECTION] if folder else ""
    return name, f'The folder "{told}" is no name for a collection, so the image is in the collection "{name}".'


def _cleaned(folder: str) -> str:
    plain = unicodedata.normalize("NFC", without_reordering(folder))
    tamed = re.sub(
        " *\0[\0 ]*",
        "_",
        "".join(char if _is_mark(char) or _IN_COLLECTION.fullmatch(char) else "\0" for char in plain),
    )
    name = tamed.strip(" ._-")[:_MOST_COLLECTION].rstrip(" ._-")
    while name and not _COLLECTION.fullmatch(_without_marks(name)):
        name = name[1:]  # an accent without its letter
    return DEFAULT_COLLECTION if not name or is_no_name(folder) or is_no_name(name) else name


def without_reordering(text: str) -> str:
    """The text without characters that change the order in which others are shown."""
    return _REORDERING.sub("", text)


def display_name(text: str) -> str:
    """The file name as its owner gave it, to be shown, without characters that reorder it.

    BadRequest for control characters or an absurd length.
    """
    text = without_reordering(text)
    if not all(map(_is_showable, text)):
        raise BadRequest("name.control_characters")
    if len(text) > _MAX_FILENAME:
        raise BadRequest("name.file_too_long", limit=_MAX_FILENAME, length=len(text))
    return text or "unnamed"


def shown(text: str) -> str:
    """A name from a place that nobody could refuse (an object's key), made fit to be shown."""
    plain = without_reordering(text)
    safe = "".join(char if _is_showable(char) else "\N{REPLACEMENT CHARACTER}" for char in plain)
    return safe[:_MAX_FILENAME] or "unnamed"


def url_name(filename: str, extension: str) -> str:
    """A name for the URL: the last part of the path without its extension, tamed, then the extension of the bytes."""
    last = re.split(r"[/\\]", unicodedata.normalize("NFC", filename))[-1].rstrip(_INVISIBLE_END)
    stem = _tamed(_EXTENSION.sub("", last)).strip(" ._")
    return f"{stem[:_MAX_STEM].rstrip() or 'image'}.{extension}"


def candidates(name: str, image_id: str) -> Iterator[str]:
    """The name, then `name_1` to `name_9`, and at last one that no other image can have."""
    stem, dot, extension = name.rpartition(".")
    yield name
    for number in range(1, _NUMBERED + 1):
        yield f"{stem}_{number}{dot}{extension}"
    yield f"{stem}_{image_id}{dot}{extension}"


def has_wrong_extension(filename: str, extension: str) -> bool:
    """True when the name claims another type than the bytes have."""
    claimed = _EXTENSION.search(filename.rstrip(_INVISIBLE_END))
    return claimed is not None and _ALIASES.get(claimed[0][1:].lower(), claimed[0][1:].lower()) != extension


def misnamed(filename: str, extension: str) -> tuple[str, ...]:
    """What is told of a file whose name claims another type than its bytes have; nothing of others."""
    if not has_wrong_extension(filename, extension):
        return ()
    return (MISNAMED.format(extension=extension),)


MISNAMED = "The bytes are not what the name says; the image is catalogued as .{extension}."


_ALIASES = {"jpeg": "jpg", "jpe": "jpg", "jfif": "jpg", "tif": "tiff", "dib": "bmp", "apng": "png"}


def _is_showable(char: str) -> bool:
    return unicodedata.category(char) not in _UNSHOWABLE


def _is_mark(char: str) -> bool:
    return unicodedata.category(char)[0] == "M"


def _without_marks(text: str) -> str:
    # Vowel signs and accents are part of their letters in Hindi, Thai or Arabic, but `\w` does not know them. A sign
    # that may stand anywhere but first takes their place.
    return "".join("-" if _is_mark(char) else char for char in text)


def _tamed(text: str) -> str:
    """The text with `_` for each run of characters that could mean something to a program."""
    plain = (char if char.isalnum() or _is_mark(char) or char in _HARMLESS else "\0" for char in text)
    return re.sub("\0+", "_", "".join(plain))


def attachment(filename: str, extension: str) -> str:
    """A Content-Disposition that has the file saved under its name, with the extension that its bytes deserve.

    Old clients read `filename`, in which letters beyond ASCII lose their accents or become `_`; all others `filename*`.
    """
    stem = filename.rpartition(".")[0] or filename
    name = "".join(char if char.isprintable() and char not in _SPECIAL else "_" for char in stem) + f".{extension}"
    return f"attachment; filename=\"{_ascii(name)}\"; filename*=UTF-8''{quote(name, safe='')}"


_SPECIAL = '"\\/:*?<>|'


def _ascii(name: str) -> str:
    bare = (char for char in unicodedata.normalize("NFKD", name) if not unicodedata.combining(char))
    return "".join(char if " " <= char <= "~" and char not in _SPECIAL else "_" for char in bare)


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
