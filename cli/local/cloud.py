"""Ways to AWS: clients for a local stack, as its root user, and the caller's own session for a real account."""

from __future__ import annotations

import os
from typing import Any

import boto3
from botocore.config import Config

from cli.local.emulator import ROOT
from cli.local.stack import REGION, Stack

# No proxies: one of the machine's is for other hosts, and could not reach this one's own addresses.
# A busy machine takes minutes for what takes a second; `progress` ends what stands still.
QUICK = Config(retries={"max_attempts": 2}, connect_timeout=60, read_timeout=900, proxies={})


def client(stack: Stack, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
    """A client of `service`; independent of whatever AWS set-up the machine has."""
    session = boto3.Session(
        aws_access_key_id=ROOT["AWS_ACCESS_KEY_ID"],
        aws_secret_access_key=ROOT["AWS_SECRET_ACCESS_KEY"],
        region_name=REGION,
    )
    return session.client(service, endpoint_url=stack.emulator_url, config=QUICK)


def session() -> Any:  # noqa: ANN401 - as above
    """The caller's own, from their environment and profiles.

    Its region is also what AWS_REGION says, which the other tools of AWS read and boto3 does not.
    """
    return boto3.Session(region_name=os.environ.get("AWS_REGION") or None)
