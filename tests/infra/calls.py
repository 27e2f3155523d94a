"""What requests and jobs ask of AWS, counted: the table of docs/reference/calls.md.

Each row is measured in functions that have worked before, in an account of moto with one collection of 20 images.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import count
from math import ceil
from typing import Any
from unittest.mock import patch
from uuid import UUID

from chalicelib.adapters import aws
from chalicelib.json_formats import write_change
from tests.http.forms import FORM, a_file, a_form
from tests.infra.account import Account, an_account
from tests.infra.day import arrive, images, upload
from tests.infra.scenes import other_scenes
from tests.pictures import a_jpeg

IMAGES = 20
PICTURE = a_jpeg((400, 300))
WIDE = a_jpeg((600, 450))
"""Wider than the narrowest width of the ladder, by default."""
HEAD = (
    "| request or work | calls | DynamoDB | rows written | write units | read units | S3 | others |\n"
    "|---|---:|---|---:|---:|---:|---|---|\n"
)
_AHEAD = {"filename": "ahead.jpg", "content_type": "image/jpeg", "collection": "lakes"}
_WRITE_UNIT, _READ_UNIT = 1024, 4096
"""Bytes, https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html."""
_KEYED = frozenset({"UpdateItem", "DeleteItem", "PutItem"})
Parameters = Mapping[str, Any]


@dataclass(frozen=True)
class Row:
    """The calls of one request or message."""

    name: str
    operations: tuple[str, ...]
    """Such as `dynamodb.GetItem`."""
    rows: int
    write_units: int
    read_units: float

    def __str__(self) -> str:
        """The row of the table."""
        by_service: dict[str, Counter[str]] = {"dynamodb": Counter(), "s3": Counter(), "": Counter()}
        for operation in self.operations:
            service, name = operation.split(".")
            if service in by_service:
                by_service[service][name] += 1
            else:
                by_service[""][f"{service} {name}"] += 1
        dynamodb, s3, others = map(_listed, by_service.values())
        units = self.rows, self.write_units, f"{self.read_units:g}"
        return f"| {' | '.join(map(str, (self.name, len(self.operations), dynamodb, *units, s3, others)))} |\n"


@dataclass
class CallCounter:
    """Counts what clients are asked, and the units that DynamoDB would bill.

    An item that is only changed counts as one unit: its size is not in the request.
    """

    operations: list[str] = field(default_factory=list)
    rows: int = 0
    write_units: int = 0
    read: Counter[tuple[str, bool]] = field(default_factory=Counter)
    """Reads and the bytes that they returned, by whether they were strongly consistent."""
    _parameters: Parameters = field(default_factory=dict)

    def listen(self) -> None:
        """Count the calls of all services that the functions use."""
        for service in ("dynamodb", "s3", "sqs", "lambda", "cloudwatch", "cloudfront", "secretsmanager"):
            events = aws.client(service).meta.events
            events.register("provide-client-params", self._keep_parameters)
            events.register("before-call", self._called)
            events.register("after-call.dynamodb", self._answered)

    def row(self, name: str, run: Callable[[], object]) -> Row:
        """Count what this asks."""
        self.operations, self.rows, self.write_units, self.read = [], 0, 0, Counter()
        run()
        return Row(name, tuple(self.operations), self.rows, self.write_units, self._read_units())

    def _read_units(self) -> float:
        """Return the units of all reads together, as ids decide by chance how many bytes each shard returns."""
        strong, lagging = (
            max(self.read["reads", consistent], ceil(self.read["bytes", consistent] / _READ_UNIT))
            for consistent in (True, False)
        )
        return strong + lagging / 2

    def _keep_parameters(self, params: Parameters, **_: object) -> None:
        self._parameters = params

    def _called(self, model: Any, **_: object) -> None:  # noqa: ANN401  # botocore's
        self.operations.append(f"{model.service_model.service_name}.{model.name}")
        if model.name in _KEYED and self._parameters.get("ReturnValues") != "ALL_NEW":
            self._written(self._parameters)
        for change in self._parameters.get("TransactItems", ()):
            [(kind, one)] = change.items()
            if kind != "ConditionCheck":
                self._written(one, times=2)

    def _written(self, change: Parameters, times: int = 1) -> None:
        self.rows += 1
        self.write_units += times * write_units(change.get("Item", {}))

    def _answered(self, parsed: Mapping[str, Any], **_: object) -> None:
        if "Attributes" in parsed:
            self._written({"Item": parsed["Attributes"]})
        items = parsed.get("Items", [parsed["Item"]] if "Item" in parsed else None)
        if items is not None:
            self._count_read(bool(self._parameters.get("ConsistentRead")), items)
        for name, asked in self._parameters.get("RequestItems", {}).items():
            # Each key of a batch is billed like a read of its own, there or not.
            found = parsed.get("Responses", {}).get(name, [])
            for one in [[item] for item in found] + [[]] * (len(asked["Keys"]) - len(found)):
                self._count_read(bool(asked.get("ConsistentRead")), one)

    def _count_read(self, consistent: bool, items: Sequence[Parameters]) -> None:  # noqa: FBT001  # botocore's word
        self.read["reads", consistent] += 1
        self.read["bytes", consistent] += sum(map(_size, items))


def table() -> str:
    """Return the table as Markdown."""
    return HEAD + "".join(map(str, measured()))


def measured() -> list[Row]:
    """Return a row for each request and job.

    Ids come in turn: by chance they would decide which shards have items, and so how many bytes are read.
    """
    # A queue of moto delays messages by the real time, so here those about manifests are due at once.
    return [*_measured(_scenes), *_measured(other_scenes, manifest_seconds=0)]


Scenes = Callable[[Account, int], Iterator[tuple[str, Callable[[], object]]]]
_LATER = timedelta(days=3, hours=12)


def _measured(scenes: Scenes, **settings: object) -> list[Row]:
    """Return the rows of these scenes, in an account of their own."""
    ids = (str(UUID(int=number, version=4)) for number in count(1))
    with patch.object(aws, "new_id", lambda: next(ids)), an_account(**settings) as account:
        for number in range(IMAGES):
            upload(account, number, body=PICTURE + bytes([number]))
        arrive(account)
        account.work("Maintenance")
        # The same hour each time, as schedules depend on it; and so late that nothing in the bucket is new.
        today = account.clock.now().replace(hour=0, minute=0, second=0, microsecond=0)
        account.clock.move(today + _LATER - account.clock.now())
        counter = CallCounter()
        counter.listen()
        # What a process does once is done in the first round.
        for round_ in range(2):
            rows = [counter.row(name, run) for name, run in scenes(account, round_)]
    return rows


def _scenes(account: Account, round_: int) -> Iterator[tuple[str, Callable[[], object]]]:
    """Yield what is counted, in this order; what lies between is not."""
    body, tasks = PICTURE + b"scene %d" % round_, list[str]()
    again = a_form(a_file(body, "again.jpg"), collection="lakes", async_="true")
    ask = account.ask
    yield "`POST /file_upload`, `async=true`", lambda: tasks.append(upload(account, 100 + round_, body=body))
    yield "`GET /task/status/{task_id}`, waiting", lambda: ask("GET", f"/task/status/{tasks[0]}")
    account.announce_all()
    yield "`process_image`, one image", lambda: account.handle_next("Images")
    yield (
        "`maintenance`, a manifest with one new image",
        lambda: account.handle("Maintenance", write_change("lakes", ())),
    )
    yield (
        "`maintenance`, a manifest from the whole collection",
        lambda: account.handle("Maintenance", write_change("lakes")),
    )
    yield "`GET /task/status/{task_id}`, succeeded", lambda: ask("GET", f"/task/status/{tasks[0]}")
    yield "`POST /file_upload`, known bytes", lambda: ask("POST", "/file_upload", again, Content_Type=FORM)
    yield "`POST /uploads`, one form", lambda: ask("POST", "/uploads", _AHEAD)
    yield "`GET /tasks`", lambda: ask("GET", "/tasks")
    yield "`GET /tasks/active`", lambda: ask("GET", "/tasks/active")
    listing = f"/collections/lakes/images?limit={IMAGES}"
    yield f"`GET /collections/{{name}}/images`, {IMAGES} images", lambda: ask("GET", listing)
    image_id = images(account)[0]
    yield "`GET /images/{image_id}`", lambda: ask("GET", f"/images/{image_id}")
    yield "`GET /cdn/{collection}/{name}`", lambda: ask("GET", "/cdn/lakes/1.jpg?width=300")
    yield "`GET /i/{image_id}/{preset}`", lambda: ask("GET", f"/i/{image_id}/300")
    yield "`GET /p/{collection}/{file}`", lambda: ask("GET", "/p/lakes/1-300.jpg")
    yield "`GET /collections`, one collection", lambda: ask("GET", "/collections")
    yield "`GET /overview`", lambda: ask("GET", "/overview")
    other = {"name": f"other-{round_}.jpg"}
    yield "`PATCH /images/{image_id}`, renamed", lambda: ask("PATCH", f"/images/{image_id}", other)
    yield "`DELETE /images/{image_id}`", lambda: ask("DELETE", f"/images/{image_id}")
    yield "`POST /images/{image_id}/restore`", lambda: ask("POST", f"/images/{image_id}/restore")
    account.work("Maintenance")
    yield "`sweep`, one waiting upload form", lambda: account.tick("sweep")
    upload(account, 200 + round_, body=WIDE + b"scene %d" % round_)
    account.announce_all()
    yield "`images` queue, an image with widths to make", lambda: account.handle_next("Images")
    yield "`thumbnails` queue, an image in one width", lambda: account.handle_next("Thumbnails")


def _listed(operations: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" if count > 1 else name for name, count in sorted(operations.items()))


def write_units(item: Parameters) -> int:
    """Return a unit for each begun KB, in the table and in each index that the item is in."""
    return max(1, ceil(_size(item) / _WRITE_UNIT)) * (1 + sum(name.endswith("_pk") for name in item))


def _size(item: Parameters) -> int:
    """Return about how many bytes the item has: names and values.

    https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/CapacityUnitCalculations.html
    """
    return sum(len(name.encode()) + _value_size(value) for name, value in item.items())


def _value_size(value: Mapping[str, Any]) -> int:
    [(kind, content)] = value.items()
    match kind:
        case "S":
            return len(content.encode())
        case "N":
            return 1 + ceil(len(content.lstrip("-").replace(".", "")) / 2)
        case "M":
            return 3 + len(content) + _size(content)
        case "L":
            return 3 + sum(1 + _value_size(one) for one in content)
        case _:
            return 1
