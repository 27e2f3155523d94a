"""The programs that other people upload with: each is run once, asks many things, and tells what it was answered."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pytest

HERE = Path(__file__).parent
LONGEST = 240.0
"""Seconds that one program may take on a busy machine."""
AT_ONCE = 3

Told = Mapping[str, Any]
"""Case -> `status` and `body` of its answer, and what else is worth knowing."""


@dataclass(frozen=True)
class Plan:
    """What a program needs to know."""

    api: str
    token: str
    collection: str
    picture: Path
    other: Path
    """Another picture."""
    large: Path
    """More than the 1 MB from which on curl and PHP ask before they send."""
    folder: Path
    emulator: str
    bucket: str

    @property
    def file(self) -> Path:
        """The plan for programs that read JSON."""
        place = self.folder / "plan.json"
        place.write_text(json.dumps(self.facts, default=str), encoding="utf-8")
        return place

    @property
    def lines(self) -> Path:
        """The plan for Java, which has no JSON of its own."""
        place = self.folder / "plan.txt"
        place.write_text("\n".join(str(fact) for fact in self.facts.values()), encoding="utf-8")
        return place

    @property
    def facts(self) -> dict[str, object]:
        """In the order in which `Upload.java` reads them."""
        return {name: getattr(self, name) for name in ("api", "token", "collection", "picture", "large")}


class Missing(Exception):  # read as a noun
    """A program that is not on this machine."""


def needed(name: str) -> str:
    """Where the program is; Missing if it is not installed."""
    found = shutil.which(name)
    if found is None:
        raise Missing(name)
    return found


def told_by(command: Sequence[str | Path], **environment: str) -> Told:
    """What a program prints, as JSON; it has to end well."""
    made = run(command, **environment)
    assert made.returncode == 0, f"{command[0]} ended with {made.returncode}: {made.stderr[-2000:]}"
    body: Told = json.loads(made.stdout)
    return body


def run(command: Sequence[str | Path], **environment: str) -> subprocess.CompletedProcess[str]:
    """Run it past any proxy, without the caller's AWS set-up."""
    clean = {name: text for name, text in os.environ.items() if not name.upper().startswith("AWS_")}
    clean = {name: text for name, text in clean.items() if not name.lower().endswith("_proxy")}
    return subprocess.run(
        [str(part) for part in command],
        env={**clean, "NO_PROXY": "*", **environment},
        capture_output=True,
        text=True,
        errors="replace",
        timeout=LONGEST,
        check=False,
    )


def fetch(plan: Plan) -> Told:
    """Node's own fetch."""
    return told_by([needed("node"), HERE / "fetch.mjs", plan.file])


def axios(plan: Plan) -> Told:
    """axios and form-data, from npm (`npm ci --prefix tests/clients`)."""
    if not (HERE / "node_modules" / "axios").exists():
        raise Missing("axios: npm ci --prefix tests/clients")
    return told_by([needed("node"), HERE / "axios.mjs", plan.file])


def php(plan: Plan) -> Told:
    """PHP with its curl extension."""
    return told_by([needed("php"), HERE / "upload.php", plan.file])


def java(plan: Plan) -> Told:
    """Java's HttpClient, run from its source."""
    flags = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Dfile.encoding=UTF-8")
    needed("javac")  # a mere runtime does not run a source file
    return told_by([needed("java"), *flags, HERE / "Upload.java", plan.lines])


@dataclass
class Crew:
    """All programs, some at once; each is waited for when it is first asked about."""

    programs: Mapping[str, Callable[[Plan], Told]]
    plan_for: Callable[[str], Plan]
    _begun: dict[str, Future[Told]] = field(default_factory=dict)

    @cached_property
    def _hands(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(AT_ONCE)

    def begin(self) -> None:
        """Start them all."""
        for name, program in self.programs.items():
            self._begun[name] = self._hands.submit(program, self.plan_for(name))

    def told(self, name: str, case: str) -> Any:  # noqa: ANN401  # as JSON has it
        """The answer in one case."""
        return self._all(name)[case]

    def cases(self, name: str) -> Sequence[str]:
        """All cases that the program has."""
        return tuple(self._all(name))

    def _all(self, name: str) -> Told:
        """What the program tells. Without it: a skip, but a failure in CI, which installs them all."""
        try:
            return self._begun[name].result()
        except Missing as missing:
            say = pytest.fail if os.environ.get("CI") else pytest.skip
            say(f"{missing} is not installed")

    def end(self) -> None:
        """Wait for all of them."""
        self._hands.shutdown(cancel_futures=True)
