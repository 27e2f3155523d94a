# ruff: noqa: RUF001  # letters that look like others are what this is about
from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib import names
from chalicelib.errors import BadRequest
from tests.naughty import HARMLESS, REFUSED

FINE_COLLECTIONS = (
    "nature",
    "Doğa ve İnsan",
    "ÇĞİÖŞÜ çğıöşü",
    "写真",
    "صور",
    "हिन्दी",
    "ไทย",
    "v1.2-final",
    "_hidden",
    "a",
    "7",
    "x" * 64,
)


@pytest.mark.parametrize("name", FINE_COLLECTIONS)
def test_collections_are_named_in_any_script(name: str) -> None:
    assert names.collection_name(name) == name


BAD_COLLECTIONS = (
    "",
    " ",
    "..",
    ".",
    "../x",
    "a/b",
    "a\\b",
    "a/",
    ".git",
    "-rf",
    "a\0b",
    "a\nb",
    "a\rb",
    "a\tb",
    "<b>",
    "a;b",
    "a%2fb",
    "a?b",
    "a#b",
    "a*",
    "~",
    "$HOME",
    "🌅",
    "x" * 65,
    "a\u200bb",
    "\ud800",
    "a.",
    "\u0301a",
    "a\u2028b",
)


def test_collections_are_not_named_so() -> None:
    for name in BAD_COLLECTIONS:
        with pytest.raises(BadRequest):
            pytest.fail(f"{name!r} became {names.collection_name(name)!r}")


def test_a_collection_has_one_name_however_it_is_spelt() -> None:
    spelt = (unicodedata.normalize(form, "Doğa İç") for form in ("NFC", "NFD"))
    assert {names.collection_name(f"  {name}\u00a0") for name in spelt} == {"Doğa İç"}


@given(st.text(st.characters(), max_size=80))
def test_a_collections_name_is_one_part_of_a_path_or_refused(text: str) -> None:
    try:
        name = names.collection_name(text)
    except BadRequest:
        return
    assert names.collection_name(name) == name
    assert 1 <= len(name) <= 64
    assert name not in {".", ".."}
    assert not set(name) & set("/\\\0\r\n%?#")


def test_a_file_name_is_shown_as_its_owner_gave_it() -> None:
    assert [*map(names.display_name, HARMLESS)] == [*map(names.without_reordering, HARMLESS)]


@pytest.mark.parametrize("filename", REFUSED)
def test_a_file_name_that_could_break_a_line_or_a_header_is_refused(filename: str) -> None:
    with pytest.raises(BadRequest):
        names.display_name(filename)


def test_a_file_name_ends_somewhere() -> None:
    assert len(names.display_name("x" * 1024)) == 1024
    with pytest.raises(BadRequest):
        names.display_name("x" * 1025)


def test_no_name_is_a_name_too() -> None:
    assert names.display_name("") == names.shown("") == "unnamed"


def test_a_good_name_in_a_foreign_key_is_shown_as_it_is() -> None:
    assert [*map(names.shown, HARMLESS)] == [*map(names.without_reordering, HARMLESS)]


@pytest.mark.parametrize("filename", [name for name in REFUSED if len(name) <= 1024])
def test_a_bad_name_in_a_foreign_key_is_made_fit_to_be_shown(filename: str) -> None:
    shown = names.shown(filename)
    assert "\N{REPLACEMENT CHARACTER}" in shown
    assert names.display_name(shown) == shown


URL_NAMES = {
    "photo.jpg": "photo.jpg",
    "photo.JPEG": "photo.jpg",
    "photo.png": "photo.jpg",
    "photo": "photo.jpg",
    "a.tar.gz": "a.tar.jpg",
    "photo.jpg ": "photo.jpg",
    "photo.png. . ": "photo.jpg",
    "photo.JPG\u00a0": "photo.jpg",
    " .jpg. ": "image.jpg",
    "günaydın İstanbul.jpg": "günaydın İstanbul.jpg",
    unicodedata.normalize("NFD", "günaydın.jpg"): "günaydın.jpg",
    "हिन्दी.png": "हिन्दी.jpg",
    "../../etc/passwd": "passwd.jpg",
    "..\\..\\windows\\win.ini": "win.jpg",
    "/": "image.jpg",
    "..": "image.jpg",
    ".jpg": "image.jpg",
    ".htaccess": "htaccess.jpg",
    "🌅": "image.jpg",
    "a🌅🌅b.gif": "a_b.jpg",
    "\u202egnp.exe": "gnp.jpg",
    "a\u200bb.jpg": "a_b.jpg",
    "a\r\nSet-Cookie: x.jpg": "a_Set-Cookie_ x.jpg",
    "<script>alert(1)</script>.jpg": "script.jpg",
    "100%.jpg": "100.jpg",
    "x" * 300 + ".jpg": "x" * 100 + ".jpg",
}


def test_the_name_in_the_url_is_tame_and_ends_as_the_bytes_deserve() -> None:
    assert {filename: names.url_name(filename, "jpg") for filename in URL_NAMES} == URL_NAMES


@given(st.text(st.characters(), max_size=300))
def test_every_name_in_a_url_is_one_tame_part_of_a_path(filename: str) -> None:
    name = names.url_name(filename, "jpg")
    assert name.endswith(".jpg")
    assert 5 <= len(name) <= 104
    assert name[0] not in " ._"
    assert not re.search(r"[/\\\0\r\n%?#<>\"':;*|&$`\u202a-\u202e\u200b-\u200f]", name)


def test_name_clashes_are_counted_and_the_last_resort_is_nobody_elses() -> None:
    found = list(names.candidates("gün.tar.jpg", "img-1"))
    numbered = [f"gün.tar_{number}.jpg" for number in range(1, 10)]
    assert found == ["gün.tar.jpg", *numbered, "gün.tar_img-1.jpg"]


RIGHT = (
    *(("a.jpg", "jpg"), ("a.jpg. ", "jpg"), ("a.JPEG", "jpg"), ("a.jfif", "jpg")),
    *(("a.tif", "tiff"), ("a", "png"), ("", "png")),
)
WRONG = (("a.png", "jpg"), ("a.png. ", "jpg"), ("a.jpg", "png"), ("a.jpg.exe", "jpg"), ("a.txt", "gif"))


@pytest.mark.parametrize(("filename", "extension"), RIGHT)
def test_a_name_may_claim_nothing_or_the_truth(filename: str, extension: str) -> None:
    assert not names.has_wrong_extension(filename, extension)


@pytest.mark.parametrize(("filename", "extension"), WRONG)
def test_a_name_that_claims_another_type_is_noticed(filename: str, extension: str) -> None:
    assert names.has_wrong_extension(filename, extension)


REORDERING = "\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"


@pytest.mark.parametrize("char", REORDERING, ids=lambda char: f"U+{ord(char):04X}")
def test_what_reorders_a_name_is_removed_wherever_a_name_is_taken(char: str) -> None:
    assert names.display_name(f"photo{char}gpj.exe") == "photogpj.exe"
    assert names.shown(f"{char}photo.jpg") == "photo.jpg"
    assert names.collection_name(f"na{char}ture{char}") == "nature"
    assert names.folder_collection(f"na{char}ture") == ("nature", "")
    assert char not in names.url_name(f"a{char}b.jpg", "jpg")


@pytest.mark.parametrize("name", ["Gölge ışık İĞÜŞÖÇ ığüşöç.jpg", "می\N{ZERO WIDTH NON-JOINER}خواهم.jpg", "שלום.jpg"])
def test_letters_of_every_script_stay(name: str) -> None:
    assert names.display_name(name) == names.shown(name) == name


FOLDERS = {
    "R&D": "R_D",
    "Summer (2024)": "Summer_2024",
    "bad:coll*": "bad_coll",
    "<b>": "b",
    "Doğa & İnsan!": "Doğa_İnsan",
    "🌅 sunset": "sunset",
    ".git": "git",
    "-rf": "rf",
    "a.": "a",
    "a\nb": "a_b",
    "a\\b": "a_b",
    "x" * 65: "x" * 64,
    "_ok": "_ok",
    "***": "default",
    "": "default",
    " ": "default",
    "..": "default",
    "🌅": "default",
    "\u0301a": "a",
    "undefined": "default",
    "NaN": "default",
    "[object Object]": "default",
    "None": "default",
    "<null>": "default",
}


@pytest.mark.parametrize(("folder", "name"), FOLDERS.items())
def test_the_name_of_a_folder_is_cleaned_with_a_warning(folder: str, name: str) -> None:
    cleaned, warning = names.folder_collection(folder)
    assert cleaned == name == names.new_collection_name(cleaned)
    assert (f'"{name}"' in warning) is (folder != name)


@given(st.text(max_size=90))
def test_whatever_a_folder_is_called_its_collection_has_a_good_name(folder: str) -> None:
    name, warning = names.folder_collection(folder)
    assert names.new_collection_name(name) == name
    assert len(warning.splitlines()) <= 1


@pytest.mark.parametrize("word", ["undefined", "null", "NaN", "None", "nil", "[object Object]"])
@pytest.mark.parametrize("spelt", [str, str.upper, str.lower, "  {}\u200f ".format])
def test_what_programs_send_for_nothing_is_no_new_collection(word: str, spelt: Callable[[str], str]) -> None:
    with pytest.raises(BadRequest) as refused:
        names.new_collection_name(spelt(word))
    assert "default" in refused.value.message


def test_a_collection_that_is_called_so_already_can_be_read() -> None:
    assert names.collection_name("undefined") == "undefined"
