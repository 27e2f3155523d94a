"""moto does not honour ClientRequestToken, so what is exactly-once here is so by our own stamps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import pytest
from botocore.exceptions import ClientError

from chalicelib.adapters.dynamodb.admin import DynamoSchedules, DynamoTokens
from chalicelib.adapters.dynamodb.stores import DynamoCatalog, DynamoTasks
from chalicelib.adapters.dynamodb.table import Table
from chalicelib.errors import Conflict, TooManyRequests, Unavailable
from chalicelib.images.model import CollectionStats
from chalicelib.tasks.model import ChildCounts
from tests.adapters.dynamodb.faults import Act, Fault, FaultyClient, falling_silent, losing_the_answer, refusing
from tests.builders import NOON, a_final_task, a_rendition, a_task, a_token, an_image
from tests.contracts.backends import TABLE, dynamo_state
from tests.contracts.publishing import published
from tests.contracts.watched import WatchedClient

CANCELLED = "TransactionCanceledException"
busy = refusing("ThrottlingException")
broken = refusing("InternalServerError", 500)
conflicting = refusing(CANCELLED, reasons=["None", "TransactionConflict", "None"])
CHILD = a_task(parent_id="p1", index=0)
DONE = a_final_task(parent_id="p1", index=0)


@dataclass
class Faulty:
    """The stores over a client that fails as told."""

    client: WatchedClient
    slept: list[float] = field(default_factory=list)

    def meeting(self, *script: Fault) -> Table:
        self.faulty = FaultyClient(self.client, script)
        return Table(self.faulty, TABLE, sleep=self.slept.append)


@pytest.fixture
def faulty(client: WatchedClient) -> Faulty:
    return Faulty(client)


HARMLESS: dict[str, tuple[Fault, ...]] = {
    "answer lost": (losing_the_answer,),
    "answer lost twice": (losing_the_answer, losing_the_answer),
    "silence, then answer lost": (falling_silent, losing_the_answer),
    "broken": (broken,),
    "busy": (busy, refusing("ProvisionedThroughputExceededException"), refusing("RequestLimitExceeded")),
    "busy, then answer lost": (busy, losing_the_answer),
    "answer lost, then still running": (losing_the_answer, refusing("TransactionInProgressException")),
    "another transaction": (conflicting, refusing("TransactionConflictException"), conflicting),
    "throttled inside a transaction": (refusing(CANCELLED, reasons=["None", "ThrottlingError"]),),
}
harmless = pytest.mark.parametrize("script", HARMLESS.values(), ids=HARMLESS)


@harmless
def test_a_task_is_added_once_whatever_happens_to_the_answer(faulty: Faulty, script: tuple[Fault, ...]) -> None:
    DynamoTasks(faulty.meeting(*script)).add(a_task())
    assert dynamo_state(faulty.client).tasks.get("t1") == a_task()


@harmless
def test_a_child_ends_once_whatever_happens_to_the_answer(faulty: Faulty, script: tuple[Fault, ...]) -> None:
    tasks = dynamo_state(faulty.client).tasks
    tasks.add(CHILD)
    answer = DynamoTasks(faulty.meeting(*script)).replace(CHILD, DONE)
    assert answer == tasks.get("t1") == replace(DONE, version=1)
    assert tasks.child_counts("p1") == ChildCounts(succeeded=1)


@harmless
@pytest.mark.parametrize("unique", [True, False])
def test_an_image_is_published_once_whatever_happens_to_the_answer(
    faulty: Faulty,
    script: tuple[Fault, ...],
    unique: bool,  # noqa: FBT001  # a parameter of the test
) -> None:
    state = dynamo_state(faulty.client)
    state.tasks.add(CHILD)
    catalog = DynamoCatalog(faulty.meeting(*script))
    answer = catalog.publish(an_image(), [a_rendition()], before=CHILD, after=DONE, unique=unique)
    assert answer == state.tasks.get("t1")
    assert state.catalog.stats("nature") == CollectionStats("nature", 1, 100_000, 1_000)
    assert state.tasks.child_counts("p1") == ChildCounts(succeeded=1)


@harmless
def test_a_token_is_added_once_whatever_happens_to_the_answer(faulty: Faulty, script: tuple[Fault, ...]) -> None:
    DynamoTokens(faulty.meeting(*script)).add(a_token())
    assert dynamo_state(faulty.client).tokens.all() == (a_token(),)


@harmless
def test_an_image_is_revised_once_whatever_happens_to_the_answer(faulty: Faulty, script: tuple[Fault, ...]) -> None:
    catalog = dynamo_state(faulty.client).catalog
    image = published(dynamo_state(faulty.client), an_image(), [a_rendition()])
    revised = DynamoCatalog(faulty.meeting(*script)).revise(image, replace(image, collection="cities"))
    assert revised == catalog.image("i1") == catalog.find_by_name("cities", "i1.jpg")
    assert catalog.stats("cities") == CollectionStats("cities", 1, 100_000, 1_000)
    assert catalog.stats("nature") == CollectionStats("nature")


@harmless
def test_an_image_is_removed_once_whatever_happens_to_the_answer(faulty: Faulty, script: tuple[Fault, ...]) -> None:
    catalog = dynamo_state(faulty.client).catalog
    image = published(dynamo_state(faulty.client), an_image(), [a_rendition()])
    DynamoCatalog(faulty.meeting(*script)).remove(image)
    assert (catalog.existing(["i1"]), catalog.renditions("i1")) == ({}, ())
    assert catalog.stats("nature") == CollectionStats("nature")


@harmless
def test_a_correction_is_made_once_whatever_happens_to_the_answer(faulty: Faulty, script: tuple[Fault, ...]) -> None:
    catalog = dynamo_state(faulty.client).catalog
    _, mark = catalog.stats_with_version("nature")
    DynamoCatalog(faulty.meeting(*script)).correct_stats(CollectionStats("nature", 1, 2, 3), mark)
    assert catalog.stats("nature") == CollectionStats("nature", 1, 2, 3)


@harmless
def test_a_schedule_is_replaced_once_whatever_happens_to_the_answer(faulty: Faulty, script: tuple[Fault, ...]) -> None:
    schedules = dynamo_state(faulty.client).schedules
    fresh = schedules.get("cleanup")
    kept = DynamoSchedules(faulty.meeting(*script)).replace(fresh, replace(fresh, last_task_id="t1"))
    assert kept == schedules.get("cleanup")


def test_a_token_is_revised_once_whatever_happens_to_the_answer(faulty: Faulty) -> None:
    tokens = dynamo_state(faulty.client).tokens
    tokens.add(a_token())
    revised = DynamoTokens(faulty.meeting(losing_the_answer, busy)).revise(a_token(), a_token(revoked_at=NOON))
    assert tokens.all() == (revised,) == (a_token(revoked_at=NOON, version=1),)


def test_somebody_elses_change_is_a_conflict_also_when_our_first_try_fell_silent(faulty: Faulty) -> None:
    tasks = dynamo_state(faulty.client).tasks
    tasks.add(a_task())

    def somebody_else(act: Act) -> dict[str, object]:
        tasks.replace(a_task(), a_task(owner="somebody else"))
        return falling_silent(act)

    with pytest.raises(Conflict):
        DynamoTasks(faulty.meeting(somebody_else)).replace(a_task(), a_task(owner="me"))
    assert tasks.get("t1").owner == "somebody else"


def test_a_broken_condition_counts_before_a_conflict_with_a_transaction(faulty: Faulty) -> None:
    dynamo_state(faulty.client).tasks.add(CHILD)
    both = refusing(CANCELLED, reasons=["ConditionalCheckFailed", "TransactionConflict"])
    with pytest.raises(Conflict):
        DynamoTasks(faulty.meeting(both)).replace(CHILD, DONE)
    assert faulty.faulty.writes == 1


ENDLESS = {
    "busy": (busy, TooManyRequests, 10),
    "another transaction": (conflicting, TooManyRequests, 10),
    "silent": (falling_silent, Unavailable, 3),
    "broken": (broken, Unavailable, 3),
}


@pytest.mark.parametrize(("fault", "error", "tries"), ENDLESS.values(), ids=ENDLESS)
def test_a_fault_that_stays_is_told_after_a_few_tries(
    faulty: Faulty, fault: Fault, error: type[Exception], tries: int
) -> None:
    with pytest.raises(error):
        DynamoTasks(faulty.meeting(*[fault] * 99)).add(a_task())
    assert faulty.faulty.writes == tries


def test_the_pauses_between_tries_are_random_and_bounded(faulty: Faulty) -> None:
    with pytest.raises(TooManyRequests):
        DynamoTasks(faulty.meeting(*[busy] * 99)).add(a_task())
    assert len(set(faulty.slept)) == 9
    assert all(0 <= pause <= 1 for pause in faulty.slept)


def test_an_error_that_says_we_are_wrong_passes_as_it_is(faulty: Faulty) -> None:
    with pytest.raises(ClientError, match="ValidationException"):
        DynamoTasks(faulty.meeting(refusing("ValidationException"))).add(a_task())
    assert faulty.slept == []


READS: dict[str, Callable[[DynamoTasks], object]] = {
    "get": lambda tasks: tasks.get("t1"),
    "active": lambda tasks: tasks.active(1),
    "tally": lambda tasks: tasks.child_counts("p1"),
}


@pytest.mark.parametrize("read", READS.values(), ids=READS)
def test_reads_try_again_too(client: WatchedClient, read: Callable[[DynamoTasks], object]) -> None:
    dynamo_state(client).tasks.add(CHILD)
    expected = read(dynamo_state(client).tasks)
    assert read(DynamoTasks(Table(_Stuttering(client), TABLE, sleep=lambda _: None))) == expected


class _Stuttering(WatchedClient):
    """Answers every other call."""

    def _call(self, method: str, request: dict[str, object]) -> dict[str, object]:
        self.stuttered = not getattr(self, "stuttered", False)
        return busy(dict) if self.stuttered else super()._call(method, request)
