"""Our ThumbHash is everybody's ThumbHash."""

from __future__ import annotations

import base64
import math

import pytest
from PIL import Image

from chalicelib.engine.placeholder import dominant_colors, placeholder, thumbhash
from tests.pictures import scene

reference = pytest.importorskip("thumbhash")
SIZES = [(32, 21), (21, 32), (32, 32), (100, 67), (7, 50), (1, 1), (40, 1)]


@pytest.mark.parametrize("size", SIZES)
def test_it_equals_the_reference_implementation(size: tuple[int, int]) -> None:
    pixels = scene((400, 300)).resize(size).convert("RGBA").tobytes()
    assert list(thumbhash(*size, pixels)) == reference.rgba_to_thumb_hash(*size, list(pixels))


@pytest.mark.parametrize("size", [(32, 21), (21, 32), (30, 30)])
def test_transparency_is_hashed_by_the_definition(size: tuple[int, int]) -> None:
    # The package's encoder breaks on the first picture that can be seen through, so here its formula is written out.
    image = scene((400, 300)).resize(size)
    image.putalpha(image.convert("L"))
    alpha = [a / 255 for a in image.getchannel("A").tobytes()]
    mean, waves, scale = _waves(alpha, *size)
    made = thumbhash(*size, image.tobytes())
    assert made[2] >> 7 == 1
    assert made[5] == math.floor(15 * mean + 0.5) | math.floor(15 * scale + 0.5) << 4
    assert _nibbles(made, 6)[-len(waves) :] == [math.floor(15 * (0.5 + 0.5 / scale * w) + 0.5) for w in waves]


def test_a_placeholder_from_few_pixels_is_that_of_many_within_a_step() -> None:
    few = base64.b64decode(placeholder(scene((150, 100))))
    many = bytes(reference.rgba_to_thumb_hash(99, 66, list(scene().resize((99, 66)).convert("RGBA").tobytes())))
    assert max(abs(a - b) for a, b in zip(_nibbles(few), _nibbles(many), strict=True)) <= 2


def test_a_picture_of_nothing_has_a_placeholder() -> None:
    assert placeholder(Image.new("RGBA", (60, 40), (9, 9, 9, 0)))


def test_dominant_colours_come_most_common_first_and_differ() -> None:
    flag = Image.new("RGB", (150, 100), "#c02020")
    flag.paste("#2020c0", (0, 0, 60, 100))
    flag.paste("#20c020", (0, 0, 20, 100))
    assert dominant_colors(flag) == ("#c02020", "#2020c0", "#20c020")


def test_colours_that_cannot_be_seen_do_not_count() -> None:
    stamp = Image.new("RGBA", (100, 100), (255, 0, 0, 0))
    stamp.paste((0, 0, 255, 255), (0, 0, 30, 100))
    assert dominant_colors(stamp) == ("#0000ff",)


def test_there_are_at_most_five_colours() -> None:
    assert 1 <= len(dominant_colors(scene((150, 100)))) <= 5


def _nibbles(body: bytes, start: int = 5) -> list[int]:
    return [half for byte in body[start:] for half in (byte & 15, byte >> 4)]


def _waves(channel: list[float], width: int, height: int) -> tuple[float, list[float], float]:
    """The mean, the 14 waves of a 5 x 5 triangle and the largest of them, as sums over all pixels."""
    found = []
    for down in range(5):
        for across in range(5 - down):
            total = 0.0
            for i, value in enumerate(channel):
                x, y = i % width + 0.5, i // width + 0.5
                total += value * math.cos(math.pi / width * across * x) * math.cos(math.pi / height * down * y)
            found.append(total / len(channel))
    return found[0], found[1:], max(map(abs, found[1:]))
