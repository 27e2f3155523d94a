"""What stages.yaml says about a stage."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

STAGES = Path(__file__).with_name("stages.yaml")
LIKE = "dev"  # what a stage is that has no entry


@dataclass(frozen=True)
class Choices:
    """The choices of one stage."""

    parameters: dict[str, str]
    requests_per_second: float
    burst: int
    cdn_url: str = ""

    @property
    def protected(self) -> bool:
        """Whether the stage's data and stacks refuse to be deleted."""
        return self.parameters.get("DeletionProtection") == "true"

    @property
    def uses_sql(self) -> bool:
        """Whether state is kept in PostgreSQL."""
        return self.parameters.get("State") == "sql"


def of(stage: str, path: Path = STAGES) -> Choices:
    """The stage's choices; those of `dev` if it has no entry."""
    everything: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    found = everything.get(stage, everything[LIKE])
    parameters = {name: str(value) for name, value in found.get("parameters", {}).items()}
    api = found["api"]
    return Choices(parameters, float(api["requests_per_second"]), int(api["burst"]), found.get("cdn_url", ""))
