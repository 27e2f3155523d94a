"""Recounts from the bucket's listing and the API's rows, behind the services' backs."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.e2e.client import Json, Wallify, eventually

WAITING = tuple(f"ApproximateNumberOfMessages{which}" for which in ("", "NotVisible", "Delayed"))


@dataclass(frozen=True)
class Truth:
    """Judges what the API tells by what is stored."""

    wallify: Wallify
    s3: Any
    sqs: Any
    outputs: Mapping[str, str]

    def keys(self, prefix: str = "") -> dict[str, int]:
        """Everything in the bucket under a prefix, with its size in bytes."""
        pages = self.s3.get_paginator("list_objects_v2").paginate(Bucket=self.outputs["BucketName"], Prefix=prefix)
        return {found["Key"]: found["Size"] for page in pages for found in page.get("Contents", ())}

    def versions(self, image_id: str) -> list[str]:
        """Keys of an image's files that have a version or a delete marker left in the bucket."""
        pages = self.s3.get_paginator("list_object_versions").paginate(Bucket=self.outputs["BucketName"])
        found = (one["Key"] for page in pages for kind in ("Versions", "DeleteMarkers") for one in page.get(kind, ()))
        return [key for key in found if key.split("/")[1] == image_id]

    def body(self, prefix: str) -> bytes:
        """The bytes of the one object under this prefix."""
        (key,) = self.keys(prefix)
        found: bytes = self.s3.get_object(Bucket=self.outputs["BucketName"], Key=key)["Body"].read()
        return found

    def assert_exact(self, collection: str, images: int) -> list[Json]:
        """So many rows, each with its objects, no picture twice, counters equal to a recount; answers the rows."""
        eventually(lambda: self._messages("thumbnails") == 0 or None, "the widths are made")
        rows = self.wallify.images(collection)
        assert len(rows) == images
        assert max(Counter(row["sha256"] for row in rows).values()) == 1
        originals = [self._sizes("originals", row) for row in rows]
        renditions = [self._sizes("renditions", row) for row in rows]
        assert originals == [[row["bytes"]] for row in rows]
        told = self.wallify.collection(collection)
        recounted = (len(rows), sum(map(sum, originals)), sum(map(sum, renditions)))
        assert (told["images"], told["bytes"], told["rendition_bytes"]) == recounted
        return rows

    def assert_drained(self, collection: str) -> None:
        """Nothing waits in the queue of uploads or is dead, and no upload of the collection lies unprocessed."""
        eventually(lambda: self._messages("images") == 0 or None, "the queue is empty")
        assert self._messages("images-dead") == 0
        eventually(lambda: self.keys(f"incoming/{collection}/") == {} or None, "the uploads are put away")

    def announce(self, body: str) -> None:
        """Put a message onto the queue of uploads."""
        self.sqs.send_message(QueueUrl=self._url(self.outputs["ImagesQueueName"]), MessageBody=body)

    def _sizes(self, kind: str, row: Json) -> list[int]:
        return list(self.keys(f"{kind}/{row['image_id']}/").values())

    def _messages(self, queue: str) -> int:
        name = self.outputs["ImagesQueueName"].removesuffix("images") + queue
        told = self.sqs.get_queue_attributes(QueueUrl=self._url(name), AttributeNames=list(WAITING))["Attributes"]
        return sum(int(told[which]) for which in WAITING)

    def _url(self, name: str) -> str:
        return str(self.sqs.get_queue_url(QueueName=name)["QueueUrl"])
