from __future__ import annotations

import os
import shutil
import subprocess

import pytest

from cli.__main__ import main, parser
from cli.commands.completion import SHELLS, words_of


def completed(capsys: pytest.CaptureFixture[str], *typed: str) -> list[str]:
    """What bash offers after these words."""
    main(["completion", "bash"])
    script = capsys.readouterr().out
    words = " ".join(f"'{word}'" for word in typed)
    ask = f"{script}\nCOMP_WORDS=(wallify {words}); COMP_CWORD={len(typed)}; _wallify; echo ${{COMPREPLY[@]}}"
    shell = subprocess.run([str(shutil.which("bash")), "-c", ask], capture_output=True, text=True, check=True)
    assert shell.stderr == ""
    return shell.stdout.split()


def test_commands_are_completed(capsys: pytest.CaptureFixture[str]) -> None:
    assert completed(capsys, "up") == ["up", "upload"]


def test_options_of_the_command_are_completed(capsys: pytest.CaptureFixture[str]) -> None:
    assert completed(capsys, "upload", "photos", "--re") == ["--resume"]


def test_verbs_and_their_options_are_completed(capsys: pytest.CaptureFixture[str]) -> None:
    assert completed(capsys, "images", "re") == ["restore", "rename"]
    assert completed(capsys, "queues", "--json", "purge", "images", "--y") == ["--yes"]


def test_choices_are_completed(capsys: pytest.CaptureFixture[str]) -> None:
    assert completed(capsys, "run", "c") == ["cleanup"]


@pytest.mark.parametrize("shell", sorted(SHELLS))
def test_every_shell_knows_every_command_and_option(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    main(["completion", shell])
    script = capsys.readouterr().out

    for after in words_of(parser()).values():
        assert all(one.word in script for one in after)


@pytest.mark.parametrize(("shell", "check"), [("bash", "-n"), ("zsh", "-n"), ("fish", "--no-execute")])
def test_the_shell_itself_understands_it(
    shell: str, check: str, capsys: pytest.CaptureFixture[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    program = shutil.which(shell)
    if program is None:
        # CI installs every shell, so that there nothing goes untried.
        (pytest.fail if os.environ.get("CI") else pytest.skip)(f"{shell} is not on this machine")
    main(["completion", shell])
    script = tmp_path_factory.mktemp("completion") / shell
    script.write_text(capsys.readouterr().out, encoding="utf-8")

    completed = subprocess.run([program, check, str(script)], capture_output=True, text=True, check=False)

    assert (completed.returncode, completed.stderr) == (0, "")


def test_another_shell_is_not_understood(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(["completion", "cmd"])

    assert end.value.code == 2
