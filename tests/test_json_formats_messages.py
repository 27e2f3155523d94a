from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.json_formats import ObjectCreated, UnknownMessage, Work, read, write
from tests.naughty import HARMLESS

TEST_EVENT = json.dumps(
    {
        "Service": "Amazon S3",
        "Event": "s3:TestEvent",
        "Time": "2026-03-04T12:00:00.000Z",
        "Bucket": "wallify-media",
        "RequestId": "5582815E1AEA5ADF",
        "HostId": "8cLeGAmw098X5cv4Zkwcmo8vvZa3eH3eKxsPzbB9wrR+YstdA6Knx4Ip8EXAMPLE",
    }
)


def a_record(key: str = "incoming/nature/a.jpg", *, name: str = "ObjectCreated:Put", **special: object) -> Any:  # noqa: ANN401  # as json has it
    """One record as S3 writes it, with everything that it writes."""
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "eu-central-1",
        "eventTime": "2026-03-04T12:00:00.123Z",
        "eventName": name,
        "userIdentity": {"principalId": "AWS:AIDAEXAMPLE"},
        "requestParameters": {"sourceIPAddress": "203.0.113.7"},
        "responseElements": {"x-amz-request-id": "C3D13FE58DE4C810", "x-amz-id-2": "FMyUVURIY8/IgAtTv8xRjskZQpcIZ9KG"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "new-uploads",
            "bucket": {
                "name": "wallify-media",
                "ownerIdentity": {"principalId": "A3NL1KOZZKExample"},
                "arn": "arn:aws:s3:::wallify-media",
            },
            "object": {"key": key, "size": 1024, "eTag": "d41d8cd9", "sequencer": "0055AED6DCD90281E5", **special},
        },
    }


def a_body(*records: object) -> str:
    return json.dumps({"Records": records})


def test_a_notification_says_what_has_arrived() -> None:
    assert read(a_body(a_record())) == (
        ObjectCreated("wallify-media", "incoming/nature/a.jpg", 1024, "0055AED6DCD90281E5", "d41d8cd9"),
    )


CREATIONS = ("Put", "Post", "Copy", "CompleteMultipartUpload")


@pytest.mark.parametrize("how", CREATIONS)
def test_every_way_to_create_an_object_is_an_arrival(how: str) -> None:
    assert len(read(a_body(a_record(name=f"ObjectCreated:{how}")))) == 1


OTHER_EVENTS = (
    "ObjectRemoved:Delete",
    "ObjectRemoved:DeleteMarkerCreated",
    "ObjectRestore:Post",
    "LifecycleExpiration",
)


@pytest.mark.parametrize("name", OTHER_EVENTS)
def test_other_events_ask_for_nothing(name: str) -> None:
    assert read(a_body(a_record(name=name))) == ()


def test_several_records_are_several_arrivals_in_order() -> None:
    body = a_body(a_record("incoming/1"), a_record("incoming/2", name="ObjectRemoved:Delete"), a_record("incoming/3"))
    assert [arrival.key for arrival in read(body) if isinstance(arrival, ObjectCreated)] == ["incoming/1", "incoming/3"]


@pytest.mark.parametrize("encoded", [quote, quote_plus])
def test_a_keys_encoding_is_undone_once(encoded: Any) -> None:  # noqa: ANN401  # either function
    keys = [f"incoming/nature/{name}" for name in HARMLESS]
    assert [read(a_body(a_record(encoded(key)))) for key in keys] == [
        (ObjectCreated("wallify-media", key, 1024, "0055AED6DCD90281E5", "d41d8cd9"),) for key in keys
    ]


@given(st.text(min_size=1, max_size=300))
def test_any_key_that_s3_encodes_comes_out_as_it_was(key: str) -> None:
    assert read(a_body(a_record(quote_plus(key, safe="/")))) == (
        ObjectCreated("wallify-media", key, 1024, "0055AED6DCD90281E5", "d41d8cd9"),
    )


def test_a_record_without_size_and_sequencer_still_arrives() -> None:
    record = a_record()
    record["s3"]["object"] = {"key": "incoming/a"}
    assert read(a_body(record)) == (ObjectCreated("wallify-media", "incoming/a", None, ""),)


def test_the_event_that_s3_sends_at_set_up_asks_for_nothing() -> None:
    assert read(TEST_EVENT) == ()


def test_a_notification_without_records_asks_for_nothing() -> None:
    assert read(a_body()) == ()


def test_our_own_message_is_read_as_it_was_written() -> None:
    assert read(write(Work("t1"))) == (Work("t1"),)


# Written by version 1 and still in queues for up to 14 days after an update.
FIRST_VERSION = '{"schema_version": 1, "task_id": "0f6f3f4e-6a52-4d0e-9d0b-3f4d1c0a7c11"}'


def test_the_first_version_of_our_message_is_understood_for_ever() -> None:
    assert read(FIRST_VERSION) == (Work("0f6f3f4e-6a52-4d0e-9d0b-3f4d1c0a7c11"),)


JUNK = {
    "nothing": "",
    "no JSON": "hello",
    "cut off": '{"schema_version": 1, "task_',
    "a list": "[]",
    "a number": "7",
    "null": "null",
    "NaN": "NaN",
    "an empty object": "{}",
    "nested too deep": "[" * 100_000,
    "a newer version": '{"schema_version": 2, "task_id": "t1"}',
    "no version": '{"task_id": "t1"}',
    "a version that is text": '{"schema_version": "1", "task_id": "t1"}',
    "a version that is true": '{"schema_version": true, "task_id": "t1"}',
    "no task": '{"schema_version": 1}',
    "a task that is a number": '{"schema_version": 1, "task_id": 7}',
    "another event": '{"Event": "s3:SomethingElse"}',
    "records that are a number": '{"Records": 5}',
    "records that are null": '{"Records": null}',
    "records that are an object": '{"Records": {}}',
    "records that are text": '{"Records": "ab"}',
    "a record that is a number": a_body(5),
    "a record without a name": a_body({"s3": {}}),
    "a name that is a number": a_body({"eventName": 5}),
    "no object": a_body({"eventName": "ObjectCreated:Put", "s3": {"bucket": {"name": "b"}}}),
    "no bucket": a_body({"eventName": "ObjectCreated:Put", "s3": {"object": {"key": "k"}}}),
    "a key that is a number": a_body(a_record(5)),  # type: ignore[arg-type]  # that is the point
    "a size that is text": a_body(a_record(size="many")),
    "a size that is nothing": a_body(a_record(size=None)),
    "a sequencer that is a number": a_body(a_record(sequencer=5)),
    "one good record and one bad": a_body(a_record(), {}),
}


@pytest.mark.parametrize("body", JUNK.values(), ids=JUNK)
def test_what_nobody_understands_is_told_apart_and_kept(body: str) -> None:
    with pytest.raises(UnknownMessage):
        read(body)


WORDS = st.sampled_from(["Records", "Event", "eventName", "s3", "object", "key", "schema_version", "task_id"])
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(WORDS, inner)
)


@given(ANY_JSON)
def test_no_json_at_all_raises_anything_else(message: object) -> None:
    try:
        asked = read(json.dumps(message))
    except UnknownMessage:
        return
    assert all(isinstance(one, ObjectCreated | Work) for one in asked)
