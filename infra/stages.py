"""What stages.toml says about a stage."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

STAGES = Path(__file__).with_name("stages.toml")
LIKE = "dev"  # what a stage is that has no entry
KEYS = frozenset({"parameters", "requests_per_second", "burst", "cdn_url", "architecture"})
X86, ARM = "x86_64", "arm64"
ARCHITECTURES = (X86, ARM)
"""Of Lambda's processors, by its names; the first is what a stage has that chooses none."""
MOST_REQUESTS = 10_000
"""A second: what API Gateway lets an account through in a region."""


@dataclass(frozen=True)
class Choices:
    """The choices of one stage."""

    parameters: dict[str, str]
    requests_per_second: float
    burst: int
    cdn_url: str = ""
    architecture: str = X86
    """Kind of processor that the functions run on."""

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
    found = entry(stage, path)
    parameters = {name: str(value) for name, value in found.get("parameters", {}).items()}
    return Choices(
        parameters,
        float(found["requests_per_second"]),
        int(found["burst"]),
        found.get("cdn_url", ""),
        found.get("architecture", X86),
    )


def entry(stage: str, path: Path = STAGES) -> dict[str, Any]:
    """What the file says about the stage, unchecked; what it says about `dev` if the stage has no entry."""
    everything: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    found: dict[str, Any] = everything.get(stage, everything[LIKE])
    return found


def is_named(stage: str, path: Path = STAGES) -> bool:
    """Whether the stage has an entry of its own."""
    return stage in tomllib.loads(path.read_text(encoding="utf-8"))
