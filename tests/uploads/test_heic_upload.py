"""A phone's picture through the API: catalogued as what it is, shown as what everybody can see."""

from __future__ import annotations

import pytest

from chalicelib.container import Container
from tests.heics import a_heic
from tests.http.forms import a_file, upload
from tests.http.gateway import Gateway
from tests.pictures import opened, psnr, scene

SIZE = (128, 80)


@pytest.mark.parametrize("wait", [True, False], ids=["direct", "async"])
@pytest.mark.parametrize("name", ["IMG_0001.HEIC", "IMG_0001.jpg"])
def test_a_heic_is_catalogued_and_shown_as_jpeg(
    admin: Gateway,
    working_services: Container,
    name: str,
    wait: bool,  # noqa: FBT001
) -> None:
    got = upload(admin, a_file(a_heic(scene(SIZE)), name), async_=str(not wait).lower())
    file = got.json["file"] if wait else admin.get(f"/task/status/{got.json['task_ids'][0][1]}").json["result"]

    assert (file["format"], file["width"], file["height"]) == ("heic", *SIZE)
    assert file["name"].lower().startswith("img_0001.heic" if name.endswith("HEIC") else "img_0001.")
    image = working_services.state.catalog.image(file["image_id"])
    [full] = [one for one in working_services.state.catalog.renditions(image.image_id) if one.size == "full"]
    assert full.format in {"jpeg", "png"}
    assert psnr(opened(working_services.objects.get(full.key, limit=1 << 20)).convert("RGB"), scene(SIZE)) > 30
