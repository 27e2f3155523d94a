"""The role with which GitHub deploys, and the example of a workflow that takes it up: each fits the other."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

import pytest
import yaml

from cli.__main__ import parser
from infra.stages import is_named
from infra.template import FOUNDATION, read
from tests.infra.template import as_list

ROOT = Path(__file__).parents[2]
PIPELINE = ROOT / "infra" / "pipeline.yaml"
WORKFLOW: dict[str, Any] = yaml.safe_load((ROOT / "examples" / "deploy-with-github.yaml").read_text(encoding="utf-8"))
JOBS: dict[str, dict[str, Any]] = WORKFLOW["jobs"]
SIGNING = sorted(name for name, job in JOBS.items() if any("$SIGN_IN" in step["run"] for step in job["steps"]))
BASH = shutil.which("bash") or "/bin/bash"
REPOSITORY = "someone/pictures"


def role() -> dict[str, Any]:
    return dict(read(PIPELINE)["Resources"]["Deployer"]["Properties"])


def trust() -> dict[str, Any]:
    [statement] = role()["AssumeRolePolicyDocument"]["Statement"]
    return dict(statement)


def commands(job: str) -> list[str]:
    return re.findall(
        r"\./wallify (.+?)(?: #.*)?$", "\n".join(step["run"] for step in JOBS[job]["steps"]), re.MULTILINE
    )


def test_cloudformation_would_take_the_template() -> None:
    from cfnlint import api  # noqa: PLC0415  # seconds, for whom collects as well

    assert api.lint_file(PIPELINE) == []


def test_only_jobs_of_one_environment_of_one_repository_take_the_role_up() -> None:
    assert trust()["Action"] == "sts:AssumeRoleWithWebIdentity"
    assert set(trust()["Principal"]) == {"Federated"}
    assert trust()["Condition"] == {
        "StringEquals": {
            "token.actions.githubusercontent.com:aud": "sts.amazonaws.com",
            "token.actions.githubusercontent.com:sub": {"Fn::Sub": "repo:${Repository}:environment:${Stage}"},
        }
    }


def test_nothing_in_a_name_opens_the_role_to_others() -> None:
    patterns = {name: read(PIPELINE)["Parameters"][name]["AllowedPattern"] for name in ("Repository", "Stage")}
    for wide in ("*", "a/*", "a/b:environment:prod", "a/b/c", ""):
        assert not any(re.fullmatch(pattern, wide) for pattern in patterns.values())
    assert re.fullmatch(patterns["Repository"], REPOSITORY)


def test_the_role_cannot_change_itself() -> None:
    name = role()["RoleName"]["Fn::Sub"].replace("${Stage}", "prod")
    policy = json.loads(FOUNDATION.with_name("deployer.json").read_text(encoding="utf-8"))
    changing = [one for one in policy["Statement"] if any(it.startswith("iam:") for it in as_list(one["Action"]))]
    arns = [arn for one in changing for arn in as_list(one["Resource"])]
    assert not any(fnmatchcase(f"arn:aws:iam::000000000000:role/{name}", arn) for arn in arns)


def test_nobody_elses_code_runs_in_the_workflow() -> None:
    assert [step for job in JOBS.values() for step in job["steps"] if set(step) != {"run"}] == []


@pytest.mark.parametrize("job", SIGNING)
def test_a_job_that_takes_the_role_up_may_ask_for_a_token_and_names_its_stage(job: str) -> None:
    [command] = commands(job)
    given = parser().parse_args(command.split())

    assert JOBS[job]["permissions"]["id-token"] == "write"
    assert given.stage == JOBS[job]["environment"]
    assert is_named(given.stage)
    assert not given.no_smoke
    assert JOBS[job]["env"]["AWS_ROLE_ARN"] == "${{ vars.AWS_ROLE }}"
    assert JOBS[job]["timeout-minutes"] * 60 <= role()["MaxSessionDuration"]


def test_no_other_job_may_ask_for_a_token() -> None:
    asking = [name for name, job in JOBS.items() if "id-token" in job.get("permissions", {})]
    assert sorted(asking) == SIGNING
    assert WORKFLOW["permissions"] == {"contents": "read"}


def test_prod_comes_after_dev_and_dev_after_the_tests() -> None:
    order = {name: job.get("needs") for name, job in JOBS.items()}
    assert order == {"test": None, "dev": "test", "prod": "dev", "good": "prod", "roll-back": "prod"}
    assert JOBS["roll-back"]["if"] == "failure() && needs.prod.result == 'failure'"
    assert WORKFLOW["concurrency"]["cancel-in-progress"] is False


def test_what_worked_is_what_a_roll_back_checks_out(tmp_path: Path) -> None:
    forge, home = tmp_path / "forge.git", tmp_path / "home"
    first = _forge(forge, home, tmp_path / "work")

    _run("prod", 0, first, forge, tmp_path / "prod")
    _run("good", slice(None), first, forge, tmp_path / "good")
    newer = _commit(home, tmp_path / "work", "second", forge)
    _run("dev", 0, newer, forge, tmp_path / "dev")
    _run("roll-back", 0, JOBS["roll-back"]["env"]["COMMIT"], forge, tmp_path / "back")

    found = {job: (tmp_path / job / "file").read_text(encoding="utf-8") for job in ("prod", "dev", "back")}
    assert found == {"prod": "first", "dev": "second", "back": "first"}


def test_the_token_of_the_job_goes_into_the_file_that_boto3_reads(tmp_path: Path) -> None:
    (tmp_path / "answer&audience=sts.amazonaws.com").write_text('{"count": 1, "value": "a.b.c"}', encoding="utf-8")
    identity = tmp_path / "identity"
    asked = {
        "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "secret",
        "ACTIONS_ID_TOKEN_REQUEST_URL": f"file://{tmp_path}/answer",
        "AWS_WEB_IDENTITY_TOKEN_FILE": str(identity),
    }
    _bash('eval "$SIGN_IN"', tmp_path, {"SIGN_IN": WORKFLOW["env"]["SIGN_IN"], **asked})
    assert identity.read_text(encoding="utf-8") == "a.b.c"
    assert WORKFLOW["env"]["AWS_WEB_IDENTITY_TOKEN_FILE"]


def _run(job: str, steps: int | slice, commit: str, forge: Path, folder: Path) -> None:
    """Run steps of a job as GitHub does, with a repository of this machine in place of GitHub's."""
    folder.mkdir()
    home = folder.parent / "home"
    chosen = JOBS[job]["steps"][steps]
    for step in as_list(chosen):
        _bash(step["run"], folder, _variables(home, forge, folder, commit))


def _variables(home: Path, forge: Path, folder: Path, commit: str) -> dict[str, str]:
    here = {"HOME": str(home), "GITHUB_WORKSPACE": str(folder), "GITHUB_REPOSITORY": REPOSITORY, "COMMIT": commit}
    instead = {"GIT_CONFIG_KEY_0": f"url.file://{forge}.insteadOf", "GIT_CONFIG_COUNT": "1"}
    address = {"GIT_CONFIG_VALUE_0": f"https://github.com/{REPOSITORY}"}
    return {"CHECK_OUT": WORKFLOW["env"]["CHECK_OUT"], "TOKEN": "t", **here, **instead, **address}


def _bash(script: str, folder: Path, variables: dict[str, str]) -> str:
    whole = {"PATH": os.environ["PATH"], **variables}
    done = subprocess.run(
        [BASH, "--noprofile", "--norc", "-eo", "pipefail", "-c", script],
        cwd=folder,
        env=whole,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


def _forge(forge: Path, home: Path, work: Path) -> str:
    home.mkdir()
    work.mkdir()
    _bash(f"git init -q --bare {forge} && git init -q -b main {work}", home, {"HOME": str(home)})
    return _commit(home, work, "first", forge)


def _commit(home: Path, work: Path, text: str, forge: Path) -> str:
    """Commit a file with this text, push it, and return the commit."""
    (work / "file").write_text(text, encoding="utf-8")
    who = "-c user.name=a -c user.email=a@example.org"
    _bash(f"git add file && git {who} commit -qm {text} && git push -q {forge} main", work, {"HOME": str(home)})
    return _bash("git rev-parse HEAD", work, {"HOME": str(home)}).strip()
