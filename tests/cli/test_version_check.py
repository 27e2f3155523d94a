"""The emulator's patches are applied to the versions that they were written for, and to no others."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from cli.errors import CommandError
from cli.local import emulator
from cli.local.ministack_patches import version_check
from cli.local.processes import Daemon
from cli.local.stack import PROJECT, Stack

FOLDER = PROJECT / "cli" / "local" / "ministack_patches"
PATCHES = sorted(set(FOLDER.glob("*.py")) - {FOLDER / f"{name}.py" for name in ("__init__", "version_check", "serve")})
UPSTREAM = ("ministack", "chalice", "botocore")


@pytest.mark.parametrize("package", version_check.VERSIONS)
def test_the_patches_fit_what_is_pinned_and_installed(package: str) -> None:
    pins = (PROJECT / "requirements-dev.in").read_text("utf-8").splitlines()

    assert f"{package}=={version_check.VERSIONS[package]}" in pins
    version_check.check(package)


def test_another_version_is_refused_with_what_to_do() -> None:
    with pytest.raises(version_check.PatchesDoNotFit) as refused:
        version_check.check(version_check.MINISTACK, installed="1.6.0")

    assert str(refused.value) == (
        f"ministack 1.6.0 is installed, and the patches are for {version_check.VERSIONS['ministack']}. "
        f"Install ministack=={version_check.VERSIONS['ministack']}, which requirements-dev.txt has, "
        "or start without the patches: `./wallify up --plain-emulator`."
    )


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        ({"ministack.services.s3": ("_dispatch", "_gone")}, "ministack.services.s3._gone"),
        ({"ministack.services.gone": ("x",)}, "ministack.services.gone.x"),
        ({"chalice.awsclient.Gone": ("x",)}, "chalice.awsclient.Gone.x"),
    ],
    ids=["name", "module", "class"],
)
def test_a_name_that_is_not_there_is_said(names: Mapping[str, tuple[str, ...]], missing: str) -> None:
    with pytest.raises(version_check.PatchesDoNotFit, match=rf"has no {re.escape(missing)}\. Install"):
        version_check.check(version_check.MINISTACK, names=names)


def test_without_chalices_patch_there_is_no_way_to_start() -> None:
    with pytest.raises(version_check.PatchesDoNotFit, match=r"which requirements-dev\.txt has\.$"):
        version_check.check(version_check.CHALICE, installed="2.0.0")


@pytest.mark.parametrize("patch", PATCHES, ids=lambda path: path.stem)
def test_every_patch_says_what_upstream_lacks_and_when_it_can_go(patch: Path) -> None:
    said = ast.get_docstring(ast.parse(patch.read_text("utf-8"))) or ""

    assert "Upstream lacks" in said
    assert "Remove when:" in said


@pytest.mark.parametrize("patch", PATCHES, ids=lambda path: path.stem)
def test_every_name_that_a_patch_uses_is_looked_up_first(patch: Path) -> None:
    known = {
        f"{owner}.{name}"
        for owners in version_check.NAMES.values()
        for owner, names in owners.items()
        for name in names
    }

    assert set(used_names(ast.parse(patch.read_text("utf-8")))) <= known


def used_names(tree: ast.Module) -> Iterator[str]:
    """Names of upstream's modules, and whatever is imported from one that is no module."""
    modules: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] in UPSTREAM:
            modules |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in modules:
            yield f"{modules[node.value.id]}.{node.attr}"


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Command and environment of each emulator that was to be started."""
    seen: list[Any] = []
    monkeypatch.setattr(Daemon, "run", lambda _, command, environment, **_options: seen.append((command, environment)))
    monkeypatch.setattr(emulator, "function_python", lambda _: "python-of-functions")
    return seen


def test_the_emulator_is_not_started_with_patches_that_do_not_fit(
    stack: Stack, started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version_check, "VERSIONS", {version_check.MINISTACK: "0.0.1"})

    with pytest.raises(CommandError, match=r"the patches are for 0\.0\.1\. .* --plain-emulator"):
        emulator.start(stack)
    assert started == []


def test_a_plain_emulator_needs_no_patch_and_has_no_permissions(
    stack: Stack, started: list[Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(version_check, "VERSIONS", {version_check.MINISTACK: "0.0.1"})

    emulator.start(stack, plain=True)

    [(command, environment)] = started
    assert command[1:] == ["-m", "ministack"]
    assert environment["AUTH"] == "false"


def test_the_patched_emulator_enforces_permissions(stack: Stack, started: list[Any]) -> None:
    emulator.start(stack)

    [(command, environment)] = started
    assert command[1:3] == ["-m", "cli.local.ministack_patches.serve"]
    assert environment["AUTH"] == "true"
