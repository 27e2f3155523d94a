"""The AWS account: who we are there, what it lets us do, how the deployed stacks are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from cli.checkup.findings import BAD, DOUBTFUL, GOOD, Finding
from cli.local import cloud

SIGN_IN = "Sign in (`aws sso login`, or AWS_PROFILE, or the AWS_ACCESS_KEY_ID pair); only deploying needs it."
ENOUGH = 100
"""Functions at once: new accounts have 10, and AWS asks for a request to get the usual 1,000."""
RAISE = "Ask for more in Service Quotas: Lambda, Concurrent executions."
OURS = "wallify-"


def account(session: Any = None) -> Iterator[Finding]:  # noqa: ANN401 - boto3 has no types
    """Credentials, quotas and stacks. Whatever AWS does not let us see is a finding too."""
    session = session or cloud.session()
    try:
        who = session.client("sts", region_name=session.region_name or "us-east-1").get_caller_identity()
    except (BotoCoreError, ClientError) as refused:
        yield Finding("aws", BAD, f"nobody is signed in: {refused}", SIGN_IN)
        return
    yield Finding("aws", GOOD, f"account {who['Account']} as {who['Arn']}")
    if not session.region_name:
        yield Finding("region", BAD, "none is chosen", "Set AWS_DEFAULT_REGION, such as eu-central-1.")
        return
    for check in (_concurrency, _stacks):
        try:
            yield from check(session)
        except (BotoCoreError, ClientError) as refused:
            yield Finding(check.__name__.strip("_"), DOUBTFUL, str(refused), "Ask who runs the account.")


def _concurrency(session: Any) -> Iterator[Finding]:  # noqa: ANN401 - as above
    limit = session.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    words = f"{limit} functions at once in {session.region_name}"
    yield Finding("quota", GOOD, words) if limit >= ENOUGH else Finding("quota", DOUBTFUL, words, RAISE)


def _stacks(session: Any) -> Iterator[Finding]:  # noqa: ANN401 - as above
    pages = session.client("cloudformation").get_paginator("describe_stacks").paginate()
    for stack in (one for page in pages for one in page["Stacks"] if one["StackName"].startswith(OURS)):
        status = stack["StackStatus"]
        well = status.endswith("_COMPLETE") and "ROLLBACK" not in status
        advice = "" if well else "See its events in the CloudFormation console, then deploy again."
        yield Finding(f"stack {stack['StackName']}", GOOD if well else BAD, status, advice)
