"""`.ci/run` installs what is missing, waits while another package manager works, and ends with the tests' result."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from cli.local.stack import PROJECT

LOCKED = "E: Could not get lock /var/lib/dpkg/lock-frontend. It is held by process 4711 (apt-get)"
TESTS = ["wallify test", "wallify bench start --rounds 5"]
NEEDED = ("bash", "dirname", "grep", "sleep", "cat")


@dataclass(frozen=True)
class Machine:
    """A folder with a checkout that has only stubs, and a PATH with almost no programs."""

    folder: Path

    @property
    def calls(self) -> list[str]:
        """The commands that the script ran, in order."""
        file = self.folder / "calls"
        return file.read_text(encoding="utf-8").splitlines() if file.exists() else []

    def program(self, name: str, body: str = "") -> None:
        """Put a program on the PATH that notes its call and then does this."""
        self._write(self.folder / "bin" / name, f'echo "{name} $*" >> "{self.folder}/calls"\n{body}')

    def wallify(self, body: str) -> None:
        """What `./wallify` does."""
        self._write(self.folder / "checkout" / "wallify", f'echo "wallify $*" >> "{self.folder}/calls"\n{body}')

    def run(self, **environment: str) -> subprocess.CompletedProcess[str]:
        env: Mapping[str, str] = {"PATH": str(self.folder / "bin"), "CI_PAUSE": "0.01", **environment}
        command = [str(self.folder / "bin" / "bash"), str(self.folder / "checkout" / ".ci" / "run")]
        return subprocess.run(command, env=env, capture_output=True, text=True, check=False, timeout=60)

    @staticmethod
    def _write(file: Path, body: str) -> None:
        file.write_text(f"#!{shutil.which('bash')}\n{body}\n", encoding="utf-8")
        file.chmod(0o755)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    machine = Machine(tmp_path)
    (tmp_path / "bin").mkdir()
    (tmp_path / "checkout" / ".ci").mkdir(parents=True)
    shutil.copy(PROJECT / ".ci" / "run", tmp_path / "checkout" / ".ci" / "run")
    for name in NEEDED:
        (tmp_path / "bin" / name).symlink_to(str(shutil.which(name)))
    machine.program("apt-get")
    machine.program("npm")
    machine.wallify("exit 0")
    (tmp_path / "checkout" / ".venv" / "bin").mkdir(parents=True)
    machine.program("python")
    (tmp_path / "bin" / "python").rename(tmp_path / "checkout" / ".venv" / "bin" / "python")
    return machine


def busy(times: int, words: str = LOCKED) -> str:
    """The body of an apt-get that fails so many times."""
    return f"""[ "$(grep -c apt-get "$0.log" 2>/dev/null)" -ge {times} ] && exit 0
echo apt-get >> "$0.log"
echo "{words}" >&2
exit 100"""


def test_what_is_missing_is_installed_before_the_tests_run(machine: Machine) -> None:
    done = machine.run()

    assert done.returncode == 0, done.stderr
    update, install, *others = machine.calls
    assert update == "apt-get update -qq"
    assert {"chromium-headless-shell", "php-cli", "php-curl", "rclone"} <= {*install.split()}
    assert "npm" not in install.split()
    assert [call.split()[:4] for call in others[:3]] == [
        ["npm", "ci", "--prefix", "tests/clients"],
        ["npm", "ci", "--prefix", "tests/browser"],
        ["npm", "ci", "--prefix", "clients/js"],
    ]
    assert others[3:] == ["wallify --help", "python -m native.build", *TESTS]


def test_a_busy_package_manager_is_waited_for_and_named_once(machine: Machine) -> None:
    machine.program("apt-get", busy(3))

    done = machine.run()

    assert done.returncode == 0, done.stderr
    assert done.stderr.count("Waiting for another package manager: Could not get lock") == 1
    assert "held by process 4711 (apt-get)" in done.stderr
    assert machine.calls.count("apt-get update -qq") == 4
    assert machine.calls[-2:] == TESTS


def test_a_package_manager_that_stays_busy_ends_the_run_and_is_said(machine: Machine) -> None:
    machine.program("apt-get", busy(10_000))

    done = machine.run(CI_PATIENCE="1")

    assert done.returncode == 1
    assert "The package manager was busy for 1 seconds." in done.stderr
    assert "wallify test" not in machine.calls


def test_another_failure_of_the_package_manager_ends_the_run_at_once(machine: Machine) -> None:
    machine.program("apt-get", busy(1, "E: Unable to locate package fish"))

    done = machine.run()

    assert (done.returncode, machine.calls) == (1, ["apt-get update -qq"])
    assert "Unable to locate package fish" in done.stderr


def test_the_run_ends_with_the_result_of_the_tests(machine: Machine) -> None:
    machine.wallify('[ "$CI $1" != "true test" ] || exit 7')

    assert machine.run().returncode == 7
    assert machine.calls[-2:] == TESTS


def test_starts_that_cannot_be_measured_do_not_fail_the_run(machine: Machine) -> None:
    machine.wallify('[ "$1" != bench ]')

    done = machine.run()

    assert (done.returncode, done.stderr) == (0, "The starts could not be measured.\n")
