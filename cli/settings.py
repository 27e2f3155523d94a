"""What the environment says to the commands that speak to an API; nothing else in these commands reads it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Settings:
    """The environment's part of the answer to: which Wallify, as whom."""

    url: str | None
    """WALLIFY_URL"""
    token: str | None
    """WALLIFY_TOKEN"""
    profile: str | None
    """WALLIFY_PROFILE"""
    config: Path
    """Folder of what people wrote down: XDG_CONFIG_HOME/wallify."""
    state: Path
    """Folder of what is only remembered: XDG_STATE_HOME/wallify."""

    @property
    def profiles(self) -> Path:
        """The file with the profiles."""
        return self.config / "profiles.json"


def load(environ: Mapping[str, str] | None = None) -> Settings:
    """Settings from the environment; empty values count as none.

    https://specifications.freedesktop.org/basedir-spec/latest/
    """
    given = {name: value for name, value in (os.environ if environ is None else environ).items() if value}
    home = Path(given.get("HOME", "~")).expanduser()
    return Settings(
        url=given.get("WALLIFY_URL"),
        token=given.get("WALLIFY_TOKEN"),
        profile=given.get("WALLIFY_PROFILE"),
        config=Path(given.get("XDG_CONFIG_HOME", home / ".config")) / "wallify",
        state=Path(given.get("XDG_STATE_HOME", home / ".local" / "state")) / "wallify",
    )
