"""Writes what the infrastructure became into `.chalice/config.json`, which is where plain `chalice deploy` looks."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from cli.local.staging import tracked_config
from infra import stage as stages


def record(source: Path, stage: str, outputs: dict[str, str], *, cdn_url: str = "", through_cdn: bool = False) -> bool:
    """Put the stage's environment and roles into the configuration; False if it says so already.

    With `through_cdn` signed addresses lead through the stage's own distribution.
    """
    before = tracked_config(source)
    after = stages.resolved(before, stage, outputs, cdn_url=cdn_url or None)
    if through_cdn:
        after = stages.signing_through(after, stage, f"https://{outputs['DistributionDomain']}")
    return _save(source, before, after)


def forget(source: Path, stage: str) -> bool:
    """Take what `record` has put there out again; False if there was nothing."""
    before = tracked_config(source)
    return _save(source, before, stages.unresolved(before, stage))


def _save(source: Path, before: dict[str, Any], after: dict[str, Any]) -> bool:
    if after == before:
        return False
    path = source / ".chalice" / "config.json"
    draft = path.with_name("config.json.new")
    draft.write_text(json.dumps(after, indent=2) + "\n", encoding="utf-8")
    draft.replace(path)
    return True
