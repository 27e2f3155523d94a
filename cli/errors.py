"""What a person at the terminal can act on."""

from __future__ import annotations

import errno

from cli import exit_codes

_WITH_FILES = {
    errno.ENOSPC: (
        "The disk is full.",
        "Make room, or put the stack elsewhere with --dir; then run the command again.",
    ),
    errno.EDQUOT: ("Your share of the disk is used up.", "Make room; then run the command again."),
    errno.EROFS: ("This place is read-only.", "Choose another one."),
    errno.EACCES: ("You may not write or read this.", "See whose it is, or choose another place."),
    errno.EPERM: ("You may not write or read this.", "See whose it is, or choose another place."),
    errno.EEXIST: ("A file is where a folder is needed.", "Choose another place."),
    errno.ENOTDIR: ("A file is where a folder is needed.", "Choose another place."),
    errno.EMFILE: ("Too many files are open.", "Raise the limit (ulimit -n), then run the command again."),
}


class CommandError(Exception):
    """Something stops the command; the first sentence says what, `advice` says what to do about it.

    `exit_code` is what the command ends with.
    """

    def __init__(self, what: str, advice: str = "", *, evidence: str = "", exit_code: int = exit_codes.FAILED) -> None:
        self.what = what
        self.advice = advice
        self.evidence = evidence
        self.exit_code = exit_code
        super().__init__("\n".join(part for part in (f"{what} {advice}".strip(), evidence) if part))


def file_error(error: OSError) -> CommandError | None:
    """What the system's refusal means to a person; None for one that only a bug of ours could cause."""
    if error.errno not in _WITH_FILES:
        return None
    what, advice = _WITH_FILES[error.errno]
    where = error.filename2 or error.filename
    return CommandError(f"{what.removesuffix('.')}: {where}." if where else what, advice)
