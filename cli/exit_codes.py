"""How a command ends, for scripts; docs/reference/cli.md shows this table."""

from __future__ import annotations

from typing import Final

DONE: Final = 0
FAILED: Final = 1
"""Something stopped it; the sentence on stderr says what."""
MISUSED: Final = 2
"""What was typed is not understood."""
UNREACHABLE: Final = 3
"""Nobody answers there, or the local cloud does not run (as `systemctl status` says it)."""
DENIED: Final = 4
"""No token, a bad one, or one that may not do this."""
MISSING: Final = 5
"""There is no such thing."""
REFUSED: Final = 6
"""It is there, but not in a state for this; or the API does not take what was sent."""
PARTLY: Final = 7
"""Done, but not everything succeeded: some files of an upload, or the task that was watched."""
INTERRUPTED: Final = 130
"""Ctrl-C, as shells expect it."""

_REFUSALS = range(400, 500)
_BY_STATUS = {0: UNREACHABLE, 401: DENIED, 403: DENIED, 404: MISSING, 410: MISSING, 429: FAILED}


def of_status(status: int) -> int:
    """The exit code for an answer with this HTTP status; 0 stands for no answer at all."""
    return _BY_STATUS.get(status, REFUSED if status in _REFUSALS else FAILED)
