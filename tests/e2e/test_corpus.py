"""Real and hostile files from public test suites, which are not part of the project: skipped where they are not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.corpus import CORPUS, expectations
from tests.e2e.client import Json, Wallify, in_parallel, task_of
from tests.e2e.photos import clean, clean_in_full, fetched

pytestmark = [
    pytest.mark.e2e,
    pytest.mark.skipif(not expectations(), reason="WALLIFY_CORPUS names no corpus"),
]

HOSTILE = (b"<script", b"<?php", b"<svg", b"javascript:", b"onerror=", b"<!ENTITY", b"/etc/passwd", b"#!/bin/")


@dataclass(frozen=True)
class Outcome:
    """What became of one file."""

    path: str
    expected: bool | None
    refused: int | None
    """The status at the door, if it was refused there."""
    task: Json | None

    @property
    def is_image(self) -> bool:
        return self.task is not None and self.task["status"] == "SUCCESS"

    def faults(self) -> Iterator[str]:
        """Everything about it that is not as it should be."""
        if self.refused is not None and self.refused not in {400, 413, 415, 422}:
            yield f"{self.path} was refused with {self.refused}"
        if self.task and (self.task["status"] not in {"SUCCESS", "FAILURE"} or self.task["attempts"] > 1):
            yield f"{self.path} ended as {self.task['status']} at attempt {self.task['attempts']}"
        if self.task and self.task["error"] and self.task["error"]["retryable"]:
            yield f"{self.path} failed for a passing reason: {self.task['error']}"
        if self.expected not in {None, self.is_image}:
            why = self.task["error"] if self.task else self.refused
            yield f"{self.path} should {'' if self.expected else 'not '}become an image: {why}"


def test_every_file_ends_at_its_first_attempt_as_expected_and_nothing_hostile_is_published(
    wallify: Wallify, collection: str
) -> None:
    outcomes = in_parallel(lambda row: outcome(wallify, collection, *row), list(expectations().items()))
    assert [fault for one in outcomes for fault in one.faults()] == []
    images = [one.task["result"] for one in outcomes if one.task and one.is_image]
    assert images
    assert [found for some in in_parallel(hostile, images) for found in some] == []


def outcome(wallify: Wallify, collection: str, path: str, expected: bool | None) -> Outcome:  # noqa: FBT001 - a row
    body = (CORPUS / path).read_bytes()
    answer = wallify.upload(body, Path(path).name, collection=collection, on_duplicate="copy")
    if answer.status_code >= 400:
        return Outcome(path, expected, answer.status_code, None)
    return Outcome(path, expected, None, wallify.ended(task_of(answer), patience=300))


def hostile(image: Json) -> list[str]:
    """What of this image is published and should not be."""
    urls = {image["url"], *(source["url"] for one in image["thumbnails"] for source in one["sources"])}
    bodies = {url: fetched(url) for url in urls}
    for url, body in bodies.items():
        (clean_in_full if url == image["url"] else clean)(body)
    return [
        f"{word!r} in {url} of {image['filename']}" for url, body in bodies.items() for word in HOSTILE if word in body
    ]
