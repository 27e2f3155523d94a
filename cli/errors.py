"""Errors of commands, with advice, and exit codes; docs/reference/cli.md has the same table."""

from __future__ import annotations

import errno
from typing import Final

DONE: Final = 0
FAILED: Final = 1
"""Failed; stderr has the reason."""
MISUSED: Final = 2
"""The arguments are not valid."""
UNREACHABLE: Final = 3
"""The API does not respond, or the local cloud does not run (as with `systemctl status`)."""
DENIED: Final = 4
"""No token, an invalid token, or a token without the scope."""
MISSING: Final = 5
"""Not found."""
REFUSED: Final = 6
"""The request is not valid, or not in the present state."""
PARTLY: Final = 7
"""Done in part: some files of an upload failed, or the watched task did not succeed."""
INTERRUPTED: Final = 130
"""Interrupted by Ctrl-C, as shells expect it."""

_REFUSALS = range(400, 500)
_BY_STATUS = {0: UNREACHABLE, 401: DENIED, 403: DENIED, 404: MISSING, 410: MISSING, 429: FAILED}


def of_status(status: int) -> int:
    """Return the exit code for an HTTP status; 0 means no answer."""
    return _BY_STATUS.get(status, REFUSED if status in _REFUSALS else FAILED)


_WITH_FILES = {
    errno.ENOSPC: (
        "The disk is full.",
        "Free some space, or choose another folder with --dir; then repeat the command.",
    ),
    errno.EDQUOT: ("The disk quota is used up.", "Free some space; then repeat the command."),
    errno.EROFS: ("This folder is read-only.", "Choose another folder."),
    errno.EACCES: (
        "There is no permission to read or write this.",
        "Check its owner and permissions, or choose another folder.",
    ),
    errno.EPERM: (
        "There is no permission to read or write this.",
        "Check its owner and permissions, or choose another folder.",
    ),
    errno.EEXIST: ("A file exists in place of a folder.", "Choose another folder."),
    errno.ENOTDIR: ("A file exists in place of a folder.", "Choose another folder."),
    errno.EMFILE: ("Too many files are open.", "Raise the limit (ulimit -n), then repeat the command."),
}


class CommandError(Exception):
    """Error that ends a command: what is wrong, and `advice` for the remedy.

    `exit_code` is the exit code of the command.
    """

    def __init__(self, what: str, advice: str = "", *, evidence: str = "", exit_code: int = FAILED) -> None:
        self.what = what
        self.advice = advice
        self.evidence = evidence
        self.exit_code = exit_code
        super().__init__("\n".join(part for part in (f"{what} {advice}".strip(), evidence) if part))


def file_error(error: OSError) -> CommandError | None:
    """Return the CommandError for an error of the operating system; None for one that only a bug can cause."""
    if error.errno not in _WITH_FILES:
        return None
    what, advice = _WITH_FILES[error.errno]
    where = error.filename2 or error.filename
    return CommandError(f"{what.removesuffix('.')}: {where}." if where else what, advice)
