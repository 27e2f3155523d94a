"""Functions of a stack: deployed beside other stages, with one layer for all, and a clear error without a network."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from chalice.deploy.packager import NoSuchPackageError

from cli.__main__ import main
from cli.errors import CommandError
from cli.local import emulator, functions
from cli.local.stack import Stack

OURS = {"wallify-local", "wallify-local-sweep"}
THEIRS = {"wallify-dev", "wallify-dev-sweep"}


class FakeAccount:
    """Functions with an event source each, and APIs."""

    def __init__(self) -> None:
        self.functions = OURS | THEIRS
        self.mappings = {name: f"mapping of {name}" for name in self.functions}
        self.apis = {"wallify-local", "wallify-dev", "before"}

    def get_paginator(self, _: str) -> FakeAccount:
        return self

    def paginate(self) -> Iterator[dict[str, Any]]:
        yield {"Functions": [{"FunctionName": name} for name in sorted(self.functions)]}

    def list_event_source_mappings(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803 - boto3's names
        return {"EventSourceMappings": [{"UUID": self.mappings[FunctionName]}]}

    def delete_event_source_mapping(self, UUID: str) -> None:  # noqa: N803
        self.mappings = {name: uuid for name, uuid in self.mappings.items() if uuid != UUID}

    def delete_function(self, FunctionName: str) -> None:  # noqa: N803
        self.functions = self.functions - {FunctionName}

    def get_rest_apis(self) -> dict[str, Any]:
        return {"items": [{"id": api} for api in self.apis]}

    def delete_rest_api(self, restApiId: str) -> None:  # noqa: N803
        self.apis.remove(restApiId)


@pytest.fixture
def account(monkeypatch: pytest.MonkeyPatch) -> FakeAccount:
    account = FakeAccount()
    monkeypatch.setattr(functions, "client", lambda *_: account)
    return account


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path, 1, 2)


@pytest.mark.usefixtures("account")
def test_only_the_stacks_own_functions_are_its_functions(stack: Stack) -> None:
    assert set(functions.deployed(stack)) == OURS


def test_starting_from_nothing_leaves_other_stages_alone(account: FakeAccount, stack: Stack) -> None:
    functions.delete_functions(stack)

    assert account.functions == THEIRS == account.mappings.keys()
    assert account.apis == {"wallify-dev", "before"}


def test_an_api_from_before_stages_had_ids_of_their_own_is_known_from_the_record(
    account: FakeAccount, stack: Stack
) -> None:
    record = stack.folder("build/.chalice/deployed") / "local.json"
    known = [{"resource_type": "rest_api", "rest_api_id": "before"}]
    record.write_text(json.dumps({"resources": known}), encoding="utf-8")

    functions.delete_functions(stack)

    assert account.apis == {"wallify-dev"}


@pytest.mark.parametrize("stage", ["local", "local-2"])
def test_nobody_else_is_called_as_the_local_stack(stage: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["deploy", "--stage", stage])

    assert "not `local`" in capsys.readouterr().err


def test_a_layer_made_for_one_stack_is_there_for_the_next(stack: Stack, tmp_path: Path) -> None:
    make(stack, "managed-layer-1.zip")
    other = Stack(tmp_path / "other", 1, 2)

    functions.save_layers(stack, tmp_path / "shelf")
    functions.restore_layers(other, tmp_path / "shelf")

    assert made_in(other) == ["managed-layer-1.zip"]


def test_the_newest_layers_stay_on_the_shelf(stack: Stack, tmp_path: Path) -> None:
    for number in range(1, 5):
        make(stack, f"managed-layer-{number}.zip")
        os.utime(packages(stack) / f"managed-layer-{number}.zip", (number, number))

    functions.save_layers(stack, tmp_path / "shelf")

    kept = {path.name for path in (tmp_path / "shelf").iterdir()}
    assert kept == {"managed-layer-2.zip", "managed-layer-3.zip", "managed-layer-4.zip"}


def test_an_empty_shelf_lends_nothing(stack: Stack, tmp_path: Path) -> None:
    functions.restore_layers(stack, tmp_path / "shelf")

    assert made_in(stack) == []


def make(stack: Stack, name: str) -> None:
    packages(stack).mkdir(parents=True, exist_ok=True)
    (packages(stack) / name).write_bytes(b"layer")


def made_in(stack: Stack) -> list[str]:
    return [path.name for path in packages(stack).glob("*")]


def packages(stack: Stack) -> Path:
    return stack.build / ".chalice" / "deployments"


FAILED = f"chalice.deploy.packager.NoSuchPackageError: {NoSuchPackageError('pillow==13.0.0')}"


def test_a_layer_that_cannot_be_made_is_laid_on_the_network(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    ended = subprocess.CompletedProcess([], returncode=1, stdout=f"Traceback …\n{FAILED}\n")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: ended)
    monkeypatch.setattr(functions, "deploy_environment", emulator.client_environment)
    monkeypatch.setattr(functions, "delete_functions", lambda _: None)
    monkeypatch.setattr(functions, "restore_layers", lambda _: None)

    with pytest.raises(CommandError, match=r"The packages for the functions cannot be downloaded\. Check the network"):
        functions.deploy_functions(stack)
