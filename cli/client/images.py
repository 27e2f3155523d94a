"""Images, the collections they are in, and the trash."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import BinaryIO
from urllib.parse import quote

from cli.client.records import Collection, Image, Task, Trashed
from cli.client.wire import Wire


@dataclass(frozen=True)
class Images:
    """Pictures, one by one and by collection."""

    wire: Wire

    def get(self, image_id: str) -> Image:
        """The image, with what the camera noted."""
        return self.wire.ask("GET", f"/images/{image_id}", Image)

    def of(
        self, collection: str, wanted: Mapping[str, str | int | None] | None = None, *, page: int = 100
    ) -> Iterator[Image]:
        """A collection's images, newest first; what is wanted are the API's filters (`text`, `ratio` …) and `sort`."""
        return self.wire.walk(f"{_path(collection)}/images", "images", Image, {"limit": page, **(wanted or {})})

    def change(self, image_id: str, *, collection: str | None = None, filename: str | None = None) -> Image:
        """Move it, rename it, or both."""
        wish = {"collection": collection, "filename": filename}
        body = {name: value for name, value in wish.items() if value is not None}
        return self.wire.ask("PATCH", f"/images/{image_id}", Image, json=body, repeatable=True)

    def trash(self, image_id: str) -> Trashed:
        """Put it into the trash, for seven days."""
        return self.wire.ask("DELETE", f"/images/{image_id}", Trashed)

    def delete(self, image_ids: Sequence[str]) -> Task:
        """The task that deletes up to 1,000 images for good."""
        return self.wire.ask("POST", "/deletions", Task, json={"image_ids": list(image_ids)})

    def restore(self, image_id: str) -> Image:
        """Take it out of the trash."""
        return self.wire.ask("POST", f"/images/{image_id}/restore", Image, repeatable=True)

    def trashed(self) -> Iterator[Trashed]:
        """What lies in the trash, longest there first."""
        return self.wire.walk("/trash", "images", Trashed)

    def make_thumbnails(
        self, *, image_id: str | None = None, collection: str | None = None, everything: bool = False
    ) -> Task:
        """The task that makes thumbnails again: of an image, a collection, or of all."""
        whole = image_id is None and collection is None
        wish = {"image_id": image_id, "collection": collection, "all": whole or None, "everything": everything or None}
        body = {name: value for name, value in wish.items() if value is not None}
        return self.wire.ask("POST", "/thumbnails", Task, json=body)

    def save(self, url: str, out: BinaryIO) -> int:
        """Write a picture's bytes, as the CDN serves them; answers how many."""
        return self.wire.fetch(url, out)


@dataclass(frozen=True)
class Collections:
    """Collections; one comes into being with its first image."""

    wire: Wire

    def all(self) -> list[Collection]:
        """All of them, by name."""
        return list(self.wire.walk("/collections", "collections", Collection))

    def get(self, name: str) -> Collection:
        """One, with its exact numbers."""
        return self.wire.ask("GET", _path(name), Collection)

    def create(self, wanted: Mapping[str, object]) -> Collection:
        """A new one without images: the fields `name`, `title`, `description` and `private`."""
        return self.wire.ask("POST", "/collections", Collection, json=dict(wanted))

    def change(self, name: str, wanted: Mapping[str, object]) -> Collection:
        """Another `title` or `description`."""
        return self.wire.ask("PATCH", _path(name), Collection, json=dict(wanted))

    def rename(self, name: str, new_name: str) -> Task:
        """The task that gives it another name, which takes its images along."""
        return self.wire.ask("PATCH", _path(name), Task, json={"name": new_name})

    def delete(self, name: str, *, force: bool = False) -> Task:
        """The task that deletes it; with `force` also where it has images."""
        return self.wire.ask("DELETE", _path(name), Task, query={"force": "true" if force else None})


def _path(collection: str) -> str:
    return f"/collections/{quote(collection, safe='')}"
