"""Brings the tables of a stage's database up to date, from inside: nothing else can reach it."""

from __future__ import annotations

from botocore.config import Config

from cli.deploy.target import Target
from cli.trouble import Trouble

PATIENT = Config(read_timeout=320, retries={"total_max_attempts": 1})  # seconds, more than the function's timeout


def migrate(target: Target) -> None:
    """Call the function `migrate`; Trouble with its words if it fails."""
    functions = target.session.client("lambda", region_name=target.region, config=PATIENT)
    answer = functions.invoke(FunctionName=f"{target.name}-migrate", Payload=b"{}")
    if "FunctionError" in answer:
        said = answer["Payload"].read().decode()
        raise Trouble("The database's tables could not be brought up to date.", "Its log says more.", evidence=said)
