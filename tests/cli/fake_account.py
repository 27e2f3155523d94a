"""A stage's account with stand-ins for AWS's services, which remember what they were told."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cli.deploy.target import StageTarget
from cli.local.stack import PROJECT


class FakeSession:
    """Hands out the stand-ins by service."""

    region_name = "eu-central-1"

    def __init__(self, services: Mapping[str, Any]) -> None:
        self.services = services

    def client(self, service: str, **_: Any) -> Any:  # noqa: ANN401 - as boto3's
        return self.services[service]


class FakeIdentity:
    """Who is asking."""

    def get_caller_identity(self) -> dict[str, str]:
        return {"Account": "123456789012"}


def a_target(folder: Path, stage: str = "dev", *, services: Mapping[str, Any] | None = None) -> StageTarget:
    """A stage deployed from a project in `folder` that has a configuration and no code."""
    (folder / ".chalice").mkdir(parents=True)
    shutil.copy2(PROJECT / ".chalice" / "config.json", folder / ".chalice")
    return StageTarget(stage, folder, FakeSession({"sts": FakeIdentity(), **(services or {})}))


def chalice_knows(target: StageTarget, api_id: str) -> None:
    """Chalice has deployed the stage with this API."""
    folder = target.source / ".chalice" / "deployed"
    folder.mkdir()
    resources = [{"resource_type": "rest_api", "rest_api_id": api_id}]
    (folder / f"{target.stage}.json").write_text(json.dumps({"resources": resources}), encoding="utf-8")
