"""The emulator's queries, kept in order by us: the answers of its own code, at a cost that other items do not raise."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from ministack.services import dynamodb

from cli.local.ministack_patches import query_index

Row = dict[str, Any]
PATCHED = ("_query", "_index_members", "_index_item", "_condition_syntax_error")
THEIRS = {name: getattr(dynamodb, name) for name in PATCHED}
TABLE = {
    "TableName": "things",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [{"AttributeName": name, "AttributeType": "S"} for name in ("pk", "sk", "of", "at")],
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
    "GlobalSecondaryIndexes": [
        {
            "IndexName": name,
            "KeySchema": [{"AttributeName": "of", "KeyType": "HASH"}, {"AttributeName": "at", "KeyType": "RANGE"}],
            "Projection": {"ProjectionType": kind},
        }
        for name, kind in (("whole", "ALL"), ("keys", "KEYS_ONLY"))
    ],
}
few = st.sampled_from(("a", "b", "ab", "b\U0010ffff", "ç"))
items = st.fixed_dictionaries(
    {"pk": few, "sk": few}, optional={"of": few, "at": few, "n": st.sampled_from("123"), "bulk": st.just("x" * 100)}
)
conditions = st.sampled_from(
    (
        "#pk = :pk",
        "#pk = :pk AND #sk BETWEEN :low AND :high",
        "#pk = :pk AND begins_with(#sk, :low)",
        "#pk = :pk AND #sk >= :low",
        ":pk = #pk",
        "#pk = :pk AND #n = :low",
    )
)


class Emulator:
    """MiniStack's DynamoDB with one table."""

    def __call__(self, action: str, **request: Any) -> Row:  # noqa: ANN401 - boto3's own form
        """What it answers."""
        body = json.dumps({"TableName": "things", **request}).encode()
        target = {"x-amz-target": f"DynamoDB_20120810.{action}"}
        try:
            dynamodb.handle_request("POST", "/", target, body, {}).send(None)
        except StopIteration as ended:  # it waits for nothing
            status, _, answer = ended.value
            return {"status": status, **json.loads(answer)}
        raise AssertionError

    def put(self, item: dict[str, str]) -> None:
        """Store a row of texts."""
        assert self("PutItem", Item=texts(item))["status"] == 200

    def pages(self, request: Row) -> list[Row]:
        """All answers of a query, page by page."""
        found = [self("Query", **request)]
        while start := found[-1].get("LastEvaluatedKey"):
            found.append(self("Query", **request, ExclusiveStartKey=start))
        return found


def texts(values: dict[str, str]) -> Row:
    return {name: {"S": value} for name, value in values.items()}


def emulator(monkeypatch: pytest.MonkeyPatch, *, ours: bool) -> Emulator:
    """A fresh one; what is patched comes back at the end of the test."""
    dynamodb.reset()
    for name, theirs in THEIRS.items():
        monkeypatch.setattr(dynamodb, name, theirs)
    monkeypatch.setattr(dynamodb, "_DDB_PAGE_SIZE_BYTES", 300)  # instead of a megabyte
    if ours:
        query_index.apply()
    made = Emulator()
    assert made("CreateTable", **TABLE)["status"] == 200
    return made


@pytest.fixture(autouse=True)
def _leave_nothing() -> Iterator[None]:
    yield
    dynamodb.reset()


@st.composite
def queries(draw: st.DrawFn) -> Row:
    condition, index = draw(conditions), draw(st.sampled_from((None, "whole", "keys")))
    names: Row = {"#pk": "of", "#sk": "at", "#n": "n"} if index else {"#pk": "pk", "#sk": "sk", "#n": "n"}
    values = texts({f":{name}": draw(few) for name in ("pk", "low", "high")})
    request: Row = {
        "KeyConditionExpression": condition,
        "ExpressionAttributeNames": {name: real for name, real in names.items() if name in condition},
        "ExpressionAttributeValues": {name: value for name, value in values.items() if name in condition},
        "ScanIndexForward": draw(st.booleans()),
        "Limit": draw(st.sampled_from((None, 1, 2, 5))),
        "IndexName": index,
    }
    if draw(st.booleans()):
        request["FilterExpression"] = "n = :n"
        request["ExpressionAttributeValues"] |= texts({":n": "1"})
    return {name: value for name, value in request.items() if value is not None}


@settings(deadline=None)  # MiniStack is imported by the first try
@given(
    stored=st.lists(items, max_size=12),
    deleted=st.lists(st.tuples(few, few), max_size=4),
    stored_later=st.lists(items, max_size=6),
    asked=st.lists(queries(), min_size=1, max_size=6),
)
def test_every_query_is_answered_as_without_our_order(
    stored: list[dict[str, str]],
    deleted: list[tuple[str, str]],
    stored_later: list[dict[str, str]],
    asked: list[Row],
) -> None:
    answers = []
    for ours in (False, True):
        with pytest.MonkeyPatch.context() as monkeypatch:
            cloud = emulator(monkeypatch, ours=ours)
            for item in stored:
                cloud.put(item)
            before = [cloud.pages(query) for query in asked]
            for pk, sk in deleted:
                cloud("DeleteItem", Key=texts({"pk": pk, "sk": sk}))
            for item in stored_later:
                cloud.put(item)
            answers.append((before, [cloud.pages(query) for query in asked]))
    assert answers[0] == answers[1]


def test_a_page_looks_at_no_more_items_than_it_answers_with(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud, looked_at = emulator(monkeypatch, ours=True), list[object]()
    for number in range(300):
        cloud.put({"pk": f"p{number}", "sk": "x", "of": f"shelf {number % 3}", "at": f"{number:03}"})
    tested = dynamodb._evaluate_condition  # noqa: SLF001 - to count

    def counted(*asked: object, **more: object) -> object:
        looked_at.append(asked)
        return tested(*asked, **more)

    monkeypatch.setattr(dynamodb, "_evaluate_condition", counted)

    page = cloud(
        "Query",
        IndexName="whole",
        KeyConditionExpression="#of = :of AND #at BETWEEN :low AND :high",
        ExpressionAttributeNames={"#of": "of", "#at": "at"},
        ExpressionAttributeValues=texts({":of": "shelf 1", ":low": "050", ":high": "299"}),
        Limit=5,
    )

    assert [item["at"]["S"] for item in page["Items"]] == ["052", "055", "058", "061", "064"]
    assert len(looked_at) == 5


def test_an_order_that_was_made_late_has_what_was_stored_before(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = emulator(monkeypatch, ours=False)
    for sk in "cab":
        cloud.put({"pk": "p", "sk": sk})
    query_index.apply()
    asked = {"KeyConditionExpression": "#pk = :pk", "ExpressionAttributeNames": {"#pk": "pk"}}
    answer = cloud("Query", **asked, ExpressionAttributeValues=texts({":pk": "p"}), Limit=2)
    assert [item["sk"]["S"] for item in answer["Items"]] == ["a", "b"]


def test_a_transaction_that_fails_leaves_the_order_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    cloud = emulator(monkeypatch, ours=True)
    cloud.put({"pk": "p", "sk": "a", "of": "shelf", "at": "1"})
    moved = {"TableName": "things", "Item": texts({"pk": "p", "sk": "a", "of": "other", "at": "1"})}
    refused = {
        "TableName": "things",
        "Key": texts({"pk": "q", "sk": "q"}),
        "ConditionExpression": "attribute_exists(pk)",
    }
    assert cloud("TransactWriteItems", TransactItems=[{"Put": moved}, {"ConditionCheck": refused}])["status"] == 400
    asked: Row = {
        "IndexName": "whole",
        "KeyConditionExpression": "#of = :of",
        "ExpressionAttributeNames": {"#of": "of"},
    }
    values = [texts({":of": shelf}) for shelf in ("shelf", "other")]
    assert [cloud("Query", **asked, ExpressionAttributeValues=each)["Count"] for each in values] == [
        1,
        0,
    ]
