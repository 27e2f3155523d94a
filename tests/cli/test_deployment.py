"""The steps of a deployment, one by one, against stand-ins for AWS."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from chalicelib.engine.native_module import FOLDER
from cli.deploy import chalice, deployment, stacks
from cli.deploy.chalice import CdnUse
from cli.deploy.target import StageTarget
from cli.errors import CommandError
from cli.local.stack import PROJECT
from cli.local.staging import tracked_config
from infra.stages import Choices
from infra.template import DATABASE, FOUNDATION, OBSERVING, read
from native import build
from native.build import BuildError
from tests.cli.fake_account import FakeSession, a_target, chalice_knows

OUTPUTS = {name: f"the-{name}" for name in read()["Outputs"]}
CHOICES = Choices({}, requests_per_second=50, burst=100)


class FakeGateway:
    """One API with what it was taught."""

    def __init__(self) -> None:
        self.responses: dict[str, dict[str, Any]] = {}
        self.settings: dict[str, Any] = {}
        self.deployments = 0

    def get_gateway_responses(self, **_: str) -> dict[str, Any]:
        return {"items": list(self.responses.values())}

    def put_gateway_response(self, restApiId: str, **response: Any) -> None:  # noqa: ANN401, ARG002, N803 - boto3's names
        self.responses[response["responseType"]] = response

    def create_deployment(self, **_: str) -> None:
        self.deployments += 1

    def get_stage(self, **_: str) -> dict[str, Any]:
        return {"methodSettings": {"*/*": self.settings}}

    def update_stage(self, patchOperations: list[dict[str, str]], **_: Any) -> None:  # noqa: ANN401, N803
        rate, burst = (patch["value"] for patch in patchOperations)
        self.settings = {"throttlingRateLimit": float(rate), "throttlingBurstLimit": int(burst)}


class FakeFunctions:
    """One function, `migrate`, that may fail."""

    class exceptions:  # noqa: N801 - boto3's name
        ResourceNotFoundException = KeyError

    def __init__(self, said: str = "") -> None:
        self.said = said
        self.invoked: list[str] = []

    def invoke(self, FunctionName: str, **_: Any) -> dict[str, Any]:  # noqa: ANN401, N803
        self.invoked.append(FunctionName)
        return {"Payload": io.BytesIO(self.said.encode())} | ({"FunctionError": "Unhandled"} if self.said else {})

    def update_function_code(self, **_: Any) -> None:  # noqa: ANN401
        raise KeyError


def test_pages_of_one_origin_may_read_the_gateways_errors_where_it_is_named(tmp_path: Path) -> None:
    api = FakeGateway()
    target = a_target(tmp_path / "project", services={"apigateway": api})
    name = "gatewayresponse.header.Access-Control-Allow-Origin"

    origins = []
    for origin in ("", "https://app.example"):
        deployment.configure_gateway(target, "abc", "api", CHOICES, cors_origin=origin)
        origins.append({one["responseParameters"].get(name) for one in api.get_gateway_responses()["items"]})

    assert origins == [{None}, {"'https://app.example'"}]


def test_the_gateway_is_taught_once(tmp_path: Path) -> None:
    api = FakeGateway()
    target = a_target(tmp_path / "project", services={"apigateway": api})

    assert deployment.configure_gateway(target, "abc", "api", CHOICES) is True
    assert deployment.configure_gateway(target, "abc", "api", CHOICES) is False
    assert (api.deployments, api.settings["throttlingBurstLimit"]) == (1, 100)


def test_a_cap_that_changed_is_set_without_a_new_deployment_of_the_api(tmp_path: Path) -> None:
    api = FakeGateway()
    target = a_target(tmp_path / "project", services={"apigateway": api})
    deployment.configure_gateway(target, "abc", "api", CHOICES)

    assert deployment.configure_gateway(target, "abc", "api", Choices({}, requests_per_second=5, burst=7)) is True
    assert (api.deployments, api.settings["throttlingRateLimit"]) == (1, 5)


def test_what_chalice_overwrote_is_taught_again(tmp_path: Path) -> None:
    api = FakeGateway()
    target = a_target(tmp_path / "project", services={"apigateway": api})
    deployment.configure_gateway(target, "abc", "api", CHOICES)
    api.responses.clear()

    assert deployment.configure_gateway(target, "abc", "api", CHOICES) is True
    assert "REQUEST_TOO_LARGE" in api.responses


def test_outputs_are_recorded_where_chalice_looks_and_taken_out_again(tmp_path: Path) -> None:
    target = a_target(tmp_path / "project")
    tracked = (target.source / ".chalice" / "config.json").read_text(encoding="utf-8")

    assert chalice.write_config(target.source, "dev", OUTPUTS, CdnUse("https://pictures.example")) is True
    assert chalice.write_config(target.source, "dev", OUTPUTS, CdnUse("https://pictures.example")) is False
    recorded = json.loads((target.source / ".chalice" / "config.json").read_text(encoding="utf-8"))
    assert recorded["stages"]["dev"]["environment_variables"]["WALLIFY_CDN_URL"] == "https://pictures.example"

    assert chalice.clear_config(target.source, "dev") is True
    assert (target.source / ".chalice" / "config.json").read_text(encoding="utf-8") == tracked


@pytest.mark.parametrize(("redirects", "url"), [(True, "https://the-DistributionDomain"), (False, None)])
def test_records_lead_to_the_distribution_once_it_knows_the_api(
    tmp_path: Path, *, redirects: bool, url: str | None
) -> None:
    target = a_target(tmp_path / "project")

    chalice.write_config(target.source, "dev", OUTPUTS, CdnUse(signed=True, redirects=redirects))

    config = json.loads((target.source / ".chalice" / "config.json").read_text(encoding="utf-8"))
    assert config["stages"]["dev"]["environment_variables"].get("WALLIFY_EDGE_URL") == url
    chalice.clear_config(target.source, "dev")
    assert "WALLIFY_EDGE_URL" not in (target.source / ".chalice" / "config.json").read_text(encoding="utf-8")


def test_the_tables_are_brought_up_to_date_by_the_function_that_can(tmp_path: Path) -> None:
    functions = FakeFunctions()

    deployment.migrate(a_target(tmp_path / "project", services={"lambda": functions}))

    assert functions.invoked == ["wallify-dev-migrate"]


def test_a_migration_that_fails_stops_the_deployment_and_is_shown(tmp_path: Path) -> None:
    target = a_target(tmp_path / "project", services={"lambda": FakeFunctions("column missing")})

    with pytest.raises(CommandError, match="The database migration failed") as trouble:
        deployment.migrate(target)

    assert "column missing" in trouble.value.evidence


def test_where_there_was_no_deployment_yet_no_migration_runs_beforehand(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(deployment, "package_of", lambda _: b"zip")
    functions = FakeFunctions()

    assert deployment.migrate_beforehand(a_target(tmp_path / "project", services={"lambda": functions})) is False
    assert functions.invoked == []


def test_the_stacks_of_a_stage_carry_its_name_and_the_database_comes_first(tmp_path: Path) -> None:
    names = stacks.stack_names(a_target(tmp_path / "project", "prod"))

    assert list(names.items()) == [
        (DATABASE, "wallify-prod-database"),
        (FOUNDATION, "wallify-prod"),
        (OBSERVING, "wallify-prod-observing"),
    ]


def test_the_bucket_is_known_by_account_region_and_stage(tmp_path: Path) -> None:
    assert a_target(tmp_path / "project").bucket == "wallify-dev-123456789012-eu-central-1"


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("", "https://abc.execute-api.eu-central-1.amazonaws.com/api"),
        ("http://127.0.0.1:4566/", "http://127.0.0.1:4566/restapis/abc/api/_user_request_"),
    ],
)
def test_an_api_is_where_aws_or_the_emulator_serves_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, endpoint: str, url: str
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)

    assert a_target(tmp_path / "project").api_url("abc", "api") == url


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("cn-north-1", "abc.execute-api.cn-north-1.amazonaws.com.cn"),
        ("us-gov-west-1", "abc.execute-api.us-gov-west-1.amazonaws.com"),
    ],
)
def test_an_api_is_found_in_every_partition(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, region: str, host: str
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    target = a_target(tmp_path / "project")
    target.session.region_name = region

    assert target.api_url("abc", "api") == f"https://{host}/api"


@pytest.mark.parametrize(
    ("region", "host"),
    [
        ("eu-central-1", "abc.execute-api.eu-central-1.amazonaws.com"),
        ("us-east-1", "abc.execute-api.us-east-1.amazonaws.com"),
        ("cn-north-1", "abc.execute-api.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_the_distribution_is_told_the_apis_host_once_there_is_an_api(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, region: str, host: str
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    target = a_target(tmp_path / "project")
    target.session.region_name = region

    assert "ApiDomain" not in stacks.foundation(target).parameters
    chalice_knows(target, "abc")

    told = stacks.foundation(target).parameters
    assert (told["ApiDomain"], told["ApiStage"]) == (host, "api")


@pytest.mark.parametrize(("first", "updates"), [(True, 1), (False, 0)])
def test_a_first_deployment_updates_the_distribution_after_the_functions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, first: bool, updates: int
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    services = {
        "secretsmanager": SimpleNamespace(get_secret_value=lambda **_: {"SecretString": "wf_x"}),
        "cloudformation": None,
        "apigateway": FakeApis("abc"),
        "lambda": FakeLambda(),
        "s3": EmptyBucket(),
    }
    target = replace(a_target(tmp_path / "project", services=services), alarm_mail="")
    order: list[str] = []

    def functions(*_: object) -> str:
        order.append("functions")
        if first:
            chalice_knows(target, "abc")
        return "abc"

    def put(_: object, wanted: stacks.StackSpec) -> tuple[stacks.Change, ...]:
        order.append(wanted.parameters["ApiDomain"])
        return (stacks.Change("Modify", "Distribution", "AWS::CloudFront::Distribution"),)

    if not first:
        chalice_knows(target, "abc")
    monkeypatch.setattr(deployment, "_build_native_module", lambda _: "")
    monkeypatch.setattr(deployment, "prepare", lambda *_, **__: [])
    monkeypatch.setattr(deployment, "_functions", functions)
    monkeypatch.setattr(deployment, "stage_outputs", lambda _: OUTPUTS)
    monkeypatch.setattr(deployment, "put", put)

    deployed = deployment.deploy(target, lambda _: None)

    assert order == ["functions", *(["abc.execute-api.eu-central-1.amazonaws.com"] * updates)]
    assert deployed.changed == ("wallify-dev",) * updates
    room, told = deployed.notes
    assert "2 workers of each queue, none reserved" in room
    assert told == stacks.UNTOLD


def test_caps_that_fit_what_others_have_left_are_written_and_taken_out_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    target = a_target(tmp_path / "project", services={"lambda": FakeLambda()})
    before = tracked_config(target.source)

    caps = deployment.fitted(target)
    assert caps
    assert not chalice.has_caps(target, caps)
    assert chalice.write_config(target.source, "dev", OUTPUTS, caps=caps) is True

    given = tracked_config(target.source)["stages"]["dev"]["environment_variables"]
    assert (given["WALLIFY_CONCURRENCY"], given["WALLIFY_SYNC_WAIT_SECONDS"]) == ("2", "0")
    assert chalice.has_caps(target, deployment.fitted(target))
    assert chalice.write_config(target.source, "dev", OUTPUTS, caps=caps) is False
    chalice.clear_config(target.source, "dev")
    assert tracked_config(target.source) == before


def test_an_emulator_has_no_quota(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")

    assert deployment.fitted(a_target(tmp_path / "project")) is None


def test_an_emulators_distribution_is_told_no_api(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566")
    target = a_target(tmp_path / "project")
    vars(target)["is_ministack"] = False
    chalice_knows(target, "abc")

    assert "ApiDomain" not in stacks.foundation(target).parameters


def test_the_api_is_the_one_that_chalice_made(tmp_path: Path) -> None:
    target = a_target(tmp_path / "project")

    assert chalice.api_id(target) == ""
    chalice_knows(target, "abc")
    assert chalice.api_id(target) == "abc"


def missing(code: str) -> ClientError:
    return ClientError({"Error": {"Code": code}}, "Get")


class EmptyBucket:
    """It has no record."""

    def get_object(self, **_: str) -> None:
        raise missing("NoSuchKey")


class FakeApis:
    """The APIs of an account."""

    def __init__(self, *apis: str) -> None:
        self.apis = set(apis)

    def get_rest_api(self, restApiId: str) -> dict[str, str]:  # noqa: N803 - boto3's name
        if restApiId not in self.apis:
            raise missing("NotFoundException")
        return {"id": restApiId}


class FakeLambda:
    """What an interrupted deployment has made: functions, one of which reads a queue, and one that an API may call."""

    def __init__(self, api: str = "") -> None:
        self.api = api

    def get_account_settings(self) -> dict[str, dict[str, int]]:
        return {"AccountLimit": {"ConcurrentExecutions": 1_000, "UnreservedConcurrentExecutions": 6}}

    def get_function_concurrency(self, FunctionName: str) -> dict[str, int]:  # noqa: N803 - boto3's name
        if FunctionName != "wallify-dev-process_image":
            raise missing("ResourceNotFoundException")
        return {"ReservedConcurrentExecutions": 4}

    def get_policy(self, **_: str) -> dict[str, str]:
        if not self.api:
            raise missing("ResourceNotFoundException")
        source = f"arn:aws:execute-api:eu-central-1:123456789012:{self.api}/*"
        return {"Policy": json.dumps({"Statement": [{"Condition": {"ArnLike": {"AWS:SourceArn": source}}}]})}

    def list_event_source_mappings(self, FunctionName: str) -> dict[str, Any]:  # noqa: N803 - boto3's name
        if not self.api:
            raise missing("ResourceNotFoundException")
        queue = "arn:aws:sqs:eu-central-1:123456789012:wallify-dev-images"
        function = f"arn:aws:lambda:eu-central-1:123456789012:function:{FunctionName}"
        found = {"UUID": "u-1", "EventSourceArn": queue, "FunctionArn": function}
        return {"EventSourceMappings": [found] if FunctionName.endswith("process_image") else []}


def recorded(target: StageTarget) -> list[dict[str, Any]]:
    path = target.source / ".chalice" / "deployed" / f"{target.stage}.json"
    known: list[dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))["resources"] if path.exists() else []
    return known


@pytest.mark.parametrize(("there", "said"), [(("abc",), ""), ((), "The API abc does not exist any more.")])
def test_an_api_that_is_gone_is_forgotten_with_a_sentence(tmp_path: Path, there: tuple[str, ...], said: str) -> None:
    target = a_target(tmp_path / "project", services={"apigateway": FakeApis(*there), "lambda": FakeLambda()})
    chalice_knows(target, "abc")

    assert chalice.correct_record(target).startswith(said)
    assert chalice.api_id(target) == "".join(there)


@pytest.mark.parametrize(("made", "there", "api"), [("abc", "abc", "abc"), ("abc", "", ""), ("", "", "")])
def test_what_an_interrupted_deployment_made_is_recorded(tmp_path: Path, made: str, there: str, api: str) -> None:
    target = a_target(tmp_path / "project", services={"apigateway": FakeApis(there), "lambda": FakeLambda(made)})

    assert bool(chalice.correct_record(target)) is bool(made)

    assert chalice.api_id(target) == api
    sources = [one for one in recorded(target) if one["resource_type"] == "sqs_event"]
    assert [(one["name"], one["event_uuid"], one["queue"]) for one in sources] == (
        [("process_image-sqs-event-source", "u-1", "wallify-dev-images")] if made else []
    )
    # What is recorded is not looked for again.
    assert chalice.correct_record(target) == ""


def test_the_record_of_another_account_or_region_is_set_aside_until_it_is_the_target_again(tmp_path: Path) -> None:
    target = a_target(tmp_path / "project", services={"s3": EmptyBucket()})
    chalice_knows(target, "abc")
    path = target.source / ".chalice" / "deployed" / "dev.json"
    function = {"resource_type": "lambda_function", "lambda_arn": "arn:aws:lambda:eu-central-1:123456789012:function:f"}
    path.write_text(json.dumps({"resources": [*recorded(target), function]}), encoding="utf-8")

    chalice.restore_record(target)
    assert chalice.api_id(target) == "abc"

    elsewhere = StageTarget("dev", target.source, FakeSession(target.session.services))
    elsewhere.session.region_name = "us-east-1"
    chalice.restore_record(elsewhere)
    assert chalice.api_id(elsewhere) == ""

    chalice.restore_record(StageTarget("dev", target.source, target.session))
    assert chalice.api_id(target) == "abc"


def test_no_region_is_one_clear_sentence(tmp_path: Path) -> None:
    target = a_target(tmp_path / "project")
    target.session.region_name = None

    with pytest.raises(CommandError, match=r"No AWS region is configured\. Set AWS_DEFAULT_REGION"):
        _ = target.region


def test_a_native_module_that_cannot_be_built_is_told_and_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def unbuilt(*_: object) -> None:
        raise BuildError("The compiler cannot be installed.")

    monkeypatch.setattr(build, "build", unbuilt)

    note = chalice.build_native_module(tmp_path)

    assert note.startswith("The native module was not built: Pillow decodes PNGs")
    assert note.endswith("The compiler cannot be installed.")


def test_the_native_module_is_built_into_the_project_for_lambda(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(build, "build", lambda *words: asked.append(words))

    assert chalice.build_native_module(tmp_path) == ""
    assert asked == [(["x86_64"], tmp_path / FOLDER.relative_to(PROJECT))]


def test_the_native_module_is_built_for_the_stages_processor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[object, ...]] = []
    monkeypatch.setattr(build, "build", lambda *words: asked.append(words))

    assert chalice.build_native_module(tmp_path, "arm64") == ""
    assert asked == [(["aarch64"], tmp_path / FOLDER.relative_to(PROJECT))]


def test_a_stage_on_arm64_is_configured_so_and_refused_on_an_emulator(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(chalice, "choices_of", lambda _: replace(CHOICES, architecture="arm64"))
    monkeypatch.setattr("infra.stages.of", lambda _: replace(CHOICES, architecture="arm64"))
    target = a_target(tmp_path / "project")

    assert chalice.write_config(target.source, "dev", OUTPUTS) is True
    config = json.loads((target.source / ".chalice" / "config.json").read_text("utf-8"))
    assert config["stages"]["dev"]["lambda_architecture"] == "arm64"
    assert chalice.clear_config(target.source, "dev") is True
    config = json.loads((target.source / ".chalice" / "config.json").read_text("utf-8"))
    assert "lambda_architecture" not in config["stages"]["dev"]

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566/")
    with pytest.raises(CommandError, match="architecture = 'arm64' of the stage dev is for AWS"):
        deployment.prepare(a_target(tmp_path / "other"), lambda _: None)


def test_each_stage_of_each_emulator_has_a_place_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:4566/")
    places = [a_target(tmp_path / stage, stage).place for stage in ("dev", "prod")]

    assert places == ["http://127.0.0.1:4566/dev", "http://127.0.0.1:4566/prod"]


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_region_may_be_named_in_either_way_that_awss_tools_know(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for known in ("AWS_REGION", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(known, raising=False)
    monkeypatch.setenv(name, "eu-north-1")

    assert StageTarget("dev").region == "eu-north-1"


def test_what_chalice_makes_without_tags_is_tagged_after_it(tmp_path: Path) -> None:
    tagged: dict[str, Any] = {}
    function = {"Configuration": {"FunctionArn": "arn:aws-cn:lambda:eu-central-1:123456789012:function:wallify-dev"}}
    services = {
        "lambda": SimpleNamespace(get_function=lambda **_: function),
        "apigateway": SimpleNamespace(tag_resource=lambda resourceArn, tags: tagged.update({resourceArn: tags})),  # noqa: N803
        "events": SimpleNamespace(tag_resource=lambda ResourceARN, Tags: tagged.update({ResourceARN: Tags})),  # noqa: N803
    }
    target = a_target(tmp_path / "project", services=services)
    rule = {"name": "sweep-event", "resource_type": "cloudwatch_event", "rule_name": "wallify-dev-sweep-event"}
    record = target.source / ".chalice" / "deployed" / "dev.json"
    record.parent.mkdir()
    api = {"name": "rest_api", "resource_type": "rest_api", "rest_api_id": "abc"}
    record.write_text(json.dumps({"resources": [api, rule]}), encoding="utf-8")

    chalice.tag_deployed(target)

    wanted = {"project": "wallify", "stage": "dev"}
    assert tagged == {
        "arn:aws-cn:apigateway:eu-central-1::/restapis/abc": wanted,
        "arn:aws-cn:apigateway:eu-central-1::/restapis/abc/stages/api": wanted,
        "arn:aws-cn:events:eu-central-1:123456789012:rule/wallify-dev-sweep-event": [
            {"Key": name, "Value": value} for name, value in wanted.items()
        ],
    }
