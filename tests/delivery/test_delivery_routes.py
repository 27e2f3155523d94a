from __future__ import annotations

from collections.abc import Iterator

import pytest
from chalice.app import Chalice

from chalicelib import container
from chalicelib.container import Container
from chalicelib.delivery.negotiation import HINTS
from chalicelib.json_formats import write_optimize
from chalicelib.uploads.service import Upload
from tests.builders import a_picture, a_rendition, an_image
from tests.http.gateway import Gateway
from tests.http.memory_service import BOOTSTRAP, a_jpeg, memory_service
from tests.images.test_image_routes import ONE, publish, url
from tests.memory_metrics import MemoryMetrics
from tests.memory_queue import MemoryQueue

NAME, EDGE = "/cdn/nature/photo.jpg", "https://edge.example"
KEPT = "public, max-age=300, stale-while-revalidate=60"


@pytest.mark.parametrize(
    ("query", "accept", "leads_to"),
    [
        ("", "*/*", url("full", "jpeg")),
        ("", "image/avif,image/webp,*/*", url("full", "avif")),
        ("", "image/avif;q=0,*/*", url("full", "jpeg")),
        ("", "image/avif;q=0.5,image/jpeg", url("full", "jpeg")),
        ("?width=1", "*/*", url("150", "jpeg")),
        ("?width=150", "*/*", url("150", "jpeg")),
        ("?width=151", "image/avif", url("300", "avif")),
        ("?width=601", "*/*", url("full", "jpeg")),
        ("?width=16384", "*/*", url("full", "jpeg")),
        ("?utm_source=x", "*/*", url("full", "jpeg")),
    ],
)
def test_a_name_leads_to_the_best_form(
    anyone: Gateway, services: Container, query: str, accept: str, leads_to: str
) -> None:
    publish(services, an_image(ONE, name="photo.jpg"))

    got = anyone.get(NAME + query, Accept=accept)

    assert (got.status, got.text, got.headers["Location"]) == (302, "", leads_to)
    assert got.headers["Vary"] == ", ".join(("Accept", *HINTS))
    assert got.headers["Cache-Control"] == KEPT


@pytest.mark.parametrize(
    ("query", "hints", "leads_to"),
    [
        ("", {"Sec-CH-Width": "400"}, url("540")),
        ("", {"Width": "541"}, url("full")),
        ("", {"Sec-CH-Viewport-Width": "180", "Sec-CH-DPR": "3"}, url("540")),
        ("", {"Sec-CH-Width": "1080", "Sec-CH-DPR": "2", "Save-Data": "on"}, url("540")),
        ("", {"Sec-CH-Width": "nonsense"}, url("full")),
        ("?width=300", {"Sec-CH-Width": "540"}, url("300")),
    ],
)
def test_client_hints_choose_the_size_where_the_address_does_not(
    anyone: Gateway, services: Container, query: str, hints: dict[str, str], leads_to: str
) -> None:
    forms = [a_rendition(ONE, size, width=int(size)) for size in ("300", "540")]
    publish(services, an_image(ONE, name="photo.jpg"), *forms, a_rendition(ONE, "full", width=2000))

    assert anyone.get(NAME + query, **hints).headers["Location"] == leads_to


@pytest.mark.parametrize(
    ("address", "sent"),
    [(NAME, 1), (f"{NAME}?width=100", 0), (f"{NAME}?width=9999", 1), (f"/i/{ONE}/full", 1), (f"/i/{ONE}/300", 0)],
)
def test_the_first_view_of_the_full_form_has_the_picture_optimised(
    anyone: Gateway, services: Container, address: str, sent: int
) -> None:
    publish(services, an_image(ONE, name="photo.jpg"))
    queue = services.optimizer_queue
    assert isinstance(queue, MemoryQueue)

    assert [anyone.get(address).status for _ in range(2)] == [302, 302]

    assert [message.body for message in queue.messages] == [write_optimize(ONE)] * sent


def test_a_head_request_is_led_there_too(anyone: Gateway, services: Container) -> None:
    publish(services, an_image(ONE, name="photo.jpg"))

    got = anyone.ask("HEAD", NAME)

    assert (got.status, got.headers["Location"]) == (302, url("full"))


@pytest.mark.parametrize(
    ("file", "accept", "leads_to"),
    [
        ("lake-1.jpg", "*/*", url("150")),
        ("lake-300.jpg", "image/avif", url("300", "avif")),
        ("lake-99999.jpg", "*/*", url("full")),
    ],
)
def test_a_readable_address_leads_to_the_fitting_form(
    anyone: Gateway, services: Container, file: str, accept: str, leads_to: str
) -> None:
    publish(services, an_image(ONE, name="lake.jpg"))

    for method in ("GET", "HEAD"):
        got = anyone.ask(method, f"/p/nature/{file}", headers={"Accept": accept})

        assert (got.status, got.text, got.headers["Location"]) == (302, "", leads_to)
        assert (got.headers["Vary"], got.headers["Cache-Control"]) == ("Accept", KEPT)


def test_a_number_at_the_end_of_a_name_is_no_width(anyone: Gateway, services: Container) -> None:
    publish(services, an_image(ONE, name="lake-300.jpg"))

    assert anyone.get("/p/nature/lake-300-150.jpg").headers["Location"] == url("150")
    assert anyone.get("/p/nature/lake-300.jpg").status == 404


@pytest.mark.parametrize("file", ["lake.jpg", "lake-0.jpg", "lake-100000.jpg", "lake-x.jpg", "sea-300.jpg", "-300.jpg"])
def test_a_readable_address_without_a_picture_or_a_width_is_not_found(
    anyone: Gateway, services: Container, file: str
) -> None:
    publish(services, an_image(ONE, name="lake.jpg"))

    got = anyone.get(f"/p/nature/{file}")

    assert (got.status, got.json["code"], got.headers["Cache-Control"]) == (404, "image_not_found", "no-store")


def test_a_record_has_its_readable_address(admin: Gateway, anyone: Gateway, working_services: Container) -> None:
    working_services.uploads.accept(Upload("gün batımı", "göl 1.jpg", a_jpeg()))  # noqa: RUF001  # Turkish

    (record,) = admin.get("/collections/g%C3%BCn%20bat%C4%B1m%C4%B1/images").json["images"]

    assert record["links"]["named"].endswith(f"/g%C3%B6l%201-{record['width']}.jpg")
    assert anyone.get(record["links"]["named"]).headers["Location"] == record["url"]


@pytest.fixture
def behind_the_edge() -> Iterator[Container]:
    services = memory_service(signed_url=EDGE)
    services.metrics = MemoryMetrics()
    container.use(services)
    yield services
    container.use(None)


@pytest.mark.parametrize(
    ("uploaded", "address", "file"),
    [
        ("jpeg", NAME, "full.jpeg"),
        ("avif", NAME, "full.avif"),
        ("heic", NAME, "full.jpeg"),
        ("jpeg", f"{NAME}?width=200", "300.jpeg"),
        ("jpeg", f"/i/{ONE}/150", "150.jpeg"),
    ],
)
def test_a_download_comes_from_the_edge_in_the_format_that_was_uploaded(
    behind_the_edge: Container, app: Chalice, uploaded: str, address: str, file: str
) -> None:
    picture = a_picture(format=uploaded)
    publish(behind_the_edge, an_image(ONE, name="photo.jpg", filename="Göl: 1.jpg", picture=picture))
    query = f"{address}{'&' if '?' in address else '?'}download=true"

    got = Gateway(app).get(query, Accept="image/avif,image/webp,*/*", Sec_CH_Width="100")

    assert got.headers["Location"] == f"{EDGE}/renditions/{ONE}/download/r1/{file}?name=G%C3%B6l_%201"
    assert (got.status, got.headers["Cache-Control"]) == (302, "private, no-store")


def test_downloads_are_counted_and_nothing_else(behind_the_edge: Container, app: Chalice) -> None:
    publish(behind_the_edge, an_image(ONE, name="photo.jpg"))
    metrics, admin = behind_the_edge.metrics, Gateway(app, authorization=f"Bearer {BOOTSTRAP}")
    assert isinstance(metrics, MemoryMetrics)

    for address in (NAME, f"{NAME}?download=true", f"/i/{ONE}/300?download=true", f"/images/{ONE}/original"):
        assert [admin.ask(method, address).status for method in ("GET", "HEAD")] == [302, 302]

    assert (metrics.total("Downloads", kind="picture"), metrics.total("Downloads", kind="original")) == (2, 1)


@pytest.mark.parametrize("preset", ["150", "300", "600", "full"])
def test_an_id_and_a_preset_lead_to_the_form(anyone: Gateway, services: Container, preset: str) -> None:
    publish(services, an_image(ONE))

    assert anyone.get(f"/i/{ONE}/{preset}").headers["Location"] == url(preset)


def test_a_preset_that_is_not_stored_is_not_found(anyone: Gateway, services: Container) -> None:
    publish(services, an_image(ONE), a_rendition(ONE, "full"))

    assert [anyone.get(f"/i/{ONE}/{size}").status for size in (150, 400)] == [404, 404]


def test_a_size_that_somebody_has_set_is_a_preset_too(anyone: Gateway, services: Container) -> None:
    publish(services, an_image(ONE), a_rendition(ONE, "800", width=800), a_rendition(ONE, "full"))

    assert anyone.get(f"/i/{ONE}/800").headers["Location"] == url("800")


def test_what_is_not_there_may_not_be_remembered(anyone: Gateway, services: Container) -> None:
    got = anyone.get(NAME)

    assert (got.status, got.json["code"]) == (404, "image_not_found")
    assert got.headers["Cache-Control"] == "no-store"


@pytest.mark.parametrize("path", [f"{NAME}?width=0", f"{NAME}?width=16385", f"{NAME}?width=x", f"{NAME}?widht=9"])
def test_other_sizes_are_refused(anyone: Gateway, services: Container, path: str) -> None:
    assert anyone.get(path).status == 400


@pytest.mark.parametrize("path", ["/cdn/..%2F..%2Fetc/passwd", "/cdn/nature/" + "x" * 300, "/cdn/%00/a.jpg"])
def test_hostile_names_lead_nowhere(anyone: Gateway, services: Container, path: str) -> None:
    assert anyone.get(path).status == 400


@pytest.mark.parametrize("preset", ["huge", "1", "400", "16:9", "FULL"])
def test_an_unknown_preset_is_told_those_that_there_are(anyone: Gateway, services: Container, preset: str) -> None:
    publish(services, an_image(ONE), a_rendition(ONE, "full"), a_rendition(ONE, "300"), a_rendition(ONE, "1080"))

    got = anyone.get(f"/i/{ONE}/{preset}")

    assert (got.status, got.json["code"]) == (404, "preset_not_found")
    assert got.json["message"] == f"Unknown preset `{preset}`. This image has: 300, 1080, full."
    assert got.json["details"] == {"preset": preset, "presets": ["300", "1080", "full"], "image_id": ONE}
