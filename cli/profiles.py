"""Wallifies that were signed in to: a file that only its owner may read, since tokens are in it."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from cli import exits
from cli.trouble import Trouble

OWNER_ONLY = 0o600
_OTHERS = 0o077


@dataclass(frozen=True)
class Profile:
    """One Wallify and the token for it."""

    url: str
    token: str


@dataclass(frozen=True)
class Profiles:
    """All of them, by name, and the one that is meant where none is named."""

    current: str | None = None
    known: Mapping[str, Profile] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path) -> Profiles:
        """What the file says; none, where there is no file. Trouble if it cannot be read."""
        try:
            told = json.loads(path.read_text(encoding="utf-8"))
            known = {name: Profile(**one) for name, one in told["known"].items()}
            return cls(told["current"], known)
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, TypeError, KeyError) as broken:
            raise Trouble(f"{path} cannot be read: {broken}.", "Mend it, or remove it and sign in again.") from broken

    def save(self, path: Path) -> None:
        """Write the file so that a crash leaves the old one or the new one."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"{path.name}.new")
        draft.unlink(missing_ok=True)  # one that was left behind may have been readable by others
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w", encoding="utf-8") as out:
            json.dump(asdict(self), out, indent=2)
        draft.replace(path)

    def __getitem__(self, name: str) -> Profile:
        """The profile of that name; Trouble if there is none."""
        if name not in self.known:
            there = ", ".join(self.known) or "none yet"
            raise Trouble(f"There is no profile {name}.", f"There are: {there}.", exit_code=exits.MISSING)
        return self.known[name]

    def with_(self, name: str, profile: Profile) -> Profiles:
        """The same with this one, which becomes the current one."""
        return Profiles(name, {**self.known, name: profile})

    def without(self, name: str) -> Profiles:
        """The same without this one; Trouble if there is none."""
        left = {other: profile for other, profile in self.known.items() if profile is not self[name]}
        return Profiles(None if self.current == name else self.current, left)

    def using(self, name: str | None) -> Profiles:
        """The same with this one as the current one; None means the local cloud."""
        if name is not None:
            self[name]
        return replace(self, current=name)


def is_private(path: Path) -> bool:
    """True when nobody but its owner may read the file, or there is none."""
    return not path.exists() or not path.stat().st_mode & _OTHERS
