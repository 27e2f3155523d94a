"""Brings the tables of a stage's database up to date, from inside: nothing else can reach it."""

from __future__ import annotations

from typing import Any

from botocore.config import Config

from cli.deploy.target import Target
from cli.errors import CommandError
from cli.local.functions import package_of

PATIENT = Config(read_timeout=320, retries={"total_max_attempts": 1})  # seconds, more than the function's timeout


def migrate(target: Target) -> None:
    """Call the function `migrate`; Trouble with its words if it fails."""
    if words := _called(target):
        raise CommandError(
            "The database's tables could not be brought up to date.", "Its log says more.", evidence=words
        )


def migrate_beforehand(target: Target) -> bool:
    """Let the new migrations run while the other functions still have the old code, which minds no new tables.

    False where that cannot be: the first time there is no such function, and code that needs new packages has to wait
    for its layer. `migrate` afterwards does what is missing.
    """
    functions, name = _functions(target), _name(target)
    try:
        functions.update_function_code(FunctionName=name, ZipFile=package_of(target.source))
    except functions.exceptions.ResourceNotFoundException:
        return False
    functions.get_waiter("function_updated_v2").wait(FunctionName=name)
    return not _called(target)


def _called(target: Target) -> str:
    """What the function says that has gone wrong; "" if nothing has."""
    answer = _functions(target).invoke(FunctionName=_name(target), Payload=b"{}")
    return answer["Payload"].read().decode() if "FunctionError" in answer else ""


def _functions(target: Target) -> Any:  # noqa: ANN401 - a boto3 client
    return target.session.client("lambda", region_name=target.region, config=PATIENT)


def _name(target: Target) -> str:
    return f"{target.name}-migrate"
