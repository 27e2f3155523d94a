"""Too large is said from the header, before anything is decoded."""

from __future__ import annotations

import struct

import pytest
from PIL import Image, ImageFile

from chalicelib.engine.model import VIDEO_DROPPED, Limits
from chalicelib.engine.probe import probe
from chalicelib.errors import DamagedImage, EmptyFile, ImageTooLarge, NotAnImage, UnsupportedType
from tests.pictures import encoded, exif_block, raw_png, riff_chunk, scene

SMALL = (90, 60)


def test_a_header_tells_size_frames_and_orientation_without_decoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ImageFile.ImageFile, "load", _must_not_decode)
    source = probe(encoded(scene(SMALL), "JPEG", exif=exif_block(6)), Limits())
    assert (source.format, source.size, source.frames, source.exif.orientation) == ("jpeg", (60, 90), 1, 6)


@pytest.mark.parametrize(
    ("limits", "details"),
    [
        (Limits(pixels=5399, scaled_pixels=5399), {"what": "pixels", "value": 5400, "limit": 5399}),
        (Limits(side=89), {"what": "side", "value": 90, "limit": 89}),
    ],
)
@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WEBP", "AVIF", "BMP", "TIFF"])
def test_each_limit_holds_for_each_format(
    form: str, limits: Limits, details: dict[str, object], monkeypatch: pytest.MonkeyPatch
) -> None:
    data = encoded(scene(SMALL), form)
    monkeypatch.setattr(ImageFile.ImageFile, "load", _must_not_decode)
    with pytest.raises(ImageTooLarge) as refused:
        probe(data, limits)
    assert refused.value.details == details


@pytest.mark.parametrize("form", ["GIF", "PNG", "WEBP", "AVIF"])
def test_every_frame_counts(form: str) -> None:
    others = [Image.new("RGB", SMALL, color) for color in ("navy", "teal")]
    data = encoded(scene(SMALL), form, save_all=True, append_images=others)
    assert (probe(data, Limits(pixels=3 * 5400)).frames, probe(data, Limits(pixels=3 * 5400)).warnings) == (3, ())
    assert probe(data, Limits(pixels=3 * 5400 - 1)).publishes_still_only
    assert probe(data, Limits(frames=2)).warnings == (VIDEO_DROPPED,)
    with pytest.raises(ImageTooLarge):
        probe(data, Limits(pixels=5399))


def test_a_gif_frame_that_reaches_beyond_the_screen_counts_in_full() -> None:
    data = bytearray(encoded(Image.new("P", (4, 4)), "GIF"))
    descriptor = data.index(b"\x2c\0\0\0\0")
    data[descriptor + 5 : descriptor + 9] = struct.pack("<HH", 60_000, 60_000)
    with pytest.raises(ImageTooLarge):
        probe(bytes(data), Limits())


def test_a_webp_bomb_is_refused_before_its_decoder_is_made() -> None:
    canvas = bytes([0x10, 0, 0, 0]) + (16_382).to_bytes(3, "little") * 2
    body = riff_chunk(b"VP8X", canvas) + riff_chunk(b"VP8L", b"\x2f" + bytes(20))
    with pytest.raises(ImageTooLarge):
        probe(b"RIFF" + struct.pack("<I", 4 + len(body)) + b"WEBP" + body, Limits())


def test_a_png_bomb_of_a_few_bytes_is_refused() -> None:
    with pytest.raises(ImageTooLarge):
        probe(raw_png((100_000, 100_000), 8, 2, [b"\0"]), Limits())


def test_a_tiff_whose_pages_go_in_circles_is_refused() -> None:
    circle = b"II*\0" + struct.pack("<IH", 8, 0) + struct.pack("<I", 8)
    with pytest.raises(DamagedImage):
        probe(circle, Limits())


def test_a_picture_between_pillows_limits_and_ours_is_taken_without_a_word() -> None:
    data = encoded(Image.new("1", (9800, 9800)), "PNG")
    assert probe(data, Limits()).size == (9800, 9800)


@pytest.mark.parametrize(
    ("data", "error"),
    [
        (b"", EmptyFile),
        (b"just text", NotAnImage),
        (b"<svg/>", UnsupportedType),
        (b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(200), UnsupportedType),
        (b"\xff\xd8\xff\xd9", DamagedImage),
        (b"GIF89a", DamagedImage),
        (b"II*\0", DamagedImage),
        (b"RIFF\4\0\0\0WEBP", DamagedImage),
    ],
)
def test_what_is_no_whole_picture_is_refused_by_kind(data: bytes, error: type[Exception]) -> None:
    with pytest.raises(error):
        probe(data, Limits())


def _must_not_decode(self: object) -> None:
    raise AssertionError("decoded before the limits were checked")
