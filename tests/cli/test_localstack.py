"""The compose file and its init hook. Tests run where there is no Docker, so that these are held to what they name."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]  # it has no types
import pytest
import yaml

from cli.local import localstack
from cli.local.stack import PROJECT
from cli.local.staging import tracked_config

FOLDER = PROJECT / "localstack"
HOOK = FOLDER / "ready.d" / "deploy-wallify.sh"
COMPOSE: dict[str, Any] = yaml.safe_load((FOLDER / "compose.yaml").read_text(encoding="utf-8"))
SERVICES: dict[str, Any] = COMPOSE["services"]

WORDS = {"type": "array", "items": {"type": "string"}}
SERVICE = {
    "type": "object",
    "additionalProperties": False,
    "required": ["image", "ports"],
    "properties": {
        "image": {"type": "string", "pattern": r"^[a-z/]+:\d[\w.-]+$"},  # never whatever is newest
        "ports": {"type": "array", "items": {"type": "string", "pattern": r"^127\.0\.0\.1:\d+:\d+$"}},
        "environment": {"type": "object", "additionalProperties": {"type": "string"}},
        "volumes": WORDS,
        "depends_on": {
            "type": "object",
            "propertyNames": {"enum": list(SERVICES)},
            "additionalProperties": {"properties": {"condition": {"const": "service_healthy"}}},
        },
        "healthcheck": {
            "type": "object",
            "additionalProperties": False,
            "properties": {"test": WORDS, "interval": {"type": "string"}, "retries": {"type": "integer"}},
        },
    },
}
SCHEMA = {
    "type": "object",
    "additionalProperties": False,
    "required": ["name", "services", "volumes"],
    "properties": {
        "name": {"const": "wallify"},
        "services": {"type": "object", "additionalProperties": SERVICE},
        "volumes": {"type": "object"},
        "networks": {"type": "object"},
    },
}
"""As much of Compose's own words as we use."""


def _mounts(service: str) -> dict[str, str]:
    """Where in the service's container -> what is there."""
    parts = [volume.split(":") for volume in SERVICES[service]["volumes"]]
    return {part[1]: part[0] for part in parts}


def _bash(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(shutil.which("bash")), *arguments], capture_output=True, text=True, check=False, cwd=PROJECT
    )


def test_the_compose_file_is_in_composes_words_and_open_to_this_machine_only() -> None:
    jsonschema.validate(COMPOSE, SCHEMA)


def test_localstack_is_the_last_one_that_wants_no_account() -> None:
    assert SERVICES["localstack"]["image"] == "localstack/localstack:4.14.0"


@pytest.mark.parametrize("service", SERVICES)
def test_what_is_mounted_is_there(service: str) -> None:
    sources = _mounts(service).values()
    ours = [source for source in sources if source.startswith(".")]
    named = [source for source in sources if not source.startswith((".", "/"))]

    assert [source for source in ours if not (FOLDER / source).is_dir()] == []
    assert set(named) <= COMPOSE["volumes"].keys()


def test_the_database_is_where_functions_are_told_that_it_is() -> None:
    environment = SERVICES["localstack"]["environment"]
    postgres = SERVICES["postgres"]["environment"]

    assert environment["WALLIFY_DATABASE_URL"] == (
        f"postgresql://{postgres['POSTGRES_USER']}:{postgres['POSTGRES_PASSWORD']}@postgres:5432/{postgres['POSTGRES_DB']}"
    )
    assert environment["LAMBDA_DOCKER_NETWORK"] == COMPOSE["networks"]["default"]["name"]


def test_state_is_in_sql_only_for_those_who_ask() -> None:
    asked = {"WALLIFY_STATE": "sql", "WALLIFY_DATABASE_URL": "postgresql://there", "HOME": "/"}

    assert localstack.sql_settings(asked) == {
        "WALLIFY_STATE": "sql",
        "WALLIFY_DATABASE_URL": "postgresql://there",
    }
    assert localstack.sql_settings(asked | {"WALLIFY_STATE": "dynamodb"}) == {}
    assert localstack.sql_settings({}) == {}


def test_packages_are_in_the_functions_zip_because_layers_are_not_mounted(tmp_path: Path) -> None:
    tracked = tracked_config()

    localstack.stage_code(tmp_path, tracked)

    staged = json.loads((tmp_path / ".chalice" / "config.json").read_text(encoding="utf-8"))
    assert tracked["automatic_layer"] is True
    assert staged == tracked | {"automatic_layer": False}
    assert (tmp_path / "requirements.txt").read_bytes() == (PROJECT / "requirements.txt").read_bytes()


def test_the_hook_is_a_script_that_bash_can_read_and_localstack_may_run() -> None:
    assert HOOK.stat().st_mode & 0o111
    assert _bash("-n", str(HOOK)).returncode == 0


def test_the_hook_finds_the_project_and_may_write_where_it_builds() -> None:
    hook, mounts = HOOK.read_text(encoding="utf-8"), _mounts("localstack")
    [project] = re.findall(r"(?m)^project=(.+)$", hook)
    [venv] = re.findall(r"(?m)^venv=(.+)$", hook)

    assert mounts[project] == ".."
    assert mounts["/etc/localstack/init/ready.d"] == "./ready.d"
    written = (venv, SERVICES["localstack"]["environment"]["WALLIFY_BUILD"])
    assert all(path.startswith("/var/lib/localstack/") for path in written)
    assert mounts["/var/lib/localstack"] in COMPOSE["volumes"]


@pytest.mark.slow  # an interpreter starts
def test_the_hook_installs_what_it_deploys_with() -> None:
    [wanted] = re.findall(r"grep -E '(.+)' ", HOOK.read_text(encoding="utf-8"))
    pins = _bash("-c", f"grep -E '{wanted}' requirements-dev.in").stdout.splitlines()

    assert sorted(pin.split("==")[0] for pin in pins) == [
        *("PyYAML", "boto3", "chalice", "pip", "python-dotenv", "setuptools", "wheel")
    ]
    [module] = re.findall(r"-m (cli\S+)", HOOK.read_text(encoding="utf-8"))
    assert '--requirement "$project/requirements.txt"' in HOOK.read_text(encoding="utf-8")
    assert _needs(module) <= {*_needs("boto3"), "yaml", "dotenv", *_needs("app")}


def _needs(module: str) -> set[str]:
    """The packages that importing the module takes."""
    code = (
        f"import sys, {module}\n"
        "print(*{name.split('.')[0] for name, it in sys.modules.items() "
        "if 'site-packages' in str(getattr(it, '__file__', ''))})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=PROJECT)
    return set(done.stdout.split())
