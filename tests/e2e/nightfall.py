"""The night shift of the cloud under test: its clock, its rules, its roles and its bucket, as a test needs them."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.client import Json, eventually, told
from tests.e2e.conftest import Cloud
from tests.e2e.truth import Truth

DAY = timedelta(days=1)
SECOND = timedelta(seconds=1)
LOOK = {"Delay": 0.1, "MaxAttempts": 300}


@dataclass(frozen=True)
class Nightfall:
    """Steers what the night shift of a cloud depends on, and puts everything back."""

    cloud: Cloud
    truth: Truth

    def run(self, name: str, **options: str) -> Json:
        """A run started by hand over HTTP, as its task says once it has ended."""
        http = self.truth.wallify.http
        started = told(http.post(f"/schedules/{name}/run", params=options), 202)
        return self.truth.wallify.ended(started["task_id"])

    def report(self, name: str, **options: str) -> Json:
        """What a run that went well has to say."""
        task = self.run(name, **options)
        assert task["status"] == "SUCCESS", task["error"]
        report: Json = task["result"]
        return report

    def optimized(self, collection: str) -> Json:
        """Queue what was not optimised yet and wait for the optimizer: its report, with the sums of its log lines."""
        began = datetime.now(UTC)
        report = self.report("optimize", collection=collection)
        asked = {"logGroupName": "/aws/lambda/wallify-local-optimizer", "filterPattern": "image optimized"}

        def lines() -> list[Json] | None:
            found = self.cloud.aws("logs").filter_log_events(**asked, startTime=int(1000 * began.timestamp()))["events"]
            told = [json.loads(event["message"]) for event in found if '"image optimized"' in event["message"]]
            return told if len(told) >= report["images_queued"] else None

        told = eventually(lines, "the optimizer has done all") if report["images_queued"] else []
        names = {name for line in told for name, value in line.items() if isinstance(value, int)}
        return {**report, **{name: sum(line.get(name, 0) for line in told) for name in names}}

    def counted(self, name: str, since: datetime, **dimensions: str) -> float | None:
        """What the night shift's function has told CloudWatch under this name; None where nothing has come yet."""
        asked = {"logGroupName": "/aws/lambda/wallify-local-maintenance", "filterPattern": name}
        found = self.cloud.aws("logs").filter_log_events(**asked, startTime=int(1000 * since.timestamp()))
        told = [json.loads(event["message"]) for event in found["events"] if '"_aws"' in event["message"]]
        values = [line[name][0] for line in told if dimensions.items() <= line.items()]
        return sum(values) or None

    def orphans(self, run: str, numbers: range) -> set[str]:
        """Put so many objects into the bucket that no row names; their keys."""
        keys = {f"originals/orphan-{run}-{number:02}/0.png" for number in numbers}
        for key in keys:
            self.truth.s3.put_object(Bucket=self.cloud.outputs["BucketName"], Key=key, Body=key.encode())
        return keys

    def newest(self, prefix: str) -> datetime:
        """When the newest object under the prefix was written, by the bucket's clock."""
        found = self.truth.s3.list_objects_v2(Bucket=self.cloud.outputs["BucketName"], Prefix=prefix)["Contents"]
        newest: datetime = max(one["LastModified"] for one in found)
        return newest

    def later(self, moment: datetime) -> None:
        """Come back when the bucket, which counts in seconds, would write another moment."""
        eventually(lambda: datetime.now(UTC) > moment + 2 * SECOND or None, "the next second comes")

    @contextmanager
    def clock(self, moment: datetime) -> Iterator[None]:
        """Meanwhile it is this moment for whoever works at night."""
        with self.environment("maintenance", WALLIFY_CLOCK_STANDS_AT=moment.isoformat()):
            yield

    @contextmanager
    def environment(self, function: str, **variables: str) -> Iterator[None]:
        """Meanwhile a deployed function has these variables too."""
        name = _name(function)
        before = self._lambdas.get_function_configuration(FunctionName=name)["Environment"]["Variables"]
        self._set(name, before | variables)
        try:
            yield
        finally:
            self._set(name, before)

    @contextmanager
    def allowed(self, role: str, *actions: str) -> Iterator[None]:
        """Meanwhile a role may do this as well, with everything."""
        iam, name = self.cloud.aws("iam"), self.cloud.outputs[role].rpartition("/")[2]
        statement = {"Effect": "Allow", "Action": list(actions), "Resource": "*"}
        document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
        iam.put_role_policy(RoleName=name, PolicyName="test", PolicyDocument=document)
        try:
            yield
        finally:
            iam.delete_role_policy(RoleName=name, PolicyName="test")

    @contextmanager
    def empty_table(self) -> Iterator[str]:
        """A table like the cloud's own, with nothing in it; its name."""
        dynamodb, name = self.cloud.aws("dynamodb"), f"{self.cloud.outputs['TableName']}-empty"
        own = dynamodb.describe_table(TableName=self.cloud.outputs["TableName"])["Table"]
        dynamodb.create_table(TableName=name, BillingMode="PAY_PER_REQUEST", **_shape(own))
        dynamodb.get_waiter("table_exists").wait(TableName=name)
        try:
            yield name
        finally:
            dynamodb.delete_table(TableName=name)

    @contextmanager
    def rule(self, function: str, expression: str) -> Iterator[None]:
        """Meanwhile the clock calls a deployed function at other times."""
        events = self.cloud.aws("events")
        arn = self._lambdas.get_function_configuration(FunctionName=_name(function))["FunctionArn"]
        (name,) = events.list_rule_names_by_target(TargetArn=arn)["RuleNames"]
        before = events.describe_rule(Name=name)["ScheduleExpression"]
        events.put_rule(Name=name, ScheduleExpression=expression)
        try:
            yield
        finally:
            events.put_rule(Name=name, ScheduleExpression=before)

    @property
    def _lambdas(self) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        return self.cloud.aws("lambda")

    def _set(self, name: str, variables: Mapping[str, str]) -> None:
        self._lambdas.update_function_configuration(FunctionName=name, Environment={"Variables": dict(variables)})
        self._lambdas.get_waiter("function_updated_v2").wait(FunctionName=name, WaiterConfig=LOOK)


def _name(function: str) -> str:
    """Chalice names the API's function after the app and the stage alone."""
    return "wallify-local" if function == "api_handler" else f"wallify-local-{function}"


def _shape(table: Mapping[str, Any]) -> dict[str, Any]:
    indexes = [
        {part: index[part] for part in ("IndexName", "KeySchema", "Projection")}
        for index in table["GlobalSecondaryIndexes"]
    ]
    shape = {part: table[part] for part in ("KeySchema", "AttributeDefinitions")}
    return {**shape, "GlobalSecondaryIndexes": indexes}
