"""Another size is a setting: what comes is made with it, what is there is made anew, and the allow-list follows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from chalice.app import Chalice

from chalicelib import container
from chalicelib.container import Container
from chalicelib.json_formats import Work
from chalicelib.uploads.service import Upload
from tests.http.gateway import Gateway
from tests.http.memory_service import BOOTSTRAP, a_jpeg, hire, memory_service


@pytest.fixture
def later() -> Iterator[Container]:
    """Services with a picture that was processed before the sizes were changed to 1200 and 300."""
    before = memory_service()
    hire(before)
    before.uploads.accept(Upload("nature", "old.jpg", a_jpeg(1600, 1200)))
    after = memory_service(rendition_sizes="300,1200")
    after.state, after.clock, after.objects = before.state, before.clock, before.objects
    hire(after)
    container.use(after)
    yield after
    container.use(None)


@pytest.fixture
def client(app: Chalice, later: Container) -> Gateway:
    return Gateway(app, authorization=f"Bearer {BOOTSTRAP}")


def image(client: Gateway, text: str) -> Any:  # noqa: ANN401  # JSON
    return client.get(f"/collections/nature/images?text={text}").json["images"][0]


def sizes(record: Any) -> dict[int, list[str]]:  # noqa: ANN401  # JSON
    return {one["size"]: sorted(source["format"] for source in one["sources"]) for one in record["thumbnails"]}


def test_what_comes_from_now_on_has_the_new_sizes(client: Gateway, later: Container) -> None:
    later.uploads.accept(Upload("nature", "new.jpg", a_jpeg(1600, 1200, seed=1)))
    made = image(client, "new")
    assert sizes(made) == {300: ["avif", "jpeg"], 1200: ["avif", "jpeg"]}
    assert "/1200.avif" in client.get(f"/i/{made['image_id']}/1200", Accept="image/avif").headers["Location"]
    assert client.get(f"/i/{made['image_id']}/600").status == 404


def test_what_is_there_gets_them_by_one_task_and_then_has_nothing_to_do(client: Gateway, later: Container) -> None:
    old = image(client, "old")
    assert client.get(f"/i/{old['image_id']}/1200").status == 404
    for done in ("images_done", "complete_already"):
        task = later.thumbnail_requests.make(collection="nature")
        ended = later.chunked_jobs.run(Work(task.task_id), later.job_worker)
        assert ended is not None
        assert ended.result is not None
        assert ended.result[done] == 1
    assert sizes(image(client, "old")) == {300: ["avif", "jpeg"], 1200: ["avif", "jpeg"]}
    location = client.get("/cdn/nature/old.jpg?width=1100", Accept="image/avif").headers["Location"]
    assert location.endswith("/1200.avif")
    assert later.objects.exists(location.removeprefix("https://cdn.example/"))
    assert client.get(f"/i/{old['image_id']}/150").status == 404
