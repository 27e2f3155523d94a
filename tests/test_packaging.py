"""Bytecode in the functions' package: always of the source that is packaged, and never beside the source itself."""

from __future__ import annotations

import importlib.util
import io
import subprocess
import sys
import zipfile
from dataclasses import dataclass
from pathlib import Path

import pytest
from chalice.config import Config
from chalice.deploy import packager
from chalice.deploy.packager import DependencyBuilder, LayerDeploymentPackager
from chalice.utils import UI, OSUtils

from chalicelib import packaging
from cli.local.functions import package_of
from tests.architecture.modules import ROOT


@dataclass(frozen=True)
class Version:
    major: int = 3
    minor: int = 13
    releaselevel: str = "final"


@pytest.fixture
def project(tmp_path: Path) -> Path:
    folder = tmp_path / "project"
    (folder / "chalicelib" / "rooms").mkdir(parents=True)
    (folder / "app.py").write_text("from chalicelib.rooms import rules\nprint(rules.RULES)\n", "utf-8")
    write(folder, "1")
    return folder


def write(project: Path, rules: str) -> None:
    (project / "chalicelib" / "rooms" / "rules.py").write_text(f"RULES = {rules}\n", "utf-8")


def unpacked(project: Path, name: str) -> Path:
    place = project.parent / name
    with zipfile.ZipFile(io.BytesIO(package_of(project))) as archive:
        archive.extractall(place)
    return place


def said(folder: Path, *options: str) -> str:
    """What the app prints, run from this folder."""
    command = [sys.executable, "-B", *options, "-c", f"import sys; sys.path[0] = {str(folder)!r}; import app"]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


def rules_of(folder: Path) -> Path:
    return folder / "chalicelib" / "rooms" / "rules.py"


def test_packaged_bytecode_runs_whatever_the_sources_date_and_text_are(project: Path) -> None:
    place = unpacked(project, "task")
    for source in (place / "app.py", rules_of(place)):
        source.write_text("raise SystemError('compiled')\n", "utf-8")

    assert said(place) == "1"


def test_a_traceback_names_the_place_of_the_source_on_lambda(project: Path) -> None:
    (project / "app.py").write_text("def f(): pass\nprint(f.__code__.co_filename)\n", "utf-8")
    compiled = Path(importlib.util.cache_from_source(str(unpacked(project, "task") / "app.py")))

    assert b"/var/task/app.py" in compiled.read_bytes()
    assert str(project).encode() not in compiled.read_bytes()


def test_edited_source_is_packaged_and_runs_on_this_machine_as_it_is_now(project: Path) -> None:
    unpacked(project, "before")
    write(project, "2")  # the same length, and within the same second

    assert said(unpacked(project, "after")) == "2"
    assert said(project) == "2"
    assert not list(project.rglob("*.pyc"))


def test_what_this_machine_has_compiled_for_itself_is_not_packaged(project: Path) -> None:
    stale = Path(importlib.util.cache_from_source(str(rules_of(project)), optimization="1"))
    stale.parent.mkdir()
    stale.write_bytes(b"stale")

    assert not list(unpacked(project, "task").rglob(stale.name))


def test_packages_are_compiled_in_the_layer_and_what_is_no_python_stays(tmp_path: Path) -> None:
    packaging.include_bytecode(packager, Config().lambda_python_version)
    packages = tmp_path / "packages"
    (packages / "deep" / "er").mkdir(parents=True)
    (packages / "deep" / "er" / "module.py").write_text("def f(): pass\n", "utf-8")
    (packages / "template.py").write_text("print 1 {% if %}\n", "utf-8")
    system = OSUtils()
    builder = LayerDeploymentPackager(system, DependencyBuilder(system), UI(io.StringIO(), io.StringIO()))

    with zipfile.ZipFile(tmp_path / "layer.zip", "w") as layer:
        builder._add_py_deps(layer, str(packages), "python/lib/python3.13/site-packages")  # noqa: SLF001

    with zipfile.ZipFile(tmp_path / "layer.zip") as layer:
        inside = layer.namelist()
        [compiled] = [name for name in inside if name.endswith(".pyc")]
        code = layer.read(compiled)
    prefix = "python/lib/python3.13/site-packages"
    assert compiled == importlib.util.cache_from_source(f"{prefix}/deep/er/module.py", optimization="")
    assert f"/opt/{prefix}/deep/er/module.py".encode() in code
    assert f"{prefix}/template.py" in inside


def test_a_package_from_before_there_was_bytecode_is_not_used_again(project: Path) -> None:
    packaging.include_bytecode(packager, Config().lambda_python_version)
    system = OSUtils()
    builder = LayerDeploymentPackager(system, DependencyBuilder(system), UI(io.StringIO(), io.StringIO()))

    name = builder.deployment_package_filename(str(project), "python3.13")

    assert Path(name).name.endswith(f"-python3.13-{sys.implementation.cache_tag}.zip")


@pytest.mark.parametrize(
    ("runtime", "version", "kind"),
    [
        ("python3.13", Version(minor=14), "cpython"),
        ("python3.13", Version(minor=12), "cpython"),
        ("python3.14", Version(minor=14, releaselevel="candidate"), "cpython"),
        ("python3.13", Version(), "pypy"),
    ],
)
def test_another_python_than_the_functions_says_so(runtime: str, version: Version, kind: str) -> None:
    assert runtime in packaging.refusal(runtime, version, kind)


def test_the_functions_own_python_compiles() -> None:
    assert packaging.refusal("python3.13", Version(), "cpython") == ""


def test_a_layer_without_sql_leaves_out_what_only_sql_needs() -> None:
    whole = (ROOT / "requirements.txt").read_text("utf-8")

    part = packaging.requirements_without(whole, ("alembic", "psycopg2-binary", "sqlalchemy"))

    left_out = {"alembic", "mako", "markupsafe", "psycopg2-binary", "sqlalchemy"}
    assert names_in(part) == names_in(whole) - left_out
    # Powertools needs it too.
    assert "typing-extensions" in names_in(part)
    assert set(part.splitlines()) < set(whole.splitlines())


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("", ""),
        (
            "# a remark\nPillow==1\nsqlalchemy==2\n",
            "# a remark\nPillow==1\n",
        ),  # written by hand: nobody says who needs it
        ("a==1\n    # via\n    #   b\n    #   sqlalchemy\nb==1\n    # via -r requirements.in\n", None),
        ("greenlet==1\n    # via sqlalchemy\nsqlalchemy==2\n    # via -r requirements.in\n", ""),
    ],
)
def test_who_needs_a_package_decides(text: str, left: str | None) -> None:
    assert packaging.requirements_without(text, ("sqlalchemy",)) == (text if left is None else left)


def names_in(requirements: str) -> set[str]:
    return {line.split("==")[0] for line in requirements.splitlines() if line[:1].isalpha()}


def test_with_another_python_nothing_is_compiled(project: Path) -> None:
    # In a process of its own: this one's Chalice may have been told already.
    code = (
        "import sys; sys.implementation.name = 'pypy'; from pathlib import Path; "
        "from cli.local.functions import package_of; "
        f"sys.stdout.buffer.write(package_of(Path({str(project)!r})))"
    )
    made = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True)

    with zipfile.ZipFile(io.BytesIO(made.stdout)) as archive:
        assert not [name for name in archive.namelist() if name.endswith(".pyc")]
        assert rules_of(Path()).as_posix() in archive.namelist()
    assert made.stderr.decode().startswith("The package has no bytecode: that needs python")
