"""Errors of commands, with advice."""

from __future__ import annotations

import errno

from cli import exit_codes

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

    def __init__(self, what: str, advice: str = "", *, evidence: str = "", exit_code: int = exit_codes.FAILED) -> None:
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
