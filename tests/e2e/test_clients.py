"""What callers really upload with, as it comes from the terminal, pip, npm and apt, and the mistakes they make with it.

Each program of `tests/clients` runs once beside the others and tells what it was answered; each row here is one of its
cases. Where a program is missing its rows are skipped, but they fail in CI, which installs them all.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.clients import libraries, programs, terminal
from tests.clients.programs import Crew, Plan
from tests.e2e.client import Json, Wallify, eventually, told
from tests.e2e.conftest import Cloud
from tests.e2e.photos import a_large_photo, a_small_photo

pytestmark = pytest.mark.e2e

PROGRAMS = {
    # the slowest first
    "aws": terminal.aws,
    "axios": programs.axios,
    "fetch": programs.fetch,
    "requests": libraries.by_requests,
    "curl": terminal.curl,
    "java": programs.java,
    "php": programs.php,
    "s3cmd": terminal.s3cmd,
    "rclone": terminal.rclone,
    "aiohttp": libraries.by_aiohttp,
    "httpx": libraries.by_httpx,
}
ARRIVES = 120.0
"""Seconds in which an object has to be an image; each program has begun long before."""
LARGE = (1300, 1000)
"""Pixels of noise that weigh 2.8 MB."""


@pytest.fixture(scope="module")
def crew(cloud: Cloud, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crew]:
    """All programs, at work since the first test that needs one."""
    folder = tmp_path_factory.mktemp("clients")
    pictures = {"a.jpg": a_small_photo(), "b.jpg": a_small_photo(), "large.jpg": a_large_photo(LARGE)}
    for name, body in pictures.items():
        (folder / name).write_bytes(body)

    def plan_for(name: str) -> Plan:
        return Plan(
            api=cloud.api_url,
            token=cloud.token,
            collection=collection_of(name),
            picture=folder / "a.jpg",
            other=folder / "b.jpg",
            large=folder / "large.jpg",
            folder=_made(folder / name),
            emulator=cloud.emulator_url,
            bucket=cloud.outputs["BucketName"],
        )

    crew = Crew(PROGRAMS, plan_for)
    crew.begin()
    yield crew
    crew.end()


def collection_of(program: str) -> str:
    return f"by {program}"


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


@dataclass(frozen=True)
class Row:
    """One case of a program: the status of the answer, and a part of its message."""

    program: str
    case: str
    status: int
    says: str = ""

    def __str__(self) -> str:
        return f"{self.program}: {self.case}"


WRONG_FIELD = "The file is in the field image; send it in file."
NO_BOUNDARY = "The Content-Type header has no boundary="
NOT_A_FORM = "send it as a form (multipart/form-data), in the field file."
URLENCODED = "application/x-www-form-urlencoded cannot contain a file"
TEXT = "The field file contains text, not a file"
GZIP = "The body is compressed with gzip (Content-Encoding)"
NOT_JSON = "with the file in the field file, not JSON."
NO_FORM = "This route takes JSON (Content-Type: application/json), not a form."
UNKNOWN_CURSOR = "ursor"

ROWS = (
    # a picture is a picture, whichever way it comes
    Row("curl", "upload", 202),
    Row("curl", "Latin-5 name", 202),
    Row("curl", "large, with Expect", 202),
    Row("curl", "base64", 202),
    Row("curl", "quoted-printable", 202),
    Row("curl", "switch in capitals", 202),
    Row("fetch", "upload", 202),
    Row("fetch", "bulk files[]", 202),
    Row("axios", "upload", 202),
    Row("axios", "post form", 202),
    Row("axios", "bulk list", 202),
    Row("axios", "no boundary", 202),
    Row("requests", "upload", 202),
    Row("requests", "text as a file", 202),
    Row("requests", "bulk files", 202),
    Row("httpx", "upload", 202),
    Row("aiohttp", "upload", 202),
    Row("aiohttp", "not quoted", 202),
    Row("aiohttp", "large, with Expect", 202),
    Row("php", "upload", 202),
    Row("php", "Latin-5 name", 202),
    Row("php", "large, with Expect", 202),
    Row("java", "upload", 202),
    Row("java", "Latin-5 name", 202),
    Row("java", "large, with Expect", 202),
    Row("java", "folded header", 202),
    Row("java", "extended name", 202),
    Row("java", "base64", 202),
    # the field
    *(Row(program, "image", 400, WRONG_FIELD) for program in ("curl", "fetch", "axios", "requests", "httpx")),
    *(Row(program, "image", 400, WRONG_FIELD) for program in ("aiohttp", "php")),
    Row("php", "no file name", 400, WRONG_FIELD),
    Row("curl", "files[]", 400, "The file is in the field files[], which POST /bulk_upload takes; send it in file."),
    Row("fetch", "files[]", 400, "The file is in the field files[], which POST /bulk_upload takes; send it in file."),
    Row("requests", "file in collection", 400, "The file is in the field collection; send it in file."),
    Row("requests", "two files", 400, "send several files to POST /bulk_upload"),
    Row("axios", "bulk file", 400, "The files are in the field file; send them in files[] (or files)."),
    Row("fetch", "bulk file", 400, "The files are in the field file; send them in files[] (or files)."),
    Row("fetch", "bulk file[]", 400, "The files are in the field file[]; send them in files[] (or files)."),
    Row("requests", "bulk file[]", 400, "The files are in the field file[]; send them in files[] (or files)."),
    Row("php", "files[0]", 400, "The files are in the field files[0]; send them in files[] (or files)."),
    # a text where a file belongs
    *(Row(program, case, 400, TEXT) for program, case in (("curl", "forgotten @"), ("php", "@"))),
    *(Row(program, "text in file", 400, TEXT) for program in ("fetch", "requests")),
    Row("fetch", "no file chosen", 400, "The field file has no file; choose a file."),
    # the body and its headers
    *(Row(program, "no boundary", 400, NO_BOUNDARY) for program in ("fetch", "requests", "httpx", "php", "java")),
    Row("axios", "no boundary, a buffer", 400, NO_BOUNDARY),
    Row("axios", "another boundary", 400, "The body does not contain the boundary of the Content-Type header"),
    Row("curl", "nested", 400, "The field file contains a form (multipart/mixed)"),
    Row("java", "cut off", 400, "The form is incomplete"),
    Row("java", "LF alone", 400, "The lines of the form end with LF; multipart/form-data requires CRLF."),
    Row("requests", "nothing", 400, "The request has no body"),
    *(Row(program, "the file itself", 415, NOT_A_FORM) for program in ("curl", "fetch", "httpx")),
    Row("php", "stream", 415, NOT_A_FORM),
    Row("curl", "data-binary", 415, URLENCODED),
    *(Row(program, "urlencoded", 415, URLENCODED) for program in ("fetch", "requests", "php")),
    Row("httpx", "without a type", 415, "The Content-Type header is missing"),
    *(Row(program, "json to a form", 415, NOT_JSON) for program in ("fetch", "requests")),
    Row("axios", "json", 415, NOT_JSON),
    *(Row(program, "form to json", 400, NO_FORM) for program in ("fetch", "requests")),
    *(Row(program, case, 415, GZIP) for program, case in (("curl", "gzip"), ("axios", "gzip"), ("fetch", "gzip json"))),
    *(Row("requests", case, 415, GZIP) for case in ("gzip form", "gzip json")),
    Row("aiohttp", "compressed", 415, "The body is compressed with deflate (Content-Encoding)"),
    *(Row(program, "byte order mark", 201) for program in ("curl", "fetch", "requests")),
    # what a client says of a file decides nothing
    *(Row("requests", f"declared {kind}", 201) for kind in libraries.DECLARED),
    Row("requests", "no type", 201),
    Row("fetch", "image/jpg", 201),
    Row("fetch", "empty type", 201),
    Row("fetch", "direct", 201),
    # cursors
    *(Row("requests", f"cursor {what}", 400, UNKNOWN_CURSOR) for what in ("undefined", "null", "of 5000")),
    # other ways into the bucket
    *(Row("aws", case, 0) for case in ("cp", "sync", "line break")),
    *(Row("s3cmd", case, 0) for case in ("put", "ampersand")),
    Row("rclone", "copy", 0),
)


@pytest.mark.parametrize("row", ROWS, ids=str)
def test_a_client_is_answered(crew: Crew, row: Row) -> None:
    answer = crew.told(row.program, row.case)

    assert answer["status"] == row.status, answer["body"]
    assert row.says in str(answer["body"]["message"] if row.says else "")


NAMES = (
    ("curl", "upload", "curl ğüneş.jpg"),
    ("curl", "Latin-5 name", "çiçek ğş.jpg"),
    ("fetch", "upload", 'node ğüneş "1".jpg'),
    ("axios", "upload", "axios ğüneş.jpg"),
    ("requests", "upload", "requests ğüneş.jpg"),
    ("httpx", "upload", 'httpx "ğüneş".jpg'),
    ("aiohttp", "upload", "aio ğüneş.jpg"),
    ("aiohttp", "not quoted", "aio ğüneş.jpg"),
    ("aiohttp", "blanks", "my photo (1).jpg"),
    ("php", "upload", "php ğüneş.jpg"),
    ("php", "Latin-5 name", "çiçek ğş.jpg"),
    ("java", "upload", "java ğüneş.jpg"),
    ("java", "Latin-5 name", "java ğüneş.jpg"),
    ("java", "folded header", "java.jpg"),
    ("java", "extended name", "java ğ.jpg"),
)


ELSEWHERE = {
    # cases that a test of their own looks at
    *(("curl", case) for case in ("too large, with Expect", "bad token, with Expect", "preflight")),
    *(("fetch", case) for case in ("undefined collection", "null collection")),
    *(("php", case) for case in ("async false", "empty collection")),
    *(("requests", case) for case in ("the form twice", "cursor of another route", "cursor and more")),
    ("aiohttp", "burst"),
}


@pytest.mark.parametrize("program", PROGRAMS)
def test_each_case_of_a_program_is_looked_at(crew: Crew, program: str) -> None:
    looked_at = {(row.program, row.case) for row in ROWS} | {(name, case) for name, case, _ in NAMES} | ELSEWHERE

    assert {case for name, case in looked_at if name == program} == set(crew.cases(program))


@pytest.mark.parametrize(("program", "case", "name"), NAMES)
def test_a_name_comes_through(crew: Crew, program: str, case: str, name: str) -> None:
    assert crew.told(program, case)["body"]["file"]["filename"] == name


def test_curl_hears_100_continue_and_does_not_wait_for_it(crew: Crew) -> None:
    heard = crew.told("curl", "large, with Expect")["heard"]

    assert "HTTP/1.1 100 Continue" in heard
    assert "Done waiting for 100-continue" not in heard


@pytest.mark.parametrize(("case", "status"), [("too large, with Expect", 413), ("bad token, with Expect", 401)])
def test_curl_is_refused_before_it_sends_the_body(crew: Crew, case: str, status: int) -> None:
    answer = crew.told("curl", case)

    assert (answer["status"], answer["sent"]) == (status, 0)


def test_a_burst_is_worked_or_told_to_come_again(crew: Crew) -> None:
    answer = crew.told("aiohttp", "burst")

    assert answer["status"] in {200, 429, 503}
    assert {status for status, _ in answer["body"]} <= {201, 429, 503}
    assert all(again for status, again in answer["body"] if status != 201)


def test_a_page_of_an_origin_that_no_setting_names_may_not_call(crew: Crew) -> None:
    answer = crew.told("curl", "preflight")  # tests/http/test_manners.py asks where WALLIFY_CORS_ORIGIN names one

    assert answer["status"] == 204
    assert "access-control-" not in re.sub(r"(?m)^> .*", "", answer["heard"].lower())


@pytest.mark.parametrize("case", ["undefined collection", "null collection"])
def test_a_variable_that_was_never_set_is_no_collection(crew: Crew, case: str) -> None:
    answer = crew.told("fetch", case)

    assert (answer["status"], answer["body"]["code"]) == (400, "bad_request")


def test_what_php_makes_of_false_is_false(crew: Crew) -> None:
    assert crew.told("php", "async false")["status"] in {201, 202}


def test_an_empty_collection_is_the_default_one(crew: Crew) -> None:
    answer = crew.told("php", "empty collection")

    assert (answer["status"], answer["body"]["file"]["collection"]) == (202, "default")


@pytest.mark.parametrize("case", ["cursor of another route", "cursor and more"])
def test_a_cursor_belongs_to_its_route(crew: Crew, case: str) -> None:
    assert crew.told("requests", case)["status"] == 400


def test_both_pictures_of_a_form_that_was_used_twice_are_kept(crew: Crew, wallify: Wallify) -> None:
    answer = crew.told("requests", "the form twice")
    assert answer["status"] == 201

    def both() -> bool | None:
        kept = {image["sha256"] for image in wallify.images(collection_of("requests"))}
        return True if kept >= set(answer["body"]) else None

    eventually(both, "both pictures are images", ARRIVES)


def test_what_aws_s3_cp_puts_there_is_an_image(crew: Crew, wallify: Wallify) -> None:
    assert crew.told("aws", "cp")["status"] == 0
    assert "a.jpg" in arrived(wallify, collection_of("aws"), 1)


def test_a_key_with_a_line_break_is_worked(crew: Crew, wallify: Wallify) -> None:
    assert crew.told("aws", "line break")["status"] == 0
    (name,) = arrived(wallify, collection_of("aws"), 2) - {"a.jpg"}
    assert name.endswith("b.jpg")


def test_junk_of_other_systems_is_ignored(crew: Crew, wallify: Wallify) -> None:
    assert crew.told("aws", "sync")["status"] == 0
    collection = f"{collection_of('aws')}-sync"
    assert arrived(wallify, collection, 1) == {"photo.jpg"}
    assert [task["error"]["code"] for task in failures(wallify, collection)] == []


@pytest.mark.parametrize(
    ("program", "case", "folder"),
    [("s3cmd", "ampersand", "R&D"), ("rclone", "copy", "Summer (2024)")],
)
def test_a_folder_that_is_no_name_becomes_one_with_a_warning(
    crew: Crew, wallify: Wallify, program: str, case: str, folder: str
) -> None:
    assert crew.told(program, case)["status"] == 0
    words = collection_of(program).split() + [word.strip("()") for word in folder.replace("&", " ").split()]

    def cleaned() -> Json | None:
        listed: list[Json] = told(wallify.http.get("/collections"), 200)["collections"]
        names = [one["name"] for one in listed]
        found = next((name for name in names if all(word in name for word in words)), None)
        return next(iter(wallify.images(found)), None) if found else None

    image = eventually(cleaned, f"a collection for {folder}", ARRIVES)
    record = told(wallify.http.get(f"/images/{image['image_id']}"), 200)
    assert folder in str(record["warnings"])


def test_what_s3cmd_puts_there_keeps_its_name(crew: Crew, wallify: Wallify) -> None:
    assert crew.told("s3cmd", "put")["status"] == 0
    assert arrived(wallify, collection_of("s3cmd"), 1) == {"s3cmd ğüneş.jpg"}


def arrived(wallify: Wallify, collection: str, least: int) -> set[str]:
    """The names of the collection's images, once there are so many."""

    def names() -> set[str] | None:
        if not wallify.http.get(f"/collections/{collection}").is_success:
            return None
        found = {image["filename"] for image in wallify.images(collection)}
        return found if len(found) >= least else None

    return eventually(names, f"{least} images in {collection}", ARRIVES)


def failures(wallify: Wallify, collection: str) -> list[Any]:
    query = {"collection": collection, "state": "FAILURE"}
    found: list[Any] = told(wallify.http.get("/tasks", params=query), 200)["tasks"]
    return found
