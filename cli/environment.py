"""Environment variables: the target of a command, and checks for unknown names."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from chalicelib.settings import PREFIX, BadSetting, load, unknown, variables
from cli import errors
from cli.errors import CommandError


@dataclass(frozen=True)
class ClientSettings:
    """Target and token from the environment."""

    url: str | None
    """WALLIFY_URL"""
    token: str | None
    """WALLIFY_TOKEN"""
    profile: str | None
    """WALLIFY_PROFILE"""
    config: Path
    """Folder of configuration files: XDG_CONFIG_HOME/wallify."""
    state: Path
    """Folder of state files: XDG_STATE_HOME/wallify."""

    @property
    def profiles(self) -> Path:
        """File with the profiles."""
        return self.config / "profiles.json"


def client_settings(environ: Mapping[str, str] | None = None) -> ClientSettings:
    """Return the settings from the environment; empty values count as none.

    https://specifications.freedesktop.org/basedir-spec/latest/
    """
    given = {name: value for name, value in (os.environ if environ is None else environ).items() if value}
    home = Path(given.get("HOME", "~")).expanduser()
    return ClientSettings(
        url=given.get("WALLIFY_URL"),
        token=given.get("WALLIFY_TOKEN"),
        profile=given.get("WALLIFY_PROFILE"),
        config=Path(given.get("XDG_CONFIG_HOME", home / ".config")) / "wallify",
        state=Path(given.get("XDG_STATE_HOME", home / ".local" / "state")) / "wallify",
    )


IN_CONFIG = "Write it into the stage's environment_variables in .chalice/config.json, or unset it."


def check_names(environ: Mapping[str, str] | None = None) -> None:
    """Raise CommandError for an unknown variable of Wallify, which is usually a typing error."""
    if found := dict(unknown(_given(environ))):
        raise CommandError(" ".join(found.values()), "Correct or unset it.", exit_code=errors.MISUSED)


def check_no_settings(environ: Mapping[str, str] | None = None) -> None:
    """Raise CommandError if this shell sets a setting of the functions, because a deployment would not apply it."""
    if found := settings_in(environ):
        says = f"{', '.join(found)}: set in this shell, where functions do not see it."
        raise CommandError(says, IN_CONFIG, exit_code=errors.MISUSED)


def settings_in(environ: Mapping[str, str] | None = None) -> list[str]:
    """Return the functions' settings in this environment."""
    return sorted(variables() & _given(environ).keys())


def setting_errors(environ: Mapping[str, str] | None = None) -> str:
    """Return the errors of the functions' settings in this environment; empty if there are none."""
    try:
        load(environ)
    except BadSetting as wrong:
        return wrong.message
    return ""


def without_wallify(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the environment without Wallify's own variables."""
    return {name: value for name, value in environ.items() if not name.startswith(PREFIX)}


def _given(environ: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if environ is None else environ
