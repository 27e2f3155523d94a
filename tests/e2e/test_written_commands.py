"""Every command of the README and the docs, run as it is written, or the test that runs it by other means."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.local import machine
from cli.local.stack import PROJECT
from tests.docs.written import Written, blocks, inline
from tests.e2e.client import Wallify, eventually, told
from tests.e2e.conftest import Cloud
from tests.e2e.photos import a_small_photo

pytestmark = pytest.mark.e2e

BASH = shutil.which("bash") or "/bin/bash"
STRICT = """set -euo pipefail
curl() { command curl -sS --fail-with-body --noproxy '*' "$@"; }
aws() { command aws --endpoint-url "$EMULATOR_URL" "$@"; }"""
"""A curl that fails where it is refused, and an AWS CLI for the local account."""
ADDRESS = "http://127.0.0.1:7545"
ELSEWHERE: Mapping[str, str] = {
    r"((WALLIFY_\w+=\w+ )+)?\./wallify test": "tests/cli/test_test_command.py",
    r"\./wallify deploy|\.venv/bin/chalice|export AWS_DEFAULT_REGION": "tests/e2e/test_deploy.py",
    r"aws cloudformation deploy --stack-name deploy-wallify": "tests/infra/test_pipeline.py",
    r"git fetch && git checkout": "tests/docs/test_upgrade.py",  # wants a clone that deployed, and a release
    r"\.venv/bin/python -m tests\.mutants": "tests/mutants",  # all of them take minutes
    r"python -m pytest tests/(monitor|browser)": "tests/browser",
    r"\./wallify bench (peer|goals)": "tests/bench",  # they load the machine for minutes, and fetch another system
}
"""Commands that take an account, or the suite that this is part of -> where they are run."""
CUT: Mapping[str, str] = {
    r"--tasks 10000": "--tasks 60",
    r"(\./wallify bench)((?! --url).*)": r"\1\2 --rounds 1 --quick",
    r"(\./wallify bench --url .*) TOKEN": r"\1 $TOKEN --uploads 4 --clients 2",
    r"--json out\.json": "--json $HOME/out.json",
    r"https://… --token …": "$API --token $TOKEN",
    r"--dir \.local/main": "--dir $STACK",
    r"(scripts\.weigh_monitor.*)": r"\1 --tasks 0 --rounds 1 --minutes 0 --page Tasks",
    r"(scripts\.screenshots)": r"\1 shots login",
    r"(python -m tests\.browser\.place)": r"""\1 "$PORT" &
curl --retry 60 --retry-delay 1 --retry-connrefused "http://127.0.0.1:$PORT/monitor"
kill $!""",
}
"""What is made smaller in a command that would take minutes or does not end, or belongs to this stack."""


IN_SENTENCES: Mapping[str, str] = {
    r"login --url URL": "login --url $API --token $TOKEN",
    r"show images ID": "show images $LETTER",
    r"remove images ID": "remove images $LETTER --yes",
    r"--image ID": "--image $IMAGE",
    r"^(\./wallify keys)": r'AWS_ENDPOINT_URL="$EMULATOR_URL" \1',
    r"images delete ID": "images delete $UNWANTED",
    r"tokens revoke ID": "tokens revoke $SPARE",
    r"--limit 5000": r"--limit 5000 --watch",
}
"""What stands for an ID in the runbook's sentences, and the answer where a person is asked."""


def of_the_runbook() -> Iterator[Written]:
    """Each command in a sentence of the runbook that is in no block, once: at night they are typed as they stand."""
    sentences = (one for one in inline() if one.page == "docs/operations/runbook.md" and " " in one.text)
    in_blocks = {one.text for one in here()}
    yield from (one for one in first_of_each(sentences) if one.text not in in_blocks)


def here() -> Iterator[Written]:
    """Each command of a block, once: one that stands on several pages is run as the first shows it."""
    yield from (one for one in first_of_each(blocks()) if place_of(one) is None)


def first_of_each(commands: Iterable[Written]) -> Iterable[Written]:
    first: dict[str, Written] = {}
    for one in commands:
        first.setdefault(one.text, one)
    return first.values()


def place_of(one: Written) -> str | None:
    return next((place for pattern, place in ELSEWHERE.items() if re.match(pattern, one.text)), None)


@dataclass(frozen=True)
class Workshop:
    """A folder with what the documentation's commands name, and their variables."""

    folder: Path
    env: Mapping[str, str]

    def type(self, text: str) -> subprocess.CompletedProcess[str]:
        """Run a command as a person would who has read so far."""
        typed = text
        for long, short in {**CUT, **IN_SENTENCES}.items():
            typed = re.sub(long, short, typed)
        for word, value in {ADDRESS: "API", "TASK_ID": "TASK", "REGION": "AWS_DEFAULT_REGION"}.items():
            typed = re.sub(rf"\b{word}\b", self.env[value], typed)
        typed = typed.replace("ACCOUNT", "000000000000")
        return subprocess.run(
            [BASH, "-c", f"{STRICT}\n{typed}"],
            cwd=self.folder,
            env=self.env,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )


@pytest.fixture(scope="module")
def workshop(cloud: Cloud, wallify: Wallify, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workshop]:
    folder = tmp_path_factory.mktemp("workshop")
    for name in (
        *("docs", "cli", "chalicelib", "infra", "tests", "bench", "scripts"),
        *("app.py", "tasks.py", ".venv", "pyproject.toml"),
    ):
        (folder / name).symlink_to(PROJECT / name)
    _write_wallify(folder / "wallify", cloud)
    photos = folder / "photos"
    photos.mkdir()
    for path in (photos / "1.jpg", photos / "2.jpg", folder / "image1.jpg", folder / "image2.jpg"):
        path.write_bytes(a_small_photo())
    (folder / "photo.jpg").write_bytes(a_small_photo())
    image = wallify.published(a_small_photo(), collection="nature")
    home = folder / "home"
    for place in (".local/share/bash-completion/completions", ".zfunc", ".config/fish/completions"):
        (home / place).mkdir(parents=True)
    secrets = cloud.aws("secretsmanager")  # as `deploy` has made them
    secrets.create_secret(Name="wallify/dev/bootstrap-token", SecretString="a stage's token")
    secrets.create_secret(Name="wallify/prod/keys", SecretString=json.dumps({"root": "r" * 43}))
    wanted = {"name": "for the runbook", "scopes": ["read"]}
    env = {
        **os.environ,
        "AWS_ACCESS_KEY_ID": "test",
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_PAGER": "",
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "API": cloud.api_url,
        "TOKEN": cloud.token,
        "STACK": str(cloud.stack.home),
        "PORT": str(machine.free_port()),
        "SPARE": told(wallify.http.post("/tokens", json=wanted), 201)["token"]["token_id"],
        "LETTER": _a_dead_letter(cloud, wallify),
        "TASK": image["links"]["task"].rpartition("/")[2],
        "IMAGE": image["image_id"],
        "UNWANTED": wallify.published(a_small_photo(), collection="nature")["image_id"],
        "BUCKET": cloud.outputs["BucketName"],
        "EMULATOR_URL": cloud.emulator_url,
        "WALLIFY_URL": cloud.api_url,
        "WALLIFY_TOKEN": cloud.token,
    }
    yield Workshop(folder, env)
    for name in ("wallify/dev/bootstrap-token", "wallify/prod/keys"):
        secrets.delete_secret(SecretId=name, ForceDeleteWithoutRecovery=True)
    told(wallify.http.patch("/schedules/cleanup", json={"enabled": True}), 200)


def _a_dead_letter(cloud: Cloud, wallify: Wallify) -> str:
    """The id of a dead letter that cannot be read."""
    url = cloud.aws("sqs").get_queue_url(QueueName=f"{cloud.outputs['ImagesQueueName']}-dead")["QueueUrl"]
    sent: str = cloud.aws("sqs").send_message(QueueUrl=url, MessageBody="no message of ours")["MessageId"]

    def shown() -> bool:
        return sent in {
            letter["message_id"] for letter in told(wallify.http.get("/queues/images/dead"), 200)["letters"]
        }

    eventually(lambda: shown() or None, "the letter is shown")
    return sent


def _write_wallify(path: Path, cloud: Cloud) -> None:
    """The project's wrapper; what looks at a local stack looks at this one."""
    at = f'case "$1" in up|status|logs) set -- "$@" --dir "{cloud.stack.home}";; esac'
    path.write_text(f'#!/usr/bin/env bash\n{at}\nexec "{PROJECT}/wallify" "$@"\n', encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.parametrize("written", [*here()], ids=str)
def test_a_command_of_the_documentation_runs(written: Written, workshop: Workshop) -> None:
    for program in ("aws", "jq"):
        if program in written.text.split() and shutil.which(program) is None and not os.environ.get("CI"):
            pytest.skip(f"{program} is not on this machine")
    done = eventually(lambda: ended(workshop.type(written.text)), "the last run of the schedule has ended")
    assert done.returncode == 0, f"{written}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("written", [*of_the_runbook()], ids=str)
def test_a_command_in_a_sentence_of_the_runbook_runs(written: Written, workshop: Workshop) -> None:
    done = eventually(lambda: ended(workshop.type(written.text)), "the last run of the schedule has ended")
    assert done.returncode == 0, f"{written}\n{done.stdout}\n{done.stderr}"
    assert "Traceback" not in done.stderr


def ended(done: subprocess.CompletedProcess[str]) -> subprocess.CompletedProcess[str] | None:
    """What came of the command; None where the same schedule, started by the command before it, still runs."""
    return None if "still_running" in done.stdout + done.stderr or "is still running" in done.stderr else done


def test_the_token_line_of_the_readme_finds_the_token(workshop: Workshop) -> None:
    (line,) = (one.text for one in blocks() if one.text.startswith("TOKEN="))
    assert workshop.type(f'{line}; printf %s "$TOKEN"').stdout == workshop.env["TOKEN"]


def test_the_python_lines_of_the_documentation_run(workshop: Workshop, wallify: Wallify) -> None:
    wallify.published(a_small_photo(), collection="wallpapers")
    text = (PROJECT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    (lines,) = re.findall(r"^```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    program = f"import os\ntoken = os.environ['TOKEN']\n{lines}".replace(ADDRESS, workshop.env["API"])
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=workshop.folder, env=workshop.env, capture_output=True, check=False
    )
    assert done.returncode == 0, done.stderr.decode()


def test_each_command_that_is_run_elsewhere_names_tests_that_exist() -> None:
    named = {place for one in blocks() if (place := place_of(one))}
    assert named == set(ELSEWHERE.values())
    assert all((PROJECT / place).exists() for place in named)
