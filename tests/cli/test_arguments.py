"""What can be typed, and which exit code it ends with."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cli.__main__ import main, parser
from cli.commands.parser import stack_from
from cli.local.stack import DEFAULT_HOME, Record

NO_ADDRESSES = [
    ["deploy", "--stage", "dev", "--alarm-mail", text]
    for text in ("you", "you@example", "a@b.org,c@d.org", "you @b.org", f"{'a' * 250}@b.org")
]
COMMANDS = ["up", "down", "status", "logs", "test"]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main([command, "--help"])

    assert end.value.code == 0
    assert f"wallify {command}" in capsys.readouterr().out


@pytest.mark.parametrize(
    "typed", [[], ["nonsense"], ["up", "--port", "many"], ["up", "--port", "70000"], *NO_ADDRESSES]
)
def test_what_is_not_understood_ends_with_two(typed: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as end:
        main(typed)

    assert end.value.code == 2
    assert "usage: wallify" in capsys.readouterr().err


def test_a_name_that_is_nearly_right_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["uplaod", "photos"])

    assert "There is no command uplaod. Did you mean upload?" in capsys.readouterr().err


def test_whoever_types_nothing_gets_the_overview(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([])

    assert "upload files and folders into a collection" in capsys.readouterr().err


def test_a_stack_lives_in_the_project_unless_it_is_told_otherwise() -> None:
    assert stack_from(parser().parse_args(["up"])).home == DEFAULT_HOME


def test_a_second_stack_has_its_own_folder_and_ports(tmp_path: Path) -> None:
    stack = stack_from(parser().parse_args(["up", "--port", "9100", "--dir", str(tmp_path)]))

    assert (stack.home, stack.api_url, stack.cdn_url) == (
        tmp_path,
        "http://127.0.0.1:9100",
        "http://127.0.0.1:9100/media",
    )
    assert stack.emulator_port != stack.port


def test_a_stack_comes_back_on_the_ports_it_had(tmp_path: Path) -> None:
    Record(port=9100, emulator_port=9200).save(tmp_path)

    stack = stack_from(parser().parse_args(["up", "--dir", str(tmp_path)]))

    assert (stack.port, stack.emulator_port) == (9100, 9200)


def test_the_status_of_a_stack_that_is_down_is_three_and_still_says_where(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Record(port=9100, emulator_port=9200, token="secret", functions=("wallify-local",)).save(tmp_path)

    code = main(["status", "--json", "--dir", str(tmp_path)])

    assert code == 3
    assert json.loads(capsys.readouterr().out) == {
        "api_url": "http://127.0.0.1:9100",
        "monitor_url": "http://127.0.0.1:9100/monitor",
        "gallery_url": "http://127.0.0.1:9100/gallery/",
        "token": "secret",
        "emulator_url": "http://127.0.0.1:9200",
        "settings_file": f"{tmp_path}.env",
        "functions": ["wallify-local"],
    }


def test_the_status_says_how_other_tools_reach_the_bucket(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Record(port=9100, emulator_port=9200, outputs={"BucketName": "media-1"}).save(tmp_path)

    main(["status", "--dir", str(tmp_path)])
    shown = " ".join(capsys.readouterr().out.split())
    main(["status", "--json", "--dir", str(tmp_path)])

    assert json.loads(capsys.readouterr().out)["bucket"] == "media-1"
    assert (
        "AWS_ACCESS_KEY_ID=test AWS_SECRET_ACCESS_KEY=test AWS_DEFAULT_REGION=us-east-1 "
        "aws --endpoint-url http://127.0.0.1:9200 s3 cp docs/sample.jpg s3://media-1/incoming/wallpapers/"
    ) in shown


def test_looking_at_a_stack_that_never_was_makes_nothing(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    main(["status", "--dir", str(tmp_path / "nowhere")])

    assert not (tmp_path / "nowhere").exists()


def test_logs_of_a_stack_that_is_down_are_a_clear_refusal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["logs", "--dir", str(tmp_path)])

    assert code == 3
    assert "is not running. Start it with `./wallify up`." in capsys.readouterr().err


def test_an_unknown_function_is_answered_with_those_there_are(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Record(functions=("wallify-local", "wallify-local-process_image")).save(tmp_path)

    code = main(["logs", "nonsense", "--dir", str(tmp_path)])

    assert code == 5
    assert "Known: api, process_image, emulator, front, deploy." in capsys.readouterr().err


def test_ctrl_c_ends_with_what_shells_expect(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("cli.commands.local_cloud.stack_facts", interrupted)

    assert main(["status", "--dir", str(tmp_path)]) == 130


def test_the_benchmark_gets_its_arguments_as_they_are() -> None:
    assert parser().parse_args(["bench", "--quick", "cuts", "--rounds", "3"]).arguments == [
        "--quick",
        "cuts",
        "--rounds",
        "3",
    ]


def test_stopping_what_does_not_run_is_told_to_programs_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["down", "--dir", str(tmp_path), "--json"])

    assert (code, json.loads(capsys.readouterr().out)) == (0, {"stopped": False, "wiped": False})


def test_further_names_are_remembered_until_others_are_said(tmp_path: Path) -> None:
    up = ["up", "--dir", str(tmp_path)]
    given = parser().parse_args([*up, "--host", "Box.example", "--host", "api"])
    assert stack_from(given).hosts == ("box.example", "api")

    Record(hosts=("box.example",)).save(tmp_path)

    assert stack_from(parser().parse_args(up)).hosts == ("box.example",)
    assert stack_from(parser().parse_args([*up, "--host", "other"])).hosts == ("other",)


@pytest.mark.parametrize("host", ["http://box.example", "box.example:80", "", "a b"])
def test_a_further_name_is_a_name_alone(host: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["up", "--host", host])

    assert "a host is a name without a port" in capsys.readouterr().err
