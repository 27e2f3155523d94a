"""Staged Chalice project of a stack, and fingerprints of deployed files."""

from __future__ import annotations

import hashlib
import json
import shutil
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from dotenv import dotenv_values

from chalicelib.settings import PAGE
from cli.errors import CommandError
from cli.local.access import AllowedCallers
from cli.local.machine import Capacity
from cli.local.stack import PROJECT, STAGE, Record, Stack
from infra import checks, stage

CODE_FILES = ("app.py", "chalicelib")


def fingerprint_files(root: Path, names: Iterable[str]) -> str:
    """Return one fingerprint of the names and bytes of these files and folders under `root`."""
    digest = hashlib.sha256()
    for path in source_files(root, names):
        content = hashlib.sha256(path.read_bytes()).hexdigest()
        digest.update(f"{path.relative_to(root).as_posix()}\0{content}\n".encode())
    return digest.hexdigest()


def fingerprint_values(*values: object) -> str:
    """Return one fingerprint of values that JSON supports."""
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()


def source_files(root: Path, names: Iterable[str]) -> Iterator[Path]:
    """Yield the files that count as code, in a stable order."""
    for name in names:
        path = root / name
        if path.is_file():
            yield path
        for found in sorted(path.rglob("*")):
            if found.is_file() and "__pycache__" not in found.parts:
                yield found


# The required version of Pillow has wheels only for the glibc of Lambda's python3.12 and newer.
OLDEST_FOR_AWS = (3, 12)


def code_runs_in_place() -> bool:
    """Return True if functions import the code from the project's folder because this Python cannot package for AWS."""
    return sys.version_info < OLDEST_FOR_AWS


def tracked_config(source: Path = PROJECT) -> dict[str, Any]:
    """Return the content of `.chalice/config.json`."""
    config: dict[str, Any] = json.loads((source / ".chalice" / "config.json").read_text(encoding="utf-8"))
    return config


def local_config(stack: Stack, source: Path = PROJECT) -> dict[str, Any]:
    """Return the tracked configuration, with the settings of the stack's own file in the stage of the local cloud."""
    config = tracked_config(source)
    ours = config["stages"][STAGE]
    own = dotenv_values(stack.settings, interpolate=False)  # empty without a file
    ours["environment_variables"] = ours.get("environment_variables", {}) | own
    return config


def check_settings(stage_name: str, source: Path = PROJECT) -> None:
    """Raise CommandError with every wrong setting of the stage, before anything is deployed."""
    _check(tracked_config(source), stage_name, f"{checks.CONFIG} or infra/stages.toml")


def check_local_settings(stack: Stack) -> None:
    """Raise CommandError with every wrong setting of the local cloud, before anything is started."""
    own = f"{stack.settings}, " if stack.settings.exists() else ""
    _check(local_config(stack), STAGE, f"{own}{checks.CONFIG} or infra/stages.toml")


def _check(config: dict[str, Any], stage_name: str, places: str) -> None:
    if wrong := checks.faults(config, stage_name):
        raise CommandError(
            "Settings are wrong; nothing was deployed.",
            f"Correct them in {places}. {PAGE} lists all.",
            evidence="\n".join(wrong),
        )


def stage_project(stack: Stack, record: Record, source: Path = PROJECT) -> None:
    """Copy `source` to `stack.build`; keep Chalice's record of earlier deployments."""
    build = stack.folder("build")
    (build / ".chalice").mkdir(exist_ok=True)
    for stale in CODE_FILES:
        _remove(build / stale)
    config = stage.resolved(local_config(stack), STAGE, record.outputs, cdn_url=stack.cdn_url, api_url=stack.api_url)
    config = stage.signing_through(config, STAGE, stack.cdn_url)
    if record.database_url:
        environment = {"WALLIFY_STATE": "sql", "WALLIFY_DATABASE_URL": record.database_url}
        config["stages"][STAGE]["environment_variables"] |= environment
    _limit(config["stages"][STAGE], Capacity.of_machine())
    if code_runs_in_place():
        _stage_stub(build, config, source)
    else:
        _stage_code(build, source)
    (build / ".chalice" / "config.json").write_text(json.dumps(config, indent=2), encoding="utf-8")


def _limit(ours: dict[str, Any], capacity: Capacity) -> None:
    """Set the numbers of API and worker processes by the machine's capacity, unless the stage sets them."""
    ours["environment_variables"] = capacity.for_functions(ours["environment_variables"])
    ours["lambda_functions"]["api_handler"].setdefault("reserved_concurrency", capacity.api)


def local_variables(stack: Stack, source: Path = PROJECT) -> dict[str, str]:
    """Return the functions' variables in the configuration of the local cloud."""
    config = local_config(stack, source)
    everywhere: dict[str, str] = config.get("environment_variables", {})
    here: dict[str, str] = config["stages"][STAGE].get("environment_variables", {})
    return everywhere | here


def allowed_callers(stack: Stack, source: Path = PROJECT) -> AllowedCallers:
    """Return the hosts and web origins that the stack accepts: its own pages, and the origin that the stage names."""
    return AllowedCallers(stack.port, stack.hosts, local_variables(stack, source).get("WALLIFY_CORS_ORIGIN", ""))


def _stage_code(build: Path, source: Path) -> None:
    for name in CODE_FILES:
        if (source / name).is_dir():
            shutil.copytree(source / name, build / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source / name, build / name)
    shutil.copy2(PROJECT / "requirements.txt", build / "requirements.txt")


_STUB = '''"""Content of a function's zip if this Python is too old to package for AWS: load the app of the project."""

import importlib
import os
import sys

sys.path.insert(0, os.environ["WALLIFY_SOURCE"])
del sys.modules["app"]  # remove this module; the next line imports the real one in its place
importlib.import_module("app")
'''


def _stage_stub(build: Path, config: dict[str, Any], source: Path) -> None:
    code = fingerprint_files(source, CODE_FILES)
    (build / "app.py").write_text(f"{_STUB}\n# {code}\n", encoding="utf-8")
    (build / "requirements.txt").write_text("", encoding="utf-8")
    config["automatic_layer"] = False
    config["stages"][STAGE]["environment_variables"]["WALLIFY_SOURCE"] = str(source)


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
