"""Where a local stack lives and what is known about it: one folder per stack, all of it disposable."""

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
"""All that a stack makes in its folder."""
REGION = "us-east-1"

EMULATOR_KEYS = {
    "AWS_ACCESS_KEY_ID": "test",
    "AWS_SECRET_ACCESS_KEY": "test",
    "AWS_DEFAULT_REGION": REGION,
    "AWS_REGION": REGION,
}
"""Environment of a program that acts as the emulator's account owner."""


@dataclass(frozen=True)
class Stack:
    """One stack: its folder and the two ports it listens on (127.0.0.1 only)."""

    home: Path
    port: int
    emulator_port: int
    hosts: tuple[str, ...] = ()
    """Further names by which clients reach this machine."""

    @property
    def api_url(self) -> str:
        """The API with plain paths, without a trailing slash."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def cdn_url(self) -> str:
        """Where published keys are served."""
        return f"{self.api_url}/media"

    @property
    def monitor_url(self) -> str:
        """The monitor's page."""
        return f"{self.api_url}/monitor"

    @property
    def emulator_url(self) -> str:
        """The AWS endpoint of this stack."""
        return f"http://127.0.0.1:{self.emulator_port}"

    @property
    def exists(self) -> bool:
        """Whether any command has begun to make it."""
        return any((self.home / mark).exists() for mark in (RECORD, LOCK))

    @property
    def build(self) -> Path:
        """The staged Chalice project that gets deployed."""
        return self.home / "build"

    @property
    def keys(self) -> Path:
        """The file with the keys of the emulator's own paths."""
        return self.folder("") / KEYS

    def log(self, name: str) -> Path:
        """The log file of the process `name`."""
        return self.home / "logs" / f"{name}.log"

    def folder(self, name: str) -> Path:
        """A folder of this stack, made if need be."""
        _private(self.home)
        path = self.home / name
        path.mkdir(parents=True, exist_ok=True)
        return path


@dataclass(frozen=True)
class Record:
    """What the last `up` of a stack left behind; missing or unreadable reads as nothing known."""

    port: int = DEFAULT_PORT
    emulator_port: int = 0
    hosts: tuple[str, ...] = ()
    outputs: dict[str, str] = field(default_factory=dict)
    rest_api_id: str = ""
    token: str = ""
    state: str = "dynamodb"  # or postgres: where tasks and images are kept
    database_url: str = ""
    functions: tuple[str, ...] = ()
    deployed: dict[str, str] = field(default_factory=dict)  # part of the deployment -> fingerprint of its sources

    @classmethod
    def of(cls, home: Path) -> Record:
        """The record in `home`."""
        try:
            known = json.loads((home / RECORD).read_text(encoding="utf-8"))
            return cls(**{**known, **{name: tuple(known.get(name, ())) for name in ("functions", "hosts")}})
        except (OSError, ValueError, TypeError):
            return cls()

    def save(self, home: Path) -> Record:
        """Write the record so that a crash leaves the old one or the new one; only the owner may read the token."""
        _private(home)
        draft = home / f"{RECORD}.new"
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as out:
            json.dump(asdict(self), out, indent=2)
        draft.replace(home / RECORD)
        return self

    def with_(self, **changes: object) -> Record:
        """A copy with `changes`."""
        return replace(self, **changes)  # type: ignore[arg-type]  # names are checked by the dataclass itself


def _private(home: Path) -> None:
    """Make a stack's folder that other people on this machine cannot look into: the emulator keeps secrets there."""
    home.mkdir(mode=0o700, parents=True, exist_ok=True)
