"""What a browser is to call a file that it saves (RFC 6266), whatever letters its name has."""

from __future__ import annotations

import unicodedata
from urllib.parse import quote


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
