"""What is deployed, and how changes are noticed."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from cli.errors import CommandError
from cli.local import functions, staging
from cli.local.access import AllowedCallers
from cli.local.machine import Capacity
from cli.local.stack import Record, Stack
from infra.template import read

OUTPUTS = {name: f"the-{name}" for name in read()["Outputs"]}


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """A project of two files."""
    folder = tmp_path / "source"
    (folder / "chalicelib").mkdir(parents=True)
    (folder / "app.py").write_text("from chalice import Chalice\napp = Chalice('wallify')\n", encoding="utf-8")
    (folder / "chalicelib" / "rules.py").write_text("RULES = 1\n", encoding="utf-8")
    return folder


@pytest.fixture
def packaging(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "code_runs_in_place", lambda: False)


def fingerprint(source: Path) -> str:
    return staging.fingerprint_files(source, staging.CODE_FILES)


def test_the_code_and_the_resolved_configuration_are_staged(stack: Stack, source: Path, packaging: None) -> None:
    staging.stage_project(stack, Record(outputs=OUTPUTS), source)

    config = json.loads((stack.build / ".chalice" / "config.json").read_text(encoding="utf-8"))
    assert (stack.build / "chalicelib" / "rules.py").read_text(encoding="utf-8") == "RULES = 1\n"
    assert config["stages"]["local"]["environment_variables"]["WALLIFY_CDN_URL"] == stack.cdn_url
    assert staging.fingerprint_files(stack.build, staging.CODE_FILES) == fingerprint(source)


def test_a_module_that_is_gone_is_gone_from_the_stage_too(stack: Stack, source: Path, packaging: None) -> None:
    staging.stage_project(stack, Record(outputs=OUTPUTS), source)
    (source / "chalicelib" / "rules.py").rename(source / "chalicelib" / "laws.py")

    staging.stage_project(stack, Record(outputs=OUTPUTS), source)

    assert [path.name for path in (stack.build / "chalicelib").iterdir()] == ["laws.py"]


def test_what_chalice_remembers_stays(stack: Stack, source: Path, packaging: None) -> None:
    staging.stage_project(stack, Record(outputs=OUTPUTS), source)
    (stack.build / ".chalice" / "deployed").mkdir()

    staging.stage_project(stack, Record(outputs=OUTPUTS), source)

    assert (stack.build / ".chalice" / "deployed").exists()


def test_a_python_too_old_to_package_runs_the_code_where_it_is(
    stack: Stack, source: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(staging, "code_runs_in_place", lambda: True)

    staging.stage_project(stack, Record(outputs=OUTPUTS), source)

    config = json.loads((stack.build / ".chalice" / "config.json").read_text(encoding="utf-8"))
    assert config["stages"]["local"]["environment_variables"]["WALLIFY_SOURCE"] == str(source)
    assert config["automatic_layer"] is False
    assert (stack.build / "requirements.txt").read_text(encoding="utf-8") == ""
    assert not (stack.build / "chalicelib").exists()


def test_code_that_runs_in_place_is_the_real_app(stack: Stack, source: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(staging, "code_runs_in_place", lambda: True)
    with (source / "app.py").open("a", encoding="utf-8") as app:
        app.write("@app.route('/here')\ndef here(): ...\n")
    staging.stage_project(stack, Record(outputs=OUTPUTS), source)

    assert "GET /here" in json.loads(functions.app_shape_of(stack))["routes"]


def test_new_code_is_noticed(source: Path) -> None:
    before = fingerprint(source)
    (source / "chalicelib" / "rules.py").write_text("RULES = 2\n", encoding="utf-8")

    assert fingerprint(source) != before


def test_a_renamed_module_is_noticed(source: Path) -> None:
    before = fingerprint(source)
    (source / "chalicelib" / "rules.py").rename(source / "chalicelib" / "laws.py")

    assert fingerprint(source) != before


def test_a_touched_file_and_compiled_leftovers_are_not_a_change(source: Path) -> None:
    before = fingerprint(source)
    os.utime(source / "app.py", (1, 1))
    (source / "chalicelib" / "__pycache__").mkdir()
    (source / "chalicelib" / "__pycache__" / "rules.pyc").write_bytes(b"x")

    assert fingerprint(source) == before


@pytest.mark.parametrize(
    ("added", "new_shape"),
    [
        ("\n# a comment\n", False),
        ("\n@app.route('/health')\ndef health(): ...\n", True),
        ("\n@app.on_sqs_message(queue='q')\ndef work(event): ...\n", True),
        ("\napp.api.binary_types.append('multipart/form-data')\n", True),
    ],
)
def test_only_routes_handlers_and_binary_types_need_a_whole_deployment(
    stack: Stack, source: Path, packaging: None, added: str, *, new_shape: bool
) -> None:
    staging.stage_project(stack, Record(outputs=OUTPUTS), source)
    before = functions.app_shape_of(stack)
    with (source / "app.py").open("a", encoding="utf-8") as app:
        app.write(added)
    staging.stage_project(stack, Record(outputs=OUTPUTS), source)

    assert (functions.app_shape_of(stack) != before) is new_shape


def test_code_that_cannot_be_imported_is_said_before_anything_is_deployed(
    stack: Stack, source: Path, packaging: None
) -> None:
    (source / "app.py").write_text("import nonsense_that_is_not_there\n", encoding="utf-8")
    staging.stage_project(stack, Record(outputs=OUTPUTS), source)

    with pytest.raises(CommandError, match=r"cannot be imported\. Nothing was deployed") as trouble:
        functions.app_shape_of(stack)

    assert "nonsense_that_is_not_there" in trouble.value.evidence


def test_a_record_comes_back_as_it_was_saved(tmp_path: Path) -> None:
    record = Record(port=1, token="t", functions=("a", "b"), outputs={"BucketName": "b"}, deployed={"code": "x"})

    record.save(tmp_path)

    assert Record.of(tmp_path) == record


def test_only_the_owner_may_read_the_token(tmp_path: Path) -> None:
    Record(token="t").save(tmp_path)

    assert (tmp_path / "stack.json").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("content", ["", "{", '{"nonsense": 1}', "[]"])
def test_a_spoilt_record_reads_as_nothing_known(tmp_path: Path, content: str) -> None:
    (tmp_path / "stack.json").write_text(content, encoding="utf-8")

    assert Record.of(tmp_path) == Record()


def test_a_stack_gets_as_many_workers_as_the_machine_has_room_for(
    stack: Stack, source: Path, packaging: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Capacity, "of_machine", lambda: Capacity(requests=8, workers=3))
    staging.stage_project(stack, Record(outputs=OUTPUTS), source)

    ours = json.loads((stack.build / ".chalice" / "config.json").read_text())["stages"]["local"]
    assert ours["environment_variables"]["WALLIFY_CONCURRENCY"] == "3"
    assert ours["lambda_functions"]["api_handler"]["reserved_concurrency"] == 16


def test_a_stage_may_say_itself_how_many_workers_it_wants() -> None:
    capacity = Capacity(requests=8, workers=3)

    assert capacity.for_functions({"WALLIFY_CONCURRENCY": "10"}) == {"WALLIFY_CONCURRENCY": "10"}


def test_no_foreign_page_may_call_the_local_api_unless_the_stage_names_it(
    stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert staging.allowed_callers(stack) == AllowedCallers(stack.port)
    monkeypatch.setattr(staging, "local_variables", lambda *_: {"WALLIFY_CORS_ORIGIN": "http://localhost:3000"})
    assert staging.allowed_callers(stack).allows_origin("http://localhost:3000")
