"""Rules that the foundation keeps whatever is added to it. The emulator would let most breaches pass."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from cfnlint import api as cfnlint

from infra import stage
from infra.template import FOUNDATION, GATEWAY, read
from tests.infra.template import as_list, resources_of, statements

QUEUES = resources_of("AWS::SQS::Queue")
WORK_QUEUES = {name: queue for name, queue in QUEUES.items() if not name.endswith("DeadLetters")}
ROLES = resources_of("AWS::IAM::Role")
BUCKET = resources_of("AWS::S3::Bucket")["Bucket"]
ALLOWED = [(where, statement) for where, statement in statements() if statement["Effect"] == "Allow"]


@pytest.mark.slow  # the linter takes seconds
@pytest.mark.parametrize("path", [FOUNDATION, GATEWAY], ids=lambda path: path.name)
def test_the_templates_have_nothing_that_the_linter_minds(path: Path) -> None:
    assert cfnlint.lint(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize("name", WORK_QUEUES)
def test_messages_stay_hidden_for_six_timeouts_of_their_function(name: str, config: stage.Config) -> None:
    parameter = QUEUES[name]["VisibilityTimeout"]["Ref"]
    timeout = config["lambda_functions"][stage.VISIBILITY_OF[parameter]]["lambda_timeout"]

    assert read()["Parameters"][parameter]["Default"] >= 6 * timeout
    assert int(stage.parameters(config, "prod")[parameter]) >= 6 * timeout


@pytest.mark.parametrize("name", WORK_QUEUES)
def test_a_message_is_tried_five_times_and_then_kept_for_two_weeks(name: str) -> None:
    redrive = QUEUES[name]["RedrivePolicy"]
    dead_letters = QUEUES[redrive["deadLetterTargetArn"]["Fn::GetAtt"][0]]

    assert redrive["maxReceiveCount"] == 5
    assert dead_letters["MessageRetentionPeriod"] == 14 * 24 * 3600


@pytest.mark.parametrize("name", WORK_QUEUES)
def test_a_dead_letter_queue_is_named_after_its_queue(name: str) -> None:
    dead_letters = QUEUES[name]["RedrivePolicy"]["deadLetterTargetArn"]["Fn::GetAtt"][0]

    assert QUEUES[dead_letters]["QueueName"]["Fn::Sub"] == QUEUES[name]["QueueName"]["Fn::Sub"] + "-dead"


def test_no_function_outlives_the_gateway_or_lambda(config: stage.Config) -> None:
    functions = config["lambda_functions"]

    assert functions["api_handler"]["lambda_timeout"] <= 29
    assert max(function["lambda_timeout"] for function in functions.values()) <= 900


@pytest.mark.parametrize("name", QUEUES)
def test_queues_are_encrypted_and_refuse_plain_http(name: str) -> None:
    arn = {"Fn::GetAtt": [name, "Arn"]}

    assert QUEUES[name]["SqsManagedSseEnabled"] is True
    assert _refuses_plain_http(arn)


def test_the_bucket_is_private_encrypted_and_refuses_plain_http() -> None:
    encryption = BUCKET["BucketEncryption"]["ServerSideEncryptionConfiguration"]

    assert set(BUCKET["PublicAccessBlockConfiguration"].values()) == {True}
    assert BUCKET["OwnershipControls"]["Rules"] == [{"ObjectOwnership": "BucketOwnerEnforced"}]
    assert encryption[0]["ServerSideEncryptionByDefault"]["SSEAlgorithm"] == "AES256"
    assert _refuses_plain_http({"Fn::GetAtt": ["Bucket", "Arn"]})
    assert _refuses_plain_http({"Fn::Sub": "${Bucket.Arn}/*"})


def test_only_uploads_are_announced_so_outputs_cannot_start_work() -> None:
    prefixes = [_announced(rule) for rule in BUCKET["NotificationConfiguration"]["QueueConfigurations"]]
    written = [resource for where, resource in _written() if where.split("/")[0] != "ApiRole"]

    assert prefixes == ["incoming/"]
    assert not [resource for resource in written if "/incoming/" in resource]


def test_only_the_bucket_of_this_account_may_announce_uploads() -> None:
    [(_, statement)] = [found for found in ALLOWED if found[1].get("Principal") == {"Service": "s3.amazonaws.com"}]

    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"]["Fn::Sub"].endswith(BUCKET["BucketName"]["Fn::Sub"])
    assert statement["Condition"]["StringEquals"]["aws:SourceAccount"] == {"Ref": "AWS::AccountId"}


def test_the_distribution_reads_published_prefixes_and_nothing_else() -> None:
    [(_, statement)] = [
        found for found in ALLOWED if found[1].get("Principal") == {"Service": "cloudfront.amazonaws.com"}
    ]

    assert statement["Action"] == "s3:GetObject"
    assert [resource["Fn::Sub"] for resource in statement["Resource"]] == [
        "${Bucket.Arn}/renditions/*",
        "${Bucket.Arn}/manifests/*",
    ]
    assert "distribution/${Distribution}" in json.dumps(statement["Condition"])


def test_the_distribution_insists_on_https_and_remembers_errors_for_a_second_at_most() -> None:
    distribution = resources_of("AWS::CloudFront::Distribution")["Distribution"]["DistributionConfig"]

    assert distribution["DefaultCacheBehavior"]["ViewerProtocolPolicy"] == "https-only"
    assert {error["ErrorCode"] for error in distribution["CustomErrorResponses"]} >= {403, 404, 500, 502, 503, 504}
    assert max(error["ErrorCachingMinTTL"] for error in distribution["CustomErrorResponses"]) <= 1


def test_pictures_can_neither_be_sniffed_nor_run_scripts() -> None:
    headers = resources_of("AWS::CloudFront::ResponseHeadersPolicy")["PictureHeaders"]["ResponseHeadersPolicyConfig"]

    assert headers["SecurityHeadersConfig"]["ContentTypeOptions"] == {"Override": True}
    assert "sandbox" in headers["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"]


def test_every_function_has_a_role_of_its_own(config: stage.Config) -> None:
    roles = [read()["Outputs"][output]["Value"]["Fn::GetAtt"][0] for output in stage.ROLE_FROM.values()]

    assert set(stage.ROLE_FROM) == set(config["lambda_functions"])
    assert sorted(roles) == sorted(ROLES)


@pytest.mark.parametrize(("where", "statement"), ALLOWED, ids=[where for where, _ in ALLOWED])
def test_nobody_may_do_everything_or_anything_to_everything(where: str, statement: dict[str, Any]) -> None:
    actions = as_list(statement["Action"])

    assert not [action for action in actions if "*" in action]
    assert "*" not in as_list(statement.get("Resource", [])) or set(actions) <= WITHOUT_RESOURCE
    assert statement.get("Principal") != "*"


WITHOUT_RESOURCE = {"lambda:ListEventSourceMappings", "cloudwatch:GetMetricData"}
"""Actions that read, and for which AWS has no resource to name: a policy that names one allows nothing.

https://docs.aws.amazon.com/service-authorization/latest/reference/list_awslambda.html and list_amazoncloudwatch.html
"""


def test_functions_keep_their_logs_for_a_stated_time() -> None:
    logs = resources_of("AWS::Logs::LogGroup")

    assert len(logs) == len(ROLES)
    assert all(group["RetentionInDays"] == {"Ref": "LogRetentionDays"} for group in logs.values())


def test_the_first_token_is_made_by_aws_and_stands_nowhere_in_the_template() -> None:
    [secret] = resources_of("AWS::SecretsManager::Secret").values()

    assert "SecretString" not in secret
    assert secret["GenerateSecretString"]["PasswordLength"] >= 43
    assert not [name for name in read()["Parameters"] if "token" in name.lower() or "secret" in name.lower()]


def test_the_table_forgets_expired_items_and_can_be_restored() -> None:
    [table] = resources_of("AWS::DynamoDB::Table").values()

    assert table["TimeToLiveSpecification"] == {"AttributeName": "expires_at", "Enabled": True}
    assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}
    assert table["BillingMode"] == "PAY_PER_REQUEST"


def test_leftovers_in_the_bucket_are_forgotten() -> None:
    rules = {rule.get("Prefix"): rule for rule in BUCKET["LifecycleConfiguration"]["Rules"]}

    assert rules[None]["AbortIncompleteMultipartUpload"]["DaysAfterInitiation"] == 1
    assert rules["incoming/"]["ExpirationInDays"] <= 7
    assert rules["quarantine/"]["ExpirationInDays"] >= 7


def _refuses_plain_http(arn: dict[str, Any]) -> bool:
    return any(
        statement["Effect"] == "Deny"
        and statement["Principal"] == "*"
        and arn in as_list(statement["Resource"])
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for _, statement in statements()
    )


def _announced(rule: dict[str, Any]) -> str:
    [found] = [filter_["Value"] for filter_ in rule["Filter"]["S3Key"]["Rules"] if filter_["Name"] == "prefix"]
    return str(found)


def _written() -> list[tuple[str, str]]:
    """Every prefix that a role may write to."""
    return [
        (where, resource["Fn::Sub"])
        for where, statement in ALLOWED
        if "s3:PutObject" in as_list(statement["Action"])
        for resource in as_list(statement["Resource"])
    ]
