"""Folder, addresses and record of a local stack; each stack has one folder."""

from __future__ import annotations

import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
DEFAULT_HOME = PROJECT / ".local" / "main"
DEFAULT_PORT = 7545
STAGE = "local"
RECORD, LOCK, KEYS = "stack.json", "run/up.lock", "keys"
PARTS = ("build", KEYS, "logs", "objects", "run", "runtime", "state", "tmp", RECORD)
"""Everything that a stack creates in its folder."""
REGION = "us-east-1"

EMULATOR_KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}
"""Environment of a program that acts as the owner of the emulator's account."""


@dataclass(frozen=True)
class Stack:
    """Local stack: its folder and its two ports (on 127.0.0.1 only)."""

    home: Path
    port: int
    emulator_port: int
    hosts: tuple[str, ...] = ()
    """Additional host names of this machine."""

    @property
    def api_url(self) -> str:
        """Address of the API, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def cdn_url(self) -> str:
        """Address of the published pictures."""
        return f"{self.api_url}/media"

    @property
    def monitor_url(self) -> str:
        """Address of the monitor."""
        return f"{self.api_url}/monitor"

    @property
    def gallery_url(self) -> str:
        """Address of the example gallery."""
        return f"{self.api_url}/gallery/"

    @property
    def emulator_url(self) -> str:
        """AWS endpoint of this stack."""
        return f"http://127.0.0.1:{self.emulator_port}"

    @property
    def exists(self) -> bool:
        """True if a command has started to create the stack."""
        return any((self.home / mark).exists() for mark in (RECORD, LOCK))

    @property
    def settings(self) -> Path:
        """Optional file beside the folder of the stack, with settings for its functions only."""
        return self.home.with_name(f"{self.home.name}.env")

    @property
    def build(self) -> Path:
        """Folder of the staged Chalice project."""
        return self.home / "build"

    @property
    def keys(self) -> Path:
        """File with the keys of the emulator's administrative paths."""
        return self.folder("") / KEYS

    def log(self, name: str) -> Path:
        """Return the log file of the process `name`."""
        return self.home / "logs" / f"{name}.log"

    def folder(self, name: str) -> Path:
        """Return a folder of this stack; create it if it is missing."""
        _private(self.home)
        path = self.home / name
        path.mkdir(parents=True, exist_ok=True)
        return path


@dataclass(frozen=True)
class Record:
    """Record of the last `up` of a stack; empty if the file is missing or unreadable."""

    port: int = DEFAULT_PORT
    emulator_port: int = 0
    hosts: tuple[str, ...] = ()
    outputs: dict[str, str] = field(default_factory=dict)
    rest_api_id: str = ""
    token: str = ""
    state: str = "dynamodb"  # or postgres: database of tasks and images
    database_url: str = ""
    functions: tuple[str, ...] = ()
    deployed: dict[str, str] = field(default_factory=dict)  # part of the deployment -> fingerprint of its sources

    @classmethod
    def of(cls, home: Path) -> Record:
        """Read the record in `home`."""
        try:
            known = json.loads((home / RECORD).read_text(encoding="utf-8"))
            return cls(**{**known, **{name: tuple(known.get(name, ())) for name in ("functions", "hosts")}})
        except (OSError, ValueError, TypeError):
            return cls()

    def save(self, home: Path) -> Record:
        """Write the record atomically, readable only by its owner because it contains the token."""
        _private(home)
        draft = home / f"{RECORD}.new"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            json.dump(asdict(self), out, indent=2)
        draft.replace(home / RECORD)
        return self

    def with_(self, **changes: object) -> Record:
        """Return a copy with `changes`."""
        return replace(self, **changes)  # type: ignore[arg-type]  # names are checked by the dataclass itself


def _private(home: Path) -> None:
    """Create a stack's folder that only its owner can read, because the emulator stores secrets there."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
