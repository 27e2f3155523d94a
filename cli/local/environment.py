"""What this shell's variables say to Wallify: names that nothing reads, and settings that only functions read."""

from __future__ import annotations

import os
from collections.abc import Mapping

from chalicelib.settings import PREFIX, BadSetting, load, unknown, variables
from cli import exit_codes
from cli.errors import CommandError

IN_CONFIG = "Write it into the stage's environment_variables in .chalice/config.json, or unset it."


def must_be_known(environ: Mapping[str, str] | None = None) -> None:
    """Trouble if a variable is meant for Wallify and nothing reads it: most often a typing error."""
    if found := dict(unknown(_given(environ))):
        raise CommandError(" ".join(found.values()), "Correct or unset it.", exit_code=exit_codes.MISUSED)


def must_have_no_settings(environ: Mapping[str, str] | None = None) -> None:
    """Trouble if this shell sets what only functions read: a deployment would not pass it on."""
    if found := settings_in(environ):
        says = f"{', '.join(found)}: set in this shell, where functions do not see it."
        raise CommandError(says, IN_CONFIG, exit_code=exit_codes.MISUSED)


def settings_in(environ: Mapping[str, str] | None = None) -> list[str]:
    """The settings of functions that this environment has."""
    return sorted(variables() & _given(environ).keys())


def faults(environ: Mapping[str, str] | None = None) -> str:
    """What functions would say to this environment; empty if all is right."""
    try:
        load(environ)
    except BadSetting as wrong:
        return wrong.message
    return ""


def without_wallify(environ: Mapping[str, str]) -> dict[str, str]:
    """The environment without Wallify's own variables."""
    return {name: value for name, value in environ.items() if not name.startswith(PREFIX)}


def _given(environ: Mapping[str, str] | None) -> Mapping[str, str]:
    return os.environ if environ is None else environ
