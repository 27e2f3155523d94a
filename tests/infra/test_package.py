"""What `chalice package` makes of the project for AWS: real wheels, real sizes, imported far from this environment."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import pytest

from cli.local import functions, runtime, staging
from cli.local.stack import STAGE, Record, Stack
from infra.template import read

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(staging.code_runs_in_place(), reason="packaging for AWS needs Python 3.12 or newer"),
]

MOST_BYTES = 30 * 1024 * 1024


class Package:
    """A packaged project: `template` is Chalice's, `folder` is where AWS would unpack it."""

    def __init__(self, stack: Stack, out: Path) -> None:
        self.stack, self.out = stack, out
        self.template: dict[str, Any] = json.loads((out / "sam.json").read_text(encoding="utf-8"))
        self.zips = sorted(out.glob("*.zip"))
        self.folder = out / "unpacked"
        for path in self.zips:
            with zipfile.ZipFile(path) as archive:
                archive.extractall(self.folder)

    @property
    def functions(self) -> dict[str, dict[str, Any]]:
        """Properties of each function by its logical name."""
        resources = self.template["Resources"].items()
        return {name: found["Properties"] for name, found in resources if found["Type"] == "AWS::Serverless::Function"}

    @property
    def path(self) -> list[str]:
        """What Lambda puts on the module path: the function's folder and the layer's."""
        return [str(self.folder), *map(str, self.folder.glob("python/lib/python*/site-packages"))]

    def run(self, code: str) -> str:
        """What `code` prints with nothing but the package, the standard library and AWS's own packages."""
        python = [str(runtime.python(self.stack)), "-I", "-c", f"import sys; sys.path[:0] = {self.path!r}; {code}"]
        environment = functions.deploy_environment(self.stack)
        return subprocess.run(python, env=environment, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> Package:
    home = tmp_path_factory.mktemp("stack")
    stack = Stack(home, 1, 2)
    staging.stage_project(stack, Record(outputs={name: f"the-{name}" for name in read()["Outputs"]}))
    out = home / "out"
    chalice = str(Path(sys.executable).with_name("chalice"))
    command = [chalice, "--project-dir", str(stack.build), "package", "--stage", STAGE, str(out)]
    environment = functions.deploy_environment(stack)
    packaged = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert packaged.returncode == 0, packaged.stderr
    return Package(stack, out)


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


def test_nothing_of_the_terminal_or_the_tests_is_in_the_package(package: Package) -> None:
    names = {path.name for path in package.folder.iterdir()}

    assert {"app.py", "chalicelib"} <= names
    assert not names & {"cli", "infra", "tests", "bench", "localstack", "docs"}


def test_the_packaged_pillow_works_by_itself(package: Package) -> None:
    said = package.run("from PIL import Image, features; print(Image.__file__, features.check('avif'))")

    assert said == f"{package.path[-1]}/PIL/Image.py True"


def test_the_packaged_app_imports_by_itself(package: Package) -> None:
    assert package.run("import app; print(app.app.app_name, callable(app.process_image))") == "wallify True"


def test_the_gateway_leaves_uploads_and_pictures_as_they_are(package: Package) -> None:
    api = package.template["Resources"]["RestAPI"]["Properties"]["DefinitionBody"]

    assert "multipart/form-data" in api["x-amazon-apigateway-binary-media-types"]
