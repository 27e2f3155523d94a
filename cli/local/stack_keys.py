"""Keys by which the emulator of a stack knows the stack's own commands and its front; made once, never shown.

They are in a file that only the stack's owner can read. The front has a key of its own: what it passes on comes from
anybody, so its key opens none of the administrative paths.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

HEADER = "x-wallify-stack"
WITHOUT_KEY = "This path is for the stack's own commands."
"""What the emulator says to whoever has none; no other service says so, which tells it from AWS and LocalStack."""

Who = Literal["commands", "front"]


@dataclass(frozen=True)
class StackKeys:
    """The keys of one stack."""

    secret: str

    @classmethod
    def of(cls, file: Path) -> StackKeys:
        """Those in this file, made if it is not there; its folder is."""
        if not file.exists():
            draft = file.with_name(f"{file.name}.{os.getpid()}")
            with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="ascii") as out:
                out.write(secrets.token_urlsafe(32))
            draft.replace(file)
        return cls(file.read_text(encoding="ascii"))

    def key(self, who: Who) -> str:
        """The value of the header for requests by these."""
        return hmac.new(self.secret.encode(), who.encode(), hashlib.sha256).hexdigest()

    def owner(self, key: str) -> Who | None:
        """Whose key it is; None for any other text."""
        mine: tuple[Who, ...] = ("commands", "front")
        # As bytes: what a header holds need not be ASCII.
        return next((who for who in mine if hmac.compare_digest(self.key(who).encode(), key.encode())), None)
