"""What `chalice package` makes of the project for AWS: real wheels, real sizes, imported far from this environment."""

from __future__ import annotations

import importlib.util
import json
import sqlite3
import subprocess
import sys
from contextlib import closing, nullcontext
from dataclasses import replace
from pathlib import Path

import pytest

from bench.suites import start
from bench.suites.start import STARTS
from chalicelib.engine.native_module import is_available
from chalicelib.settings import load
from cli.local import staging
from cli.local.stack import Record, Stack
from infra.template import read
from tests.infra.package import Package
from tests.infra.pins import asked, pinned

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(staging.code_runs_in_place(), reason="packaging for AWS needs Python 3.12 or newer"),
]

MOST_BYTES, MOST_BYTES_WITH_SQL = 24_000_000, 32_000_000


def test_there_is_a_handler_for_every_function(package: Package) -> None:
    handlers = {name: properties["Handler"] for name, properties in package.functions.items()}

    assert handlers["APIHandler"] == "app.app"
    assert handlers["ProcessImage"] == "app.process_image"


def test_every_function_has_its_role_and_limits(package: Package) -> None:
    config = staging.tracked_config()["lambda_functions"]
    process_image = package.functions["ProcessImage"]

    assert process_image["Role"] == "the-ProcessImageRoleArn"
    assert process_image["Timeout"] == config["process_image"]["lambda_timeout"]
    assert process_image["MemorySize"] == config["process_image"]["lambda_memory_size"]


def test_the_queue_feeds_one_message_at_a_time(package: Package) -> None:
    [source] = package.functions["ProcessImage"]["Events"].values()

    assert source["Properties"]["BatchSize"] == 1
    assert source["Properties"]["ScalingConfig"]["MaximumConcurrency"] >= 2


def test_the_package_is_small_enough_to_start_fast(package: Package) -> None:
    assert package.zips
    assert sum(path.stat().st_size for path in package.zips) < MOST_BYTES


def test_only_the_package_of_a_stage_with_sql_brings_its_packages(package: Package, sql_package: Package) -> None:
    left_out = sql_package.distributions.keys() - package.distributions.keys()

    assert left_out == {"alembic", "mako", "markupsafe", "psycopg2-binary", "sqlalchemy"}
    assert package.distributions.items() < sql_package.distributions.items()
    assert sum(path.stat().st_size for path in sql_package.zips) < MOST_BYTES_WITH_SQL


def test_no_module_but_the_adapters_of_sql_needs_these_packages(package: Package) -> None:
    needing = (
        "import importlib, pkgutil, app, chalicelib; failed = []; "
        "found = pkgutil.walk_packages(chalicelib.__path__, 'chalicelib.', onerror=failed.append); "
        "names = [one.name for one in found]; "
        "names = [name for name in names if '.sql' not in name and name != 'chalicelib.packaging']; "
        "[importlib.import_module(name) for name in names]; print(len(names) > 100, failed)"
    )

    assert package.run(needing) == "True ['chalicelib.adapters.sql']"


def test_nothing_of_the_terminal_or_the_tests_is_in_the_package(package: Package) -> None:
    names = {path.name for path in package.folder.iterdir()}

    assert {"app.py", "chalicelib"} <= names
    assert not names & {"cli", "infra", "tests", "bench", "localstack", "docs"}


def test_the_packaged_pillow_works_by_itself(package: Package) -> None:
    said = package.run("from PIL import Image, features; print(Image.__file__, features.check('avif'))")

    assert said == f"{package.path[-1]}/PIL/Image.py True"


def test_the_packaged_app_imports_by_itself(package: Package) -> None:
    assert package.run("import app; print(app.app.app_name, callable(app.process_image))") == "wallify True"


def test_every_module_brings_bytecode_that_is_used_without_a_look_at_its_source(package: Package) -> None:
    lacking = []
    for source in package.folder.rglob("*.py"):
        compiled = Path(importlib.util.cache_from_source(str(source)))
        head = compiled.read_bytes()[:8] if compiled.exists() else b""
        if head != importlib.util.MAGIC_NUMBER + (1).to_bytes(4, "little"):  # 1: a hash that is not checked
            lacking.append(str(source.relative_to(package.folder)))

    assert lacking == []


def test_no_function_compiles_source(package: Package) -> None:
    watch = (
        "from importlib.machinery import SourceFileLoader as Loader; compile_, made = Loader.source_to_code, []; "
        "Loader.source_to_code = lambda self, data, path, **how: made.append(path) or compile_(self, data, path, **how)"
    )
    names = "app, PIL.Image, PIL.JpegImagePlugin, chalicelib.images.process_image, chalicelib.adapters.dynamodb"
    inside = f"[path for path in made if path.startswith({str(package.folder)!r})]"

    assert package.run(f"{watch}; import {names}; print({inside}, len(sys.modules) > 200)") == "[] True"


def test_the_benchmark_starts_each_kind_of_function(package: Package, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(start, "_two_packages", lambda _: nullcontext((package.made, replace(package.made))))

    [table] = start.run(rounds=1)

    assert [(name, goal) for name, _, _, goal, _ in table.rows] == [(name, goal) for name, (_, goal) in STARTS.items()]
    assert "layer-deployment" in table.notes[-1]


def test_the_gateway_leaves_uploads_and_pictures_as_they_are(package: Package) -> None:
    api = package.template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]

    assert "multipart/form-data" in api["x-amazon-apigateway-binary-media-types"]


def test_what_is_in_the_package_is_what_is_pinned_and_nothing_else(sql_package: Package) -> None:
    pins = {name: versions[0][0] for name, versions in pinned("requirements.txt").items()}

    assert sql_package.distributions == {name: pins.get(name) for name in sql_package.distributions}
    assert pins.keys() - sql_package.distributions.keys() <= {"typing-extensions"}


def test_no_tool_is_in_the_package(package: Package) -> None:
    # What the tools stand on may well be there too; what somebody asked for as a tool may not.
    assert not asked("requirements-dev.in").keys() & package.distributions.keys()


def test_compiled_code_is_for_lambdas_linux(package: Package) -> None:
    compiled = [path.name for path in package.folder.rglob("*.so*")]
    wheels = {tag for tags in package.wheels.values() for tag in tags if not tag.endswith("-none-any")}

    assert compiled
    assert not [name for name in compiled if "darwin" in name or "win" in name or "aarch64" in name]
    assert all("manylinux" in tag and tag.endswith("x86_64") for tag in wheels)


def test_the_packaged_native_module_works_where_it_was_built(package: Package) -> None:
    said = package.run("from chalicelib.engine import native_module as m; print(m.__file__, m.is_available())")

    assert said == f"{package.path[0]}/chalicelib/engine/native_module.py {is_available()}"


def test_the_packaged_migrations_work_by_themselves(sql_package: Package, tmp_path: Path) -> None:
    database = f"sqlite:///{tmp_path / 'wallify.db'}"

    sql_package.run(
        "import app; app.migrate({}, None)", WALLIFY_STATE="sql", WALLIFY_DATABASE_URL=database, AWS_REGION="eu-west-1"
    )

    with closing(sqlite3.connect(tmp_path / "wallify.db")) as tables:
        assert tables.execute("select count(*) from alembic_version").fetchone() == (1,)


def test_every_function_starts_with_the_variables_that_it_is_packaged_with(package: Package) -> None:
    for function in package.functions.values():
        variables = function["Environment"]["Variables"]
        assert load(variables).bucket == "the-BucketName"


def test_nothing_is_packaged_with_a_wrong_setting(tmp_path: Path) -> None:
    stack = Stack(tmp_path, 1, 2)
    staging.stage_project(stack, Record(outputs={name: f"the-{name}" for name in read()["Outputs"]}))
    config = json.loads((stack.build / ".chalice" / "config.json").read_text("utf-8"))
    config["stages"]["local"]["environment_variables"]["WALLIFY_CLEANUP_PERCNT"] = "5"
    (stack.build / ".chalice" / "config.json").write_text(json.dumps(config), "utf-8")

    # As somebody who knows Chalice would: nothing of ours has looked at the configuration before.
    chalice = str(Path(sys.executable).with_name("chalice"))
    ended = subprocess.run(
        [chalice, "--project-dir", str(stack.build), "package", "--stage", "local", str(stack.home / "out")],
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode != 0
    assert "WALLIFY_CLEANUP_PERCNT is not a setting. Did you mean WALLIFY_CLEANUP_PERCENT?" in ended.stderr
    assert not (stack.home / "out").exists()
