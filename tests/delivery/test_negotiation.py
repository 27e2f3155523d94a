from __future__ import annotations

from collections.abc import Sequence

import msgspec
import pytest

from chalicelib.container import use
from chalicelib.delivery.negotiation import Delivery, best
from chalicelib.errors import ImageNotFound
from chalicelib.images.model import Rendition
from chalicelib.images.schemas import rendition_url
from tests.builders import a_final_task, a_rendition, a_task, an_image
from tests.world import World

BROWSER = "image/avif,image/webp,image/apng,*/*;q=0.8"
OLD_BROWSER = "image/png,*/*;q=0.5"


def stored(world: World, renditions: Sequence[Rendition]) -> Delivery:
    world.services.state.tasks.add(a_task())
    world.services.state.catalog.publish(an_image(), renditions, before=a_task(), after=a_final_task())
    return world.services.delivery


@pytest.fixture
def landscape(world: World) -> Delivery:
    sizes = ((150, 150), (300, 300), (600, 600))
    small = [
        a_rendition(size=str(size), format=form, width=width) for size, width in sizes for form in ("jpeg", "avif")
    ]
    return stored(world, [*small, a_rendition(size="full", format="jpeg", width=1200)])


@pytest.mark.parametrize(
    ("width", "accept", "form"),
    [
        (150, BROWSER, "webp"),
        (300, BROWSER, "avif"),
        (300, "image/webp,*/*;q=0.8", "webp"),
        (300, "image/avif;q=0, image/webp", "webp"),
        (150, "*/*", "png"),
        (300, OLD_BROWSER, "png"),
        (None, BROWSER, "png"),
    ],
)
def test_transparency_is_sent_as_png_only_where_nothing_smaller_is_taken(
    world: World, width: int | None, accept: str, form: str
) -> None:
    made = {"150": ("png", "webp"), "300": ("png", "avif", "webp")}
    small = [a_rendition(size=size, format=one, width=int(size)) for size, forms in made.items() for one in forms]
    stored(world, [*small, a_rendition(size="full", format="png", width=1200)])

    assert best(world.services.delivery.named("nature", "i1.jpg").renditions, width=width, accept=accept).format == form


@pytest.mark.parametrize("accept", [BROWSER, "image/webp", "*/*", ""])
def test_an_older_image_without_webp_is_sent_as_png(world: World, accept: str) -> None:
    stored(world, [a_rendition(size=size, format="png", width=150) for size in ("150", "full")])

    assert best(world.services.delivery.named("nature", "i1.jpg").renditions, width=150, accept=accept).format == "png"


WIDTHS = {None: "full", 1: "150", 150: "150", 151: "300", 300: "300", 301: "600", 600: "600", 601: "full", 9999: "full"}


@pytest.mark.parametrize(("width", "size"), WIDTHS.items())
def test_the_smallest_form_that_is_wide_enough_is_picked(landscape: Delivery, width: int | None, size: str) -> None:
    assert best(landscape.named("nature", "i1.jpg").renditions, width=width, accept="").size == size


ACCEPTS = {
    BROWSER: "avif",
    "IMAGE/AVIF": "avif",
    "image/avif;q=0": "jpeg",
    "image/avif;q=0.000, */*": "jpeg",
    "image/avif;q=0.1, */*;q=0.9": "jpeg",
    "image/avif;q=0.9, */*;q=0.1": "avif",
    "image/avif;q=0.9, image/jpeg;q=0.8, */*": "avif",
    "image/jpeg;q=0, image/avif;q=0.001": "avif",
    "image/jpeg;q=0": "jpeg",
    "text/html": "jpeg",
    "image/*": "jpeg",
    "image/avif; v=b3 ; Q=0.5, image/jpeg;q=0.4": "avif",
    "image/avif;q=2": "jpeg",
    "image/jpeg;q=0, */*": "avif",
    "image/jpeg;q=0, image/avif;q=0, */*": "jpeg",
    ",;,/,image/avif": "avif",
    OLD_BROWSER: "jpeg",
    "": "jpeg",
    "*/*": "jpeg",
    "image/webp": "jpeg",
    "image/avif": "avif",
}


@pytest.mark.parametrize(("accept", "form"), ACCEPTS.items())
def test_the_best_format_that_the_client_names_is_picked(landscape: Delivery, accept: str, form: str) -> None:
    assert best(landscape.named("nature", "i1.jpg").renditions, width=300, accept=accept).format == form


def test_avif_is_better_than_webp_and_webp_than_the_rest(world: World) -> None:
    delivery = stored(world, [a_rendition(format=form) for form in ("avif", "jpeg", "webp")])
    forms = delivery.named("nature", "i1.jpg").renditions
    assert best(forms, width=300, accept="image/webp,image/avif").format == "avif"
    assert best(forms, width=300, accept="image/webp").format == "webp"
    assert best(forms, width=300, accept="image/avif;q=0.8,image/webp;q=0.9").format == "webp"


def test_who_names_neither_gets_the_older_of_two_modern_formats(world: World) -> None:
    delivery = stored(world, [a_rendition(size="full", format=form) for form in ("avif", "webp")])
    assert best(delivery.named("nature", "i1.jpg").renditions, width=None, accept="*/*").format == "webp"
    assert best(delivery.named("nature", "i1.jpg").renditions, width=None, accept=BROWSER).format == "avif"


def test_a_portrait_is_measured_by_its_width_not_by_the_name_of_its_size(world: World) -> None:
    sizes = (("150", 100), ("300", 200), ("600", 400))
    delivery = stored(world, [a_rendition(size=size, width=width) for size, width in sizes])
    assert best(delivery.named("nature", "i1.jpg").renditions, width=150, accept="").size == "300"


def test_a_client_gets_something_even_if_there_is_no_full_form(world: World) -> None:
    delivery = stored(world, [a_rendition(size="300")])
    assert best(delivery.named("nature", "i1.jpg").renditions, width=None, accept="").size == "300"


def test_a_client_gets_a_modern_form_if_there_is_no_other(world: World) -> None:
    delivery = stored(world, [a_rendition(size="full", format="avif")])
    assert best(delivery.named("nature", "i1.jpg").renditions, width=None, accept=OLD_BROWSER).format == "avif"


@pytest.mark.parametrize(("collection", "name"), [("nature", "i2.jpg"), ("cars", "i1.jpg"), ("nature", "../i1.jpg")])
def test_what_is_not_there_is_not_found(landscape: Delivery, collection: str, name: str) -> None:
    with pytest.raises(ImageNotFound):
        landscape.named(collection, name)


def test_an_image_without_forms_is_not_delivered(world: World) -> None:
    with pytest.raises(ImageNotFound):
        best(stored(world, []).named("nature", "i1.jpg").renditions, width=None, accept="")


def test_an_address_holds_the_key_and_no_letter_that_means_something(world: World) -> None:
    world.services.settings = msgspec.structs.replace(world.services.settings, cdn_url="https://cdn.example")
    use(world.services)
    assert rendition_url("renditions/a b?ş#/300.jpg") == "https://cdn.example/renditions/a%20b%3F%C5%9F%23/300.jpg"


def test_collections_come_in_the_order_of_their_names(world: World) -> None:
    for number, collection in enumerate(("nature", "cars", "Şehir")):
        task = a_task(f"t{number}")
        world.services.state.tasks.add(task)
        image = an_image(f"i{number}", collection=collection)
        world.services.state.catalog.publish(image, (), before=task, after=a_final_task(task.task_id))
    assert [stats.collection for stats in world.services.delivery.stats()] == ["cars", "nature", "Şehir"]
