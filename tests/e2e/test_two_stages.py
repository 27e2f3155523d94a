"""Two stages in one account: one by Chalice's own command, one beside it whose state is in a real PostgreSQL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from cli.local import staging
from cli.local.ministack_patches import cloudformation_gaps
from tests.contracts.databases import execute
from tests.e2e.account import CHALICE, SQL, Account, Call, opened

SQL_STAGE = """
[pg]
requests_per_second = 50
burst = 100
parameters = {State = "sql"}
"""
MIGRATION = """
import sqlalchemy as sa
from alembic import op

revision = "9999"
down_revision = "%s"


def upgrade() -> None:
    op.create_table("more", sa.Column("word", sa.Text()))
"""

# What a second `chalice deploy` asks for in other words than the first.
FIRST = {
    "UpdateFunctionCode": "CreateFunction",
    "UpdateFunctionConfiguration": "CreateFunction",
    "UpdateEventSourceMapping": "CreateEventSourceMapping",
}
# Chalice publishes the very same layer once more, and takes its old number away; the emulator's API is made anew.
TURNS = {"DeleteLayerVersion", "DeleteRestApi"}
MOVING = {"Layers", "UUID", "resourceId", "parentId"}

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(staging.code_runs_in_place(), reason="packaging for AWS needs Python 3.12 or newer"),
]


@pytest.fixture(scope="module")
def account(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Account]:
    """An account with the infrastructure of the stage `dev` and nothing on it."""
    with opened(tmp_path_factory.mktemp("checkout"), SQL) as account:
        assert account.wallify("deploy", "--stage", "dev", "--infra-only").returncode == 0
        yield account


@pytest.fixture(scope="module")
def plain(account: Account) -> tuple[Account, list[Call]]:
    """The account in which `chalice deploy --stage dev` was typed once, and what that asked of AWS."""
    done, calls = account.watched(CHALICE, "deploy", "--stage", "dev")
    assert done.returncode == 0, done.stdout
    return account, calls


@pytest.fixture(scope="module")
def beside(plain: tuple[Account, list[Call]]) -> Iterator[Account]:
    """The account after `./wallify deploy --stage pg`, whose database is a real PostgreSQL."""
    account, _ = plain
    stages = account.checkout / "infra" / "stages.toml"
    stages.write_text(stages.read_text("utf-8") + SQL_STAGE, encoding="utf-8")
    try:
        done = account.wallify("deploy", "--stage", "pg")
        assert done.returncode == 0, done.stdout
        stacks = "wallify-pg-database, wallify-pg, wallify-pg-observing"
        assert f"{stacks}, error page, configuration, functions, gateway" in done.stdout
        assert "Everything works" in done.stdout
        yield account
    finally:
        cloudformation_gaps.delete_database(f"{account.stack.emulator_url}/pg")


def test_plain_chalice_asks_for_nothing_new_the_second_time(plain: tuple[Account, list[Call]]) -> None:
    account, first = plain
    before = account.everything(), account.functions()

    done, second = account.watched(CHALICE, "deploy", "--stage", "dev")

    assert done.returncode == 0, done.stdout
    assert len(account.functions()) == len(staging.tracked_config()["lambda_functions"].keys() - {"migrate"})
    assert {call.operation for call in second if not _was_asked(call, first)} == TURNS
    assert (account.everything(), account.functions()) == before


def test_each_stage_answers_for_itself(beside: Account) -> None:
    assert beside.everything()["get_rest_apis"] == ["wallify-dev", "wallify-pg"]
    assert [beside.health(stage)["stage"] for stage in ("dev", "pg")] == ["dev", "pg"]


def test_newer_code_brings_its_migrations_and_the_next_deployment_changes_nothing(beside: Account) -> None:
    versions = beside.checkout / "chalicelib" / "adapters" / "sql" / "migrations" / "versions"
    newest = max(path.name for path in versions.glob("v*.py"))[1:5]
    assert _asked(beside, "SELECT version_num FROM alembic_version") == [(newest,)]
    (versions / "v9999_more.py").write_text(MIGRATION % newest, encoding="utf-8")

    upgraded = beside.wallify("deploy", "--stage", "pg", "--no-smoke")
    again = beside.wallify("deploy", "--stage", "pg", "--no-smoke")

    assert (upgraded.returncode, again.returncode) == (0, 0), upgraded.stdout + again.stdout
    assert ("Changed: functions" in upgraded.stdout, "No changes." in again.stdout) == (True, True)
    assert _asked(beside, "SELECT version_num FROM alembic_version") == [("9999",)]
    assert _asked(beside, "SELECT word FROM more") == []


def test_teardown_of_one_stage_leaves_nothing_of_it_and_all_of_the_other(beside: Account) -> None:
    gone = beside.wallify("teardown", "--stage", "pg", "--yes")

    left = beside.everything()
    assert gone.returncode == 0, gone.stdout
    assert [name for names in left.values() for name in names if "pg" in name] == []
    assert beside.health("dev")["stage"] == "dev"

    assert beside.wallify("teardown", "--stage", "dev", "--yes").returncode == 0
    assert beside.everything() == {}


def _was_asked(call: Call, before: list[Call]) -> bool:
    """Whether a call of before has said all that this one says."""
    alike = [_said(one) for one in before if one.operation == FIRST.get(call.operation, call.operation)]
    return any(said | _said(call) == said for said in alike)


def _said(call: Call) -> dict[str, Any]:
    whole = call.parameters | call.parameters.get("Code", {})
    return {name: value for name, value in whole.items() if name not in MOVING}


def _asked(account: Account, question: str) -> Any:  # noqa: ANN401  # rows of anything
    secret = account.aws("secretsmanager").get_secret_value(SecretId="wallify/pg/database-address")
    return execute(secret["SecretString"], question)
