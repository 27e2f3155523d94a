"""The emulator's policies match keys of any letters, as those of IAM do."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from ministack.core import iam_actions, iam_evaluator

from cli.local.ministack_patches import iam_policies

THEIRS = iam_evaluator._fnmatch_compile  # noqa: SLF001  # what we change
THEIR_ACTIONS = iam_actions.extract_iam_action
THEIR_PARSER = iam_evaluator.parse_policy_document
ROLE = "arn:aws:s3:::media/incoming/*"


@pytest.fixture(autouse=True)
def ours() -> Iterator[None]:
    iam_policies.apply()
    yield
    iam_evaluator._fnmatch_compile = THEIRS  # noqa: SLF001
    iam_actions.extract_iam_action = THEIR_ACTIONS
    iam_evaluator.parse_policy_document = THEIR_PARSER


def allows(pattern: str, text: str) -> bool:
    found: bool = iam_evaluator.fnmatch_iam_cs(text, pattern)
    return found


@pytest.mark.parametrize(
    "name", ["a.jpg", "a\nb.jpg", "a\r\nb.jpg", "ends so\n", "\n", "a\u2028b.jpg", "a+(b)[c]*.jpg"]
)
def test_a_star_stands_for_all_characters(name: str) -> None:
    assert allows(ROLE, f"arn:aws:s3:::media/incoming/{name}")


@pytest.mark.parametrize("key", ["originals/a.jpg", "incoming", "incomin\ng/a", "\nincoming/a", "Incoming/a.jpg"])
def test_what_is_beside_the_prefix_stays_refused(key: str) -> None:
    assert not allows(ROLE, f"arn:aws:s3:::media/{key}")


def test_a_pattern_ends_where_it_ends() -> None:
    assert not allows("arn:aws:s3:::media", "arn:aws:s3:::media\n")
    assert allows("a?c", "a\nc")
    assert not allows("a?c", "ac")


def test_actions_are_matched_in_any_case() -> None:
    assert iam_evaluator.fnmatch_iam("s3:getobject", "S3:Get*")


def test_an_emulator_that_knows_this_is_left_alone() -> None:
    mended = iam_evaluator._fnmatch_compile  # noqa: SLF001
    iam_policies.apply()
    assert iam_evaluator._fnmatch_compile is mended  # noqa: SLF001


@pytest.mark.parametrize(
    ("verb", "action"),
    [
        ("ChangeMessageVisibilityBatch", "sqs:ChangeMessageVisibility"),
        ("DeleteMessageBatch", "sqs:DeleteMessage"),
        ("SendMessageBatch", "sqs:SendMessage"),
        ("ReceiveMessage", "sqs:ReceiveMessage"),
    ],
)
def test_a_batch_of_sqs_needs_the_permission_of_its_single_verb(verb: str, action: str) -> None:
    asked = {"x-amz-target": f"AmazonSQS.{verb}"}
    assert iam_actions.extract_iam_action("sqs", "POST", "/", asked, b"", {}) == action


def test_a_policy_is_parsed_once_for_each_text() -> None:
    statements = ({"Effect": "Allow", "Action": verb, "Resource": "*"} for verb in ("s3:Get*", "s3:Put*"))
    one, other = (json.dumps({"Statement": statement}) for statement in statements)

    parsed = [iam_evaluator.parse_policy_document(text) for text in (one, other, one)]

    assert parsed == [THEIR_PARSER(text) for text in (one, other, one)]
    assert parsed[0] is parsed[2]


def test_a_policy_that_is_no_text_is_parsed_each_time() -> None:
    document = {"Statement": {"Effect": "Allow", "Action": "s3:Get*", "Resource": "*"}}
    before = iam_evaluator.parse_policy_document(document)
    document["Statement"]["Effect"] = "Deny"

    assert [one.effect for one in (*before, *iam_evaluator.parse_policy_document(document))] == ["Allow", "Deny"]
