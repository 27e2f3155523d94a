"""An empty account on an emulator of its own, a checkout of the project, and the commands a person would type in it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from cli.local import emulator, functions, machine, processes
from cli.local.aws import client
from cli.local.machine import PLAIN_HTTP
from cli.local.stack import PROJECT, Stack

CHALICE = "cli.local.ministack_patches.chalice_deploy"  # Chalice's own command; the emulator's gateway needs help

# what an account lists: (service, call, where the list is, what a thing is called)
LISTS: tuple[tuple[str, str, str, str], ...] = (
    ("s3", "list_buckets", "Buckets", "Name"),
    ("sqs", "list_queues", "QueueUrls", ""),
    ("dynamodb", "list_tables", "TableNames", ""),
    ("lambda", "list_functions", "Functions", "FunctionName"),
    ("lambda", "list_event_source_mappings", "EventSourceMappings", "UUID"),
    ("lambda", "list_layers", "Layers", "LayerName"),
    ("apigateway", "get_rest_apis", "items", "id"),
    ("logs", "describe_log_groups", "logGroups", "logGroupName"),
    ("iam", "list_roles", "Roles", "RoleName"),
    ("iam", "list_policies", "Policies", "PolicyName"),
    ("secretsmanager", "list_secrets", "SecretList", "Name"),
    ("ssm", "describe_parameters", "Parameters", "Name"),
    ("events", "list_rules", "Rules", "Name"),
    ("sns", "list_topics", "Topics", "TopicArn"),
    ("cloudwatch", "describe_alarms", "MetricAlarms", "AlarmName"),
    ("cloudwatch", "list_dashboards", "DashboardEntries", "DashboardName"),
    ("cloudfront", "list_distributions", "DistributionList.Items", "Id"),
    ("cloudfront", "list_origin_access_controls", "OriginAccessControlList.Items", "Id"),
    ("cloudfront", "list_cache_policies", "CachePolicyList.Items", "CachePolicy"),
    ("cloudfront", "list_response_headers_policies", "ResponseHeadersPolicyList.Items", "ResponseHeadersPolicy"),
    ("rds", "describe_db_instances", "DBInstances", "DBInstanceIdentifier"),
    ("rds", "describe_db_snapshots", "DBSnapshots", "DBSnapshotIdentifier"),
    ("rds", "describe_db_subnet_groups", "DBSubnetGroups", "DBSubnetGroupName"),
    ("rds", "describe_db_parameter_groups", "DBParameterGroups", "DBParameterGroupName"),
    ("ec2", "describe_vpcs", "Vpcs", "CidrBlock"),
    ("ec2", "describe_subnets", "Subnets", "CidrBlock"),
    ("ec2", "describe_security_groups", "SecurityGroups", "GroupName"),
    ("ec2", "describe_vpc_endpoints", "VpcEndpoints", "VpcEndpointId"),
    ("ec2", "describe_network_interfaces", "NetworkInterfaces", "NetworkInterfaceId"),
    ("cloudformation", "describe_stacks", "Stacks", "StackName"),
)
OF_AWS = {"list_policies": {"Scope": "Local"}, "list_cache_policies": {"Type": "custom"}}
OF_AWS["list_response_headers_policies"] = {"Type": "custom"}
# Of these the emulator does not see which resource is meant; AWS does, and infra/deployer.json names them. The last is
# what it takes GetLayerVersionByArn for. Nor does it check iam:PassRole.
UNSEEN = (
    *("apigateway:*", "cloudformation:*", "cloudwatch:*", "events:*"),
    *("lambda:CreateFunction", "lambda:ListLayers"),
)
BASE, SQL = "deployer.json", "deployer-sql.json"
UNSEEN_OF = {BASE: (*UNSEEN, "rds:ModifyDBInstance"), SQL: ("rds:*",)}
FROM_BIRTH = ("172.31.", "default")  # what the network is called that every account has


class Call(NamedTuple):
    """One call of AWS; where there were bytes, their SHA-256."""

    operation: str
    parameters: dict[str, Any]


@dataclass(frozen=True)
class Account:
    """The account of an emulator that nobody else uses."""

    stack: Stack
    checkout: Path
    keys: Mapping[str, str]
    """Of a user who may what the policies in infra/ allow; all that is typed is typed by them."""

    @property
    def environment(self) -> dict[str, str]:
        """What the deployer's shell would have that works in this account and no other."""
        ours = emulator.client_environment(self.stack)
        clean = {name: value for name, value in ours.items() if not name.startswith("WALLIFY_")}
        return {**clean, "COLUMNS": "200", "NO_PROXY": "*", **self.keys}

    def wallify(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """`./wallify …` in the checkout."""
        return self.python("-m", "cli", *arguments, typed=typed)

    def python(self, *arguments: str, typed: str = "") -> subprocess.CompletedProcess[str]:
        """The project's Python in the checkout."""
        return subprocess.run(
            [sys.executable, *arguments],
            cwd=self.checkout,
            env=self.environment,
            input=typed,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
            timeout=1200,
        )

    def aws(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """A client of this account."""
        return client(self.stack, service)

    def everything(self) -> dict[str, list[str]]:
        """Whatever the account lists, by the call that lists it."""
        found = {call: self._list(service, call, place, name) for service, call, place, name in LISTS}
        return {call: names for call, names in found.items() if names}

    def watched(self, module: str, *arguments: str) -> tuple[subprocess.CompletedProcess[str], list[Call]]:
        """A command, and the calls of AWS with which it changes something."""
        notes = self.checkout / ".local" / "calls"
        notes.parent.mkdir(exist_ok=True)
        notes.write_text("", encoding="utf-8")
        done = self.python("-m", "tests.e2e.recorded", str(notes), module, *arguments)
        calls = [json.loads(line) for line in notes.read_text(encoding="utf-8").splitlines()]
        return done, [Call(operation, parameters) for operation, parameters in calls]

    def _list(self, service: str, call: str, place: str, name: str) -> list[str]:
        part = getattr(self.aws(service), call)(**OF_AWS.get(call, {}))
        for step in place.split("."):
            part = part.get(step, [])
        names = sorted(str(one[name]) if name else one for one in part)
        return [found for found in names if not found.startswith(FROM_BIRTH)]

    def health(self, stage: str) -> dict[str, Any]:
        """What the stage's API says of itself."""
        url = f"{self.stack.emulator_url}/restapis/wallify-{stage}/api/_user_request_/health"
        told = httpx.get(url, timeout=60, trust_env=False, verify=PLAIN_HTTP).raise_for_status()
        answer: dict[str, Any] = told.json()
        return answer

    def functions(self) -> dict[str, list[str]]:
        """What each function is; not its layer's version, since Chalice publishes the same layer anew each time."""
        found = self.aws("lambda").list_functions()["Functions"]
        parts = ("CodeSha256", "MemorySize", "Timeout", "Role", "Environment", "Runtime", "Handler")
        layers = {one["FunctionName"]: one["Layers"][0]["CodeSize"] for one in found}
        return {
            one["FunctionName"]: [str(layers[one["FunctionName"]]), *(str(one[part]) for part in parts)]
            for one in found
        }


@contextmanager
def opened(folder: Path, *policies: str) -> Iterator[Account]:
    """An account with nothing in it, and the project checked out into the folder; it is closed at the end.

    Its deployer has the base policy and these.
    """
    home = Path(tempfile.mkdtemp(prefix="wallify-aws-"))  # a path short enough for sockets
    stack = Stack(home, machine.free_port(), machine.free_port())
    with processes.stop_if_idle(stack):
        emulator.start(stack)
    try:
        yield Account(stack, check_out(folder), _deployer(stack, BASE, *policies))
    finally:
        functions.keep_layers(folder / ".chalice" / "deployments")
        emulator.stop(stack)
        shutil.rmtree(home, ignore_errors=True)


def _deployer(stack: Stack, *policies: str) -> dict[str, str]:
    """The keys of a new user who has these policies of a deployer."""
    iam, who = client(stack, "iam"), {"UserName": "deployer"}
    iam.create_user(**who)
    for name in policies:
        policy = json.loads((PROJECT / "infra" / name).read_text(encoding="utf-8"))
        policy["Statement"].append({"Effect": "Allow", "Action": UNSEEN_OF[name], "Resource": "*"})
        iam.put_user_policy(**who, PolicyName=Path(name).stem, PolicyDocument=json.dumps(policy))
    key = iam.create_access_key(**who)["AccessKey"]
    return {"AWS_ACCESS_KEY_ID": key["AccessKeyId"], "AWS_SECRET_ACCESS_KEY": key["SecretAccessKey"]}


def check_out(folder: Path) -> Path:
    """A copy of the project's files, with the layer that was made before, so that nothing is downloaded again."""
    asked = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(asked, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.splitlines()
    for name in names:
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)
    for layer in functions.LAYER_CACHE.glob(functions.LAYERS):
        (folder / ".chalice" / "deployments").mkdir(parents=True, exist_ok=True)
        shutil.copy2(layer, folder / ".chalice" / "deployments")
    return folder
