"""Functions' code is unpacked once, however many workers run it."""

from __future__ import annotations

import importlib.util
import io
import os
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from ministack.core import lambda_runtime

from cli.local import emulator, functions, staging
from cli.local.ministack_patches import shared_code
from cli.local.ministack_patches.shared_code import Unpacked
from cli.local.stack import Stack

CODE = "import os, lazy\ndef handler(event, context):\n    return os.path.realpath(lazy.__cached__)\n"

# MiniStack leaves the pipes of a worker that it ends to the garbage collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.fixture
def tmp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where MiniStack makes its workers' folders."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "tmp"))
    (tmp_path / "tmp").mkdir()
    return tmp_path / "tmp"


@pytest.fixture
def unpacked(tmp: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(lambda_runtime, "zipfile", zipfile)
    folder = tmp.parent / "unpacked"
    shared_code.apply(Unpacked(folder))
    return folder


@pytest.fixture
def workers(unpacked: Path) -> Iterator[list[Any]]:
    made: list[Any] = []
    yield made
    lambda_runtime.kill_workers(made)


def zipped(**files: str) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w") as whole:
        for name, text in files.items():
            whole.writestr(f"{name}.py", text)
    return packed.getvalue()


def started(workers: list[Any], code: bytes) -> Any:  # noqa: ANN401 - MiniStack has no types
    config = {
        "FunctionName": "f",
        "Runtime": f"python{sys.version_info.major}.{sys.version_info.minor}",
        "Handler": "app.handler",
        "FunctionArn": "arn:aws:lambda:us-east-1:000000000000:function:f",
        "Timeout": 10,
    }
    worker = lambda_runtime.Worker("f", config, code)
    workers.append(worker)
    return worker


@pytest.mark.slow  # starts workers
def test_workers_share_code_that_was_unpacked_once(workers: list[Any], unpacked: Path, tmp: Path) -> None:
    code = zipped(app=CODE, lazy="")

    answers = [started(workers, code).invoke({}, "r")["result"] for _ in range(2)]

    (shared,) = unpacked.iterdir()
    assert answers == [importlib.util.cache_from_source(str(shared / "lazy.py"))] * 2
    lambda_runtime.kill_workers([workers[0]])
    assert len(list(tmp.iterdir())) == 1
    assert workers[1].invoke({}, "r")["result"] == answers[1]


def test_code_that_cannot_be_compiled_says_so_when_it_is_imported(workers: list[Any]) -> None:
    worker = started(workers, zipped(app="def handler(:\n"))

    with pytest.raises(RuntimeError, match="invalid syntax"):
        worker.invoke({}, "r")


def test_old_code_goes_unless_a_worker_uses_it(tmp: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared_code, "KEPT_ARCHIVES", 1)
    shelf = shelf_beside(tmp)
    for number in range(4):
        linked(shelf, tmp / f"ministack-lambda-f-{number}", zipped(app=f"number = {number}"))
        for folder in shelf.folder.iterdir():
            os.utime(folder, (number, number))
        if number == 2:
            (tmp / "ministack-lambda-f-2" / "code").unlink()

    assert sorted(path.read_text() for path in shelf.folder.glob("*/app.py")) == [f"number = {n}" for n in (0, 1, 3)]


def test_an_unpacking_that_was_interrupted_is_done_again(tmp: Path) -> None:
    shelf, code = shelf_beside(tmp), tmp / "code.zip"
    code.write_bytes(zipped(app="number = 1"))
    (shelf.folder / f"{shared_code.DRAFT}1").mkdir(parents=True)

    assert (shelf.place_of(code) / "app.py").read_text() == "number = 1"


def test_an_archive_that_another_process_has_unpacked_meanwhile_is_there_once(
    tmp: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf, code = shelf_beside(tmp), tmp / "code.zip"
    code.write_bytes(zipped(app="number = 1"))
    unpack = zipfile.ZipFile.extractall

    def overtaken(archive: zipfile.ZipFile, folder: Path) -> None:
        monkeypatch.setattr(zipfile.ZipFile, "extractall", unpack)
        shared_code.Unpacked(shelf.folder).place_of(code)
        unpack(archive, folder)

    monkeypatch.setattr(zipfile.ZipFile, "extractall", overtaken)

    assert (shelf.place_of(code) / "app.py").read_text() == "number = 1"
    assert len(list(shelf.folder.iterdir())) == 1


def test_up_unpacks_what_it_deploys(stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "code_runs_in_place", lambda: False)
    shelf = Unpacked(stack.home / "unpacked")
    monkeypatch.setattr(emulator, "unpacked", lambda _: shelf)
    packages = stack.build / ".chalice" / "deployments"
    packages.mkdir(parents=True)
    (packages / "managed-layer-1.zip").write_bytes(zipped(**{"python/PIL": ""}))
    (packages / "appcode-1.zip").write_bytes(zipped(app=""))

    functions.unpack_packages(stack)

    assert sorted(path.name for path in shelf.folder.rglob("*.py")) == ["PIL.py", "app.py"]


def shelf_beside(tmp: Path) -> Unpacked:
    return Unpacked(tmp.parent / "unpacked")


def linked(shelf: Unpacked, worker: Path, code: bytes) -> Path:
    """The folder of code of a worker, made as MiniStack makes it."""
    (worker / "code").mkdir(parents=True)
    (worker / "code.zip").write_bytes(code)
    shared_code._link(shelf, worker / "code.zip", worker / "code")  # noqa: SLF001 - as its archives do
    return worker / "code"


def test_functions_inherit_nothing_that_keeps_python_from_keeping_what_it_compiled(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    monkeypatch.setenv("PYTHONPYCACHEPREFIX", "/nowhere")
    monkeypatch.setenv("LAMBDA_ACCOUNT_CONCURRENCY", "0")

    given = emulator._environment(stack)  # noqa: SLF001 - what the emulator's process gets

    assert not {"PYTHONDONTWRITEBYTECODE", "PYTHONPYCACHEPREFIX"} & given.keys()
    assert int(given["LAMBDA_ACCOUNT_CONCURRENCY"]) > 0


def test_what_aws_brings_is_compiled_before_a_function_starts(
    stack: Stack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packages = tmp_path / "packages"
    for name in emulator.BROUGHT_BY_AWS:
        (packages / name).mkdir(parents=True)
        (packages / name / "__init__.py").write_text("")
    monkeypatch.setattr(staging, "code_runs_in_place", lambda: False)
    monkeypatch.setattr(emulator, "_origin", lambda name: packages / name)

    python = emulator.function_python(stack)

    assert python.exists()
    assert all(is_compiled(packages / name / "__init__.py") for name in emulator.BROUGHT_BY_AWS)


def is_compiled(source: Path) -> bool:
    return Path(importlib.util.cache_from_source(str(source))).exists()


def test_the_packages_of_awss_runtime_are_compiled_once_for_each_installation(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    compiled: list[Path] = []
    monkeypatch.setattr(staging, "code_runs_in_place", lambda: False)
    monkeypatch.setattr(emulator, "_compile", compiled.append)
    python = emulator.function_python(stack)
    emulator.function_python(stack)
    assert compiled == [python]

    monkeypatch.setattr(emulator, "_identity", lambda origin: [str(origin), "installed anew"])
    emulator.function_python(stack)

    assert compiled == [python, python]
