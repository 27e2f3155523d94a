"""Which parts of botocore's descriptions of AWS's services the functions need, and the loader that reads them.

botocore describes each operation and shape of a service in one file, and every region of every service in another. A
function that makes three clients would read 2 MB of JSON at its start. `files` works inside `chalice deploy` and
`chalice package`; functions read the files that it makes by `PackagedLoader`, and the runtime's own where the package
brings none.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from botocore.exceptions import DataNotFoundError
from botocore.loaders import Loader

OPERATIONS: Mapping[str, frozenset[str]] = {
    "dynamodb": frozenset(
        {"BatchGetItem", "DescribeEndpoints", "GetItem", "PutItem", "Query", "Scan", "TransactWriteItems", "UpdateItem"}
    ),
    "s3": frozenset(
        {
            "CopyObject",
            "CreateBucket",
            "DeleteObject",
            "DeleteObjects",
            "GetObject",
            "HeadBucket",
            "HeadObject",
            "ListObjectVersions",
            "ListObjectsV2",
            "PutObject",
        }
    ),
    "secretsmanager": frozenset({"GetSecretValue"}),
    "sqs": frozenset(
        {
            "ChangeMessageVisibility",
            "ChangeMessageVisibilityBatch",
            "DeleteMessage",
            "GetQueueAttributes",
            "GetQueueUrl",
            "PurgeQueue",
            "ReceiveMessage",
            "SendMessage",
        }
    ),
}
"""Operations by service. Other services, and parts of these that are not here, come from the runtime's own files."""
ASKED_BY_BOTOCORE: Mapping[str, frozenset[str]] = {
    "dynamodb": frozenset({"DescribeEndpoints"}),
    "s3": frozenset({"CreateBucket", "HeadBucket"}),
}
"""Operations that botocore itself uses: to find endpoints, to sign forms, and to find the region of a bucket."""
_MODEL = "service-2"
_WHOLE = ("endpoint-rule-set-1", "paginators-1")
_DATA = ("partitions", "sdk-default-configuration")
_DOCUMENTATION = frozenset({"documentation", "documentationUrl"})


def files() -> Iterator[tuple[str, bytes]]:
    """Yield the path of each file, in a folder of botocore's layout, and its bytes; the same for one botocore."""
    loader = Loader()
    for service, operations in OPERATIONS.items():
        folder = f"{service}/{loader.determine_latest_version(service, _MODEL)}"
        yield _file(f"{folder}/{_MODEL}", needed(loader.load_service_model(service, _MODEL), operations))
        for kind in _WHOLE:
            yield _file(f"{folder}/{kind}", loader.load_service_model(service, kind))
    for name in _DATA:
        yield _file(name, loader.load_data(name))
    yield _file("endpoints", _endpoints(loader.load_data("endpoints")))


def needed(model: Mapping[str, Any], operations: frozenset[str]) -> dict[str, Any]:
    """Return the description of a service with these operations, what they refer to, and no documentation."""
    kept = {name: model["operations"][name] for name in sorted(operations)}
    waiting, shapes = list(_references(kept)), dict[str, Any]()
    while waiting:
        name = waiting.pop()
        if name not in shapes:
            shapes[name] = model["shapes"][name]
            waiting += _references(shapes[name])
    # Only these two: botocore requires the documentation of a client's own parameters.
    parts = {"operations": kept, "shapes": {name: shapes[name] for name in sorted(shapes)}}
    return {**model, **_without_documentation(parts)}


def _references(part: object) -> Iterator[str]:
    """Yield the names of shapes that a part of a description refers to."""
    if isinstance(part, Mapping):
        if isinstance(name := part.get("shape"), str):
            yield name
        for value in part.values():
            yield from _references(value)
    elif isinstance(part, list):
        for value in part:
            yield from _references(value)


def _without_documentation(part: Any) -> Any:  # noqa: ANN401  # any JSON
    if isinstance(part, Mapping):
        # A member of a structure may have one of these names; it is an object then.
        return {
            name: _without_documentation(value)
            for name, value in part.items()
            if not (name in _DOCUMENTATION and isinstance(value, str))
        }
    return [_without_documentation(value) for value in part] if isinstance(part, list) else part


def _endpoints(everything: dict[str, Any]) -> dict[str, Any]:
    """Return the regions and partitions, with the endpoints of the services that are here."""
    partitions = [
        {**one, "services": {name: found for name, found in one["services"].items() if name in OPERATIONS}}
        for one in everything["partitions"]
    ]
    return {**everything, "partitions": partitions}


def _file(path: str, content: object) -> tuple[str, bytes]:
    return f"{path}.json", json.dumps(content, separators=(",", ":")).encode()


FOLDER = Path(__file__).parent.parent / "aws_data_files"
"""Where the package has them; in a checkout there are none."""


class PackagedLoader(Loader):  # type: ignore[misc]  # botocore has no types
    """botocore's loader of descriptions over the package's folder; whatever is not there is read as always.

    `files` makes the folder. Listing the runtime's folders alone, hundreds of services, takes longer than
    to read what is here.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(extra_search_paths=[str(folder)], include_default_search_paths=False)

    @cached_property
    def _runtime(self) -> Loader:
        return Loader()

    def load_service_model(self, service_name: str, type_name: str, api_version: str | None = None) -> Any:  # noqa: ANN401
        """See botocore."""
        try:
            return super().load_service_model(service_name, type_name, api_version)
        except DataNotFoundError:
            return self._runtime.load_service_model(service_name, type_name, api_version)

    def load_data_with_path(self, name: str) -> Any:  # noqa: ANN401
        """See botocore."""
        try:
            return super().load_data_with_path(name)
        except DataNotFoundError:
            return self._runtime.load_data_with_path(name)

    def determine_latest_version(self, service_name: str, type_name: str) -> Any:  # noqa: ANN401
        """See botocore."""
        try:
            return super().determine_latest_version(service_name, type_name)
        except DataNotFoundError:
            return self._runtime.determine_latest_version(service_name, type_name)

    def is_builtin_path(self, path: str) -> bool:
        """Return True: what the package brings are parts of botocore's own files."""
        return super().is_builtin_path(path) or Path(path).is_relative_to(self.search_paths[0])
