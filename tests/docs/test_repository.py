"""Files for editors, hooks and the forge call the project's own commands, at the versions that are pinned."""

from __future__ import annotations

import re
from typing import Any

import yaml

from cli.local.stack import PROJECT


def read(name: str) -> Any:  # noqa: ANN401  # YAML, whose shape each test looks at
    return yaml.safe_load((PROJECT / name).read_text(encoding="utf-8"))


def pinned() -> set[str]:
    text = (PROJECT / "requirements-dev.txt").read_text(encoding="utf-8")
    return set(re.findall(r"(?m)^([a-z0-9-]+)==", text))


def test_each_hook_runs_a_pinned_tool_of_the_projects_environment() -> None:
    hooks = [hook for repo in read(".pre-commit-config.yaml")["repos"] for hook in repo["hooks"]]
    assert hooks
    for hook in hooks:
        found = re.match(r"\.venv/bin/python -m (\w+) ", hook["entry"])
        assert found, hook
        assert found[1] in pinned()
        assert hook["language"] == "system"


def test_the_forge_runs_the_script_that_everybody_runs() -> None:
    steps = read(".github/workflows/ci.yaml")["jobs"]["test"]["steps"]
    assert steps[-1] == {"run": ".ci/run"}


def test_the_forge_uses_the_python_that_the_wrapper_prefers() -> None:
    image = read(".github/workflows/ci.yaml")["jobs"]["test"]["container"]["image"]
    preferred = re.search(r"for version in (3\.\d+)", (PROJECT / "wallify").read_text(encoding="utf-8"))
    assert preferred
    assert image.startswith(f"python:{preferred[1]}-")


def test_each_form_for_reports_has_the_parts_that_the_forge_needs() -> None:
    for name in ("bug_report", "feature_request"):
        form = read(f".github/ISSUE_TEMPLATE/{name}.yml")
        assert form.keys() >= {"name", "description", "body"}
        named = [part["id"] for part in form["body"] if part["type"] != "markdown"]
        assert len(set(named)) == len(named)
