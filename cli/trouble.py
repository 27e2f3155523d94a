"""What a person at the terminal can act on."""

from __future__ import annotations


class Trouble(Exception):
    """Something stops the command; the first sentence says what, `advice` says what to do about it."""

    def __init__(self, what: str, advice: str = "", *, evidence: str = "") -> None:
        self.what = what
        self.advice = advice
        self.evidence = evidence
        super().__init__("\n".join(part for part in (f"{what} {advice}".strip(), evidence) if part))
