"""The monitor's scripts by themselves: their types, and what format, router and selection do in a page in memory."""

from __future__ import annotations

import gzip
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


CLIENT = HERE.parents[1] / "clients" / "js"


def test_the_client_is_what_its_source_and_the_api_say(tmp_path: Path) -> None:
    """A stale build is written anew by `npm run types && npm run build` in clients/js."""
    if not (CLIENT / "node_modules").exists():
        (pytest.fail if os.environ.get("CI") else pytest.skip)("npm ci --prefix clients/js")
    run("node", str(CLIENT / "types.mjs"), str(tmp_path / "api.d.ts"))
    assert (tmp_path / "api.d.ts").read_text() == (CLIENT / "api.d.ts").read_text()
    assert (tmp_path / "api.d.ts").read_text() == (CLIENT / "src" / "api.d.ts").read_text()
    tsc = str(CLIENT / "node_modules" / "typescript" / "bin" / "tsc")
    for more in (("--removeComments", "--declaration", "false"), ("--emitDeclarationOnly",)):
        run("node", tsc, "--project", str(CLIENT / "tsconfig.json"), "--outDir", str(tmp_path), *more)
    for name in ("wallify.js", "wallify.d.ts"):
        assert (tmp_path / name).read_text() == (CLIENT / name).read_text(), name


def test_the_client_is_small() -> None:
    assert len(gzip.compress((CLIENT / "wallify.js").read_bytes(), 9)) < 4096


@pytest.mark.parametrize("name", sorted(file.name for file in (HERE / "units").glob("*.test.mjs")))
def test_a_script_does_what_its_tests_say(name: str) -> None:
    assert "# fail 0" in run("node", "--test", "--test-reporter=tap", f"units/{name}")
