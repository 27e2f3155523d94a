"""What `chalice package` makes of the project, read for tests."""

from __future__ import annotations

import email
import json
import subprocess
from pathlib import Path
from typing import Any

from bench.suites import start
from cli.local import functions, staging
from tests.infra.pins import plain


class Package:
    """A packaged project: `template` is Chalice's, `folder` is where AWS would unpack it."""

    def __init__(self, made: start.Package) -> None:
        self.made, self.out, self.folder, self.zips, self.path = made, made.out, made.folder, made.zips, made.path()
        self.config = staging.tracked_config()
        self.template: dict[str, Any] = json.loads((made.out / "sam.json").read_text(encoding="utf-8"))

    @property
    def functions(self) -> dict[str, dict[str, Any]]:
        """Properties of each function by its logical name."""
        resources = self.template["Resources"].items()
        return {name: found["Properties"] for name, found in resources if found["Type"] == "AWS::Serverless::Function"}

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
        environment = functions.deploy_environment(self.made.stack) | variables
        command = self.made.command(code)
        return subprocess.run(command, env=environment, capture_output=True, text=True, check=True).stdout.strip()
