"""The project has one version number, and it is written where people and programs look for it."""

from __future__ import annotations

import json
import re
import tomllib

import pytest

from chalicelib import VERSION
from chalicelib.http.openapi import description
from cli.__main__ import main
from cli.local.stack import PROJECT
from tests.endpoints import ENDPOINTS


def read(name: str) -> str:
    return (PROJECT / name).read_text(encoding="utf-8")


def test_the_project_file_has_the_version() -> None:
    assert tomllib.loads(read("pyproject.toml"))["project"]["version"] == VERSION


def test_the_api_says_the_version() -> None:
    assert description(ENDPOINTS)["info"]["version"] == VERSION
    assert json.loads(read("docs/reference/openapi.json"))["info"]["version"] == VERSION


def test_the_changelog_begins_with_the_version() -> None:
    (first, *_) = re.findall(r"(?m)^## (\S+)", read("CHANGELOG.md"))
    assert first == VERSION


def test_the_upgrade_notes_and_the_upgrade_command_name_the_version() -> None:
    assert f"## To {VERSION}\n" in read("UPGRADING.md")
    assert f"git checkout --merge v{VERSION} " in read("docs/how-to/deploy-to-aws.md")


def test_the_terminal_prints_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["--version"])
    assert end.value.code == 0
    assert capsys.readouterr().out == f"wallify {VERSION}\n"
