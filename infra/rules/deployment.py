"""All that a deployment is made of, as data: templates, what `chalice package` made, configuration and stages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from infra import stages
from infra.stages import Choices
from infra.template import DATABASE, FOUNDATION, GATEWAY, OBSERVING, read

Json = dict[str, Any]

QUEUE, TABLE, BUCKET = "AWS::SQS::Queue", "AWS::DynamoDB::Table", "AWS::S3::Bucket"
FUNCTION = "AWS::Serverless::Function"
STAGES = ("dev", "prod")


def _stages() -> dict[str, Choices]:
    return {name: stages.of(name) for name in STAGES}


@dataclass
class Deployment:
    """One deployment; templates are in their long form (see `infra.template`)."""

    config: Json
    package: Json
    """The template that `chalice package` writes."""
    foundation: Json = field(default_factory=lambda: read(FOUNDATION))
    database: Json = field(default_factory=lambda: read(DATABASE))
    gateway: Json = field(default_factory=lambda: read(GATEWAY))
    observing: Json = field(default_factory=lambda: read(OBSERVING))
    stages: dict[str, Choices] = field(default_factory=_stages)

    @property
    def resources(self) -> Json:
        """Whatever the templates make, by logical name."""
        return {
            name: resource
            for template in (self.foundation, self.database, self.gateway, self.observing)
            for name, resource in template["Resources"].items()
        }

    def of(self, kind: str) -> Json:
        """The properties of every resource of a type, by logical name."""
        return {name: found.get("Properties", {}) for name, found in self.resources.items() if found["Type"] == kind}

    @property
    def functions(self) -> Json:
        """The properties of each function as it is packaged, by its logical name."""
        resources = self.package["Resources"].items()
        return {name: found["Properties"] for name, found in resources if found["Type"] == FUNCTION}

    @property
    def work_queues(self) -> Json:
        """The queues that functions take work from."""
        return {name: found for name, found in self.of(QUEUE).items() if not name.endswith("DeadLetters")}

    def statements(self) -> Iterator[tuple[str, Json]]:
        """Every statement of every policy document, with where it stands."""
        for name, resource in self.resources.items():
            yield from _statements(name, resource)

    def allowed(self) -> Iterator[tuple[str, Json]]:
        """Those of the statements that allow something."""
        yield from ((where, found) for where, found in self.statements() if found["Effect"] == "Allow")

    def refuses_plain_http(self, resource: Json) -> bool:
        """Whether nobody may use the resource without TLS."""
        return any(
            found["Effect"] == "Deny"
            and found["Principal"] == "*"
            and resource in as_list(found["Resource"])
            and found["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
            for _, found in self.statements()
        )


def as_list(value: Any) -> list[Any]:  # noqa: ANN401 - templates write one thing or a list of things
    """Several, whether one or several were written."""
    return value if isinstance(value, list) else [value]


def text(value: Any) -> str:  # noqa: ANN401
    """What an intrinsic function's argument says; "" where that is not text."""
    found = value.get("Fn::Sub", "") if isinstance(value, dict) else value
    return found if isinstance(found, str) else ""


def _statements(where: str, node: Any) -> Iterator[tuple[str, Json]]:  # noqa: ANN401
    if isinstance(node, dict) and "Effect" in node:
        yield f"{where}/{node.get('Sid', '?')}", node
    children = node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    for child in children:
        yield from _statements(where, child)
