"""The monitor's scripts by themselves: their types, and what format, router and selection do in a page in memory."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent
INSTALL = "npm ci --prefix tests/browser"


def run(program: str, *arguments: str) -> str:
    """Run a program of Node's; without it the test is skipped on a laptop and fails in CI."""
    found = shutil.which(program, path=f"{HERE / 'node_modules' / '.bin'}{os.pathsep}{os.environ['PATH']}")
    if found is None or not (HERE / "node_modules" / "jsdom").exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{program} is not installed here: {INSTALL}")
    done = subprocess.run([found, *arguments], cwd=HERE, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_scripts_agree_with_their_types() -> None:
    assert run("tsc", "--project", "tsconfig.json") == ""


@pytest.mark.parametrize("name", sorted(file.name for file in (HERE / "units").glob("*.test.mjs")))
def test_a_script_does_what_its_tests_say(name: str) -> None:
    assert "# fail 0" in run("node", "--test", "--test-reporter=tap", f"units/{name}")
