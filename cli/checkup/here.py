"""This machine: Python, packages, disk, the file with the tokens, the local cloud."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cli.checkup.findings import BAD, DOUBTFUL, GOOD, Finding
from cli.local import environment as shell
from cli.local import lifecycle
from cli.local.daemons import Daemon
from cli.local.stack import PROJECT
from cli.local.staging import tracked_config
from cli.local.storage import fault_of
from cli.profiles import is_private
from infra import checks

LAMBDA = ((3, 12), (3, 13))
"""What AWS Lambda has and every package of ours has a wheel for."""
ROOM = 2_000_000_000
"""Bytes that an installation with its packages and a small library takes."""
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^;\s\\]+)\s*(;.*?)?\s*\\?$")
WRITTEN = ("objects", "state", "tmp")
"""Parts of a local cloud that it writes to while it runs."""
UP = "Start it with `./wallify up`."


def python() -> Iterator[Finding]:
    """The Python that runs this."""
    have = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] in LAMBDA:
        yield Finding("python", GOOD, have)
    else:
        yield Finding("python", DOUBTFUL, f"{have}; Lambda runs 3.12 or 3.13", "Install 3.13, and remove .venv.")


def packages(project: Path = PROJECT) -> Iterator[Finding]:
    """Whether the packages are those that are pinned."""
    wrong = [f"{name} {have or 'is missing'} (pinned: {pinned})" for name, pinned, have in _differing(project)]
    if wrong:
        yield Finding("packages", BAD, "; ".join(wrong), "Run `./wallify status`: the wrapper installs what is pinned.")
    else:
        yield Finding("packages", GOOD, "all as pinned")


def disk(folder: Path = PROJECT) -> Iterator[Finding]:
    """Room for pictures."""
    free = shutil.disk_usage(folder).free
    words = f"{free / 1e9:.1f} GB free"
    yield Finding("disk", GOOD, words) if free > ROOM else Finding("disk", DOUBTFUL, words, "Make room.")


def environment(environ: Mapping[str, str] | None = None) -> Iterator[Finding]:
    """The variables of this shell."""
    if wrong := shell.faults(environ):
        yield Finding("environment", BAD, wrong, "Correct or unset it in this shell.")
    elif found := shell.settings_in(environ):
        yield Finding("environment", DOUBTFUL, f"{', '.join(found)}: functions do not see this shell", shell.IN_CONFIG)
    else:
        yield Finding("environment", GOOD, "no variable is misspelt")


def settings(project: Path = PROJECT) -> Iterator[Finding]:
    """The settings of every stage in the configuration."""
    config = tracked_config(project)
    for stage in config["stages"]:
        if wrong := checks.faults(config, stage):
            advice = f"Correct it in {checks.CONFIG} or infra/stages.toml."
            yield Finding(f"settings {stage}", BAD, " ".join(wrong), advice)
        else:
            yield Finding(f"settings {stage}", GOOD, "all within their bounds")


def profiles(path: Path) -> Iterator[Finding]:
    """Whether the tokens are for their owner alone."""
    if is_private(path):
        yield Finding("profiles", GOOD, f"{path} is private" if path.exists() else "none yet")
    else:
        yield Finding("profiles", BAD, f"others may read the tokens in {path}", f"Run `chmod 600 {path}`.")


def stack(home: Path) -> Iterator[Finding]:
    """Whether the local cloud's processes live."""
    where = lifecycle.stack_at(home)
    for name in lifecycle.PROCESSES:
        daemon = Daemon(where, name)
        if pid := daemon.pid():
            yield Finding(name, GOOD, f"process {pid}")
        elif daemon.was_stopped():
            yield Finding(name, BAD, "not running", UP)
        else:
            yield Finding(name, BAD, f"died; its log is {where.log(name)}", UP)


def storage(home: Path) -> Iterator[Finding]:
    """Whether the local cloud can write what it is given."""
    for name in WRITTEN:
        if (home / name).exists() and (fault := fault_of(home / name)):
            advice = "Uploads are refused with 503. Make room there, or make it writable."
            yield Finding("storage", BAD, f"{home / name} cannot be written: {fault}", advice)
            return
    yield Finding("storage", GOOD, f"{home} can be written")


def _differing(project: Path) -> Iterator[tuple[str, str, str | None]]:
    for file in ("requirements.txt", "requirements-dev.txt"):
        for line in (project / file).read_text(encoding="utf-8").splitlines():
            # One with a condition may not be for this machine.
            if (pin := _PIN.match(line)) and not pin[3] and (have := _installed(pin[1])) != pin[2]:
                yield pin[1], pin[2], have


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
