"""Author, copyright and licence of a file reach its record and, where wished, the Exif of its public forms."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from chalicelib.engine.exif import MOST_XMP, PublicExif, iptc_rights, read_exif, safe_url, xmp_rights
from chalicelib.engine.model import Encoded, Limits, Picture, Recipe, Rights
from chalicelib.engine.optimize import recode
from chalicelib.engine.pipeline import process
from tests.engine.external_encoders import run
from tests.engine.rights_blocks import BY, NEWS, WHOLE, iptc, listed, packet, resource
from tests.engine.test_encode import photo
from tests.pictures import encoded, exif_block, opened, psnr, scene, see_through

ONE = Recipe(sizes=(150,), formats=("jpeg",))
SIZE = (60, 40)
TOLD = Rights("Ayşe Çelik; Bob", "All rights", BY)


def _picture(data: bytes) -> Picture:
    return process(data, ONE, Limits()).picture


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
def test_each_container_tells_what_its_xmp_says(form: str) -> None:
    if form == "PNG":
        info = PngImagePlugin.PngInfo()
        info.add_itxt("XML:com.adobe.xmp", WHOLE.decode())
        data = encoded(scene(SIZE), "PNG", pnginfo=info)
    elif form == "TIFF":
        data = encoded(scene(SIZE), "TIFF", tiffinfo={700: WHOLE})
    else:
        data = encoded(scene(SIZE), form, xmp=WHOLE)
    picture = _picture(data)
    assert picture.rights == TOLD
    assert "4711" not in str(picture)
    assert "28.2" not in str(picture)


ATTRIBUTES = {
    f"xmpRights:WebStatement='{BY}'": Rights(licence_url=BY),
    f"cc:license='{BY}'": Rights(licence_url=BY),
    "dc:creator='Ann'": Rights("Ann"),
    "dc:rights='(c) Ann'": Rights(copyright="(c) Ann"),
}


@pytest.mark.parametrize(("attributes", "rights"), ATTRIBUTES.items())
def test_short_forms_of_xmp_are_read(attributes: str, rights: Rights) -> None:
    assert xmp_rights(packet("", attributes)) == rights


def test_a_licensor_in_a_list_of_structures_is_read() -> None:
    item = "<rdf:li rdf:parseType='Resource'><plus:LicensorName>X</plus:LicensorName><plus:LicensorURL>http://l.example/1</plus:LicensorURL></rdf:li>"
    assert xmp_rights(packet(listed("plus:Licensor", "Seq", item))).licence_url == "http://l.example/1"


def test_the_licence_comes_before_the_page_about_rights() -> None:
    inside = f"<xmpRights:WebStatement>http://about.example</xmpRights:WebStatement><cc:license rdf:resource='{BY}'/>"
    assert xmp_rights(packet(inside)).licence_url == BY


def test_prefixes_mean_nothing_and_namespaces_all() -> None:
    other = WHOLE.replace(b"dc:", b"q:").replace(b"xmlns:dc", b"xmlns:q").replace(b"cc:", b"z:")
    assert xmp_rights(other.replace(b"xmlns:cc", b"xmlns:z")) == TOLD
    assert not xmp_rights(WHOLE.replace(b"purl.org/dc", b"purl.org/xx")).author


def test_a_packet_in_utf_16_is_read() -> None:
    assert xmp_rights(WHOLE.decode().replace("\ufeff", "").encode("utf-16")) == TOLD


BOMB = (
    "<!DOCTYPE x [<!ENTITY a 'aaaaaaaaaa'><!ENTITY b '&a;&a;&a;&a;&a;&a;&a;&a;'><!ENTITY c '&b;&b;&b;&b;&b;&b;&b;'>]>"
)
HOSTILE = {
    "entities": packet("<dc:creator>&c;</dc:creator>", head=BOMB),
    "outside entity": packet(
        "<dc:creator>&e;</dc:creator>", head="<!DOCTYPE x [<!ENTITY e SYSTEM 'file:///etc/passwd'>]>"
    ),
    "outside type": packet("<dc:creator>a</dc:creator>", head="<!DOCTYPE x SYSTEM 'http://127.0.0.1:9/x.dtd'>"),
    "cut": WHOLE[:-60],
    "no xml": b"\0\1\2 dc:creator",
    "unknown encoding": b"<?xml version='1.0' encoding='x-nonsense'?>" + WHOLE,
    "empty": b"",
    "too long": packet("<dc:creator>Ann</dc:creator>" + " " * MOST_XMP),
}


@pytest.mark.parametrize("body", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_packet_says_nothing_and_costs_nothing(body: bytes) -> None:
    assert xmp_rights(body) == Rights()
    assert _picture(encoded(scene(SIZE), "WEBP", xmp=body)).rights == Rights()


def test_deep_nesting_and_many_names_are_bounded() -> None:
    deep = "<dc:creator>" * 5_000 + "Ann" + "</dc:creator>" * 5_000
    many = listed("dc:creator", "Seq", *(f"<rdf:li>{number}</rdf:li>" for number in range(4_000)))
    assert xmp_rights(packet(deep)).author == "Ann"
    assert len(xmp_rights(packet(many)).author) <= 256


def test_texts_are_one_line_without_signs_that_turn_others_around() -> None:
    packed = packet("<dc:creator>A\n\u202eB\u200b &lt;script&gt;</dc:creator><dc:rights>" + "x" * 999 + "</dc:rights>")
    rights = xmp_rights(packed)
    assert rights.author == "A B <script>"
    assert len(rights.copyright) == 256


SAFE = ["http://example.org", BY, "HTTPS://EXAMPLE.ORG/a?b=c#d", "https://example.org:8443/x%20y"]
UNSAFE = [
    "javascript:alert(1)",
    "ftp://example.org",
    "https://",
    "https:///x",
    "//example.org",
    "https://user@example.org/",
    "https://exa mple.org",
    'https://example.org/"><script>',
    "data:text/html,x",
    "https://[x",
    "https://example.org/" + "a" * 600,
    "https://örnek.example",
    "https://example.org/\u202e",
]


@pytest.mark.parametrize("url", SAFE)
def test_an_address_of_the_web_is_kept(url: str) -> None:
    assert safe_url(f" {url}\n") == url


@pytest.mark.parametrize("url", UNSAFE)
def test_no_other_address_is(url: str) -> None:
    assert safe_url(url) == ""


def test_iptc_in_a_jpeg_and_a_tiff_is_read() -> None:
    block = b"Photoshop 3.0\0" + resource(NEWS)
    jpeg = encoded(scene(SIZE), "JPEG")
    with_news = jpeg[:2] + b"\xff\xed" + struct.pack(">H", len(block) + 2) + block + jpeg[2:]
    for data in (with_news, encoded(scene(SIZE), "TIFF", tiffinfo={33723: NEWS})):
        assert _picture(data).rights == Rights("Jörg; Ann", "(c) Agency")


def test_a_credit_stands_where_no_author_does_and_latin_letters_are_read() -> None:
    assert iptc_rights(iptc((2, 110, "Agência".encode("latin-1")))) == Rights("Agência")
    assert iptc_rights(NEWS[:-1]).author == "Jörg; Ann"
    assert iptc_rights(b"\x1c\x02\x50\xff\xffAnn") == Rights()


def _exif(artist: bytes, owner: bytes) -> bytes:
    exif = Image.Exif()
    exif.update({0x013B: artist, 0x8298: owner, 0x0112: 1})
    exif.get_ifd(0x8769).update({0xA431: "SN-4711"})
    exif.get_ifd(0x8825).update({1: "N", 2: (38.0, 28.0, 12.0)})
    return exif.tobytes()


COPYRIGHTS = {
    b"Ann": "Ann",
    b"Ann\0Editor": "Ann; Editor",
    b" \0Editor": "Editor",
    "Ayşe".encode(): "Ayşe",
    b"Andr\xe9": "André",
}


@pytest.mark.parametrize(("value", "shown"), COPYRIGHTS.items())
def test_both_parts_of_exifs_copyright_are_read(value: bytes, shown: str) -> None:
    assert read_exif(_exif(b"Ann", value)).rights == Rights("Ann", shown)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "AVIF"])
def test_exif_says_what_no_other_block_does(form: str) -> None:
    picture = _picture(encoded(scene(SIZE), form, exif=_exif(b"Ann", b"(c) Ann")))
    assert picture.rights == Rights("Ann", "(c) Ann")
    assert "4711" not in str(picture)
    exif = _exif(b"Camera", b"(c) Camera")
    both = _picture(encoded(scene(SIZE), "JPEG", exif=exif, xmp=packet("", "dc:creator='X'")))
    assert both.rights == Rights("X", "(c) Camera")


def test_the_texts_of_a_png_and_the_tags_of_a_tiff_are_read() -> None:
    info = PngImagePlugin.PngInfo()
    info.add_text("Author", "Ann")
    info.add_text("Copyright", "(c) Ann", zip=True)
    assert _picture(encoded(scene(SIZE), "PNG", pnginfo=info)).rights == Rights("Ann", "(c) Ann")
    data = encoded(scene(SIZE), "TIFF", tiffinfo={315: "Ann", 33432: "(c) Ann"})
    assert _picture(data).rights == Rights("Ann", "(c) Ann")


SUFFIXES = ("jpg", "png", "webp", "tif", "avif")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a picture of each format in which exiftool has written the same."""
    folder = tmp_path_factory.mktemp("labelled")
    paths = [folder / f"picture.{suffix}" for suffix in SUFFIXES]
    for path in paths:
        scene(SIZE).save(path)
    options = ["-XMP-dc:Creator=Ann", "-XMP-dc:Rights=Of Ann", f"-XMP-xmpRights:WebStatement={BY}", "-EXIF:Artist=Ayşe"]
    hidden = ["-GPSLatitude=38.47", "-SerialNumber=SN-4711", "-XMP-aux:SerialNumber=SN-4711"]
    run("exiftool", "-q", "-overwrite_original", *options, *hidden, *map(str, paths))
    return folder


@pytest.mark.parametrize("suffix", SUFFIXES)
def test_what_exiftool_writes_is_read(labelled: Path, suffix: str) -> None:
    picture = _picture((labelled / f"picture.{suffix}").read_bytes())
    assert picture.rights == Rights("Ann", "Of Ann", BY)
    assert "4711" not in str(picture)


def test_nothing_of_it_is_published() -> None:
    data = encoded(scene(SIZE), "JPEG", xmp=WHOLE, exif=_exif(b"Ann Roe", b"(c) Ann Roe"))
    for one in process(data, ONE, Limits()).renditions:
        assert b"Ann" not in one.body
        assert b"creativecommons" not in one.body


NAMED, SILENT = (Recipe(sizes=(150,), formats=("jpeg", "avif"), names_rights=names) for names in (True, False))
_ARTIST, _COPYRIGHT, _ORIENTATION = 0x013B, 0x8298, 0x0112
ANN = "Jane Roe SN-4711"
"""Whom `exif_block` names."""
FORMATS = pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF", "GIF"])


def _file(form: str, orientation: int = 1) -> bytes:
    fields = {"tiffinfo": {315: ANN}} if form == "TIFF" else {"exif": exif_block(orientation)}
    return encoded(photo(), form, **fields)


def _fulls(data: bytes, recipe: Recipe) -> list[Encoded]:
    return [one for one in process(data, recipe, Limits()).renditions if one.size == "full"]


@FORMATS
def test_without_the_wish_nobody_is_named(form: str) -> None:
    assert all(b"Jane" not in one.body for one in _fulls(_file(form), SILENT))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_with_it_the_author_is_named_and_nothing_else(form: str) -> None:
    for one in _fulls(_file(form), NAMED):
        exif = opened(one.body).getexif()
        assert dict(exif) == {_ARTIST: ANN}
        assert not exif.get_ifd(0x8769)
        assert not exif.get_ifd(0x8825)
        assert b"Acme" not in one.body


def test_pixels_and_turn_stay() -> None:
    data = _file("JPEG", 6)
    (full,) = _fulls(data, NAMED)
    assert dict(opened(full.body).getexif()) == {_ORIENTATION: 6, _ARTIST: ANN}
    assert psnr(opened(full.body), opened(data)) == 99


def test_a_webp_without_an_extended_header_gets_one() -> None:
    data = encoded(photo(), "WEBP", xmp=WHOLE)
    file, plain = _fulls(data, NAMED)
    for one in (file, plain):
        assert read_exif(opened(one.body).info["exif"]).rights == Rights("Ayşe Çelik; Bob", "All rights")
        assert opened(one.body).size == photo().size
    assert file.format == "webp"
    assert b"creativecommons" not in file.body + plain.body


def test_thumbnails_name_nobody() -> None:
    made = process(_file("JPEG"), NAMED, Limits()).renditions
    assert all(b"Jane" not in one.body for one in made if one.size != "full")


def test_a_picture_that_says_nothing_is_published_as_without_the_wish() -> None:
    for data in (encoded(photo(), "JPEG"), encoded(see_through((40, 30)), "WEBP", lossless=True)):
        assert _fulls(data, NAMED) == _fulls(data, SILENT)


def test_the_night_keeps_what_the_public_copy_names() -> None:
    (full,) = _fulls(_file("JPEG"), NAMED)
    smaller = recode(full.body, Limits())
    assert smaller is None or dict(opened(smaller).getexif()) == {_ARTIST: ANN}
    drawn = encoded(Image.linear_gradient("L").convert("RGB"), "PNG", compress_level=0, exif=exif_block())
    (plain,) = _fulls(drawn, NAMED)
    packed = recode(plain.body, Limits())
    assert packed is None or dict(opened(packed).getexif()) == {_ARTIST: ANN}


@pytest.mark.parametrize("rights", [Rights(), Rights("A"), Rights("abc", "Ç"), Rights("x" * 256, "y" * 255)])
@pytest.mark.parametrize("orientation", [1, 8])
def test_the_written_block_is_read_again(rights: Rights, orientation: int) -> None:
    block = PublicExif(orientation, rights).exif()
    assert read_exif(block).rights == rights
    assert read_exif(block).orientation == orientation
    assert bool(block) == (orientation != 1 or rights != Rights())


def test_a_lossless_webp_that_cannot_be_kept_is_published_without_loss(monkeypatch: pytest.MonkeyPatch) -> None:
    data = encoded(photo(), "WEBP", lossless=True)
    monkeypatch.setattr("chalicelib.engine.pipeline.is_foreign", lambda body, **_: body.startswith(b"RIFF"))
    (full,) = _fulls(data, SILENT)
    assert (full.format, psnr(opened(full.body), photo())) == ("png", 99)
