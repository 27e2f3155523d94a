"""The tables of docs/reference/public-form.md name the parts that published files have, and no others."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Iterator
from functools import cache

import pytest

from chalicelib.engine.model import Limits, Recipe
from chalicelib.engine.pipeline import process
from cli.local.stack import PROJECT
from tests.engine.carriers import avif, gif, png, webp
from tests.engine.carriers.profiles import PLAIN
from tests.pictures import encoded, exif_block, scene, see_through
from tests.profiles import grey_profile

PAGE = (PROJECT / "docs/reference/public-form.md").read_text("utf-8")
ONE = Recipe(sizes=(150,), formats=("jpeg",))
SIZE = (72, 56)
BARE = {0xD8: "SOI", 0xD9: "EOI", 0xC0: "SOF0", 0xC1: "SOF1", 0xC2: "SOF2", 0xDA: "SOS", 0xDB: "DQT", 0xC4: "DHT"}
NAMES = BARE | {0xDD: "DRI", 0xE0: "APP0", 0xE1: "APP1", 0xE2: "APP2", 0xEE: "APP14"}
BLOCKS = {0xF9: "control", 0xFF: "application"}
FORGIVEN = {"JPEG": {"SOF1"}, "AVIF": {"clap", "pasp", "clli", "a1op", "lsel", "dimg", "prem"}}
"""Parts that no encoder at hand writes."""


@pytest.mark.parametrize("form", ["JPEG", "PNG", "GIF", "WebP", "AVIF"])
def test_the_page_names_the_parts_that_published_files_have(form: str) -> None:
    seen = {name for data in _files(form) for name in PARTS[form](_published(data))}
    assert seen <= _named(form)
    assert _named(form) - seen == FORGIVEN.get(form, set())


def test_the_page_names_the_tags_of_published_profiles() -> None:
    files = [encoded(scene(SIZE), "JPEG", icc_profile=PLAIN), _grey()]
    assert {tag for data in files for tag in _tags(_published(data))} | {"chad"} == _named("Colour profiles") - {"A2B0"}


def _named(title: str) -> set[str]:
    section = PAGE.split(f"## {title}\n")[1].split("\n## ")[0]
    rows = [line.split("|")[1] for line in section.splitlines() if line.startswith("| `")]
    return {name for row in rows for name in re.findall(r"`(\w+)`", row)}


@cache
def _published(data: bytes) -> bytes:
    return process(data, ONE, Limits()).renditions[0].body


def _grey() -> bytes:
    return encoded(scene(SIZE).convert("L"), "JPEG", icc_profile=grey_profile(2.2))


def _files(form: str) -> list[bytes]:
    exif, animated = exif_block(6), {"save_all": True, "append_images": [see_through(SIZE)]}
    return {
        "JPEG": lambda: [
            encoded(scene(SIZE), "JPEG", exif=exif, icc_profile=PLAIN, restart_marker_rows=1),
            encoded(scene(SIZE), "JPEG", progressive=True),
            encoded(scene(SIZE).convert("CMYK"), "JPEG"),
        ],
        "PNG": lambda: [
            png.with_facts(),
            png.with_facts(b"cICP"),
            png.with_facts(b"cICP", b"sRGB"),
            png.animation(),
            encoded(scene(SIZE), "PNG", exif=exif, icc_profile=PLAIN),
            encoded(scene(SIZE).quantize(9), "PNG", transparency=1),
        ],
        "GIF": lambda: [gif.animation()],
        "WebP": lambda: [
            encoded(see_through(SIZE), "WEBP", icc_profile=PLAIN),
            encoded(scene(SIZE), "WEBP", lossless=True),
            encoded(scene(SIZE), "WEBP", **animated),
        ],
        "AVIF": lambda: [
            avif.turned(),
            avif.sequence(),
            encoded(see_through(SIZE), "AVIF", speed=10, **animated),
            encoded(scene(SIZE), "AVIF", speed=10, exif=exif_block(5)),
        ],
    }[form]()


def _segments(data: bytes) -> Iterator[str]:
    at = 0
    while at < len(data):
        marker = data[at + 1]
        if 0xD0 <= marker <= 0xD7:
            yield "RST"
        else:
            yield NAMES[marker]
        at += 2 if marker in range(0xD0, 0xDA) else 2 + int.from_bytes(data[at + 2 : at + 4], "big")
        if marker == 0xDA or 0xD0 <= marker <= 0xD7:
            at = re.compile(rb"\xff[^\0]").search(data, at).start()  # type: ignore[union-attr]


def _chunks(data: bytes) -> Iterator[str]:
    at = 8
    while at < len(data):
        yield data[at + 4 : at + 8].decode()
        at += 12 + int.from_bytes(data[at : at + 4], "big")


def _blocks(data: bytes) -> Iterator[str]:
    yield "header"
    at = 13 + (3 << (data[10] & 7) + 1 if data[10] & 0x80 else 0)
    while data[at] != 0x3B:
        is_image = data[at] == 0x2C
        yield "image" if is_image else BLOCKS[data[at + 1]]
        at += 11 + (3 << (data[at + 9] & 7) + 1 if data[at + 9] & 0x80 else 0) if is_image else 2
        while data[at]:
            at += data[at] + 1
        at += 1
    yield "trailer"
    assert at == len(data) - 1


def _riff(data: bytes, at: int = 12) -> Iterator[str]:
    for kind, body in webp.chunks(data, at):
        yield kind.decode().strip()
        if kind == b"ANMF":
            yield from _riff(body, 16)


def _boxes(data: bytes, at: int = 0) -> Iterator[str]:
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        yield kind.decode().strip()
        if kind in avif.INSIDE:
            yield from _boxes(data[at : at + size], avif.INSIDE[kind])
        at += size
    assert at == len(data)


def _tags(data: bytes) -> Iterator[str]:
    at = data.index(b"ICC_PROFILE\0") + 14
    for i in range(int.from_bytes(data[at + 128 : at + 132], "big")):
        yield data[at + 132 + 12 * i : at + 136 + 12 * i].decode()


PARTS: dict[str, Callable[[bytes], Iterator[str]]] = {
    "JPEG": _segments,
    "PNG": _chunks,
    "GIF": _blocks,
    "WebP": _riff,
    "AVIF": _boxes,
}
