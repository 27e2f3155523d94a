"""Target of a deployment: a stage in one account and region, on AWS or at AWS_ENDPOINT_URL."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import httpx
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from cli.errors import CommandError
from cli.local import aws
from cli.local.access import WITHOUT_KEY
from cli.local.stack import PROJECT

AWS_CONFIG = Config(retries={"mode": "standard", "total_max_attempts": 8})
NOT_FOUND = {
    "404",
    "NoSuchBucket",
    "NoSuchUpload",
    "NotFoundException",
    "ResourceNotFoundException",
    "DBInstanceNotFound",
}


@dataclass(frozen=True)
class StageTarget:
    """One stage, deployed from the project in `source`."""

    stage: str
    source: Path = PROJECT
    session: Any = field(default_factory=aws.session)  # boto3 has no types
    alarm_mail: str | None = None
    """Address that alarms are to be mailed to, empty for none; None keeps the deployed one."""

    @property
    def name(self) -> str:
        """Name, or prefix of the names, of all resources of the stage."""
        return f"wallify-{self.stage}"

    @property
    def endpoint(self) -> str:
        """Address of the emulator without a trailing slash; empty for AWS."""
        return os.environ.get("AWS_ENDPOINT_URL", "").rstrip("/")

    @property
    def place(self) -> str:
        """Identifier of the stage among the stages of all emulators on this machine."""
        return f"{self.endpoint}/{self.stage}"

    @cached_property
    def is_ministack(self) -> bool:
        """True if the endpoint is the local cloud's emulator, for which Chalice is patched."""
        if not self.endpoint:
            return False
        try:
            answer = httpx.get(f"{self.endpoint}/_ministack/health", timeout=5, trust_env=False)
        except httpx.HTTPError as refused:
            raise CommandError(f"No server responds at {self.endpoint}.", "Check AWS_ENDPOINT_URL.") from refused
        return answer.is_success or WITHOUT_KEY in answer.text

    @cached_property
    def region(self) -> str:
        """The AWS region. Raises CommandError if none is configured."""
        if not self.session.region_name:
            raise CommandError(
                "No AWS region is configured.", "Set AWS_DEFAULT_REGION, or the region of your AWS profile."
            )
        return str(self.session.region_name)

    @cached_property
    def account(self) -> str:
        """Return the number of the AWS account. Raises CommandError without credentials."""
        with aws_errors_explained():
            return str(self.client("sts").get_caller_identity()["Account"])

    @property
    def bucket(self) -> str:
        """Name of the bucket in foundation.yaml: unique for account, region and stage."""
        return f"{self.name}-{self.account}-{self.region}"

    def client(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """Return a boto3 client of `service`."""
        return self.session.client(service, region_name=self.region, config=AWS_CONFIG)

    def executions(self, workers: Iterable[str]) -> int | None:
        """Return how many functions of this stage may run at once: the account's quota without what others reserved.

        `workers` are the functions for which this stage may have reserved. None at an emulator, which has no quota.
        """
        if self.endpoint:
            return None
        functions = self.client("lambda")
        room = int(functions.get_account_settings()["AccountLimit"]["UnreservedConcurrentExecutions"])
        for worker in workers:
            with ignore_missing():
                found = functions.get_function_concurrency(FunctionName=f"{self.name}-{worker}")
                room += found.get("ReservedConcurrentExecutions", 0)
        return room

    def api_url(self, api_id: str, api_stage: str) -> str:
        """Return the API's address without a trailing slash."""
        if self.endpoint:
            return f"{self.endpoint}/restapis/{api_id}/{api_stage}/_user_request_"
        suffix = "amazonaws.com.cn" if self.region.startswith("cn-") else "amazonaws.com"
        return f"https://{api_id}.execute-api.{self.region}.{suffix}/{api_stage}"


@contextmanager
def ignore_missing() -> Iterator[None]:
    """Ignore the errors of AWS for missing resources; raise all others."""
    try:
        yield
    except ClientError as answer:
        if answer.response["Error"]["Code"] not in NOT_FOUND:
            raise


@contextmanager
def aws_errors_explained() -> Iterator[None]:
    """Turn errors of AWS and of the way to it into CommandErrors."""
    try:
        yield
    except (BotoCoreError, ClientError) as error:
        raise aws.explained(error) from error
