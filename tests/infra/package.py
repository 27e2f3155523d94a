"""What `chalice package` makes of the project, and a place to run it that has nothing else."""

from __future__ import annotations

import email
import json
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

from cli.local import emulator, functions, staging
from cli.local.stack import STAGE, Record, Stack
from infra.template import read
from tests.infra.pins import plain


class Package:
    """A packaged project: `template` is Chalice's, `folder` is where AWS would unpack it."""

    def __init__(self, stack: Stack, out: Path) -> None:
        self.stack, self.out = stack, out
        self.config = staging.tracked_config()
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

    @property
    def distributions(self) -> dict[str, str]:
        """The version of each package that is in it, by name; Chalice's own runtime comes without such a record."""
        metadata = [email.message_from_string(path.read_text("utf-8")) for path in self._records("METADATA")]
        return {plain(found["Name"]): found["Version"] for found in metadata}

    @property
    def wheels(self) -> dict[str, list[str]]:
        """The tags of each wheel that it was made of."""
        return {
            path.parent.name: [
                line.removeprefix("Tag: ") for line in path.read_text("utf-8").splitlines() if line.startswith("Tag: ")
            ]
            for path in self._records("WHEEL")
        }

    def _records(self, name: str) -> list[Path]:
        return sorted(self.folder.rglob(f"*.dist-info/{name}"))

    def run(self, code: str, **variables: str) -> str:
        """What `code` prints with nothing but the package, the standard library and AWS's own packages."""
        python = [
            str(emulator.function_python(self.stack)),
            "-I",
            "-c",
            f"import sys; sys.path[:0] = {self.path!r}; {code}",
        ]
        environment = functions.deploy_environment(self.stack) | variables
        return subprocess.run(python, env=environment, capture_output=True, text=True, check=True).stdout.strip()


def packaged(home: Path) -> Package:
    """The project, packaged by Chalice; its layer is taken from the shelf, if it was made from these requirements."""
    stack = Stack(home, 1, 2)
    staging.stage_project(stack, Record(outputs={name: f"the-{name}" for name in read()["Outputs"]}))
    functions.restore_layers(stack)
    chalice = str(Path(sys.executable).with_name("chalice"))
    command = [chalice, "--project-dir", str(stack.build), "package", "--stage", STAGE, str(home / "out")]
    environment = functions.deploy_environment(stack)
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    assert made.returncode == 0, made.stderr
    return Package(stack, home / "out")
