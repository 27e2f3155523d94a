"""Exit codes of the commands; docs/reference/cli.md has the same table."""

from __future__ import annotations

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
