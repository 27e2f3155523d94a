"""An empty account on an emulator of its own, a checkout of the project, and the commands a person would type in it."""

from __future__ import annotations

import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cli.local import emulator, layers
from cli.local.cloud import client
from cli.local.stack import PROJECT, Stack

CHALICE = ("-m", "cli.local.chalice_here")  # Chalice's own command; the emulator's gateway needs help

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
    ("cloudformation", "describe_stacks", "Stacks", "StackName"),
)
OF_AWS = {"list_policies": {"Scope": "Local"}, "list_cache_policies": {"Type": "custom"}}
OF_AWS["list_response_headers_policies"] = {"Type": "custom"}


@dataclass(frozen=True)
class Account:
    """The account of an emulator that nobody else uses."""

    stack: Stack
    checkout: Path

    @property
    def environment(self) -> dict[str, str]:
        """What a shell would have that works in this account and no other."""
        ours = emulator.client_environment(self.stack)
        clean = {name: value for name, value in ours.items() if not name.startswith("WALLIFY_")}
        return clean | {
            "COLUMNS": "200",
            "NO_PROXY": "*",
        }

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
            timeout=400,
        )

    def aws(self, service: str) -> Any:  # noqa: ANN401 - boto3 makes its clients at run time
        """A client of this account."""
        return client(self.stack, service)

    def everything(self) -> dict[str, list[str]]:
        """Whatever the account lists, by the call that lists it."""
        found = {call: self._list(service, call, place, name) for service, call, place, name in LISTS}
        return {call: names for call, names in found.items() if names}

    def _list(self, service: str, call: str, place: str, name: str) -> list[str]:
        part = getattr(self.aws(service), call)(**OF_AWS.get(call, {}))
        for step in place.split("."):
            part = part.get(step, [])
        return sorted(str(one[name]) if name else one for one in part)

    def functions(self) -> dict[str, list[str]]:
        """What each function is; not its layer's version, since Chalice publishes the same layer anew each time."""
        found = self.aws("lambda").list_functions()["Functions"]
        parts = ("CodeSha256", "MemorySize", "Timeout", "Role", "Environment", "Runtime", "Handler")
        layers = {one["FunctionName"]: one["Layers"][0]["CodeSize"] for one in found}
        return {
            one["FunctionName"]: [str(layers[one["FunctionName"]]), *(str(one[part]) for part in parts)]
            for one in found
        }


def check_out(folder: Path) -> Path:
    """A copy of the project's files, with the layer that was made before, so that nothing is downloaded again."""
    asked = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(asked, cwd=PROJECT, capture_output=True, text=True, check=True).stdout.splitlines()
    for name in names:
        if (PROJECT / name).is_file():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(PROJECT / name, folder / name)
    for layer in layers.SHELF.glob(layers.LAYERS):
        (folder / ".chalice" / "deployments").mkdir(parents=True, exist_ok=True)
        shutil.copy2(layer, folder / ".chalice" / "deployments")
    return folder
