"""The example gallery on a local cloud: the manifest, the forms and the upload of a page, with a real Chromium."""

from __future__ import annotations

import io

import httpx
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.browser.chromium import chromium
from tests.e2e.client import Wallify, eventually
from tests.e2e.conftest import Cloud
from tests.e2e.photos import a_small_photo

pytestmark = pytest.mark.e2e
PATIENCE = 300_000  # milliseconds; the machine may be busy with much else


def a_portrait() -> bytes:
    body = io.BytesIO()
    Image.linear_gradient("L").resize((700, 1100)).convert("RGB").save(body, "JPEG")
    return body.getvalue()


def test_a_visitor_sees_a_collection_and_uploads_into_it(cloud: Cloud, wallify: Wallify, collection: str) -> None:
    wallify.published(a_small_photo(), "first one.jpg", collection=collection)
    manifest = f"{cloud.api_url}/media/manifests/{collection}.json"
    eventually(lambda: httpx.get(manifest, trust_env=False).is_success or None, "a manifest of the collection")
    with chromium() as browser:
        page = browser.new_page(viewport={"width": 390, "height": 844}, reduced_motion="reduce")
        page.set_default_timeout(PATIENCE)
        complaints: list[str] = []
        page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.goto(f"{cloud.api_url}/gallery/?collection={collection}")
        expect(page.get_by_role("link", name="first one")).to_be_visible(timeout=PATIENCE)

        page.locator("#files").set_input_files(
            {"name": "new one.jpg", "mimeType": "image/jpeg", "buffer": a_portrait()}
        )
        page.get_by_role("textbox", name="Token").fill(cloud.token)
        page.get_by_role("button", name="Continue").click()

        expect(page.locator(".tile")).to_have_count(2, timeout=PATIENCE)
        page.wait_for_function("[...document.images].every((one) => one.complete && one.naturalWidth)")
        assert complaints == []
