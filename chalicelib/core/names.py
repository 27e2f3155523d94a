"""Names that people give: what is accepted, what is shown, and what goes into a URL."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator

from chalicelib.errors import BadRequest

DEFAULT_COLLECTION = "default"
_COLLECTION = re.compile(r"\w(?:[\w .-]{0,62}[\w-])?")
_MAX_FILENAME = 1024
_MAX_STEM = 100
# Beside letters, digits and marks of any script: signs that no file system, shell or URL reads a meaning into.
_HARMLESS = frozenset("_.() +@,=-")
# Control characters, line breaks, and halves of surrogate pairs, which have no UTF-8 form.
_UNSHOWABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})
_EXTENSION = re.compile(r"\.[A-Za-z0-9]{1,5}$")
_INVISIBLE_END = " .\u00a0"
"""Windows drops these from the end of a name, so that what precedes them is the extension."""
_NUMBERED = 9


def collection_name(text: str) -> str:
    """The name in its one form (NFC, no outer space): 1 to 64 letters, digits, `_`, `-`, `.` or spaces of any script.

    BadRequest for anything else.
    """
    name = unicodedata.normalize("NFC", text).strip()
    if not _COLLECTION.fullmatch(_without_marks(name)):
        raise BadRequest(
            "A collection's name has 1 to 64 letters, digits, spaces, '_', '-' or '.'; the first is a letter or digit.",
            collection=name[:80],
        )
    return name


def display_name(text: str) -> str:
    """The file name as its owner gave it, to be shown; BadRequest for control characters or an absurd length."""
    if not all(map(_is_showable, text)):
        raise BadRequest("A file name must not hold control characters or line breaks.")
    if len(text) > _MAX_FILENAME:
        raise BadRequest("A file name has at most {limit} characters.", limit=_MAX_FILENAME, length=len(text))
    return text or "unnamed"


def shown(text: str) -> str:
    """A name from a place that nobody could refuse (an object's key), made fit to be shown."""
    safe = "".join(char if _is_showable(char) else "\N{REPLACEMENT CHARACTER}" for char in text)
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
