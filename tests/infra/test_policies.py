"""Each function may do what it does, and nothing else: its recorded calls against its role, both ways.

The calls are those of `day.py`, with the state in DynamoDB; what SQL needs beside is a policy of its own. On the local
cloud, which enforces roles, the end-to-end tests show the first half again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

from infra import stage
from tests.infra.account import an_account
from tests.infra.day import live
from tests.infra.recording import ACCOUNT, REGION, Call
from tests.infra.roles import Grant, covers, grants, named
from tests.once import once

pytestmark = pytest.mark.slow  # the day takes ten seconds and more

GRANTS = tuple(grants())
POLLER = "Lambda itself receives and removes messages, by the function's role"
RUNTIME = "Lambda itself writes the log, by the function's role"
UNLESS_LISTED = "no call, but an effect: without it S3 says 403 where an object is not there, instead of 404"
EXPLAINED = {
    **{(function, "logs:CreateLogStream"): RUNTIME for function in stage.ROLE_FROM},
    **{(function, "logs:PutLogEvents"): RUNTIME for function in stage.ROLE_FROM},
    **{
        (function, f"sqs:{action}"): POLLER
        for function in ("process_image", "make_thumbnails", "maintenance", "optimizer")
        for action in ("ReceiveMessage", "DeleteMessage", "GetQueueAttributes")
    },
    ("make_thumbnails", "s3:DeleteObject"): "where a collection was opened or closed meanwhile",
    ("make_thumbnails", "s3:ListBucket"): UNLESS_LISTED,
    ("optimizer", "s3:DeleteObject"): "of two that treat the same picture, the later one takes its files away",
    ("optimizer", "s3:ListBucket"): UNLESS_LISTED,
}
"""What is allowed although the functions' own code never asks for it, and why."""
IDLE = {"migrate"}
"""Works where the state is kept in SQL, and then talks to the database alone."""

Unused = tuple[str, str, str]
"""Function, action, resource."""


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> frozenset[Call]:
    """What one day's functions needed."""

    def lived(_: Path) -> frozenset[Call]:
        with an_account() as account:
            live(account)
            return frozenset(account.recorder.calls)

    return once(tmp_path_factory, "day", lived)


def refused(calls: Iterable[Call], given: Iterable[Grant]) -> set[Call]:
    """Calls that no statement of their function's role allows."""
    given = tuple(given)
    return {call for call in calls if not any(one.function == call.function and one.allows(call) for one in given)}


def unused(calls: Iterable[Call], given: Iterable[Grant]) -> Iterator[Unused]:
    """What a statement allows and nobody asked for: each of its actions on each of its resources."""
    calls = tuple(calls)
    for one in given:
        mine = [call for call in calls if call.function == one.function]
        for action in one.actions:
            for resource in one.resources:
                if not any(call.action == action and covers(resource, call) for call in mine):
                    yield one.function, action, resource


@pytest.mark.parametrize("function", stage.ROLE_FROM)
def test_a_function_may_do_what_it_does(calls: frozenset[Call], function: str) -> None:
    mine = {call for call in calls if call.function == function}
    assert mine or function in IDLE
    assert refused(mine, GRANTS) == set()


@pytest.mark.parametrize("function", stage.ROLE_FROM)
def test_a_function_may_do_nothing_else(calls: frozenset[Call], function: str) -> None:
    idle = [one for one in unused(calls, GRANTS) if one[0] == function]
    assert [one for one in idle if one[:2] not in EXPLAINED] == []


@pytest.mark.parametrize("explained", EXPLAINED, ids="-".join)
def test_an_exception_that_is_not_needed_any_more_goes(calls: frozenset[Call], explained: tuple[str, str]) -> None:
    assert explained in {one[:2] for one in unused(calls, GRANTS)}


def test_a_call_that_no_role_allows_is_caught(calls: frozenset[Call]) -> None:
    elsewhere = Call("process_image", "s3:PutObject", f"arn:aws:s3:::{named('Bucket')}/incoming/nature/a")
    other_queue = Call("optimizer", "sqs:SendMessage", f"arn:aws:sqs:{REGION}:{ACCOUNT}:wallify-test-thumbnails")
    assert refused({*calls, elsewhere, other_queue}, GRANTS) == {elsewhere, other_queue}


def test_a_permission_that_nobody_uses_is_caught(calls: frozenset[Call]) -> None:
    table = f"arn:aws:dynamodb:{REGION}:{ACCOUNT}:table/{named('Table')}"
    wide = Grant("sweep", "Planted", ("dynamodb:Scan", "dynamodb:GetItem"), (table,))
    assert list(unused(calls, [wide])) == [("sweep", "dynamodb:Scan", table)]
