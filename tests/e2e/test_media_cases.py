"""Real kinds of pictures that once came out wrong, by both ways in, before and after the night, as Chromium shows them.

The files are no part of the project; they lie in `../shared/cases/media`, or where WALLIFY_CASES says, else this is
skipped. What the engine's own tests make of the same kinds is in tests/engine.
"""

from __future__ import annotations

import base64
import math
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from PIL import ImageChops, ImageStat
from playwright.sync_api import Browser, Page

from cli.local.stack import PROJECT
from tests.browser.chromium import chromium
from tests.e2e.client import Json, Wallify, a_key, in_parallel, task_of, told
from tests.e2e.conftest import Cloud
from tests.e2e.media_cases import CASES, Refused, Shown
from tests.e2e.nightfall import Nightfall
from tests.e2e.photos import fetched
from tests.e2e.test_bulk_and_direct import post
from tests.e2e.truth import Truth
from tests.pictures import opened

FOLDER = Path(os.environ.get("WALLIFY_CASES", PROJECT.parent / "shared" / "cases" / "media"))
pytestmark = [pytest.mark.e2e, pytest.mark.skipif(not FOLDER.is_dir(), reason="no folder of cases here")]

LIKED = {"avif": "image/avif", "webp": "image/webp", "plain": "image/png"}
LOOK = """async ([address, places]) => {
  const picture = new Image()
  picture.src = address
  await picture.decode()
  const canvas = document.createElement("canvas")
  canvas.width = picture.naturalWidth
  canvas.height = picture.naturalHeight
  const place = canvas.getContext("2d", {willReadFrequently: true})
  place.drawImage(picture, 0, 0)
  const seen = []
  for (let i = 0; i < 6; i += 1) {
    const x = Math.floor(canvas.width * (2 * (i % 3) + 1) / 6)
    const y = Math.floor(canvas.height * (2 * Math.floor(i / 3) + 1) / 4)
    seen.push([...place.getImageData(x, y, 1, 1).data])
  }
  const clear = places.map(([x, y]) => {
    const data = place.getImageData(Math.floor(x * canvas.width), Math.floor(y * canvas.height), 1, 1).data
    return data[3]
  })
  return {size: [canvas.width, canvas.height], seen, clear}
}"""
"""The picture at this address: how large it is shown, the colours in the middle of each of six patches, and how much
there is to be seen (0 to 255) in places that are given as shares of its sides."""


@dataclass(frozen=True)
class Sent:
    """What became of one file by one way in: a record, or an error with code, message and details."""

    file: str
    image: Json | None
    error: Json | None

    def wrong(self, wanted: Shown | Refused) -> Iterator[str]:
        """Everything about the verdict that is not as it should be."""
        if isinstance(wanted, Refused):
            if self.error is None or self.error["code"] != wanted.code:
                yield f"{self.file}: {self.error or self.image} instead of {wanted.code}"
                return
            yield from (
                f"{self.file}: says nothing of {word!r}" for word in wanted.says if word not in self.error["message"]
            )
            told = self.error.get("details") or {}
            yield from (
                f"{self.file}: {name} is {told.get(name)}" for name, it in wanted.details if told.get(name) != it
            )
        elif self.image is None:
            yield f"{self.file}: {self.error}"
        else:
            yield from self._wrong_record(self.image, wanted)

    def _wrong_record(self, image: Json, wanted: Shown) -> Iterator[str]:
        facts = (image["width"], image["height"]), image["frames"], image["has_alpha"]
        if facts != (wanted.size, wanted.frames, wanted.has_alpha):
            yield f"{self.file}: {facts}"
        if wanted.format and image["format"] != wanted.format:
            yield f"{self.file}: format {image['format']}"
        if wanted.warns != "as it likes" and bool(image["warnings"]) != (wanted.warns == "always"):
            yield f"{self.file}: warnings {image['warnings']}"


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    page = browser.new_page()
    yield page
    page.close()


def test_every_file_of_the_folder_is_in_the_table() -> None:
    assert {path.name for path in FOLDER.iterdir()} - {"manifest.tsv", "README.md"} == set(CASES)


def test_each_is_shown_as_it_is_or_refused_with_the_reason_by_both_ways_in_before_and_after_the_night(
    cloud: Cloud, wallify: Wallify, truth: Truth, collection: str, page: Page
) -> None:
    posted = in_parallel(lambda file: by_the_api(wallify, collection, file), sorted(CASES))
    straight = in_parallel(lambda file: into_the_bucket(wallify, f"{collection}-b", file), sorted(CASES))

    assert [fault for sent in (*posted, *straight) for fault in sent.wrong(CASES[sent.file])] == []
    assert [one.error and told_of(one.error) for one in posted] == [
        one.error and told_of(one.error) for one in straight
    ]
    images = {sent.file: sent.image for sent in posted if sent.image}
    seen = {file: addresses(wallify, image) for file, image in images.items()}
    assert shown_wrong(page, seen) == []

    Nightfall(cloud, truth).optimized(collection)

    again = {file: told(wallify.http.get(f"/images/{image['image_id']}"), 200) for file, image in images.items()}
    unchanged = ("bytes", "sha256", "width", "height", "colors", "thumbhash")
    assert [[image[name] for name in unchanged] for image in again.values()] == [
        [image[name] for name in unchanged] for image in images.values()
    ]
    # What is stored under an address never changes, so only new addresses are looked at.
    new = {file: unseen(addresses(wallify, image), seen[file]) for file, image in again.items()}
    assert shown_wrong(page, new) == []


def unseen(forms: Mapping[str, str], before: Mapping[str, str]) -> dict[str, str]:
    return {form: url for form, url in forms.items() if url not in before.values()}


def by_the_api(wallify: Wallify, collection: str, file: str) -> Sent:
    answer = wallify.upload((FOLDER / file).read_bytes(), file, collection=collection, on_duplicate="copy")
    if answer.is_success:
        return ended(file, wallify.ended(task_of(answer)))
    return Sent(file, None, answer.json())


def into_the_bucket(wallify: Wallify, collection: str, file: str) -> Sent:
    asked = {"files": [{"filename": file, "collection": collection, "on_duplicate": "copy"}]}
    (ticket,) = told(wallify.http.post("/uploads", headers=a_key(), json=asked), 201)["uploads"]
    assert post(ticket, (FOLDER / file).read_bytes()).is_success
    return ended(file, wallify.ended(ticket["task_id"]))


def ended(file: str, task: Json) -> Sent:
    assert task["attempts"] <= 1, task
    return Sent(file, task["result"] if task["status"] == "SUCCESS" else None, task["error"])


def told_of(error: Json) -> tuple[object, ...]:
    return error["code"], error["message"], error.get("details") or {}


def shown_wrong(page: Page, images: Mapping[str, Mapping[str, str]]) -> list[str]:
    """What Chromium shows otherwise than it is, of any of these forms, by file."""
    return [
        f"{file} {form}: {fault}"
        for file, forms in images.items()
        for url, form in {url: form for form, url in forms.items()}.items()  # several readers may get the same file
        for fault in faults(page, file, fetched(url), is_full=form.startswith("full"))
    ]


def addresses(wallify: Wallify, image: Json) -> dict[str, str]:
    """Each form that is served: the thumbnails in every format, the full form as each kind of reader gets it."""
    found = {
        f"{one['size']} {source['format']}": source["url"] for one in image["thumbnails"] for source in one["sources"]
    }
    for name, liked in LIKED.items():
        led = wallify.http.get(f"/i/{image['image_id']}/full", headers={"Accept": liked})
        found[f"full {name}"] = led.headers["Location"]
    return found | {"full": image["url"]}


def faults(page: Page, file: str, body: bytes, *, is_full: bool) -> Iterator[str]:
    wanted = CASES[file]
    assert isinstance(wanted, Shown)
    (wide, high), address = wanted.size, f"data:{media_type(body)};base64,{base64.b64encode(body).decode()}"
    shown = page.evaluate(LOOK, [address, [(x / wide, y / high) for x, y in wanted.clear]])
    width, height = shown["size"]
    if abs(width / height - wide / high) > 0.02:
        yield f"is {width} x {height}"
    pairs = list(zip(shown["seen"], wanted.patches, strict=True)) if wanted.patches and not is_moving(body) else []
    yield from (f"{seen} instead of {true}" for seen, true in pairs if not near(seen, true, wanted.within))
    yield from (f"is not clear there: {seen}" for seen in shown["clear"] if seen)
    yield from (f"has {word!r} in it" for word in wanted.without if word in body)
    if is_full and wanted.decibels and (told := decibels(body, (FOLDER / file).read_bytes())) < wanted.decibels:
        yield f"is {told:.1f} dB from the original"


def is_moving(body: bytes) -> bool:
    """An animation shows its own first frame, which may be a blank one."""
    return getattr(opened(body), "n_frames", 1) > 1


def decibels(body: bytes, original: bytes) -> float:
    one, other = (opened(each).convert("RGB") for each in (body, original))
    mean = sum(ImageStat.Stat(ImageChops.difference(one, other)).sum2) / (3 * one.width * one.height)
    return 10 * math.log10(255**2 / mean) if mean else math.inf


def near(seen: list[int], true: tuple[int, int, int], within: int) -> bool:
    return all(abs(one - other) <= within for one, other in zip(seen[:3], true, strict=True))


def media_type(body: bytes) -> str:
    marks = {b"\x89PNG": "image/png", b"\xff\xd8": "image/jpeg", b"GIF8": "image/gif", b"RIFF": "image/webp"}
    return next((kind for mark, kind in marks.items() if body.startswith(mark)), "image/avif")
