"""The bash wrapper: which Python it takes, and what it says when it cannot go on."""

from __future__ import annotations

import fcntl
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.local.stack import PROJECT

TOOLS = ("bash", "cat", "cksum", "dirname", "rm", "mkdir", "ln", "chmod")
# Stands for a Python: knows its version, makes "virtual environments" that are links to itself, installs nothing.
FAKE_PYTHON = """#!/bin/bash
case "$*" in
  --version) echo "Python {version}" ;;
  "-m venv "*) mkdir -p "$3/bin"; ln -s "$0" "$3/bin/python" ;;
  "-m pip --version") [ ! -e "$(dirname "$0")/no-pip" ] ;;
  "-m pip "*) {pip} ;;
  *fcntl*) exec {real} "$@" ;;
  *"version_info"*) exit {too_old} ;;
  *) shift 2; shift; echo "ran with $*" ;;
esac
"""
BROKEN_SHIM = "#!/bin/bash\nexit 127\n"


@dataclass(frozen=True)
class Machine:
    """A machine with a clone of the project, and only those Pythons that a test puts on it."""

    root: Path

    @property
    def path(self) -> Path:
        return self.root / "bin"

    @property
    def clone(self) -> Path:
        return self.root / "clone"

    def has(self, name: str, version: str, *, pip: str = "true") -> None:
        too_old = int(tuple(map(int, version.split(".")[:2])) < (3, 11))
        self.writes(
            self.path / name, FAKE_PYTHON.format(version=version, pip=pip, real=sys.executable, too_old=too_old)
        )

    def writes(self, path: Path, script: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(script, encoding="utf-8")
        path.chmod(0o755)

    def run(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [str(self.clone / "wallify"), *arguments],
            env={"PATH": str(self.path), "HOME": str(self.root / "home")} | environment,
            capture_output=True,
            text=True,
            check=False,
        )


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    made = Machine(tmp_path)
    made.path.mkdir()
    made.clone.mkdir()
    for tool in TOOLS:
        (made.path / tool).symlink_to(str(shutil.which(tool)))
    (made.path / "env").symlink_to(str(shutil.which("env")))
    for name in ("wallify", "requirements.txt", "requirements-dev.txt"):
        shutil.copy2(PROJECT / name, made.clone / name)
    return made


def test_the_newest_python_that_lambda_has_is_taken(machine: Machine) -> None:
    for name, version in (("python3", "3.11.7"), ("python3.12", "3.12.1"), ("python3.13", "3.13.0")):
        machine.has(name, version)

    assert "with Python 3.13.0" in machine.run("status").stderr


def test_a_shim_that_does_not_run_is_passed_over(machine: Machine) -> None:
    machine.writes(machine.path / "python3.13", BROKEN_SHIM)
    machine.has("python3.12", "3.12.1")

    assert "with Python 3.12.1" in machine.run("status").stderr


def test_pythons_of_pyenv_are_found_behind_their_shims(machine: Machine) -> None:
    machine.writes(machine.path / "python3.13", BROKEN_SHIM)
    machine.has("../home/.pyenv/versions/3.13.0/bin/python", "3.13.0")
    machine.has("python3", "3.11.7")

    assert "with Python 3.13.0" in machine.run("status").stderr


def test_a_python_of_uv_is_better_than_an_old_one_of_the_system(machine: Machine) -> None:
    machine.has("python3", "3.11.7")
    machine.has("../uv/python", "3.13.0")
    machine.writes(machine.path / "uv", f'#!/bin/bash\n[[ "$*" == *3.13 ]] && echo {machine.root}/uv/python\n')

    assert "with Python 3.13.0" in machine.run("status").stderr


def test_python_3_11_is_good_enough(machine: Machine) -> None:
    machine.has("python3", "3.11.7")

    assert "with Python 3.11.7" in machine.run("status").stderr


def test_a_python_that_is_too_old_is_one_clear_sentence(machine: Machine) -> None:
    machine.has("python3", "3.10.13")

    ended = machine.run("status")

    assert ended.returncode == 1
    assert ended.stderr.startswith("wallify: Python 3.11 or newer is needed and was not found")


def test_the_environment_is_made_once(machine: Machine) -> None:
    machine.has("python3", "3.13.0")
    machine.run("status")

    assert machine.run("status").stderr == ""


def test_new_requirements_are_installed(machine: Machine) -> None:
    machine.has("python3", "3.13.0")
    machine.run("status")
    (machine.clone / "requirements.txt").write_text("pillow==13.0.1\n", encoding="utf-8")

    assert machine.run("status").stderr.startswith("Installing packages")


def test_an_environment_that_broke_is_made_again(machine: Machine) -> None:
    machine.has("python3", "3.13.0")
    machine.run("status")
    (machine.clone / ".venv" / "bin" / "python").unlink()

    assert machine.run("status").stderr.startswith("Making .venv")


def test_an_environment_whose_making_was_cut_off_is_made_again(machine: Machine) -> None:
    machine.has("python3", "3.13.0")
    machine.has("../clone/.venv/bin/python", "3.13.0")
    machine.writes(machine.clone / ".venv" / "bin" / "no-pip", "")

    ended = machine.run("status")

    assert ended.returncode == 0
    assert ended.stderr.startswith("Making .venv")


def test_a_second_first_run_waits_for_the_first(machine: Machine) -> None:
    machine.has("python3", "3.13.0")
    command, environment = [str(machine.clone / "wallify"), "status"], {"PATH": str(machine.path)}
    with (machine.clone / ".venv.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = subprocess.Popen(
            command, env=environment, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL, text=True
        )
        assert second.stderr is not None
        first_words = second.stderr.readline()
        made_too_early = (machine.clone / ".venv").exists()
    _, more_words = second.communicate()

    assert first_words.startswith("Another ./wallify is making .venv")
    assert not made_too_early
    assert more_words.startswith("Making .venv")
    assert second.returncode == 0


def test_a_python_that_was_asked_for_and_is_none_is_named(machine: Machine) -> None:
    machine.has("python3", "3.13.0")

    ended = machine.run("status", WALLIFY_PYTHON="/no/such/python")

    assert ended.returncode == 1
    assert "WALLIFY_PYTHON is /no/such/python" in ended.stderr


def test_a_clone_that_cannot_be_written_to_is_one_clear_sentence(machine: Machine) -> None:
    machine.has("python3", "3.13.0")
    (machine.clone / ".venv.lock").mkdir()  # root may write anywhere else

    ended = machine.run("status")

    assert ended.returncode == 1
    assert "cannot be written to" in ended.stderr


def test_packages_that_cannot_be_installed_are_one_clear_sentence_and_tried_again(machine: Machine) -> None:
    machine.has("python3", "3.13.0", pip="exit 1")

    first, second = machine.run("status"), machine.run("status")

    assert first.returncode == second.returncode == 1
    assert "check the network, then try again" in first.stderr
    assert second.stderr.startswith("Installing packages")


def test_arguments_arrive_as_they_were_typed(machine: Machine) -> None:
    machine.has("python3", "3.13.0")

    assert machine.run("upload", "my photos/a b.jpg", "*").stdout.strip() == "ran with upload my photos/a b.jpg *"


def test_ctrl_c_before_the_command_is_even_read_is_quiet(machine: Machine) -> None:
    machine.writes(machine.clone / "cli" / "__main__.py", "raise KeyboardInterrupt\n")
    machine.writes(machine.clone / ".venv" / "bin" / "python", f'#!/bin/bash\nexec {sys.executable} "$@"\n')
    requirements = b"".join((machine.clone / f"requirements{part}.txt").read_bytes() for part in ("", "-dev"))
    stamp = subprocess.run([str(machine.path / "cksum")], input=requirements, capture_output=True, check=True).stdout
    (machine.clone / ".venv" / "wallify-stamp").write_bytes(stamp)

    ended = machine.run("status")

    assert (ended.returncode, ended.stderr) == (130, "")
