"""Whose fault an exception is, around a decoder's call and around a parser's."""

from __future__ import annotations

import errno
import io
import struct
import zlib

import pytest
from PIL import Image

from chalicelib.engine import decode as decoding
from chalicelib.engine.colour.convert import to_eight_bit
from chalicelib.engine.decode import decode, open_picture
from chalicelib.engine.limits import CannotRebuild, decoder_errors, parser_errors
from chalicelib.engine.model import Limits, Recipe
from chalicelib.engine.pipeline import process
from chalicelib.errors import DamagedImage, ImageTooLarge
from tests.pictures import a_jpeg
from tests.world import a_png

MISSING = (
    ImportError("no such module"),
    OSError(errno.ENOSPC, "No space left on device"),
    FileNotFoundError(2, "x"),
    OSError("decoder jpeg not available"),
    SyntaxError("image file could not be opened because AVIF support not installed"),
)


COMPLAINTS = (
    *(OSError("broken data stream"), ValueError(), KeyError("x"), SyntaxError("not a PNG"), EOFError(), TypeError()),
    *(ZeroDivisionError(), AttributeError(), RuntimeError(), struct.error(), zlib.error(), CannotRebuild()),
)


@pytest.mark.parametrize("fault", COMPLAINTS, ids=repr)
def test_a_decoders_complaint_is_the_pictures_fault(fault: Exception) -> None:
    with pytest.raises(DamagedImage), decoder_errors():
        raise fault


@pytest.mark.parametrize("fault", [MemoryError(), RecursionError()])
def test_what_is_too_much_for_the_decoder_is_too_large(fault: Exception) -> None:
    with pytest.raises(ImageTooLarge), decoder_errors():
        raise fault


@pytest.mark.parametrize("fault", [MemoryError(), RecursionError()])
def test_what_is_too_much_for_a_parser_is_too_large(fault: Exception) -> None:
    with pytest.raises(ImageTooLarge), parser_errors():
        raise fault


@pytest.mark.parametrize("fault", MISSING)
def test_what_we_lack_ourselves_is_not_held_against_the_picture(fault: Exception) -> None:
    with pytest.raises(type(fault)), decoder_errors():
        raise fault


def test_pillow_without_a_codec_is_our_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    picture = open_picture("png", a_png())
    picture.tile = [picture.tile[0]._replace(codec_name="zipp")]

    with pytest.raises(OSError, match="decoder zipp not available"):
        decode(picture)


@pytest.mark.parametrize(
    "fault",
    [
        *(IndexError(), KeyError(), struct.error(), ValueError(), OverflowError(), EOFError(), zlib.error()),
        UnicodeDecodeError,
    ],
)
def test_reading_beyond_the_bytes_is_their_fault(fault: Exception | type[Exception]) -> None:
    with pytest.raises(DamagedImage), parser_errors():
        raise UnicodeDecodeError("utf-8", b"", 0, 1, "x") if isinstance(fault, type) else fault


@pytest.mark.parametrize(
    "fault", [TypeError(), AttributeError(), NameError(), AssertionError(), ImportError(), OSError()]
)
def test_a_parsers_bug_is_ours(fault: Exception) -> None:
    with pytest.raises(type(fault)), parser_errors():
        raise fault


def test_no_code_of_ours_runs_inside_the_decoders_guard(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(*_: object) -> None:
        raise ValueError("a bug of ours")

    for ours in ("_scaled", "_stretch_key", "coded_bytes"):
        with monkeypatch.context() as patched:
            patched.setattr(decoding, ours, wrong)
            with pytest.raises(ValueError, match="a bug of ours"):
                decode(open_picture("png", a_png()))


def test_a_jpeg_without_a_scan_is_the_pictures_fault() -> None:
    picture = open_picture("jpeg", a_jpeg((40, 30)))
    picture.tile = []

    with pytest.raises(DamagedImage):
        decode(picture, 20)


def a_palette_png() -> bytes:
    stream = io.BytesIO()
    Image.new("P", (4, 4)).save(stream, "PNG")
    return stream.getvalue()


def test_a_transparent_colour_that_makes_no_sense_is_the_pictures_fault() -> None:
    picture = open_picture("png", a_palette_png())
    decode(picture)
    picture.info["transparency"] = (1, "x", 300)

    with pytest.raises(DamagedImage):
        to_eight_bit(picture)


def test_a_palette_that_is_missing_is_the_pictures_fault() -> None:
    whole = a_palette_png()
    at = whole.index(b"PLTE") - 4
    without = whole[:at] + whole[at + 12 + int.from_bytes(whole[at : at + 4], "big") :]

    with pytest.raises(DamagedImage):
        process(without, Recipe(), Limits())
