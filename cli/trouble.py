"""What a person at the terminal can act on."""

from __future__ import annotations

from cli import exits


class Trouble(Exception):
    """Something stops the command; the first sentence says what, `advice` says what to do about it.

    `exit_code` is what the command ends with.
    """

    def __init__(self, what: str, advice: str = "", *, evidence: str = "", exit_code: int = exits.FAILED) -> None:
        self.what = what
        self.advice = advice
        self.evidence = evidence
        self.exit_code = exit_code
        super().__init__("\n".join(part for part in (f"{what} {advice}".strip(), evidence) if part))
