from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from chalice.app import Chalice

from chalicelib import storage
from chalicelib.admin.scopes import Scope
from chalicelib.container import Container
from chalicelib.delivery.edge_access import EdgeAccess
from chalicelib.json_formats import Work, read_optimize
from chalicelib.keyring import EdgeKey
from chalicelib.uploads.service import Upload
from tests.http.gateway import Gateway, Got
from tests.http.memory_service import CDN, a_jpeg, bucket_of
from tests.memory_queue import MemoryQueue

Json = Any
SIZES = ("300", "full", "4711")
CATALOG_READS = ("find_by_name", "existing", "image", "renditions")
NAME = "Gölge ışık.jpg"  # noqa: RUF001  # Turkish, on purpose


@pytest.fixture
def image(admin: Gateway, working_services: Container) -> Json:
    """A picture of a private collection, as its owner reads it."""
    made = admin.ask("PATCH", "/collections/secret", b'{"private": true}')
    assert (made.status, made.json["private"], made.json["images"]) == (200, True, 0)
    working_services.uploads.accept(Upload("secret", NAME, a_jpeg()))
    return admin.get("/collections/secret/images").json["images"][0]


def counting(calls: list[str], verb: str, real: Callable[..., Any]) -> Callable[..., Any]:
    def called(*given: Any, **named: Any) -> Any:  # noqa: ANN401  # whatever the real one takes
        calls.append(verb)
        return real(*given, **named)

    return called


def place(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.path}?{parts.query}" if parts.query else parts.path


def where(anyone: Gateway, path: str) -> str:
    answer = anyone.get(path)
    assert (answer.status, answer.headers["Cache-Control"]) == (302, "private, no-store")
    return str(answer.headers["Location"])


def test_a_private_picture_is_for_those_with_a_signed_address(anyone: Gateway, image: Json) -> None:
    bare = urlsplit(image["links"]["cdn"]).path
    assert {anyone.get(address).status for address in (bare, f"/i/{image['image_id']}/300")} == {404}
    assert where(anyone, place(image["links"]["cdn"])).startswith("https://media.example/guarded/")
    query = urlsplit(image["links"]["cdn"]).query
    assert "/300.avif" in anyone.get(f"/i/{image['image_id']}/300?{query}", Accept="image/avif").headers["Location"]
    assert "/150.jpg" in where(anyone, f"{bare}?{query}&width=100")


def test_only_a_view_with_a_signature_has_a_private_picture_optimised(
    anyone: Gateway, image: Json, working_services: Container
) -> None:
    queue = working_services.optimizer_queue
    assert isinstance(queue, MemoryQueue)

    def requested() -> list[str | None]:
        return [read_optimize(message.body) for message in queue.messages if read_optimize(message.body)]

    address = urlsplit(image["links"]["cdn"])
    assert anyone.get(address.path).status == 404
    assert requested() == []
    assert anyone.get(f"{address.path}?{address.query}").status == 302
    assert requested() == [image["image_id"]]


STRANGERS = (
    "",
    f"?expires=99999999999&signature={'0' * 64}",
    "?expires=99999999999",
    "?signature=x&expires=0",
    "?width=100",
    "?download=true",
)


def without_id(got: Got) -> tuple[int, str, dict[str, str]]:
    """Status, body and headers of an answer without what names the request itself."""
    request_id = got.headers["X-Request-Id"]
    headers = {name: str(text) for name, text in got.headers.items() if name != "X-Request-Id"}
    return got.status, got.text.replace(request_id, "ID"), headers


@pytest.mark.parametrize("query", STRANGERS)
@pytest.mark.parametrize("language", ["en", "tr"])
def test_a_private_name_is_answered_as_one_that_there_is_not(
    anyone: Gateway, image: Json, query: str, language: str
) -> None:
    bare, nowhere = urlsplit(image["links"]["cdn"]).path, "/cdn/secret/nowhere.jpg"
    stem, _, extension = image["name"].rpartition(".")
    readable = [without_id(anyone.get(f"/p/secret/{name}-300.{extension}{query}")) for name in (stem, "nowhere")]
    assert "named" not in image["links"]
    assert str(readable[0]).replace(stem, "nowhere") == str(readable[1])
    assert {status for status, _, _ in readable} <= {404, 400}
    ours, unknown = image["image_id"], "11111111-1111-4111-8111-111111111111"
    accept = {"Accept_Language": language}

    named = [without_id(anyone.get(path + query, **accept)) for path in (bare, nowhere)]
    by_id = [without_id(anyone.get(f"/i/{one}/{size}{query}", **accept)) for one in (ours, unknown) for size in SIZES]

    name = image["name"]
    assert named[0] == (named[1][0], named[1][1].replace("nowhere.jpg", name), named[1][2])
    assert {status for status, _, _ in (*named, *by_id)} <= {404, 400}
    assert [str(one).replace(ours, "X") for one in by_id[:3]] == [str(one).replace(unknown, "X") for one in by_id[3:]]


def test_a_private_name_costs_the_calls_of_one_that_there_is_not(
    anyone: Gateway, working_services: Container, image: Json, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[str] = []
    for part, verbs in ((working_services.state.catalog, CATALOG_READS), (working_services.objects, ("get", "exists"))):
        for verb in verbs:
            monkeypatch.setattr(part, verb, counting(calls, verb, getattr(part, verb)))

    def asked(path: str) -> list[str]:
        calls.clear()
        assert anyone.get(path).status == 404
        return sorted(calls)

    bare = urlsplit(image["links"]["cdn"]).path
    # A name that is found costs two reads of the store: its claim, and the image.
    assert sorted([*asked(bare), "existing"]) == asked("/cdn/secret/nowhere.jpg")
    assert asked(f"/i/{image['image_id']}/300") == asked("/i/11111111-1111-4111-8111-111111111111/300")


def test_who_shows_a_signature_of_ours_is_told_that_it_has_expired(
    anyone: Gateway, working_services: Container, image: Json
) -> None:
    working_services.clock.sleep(3_600)

    got = anyone.get(place(image["links"]["cdn"]))

    assert (got.status, got.json["code"], got.json["message"]) == (
        403,
        "bad_signature",
        "The address has expired; ask for a new one.",
    )


def test_what_is_private_is_stored_for_no_cache(working_services: Container, image: Json) -> None:
    kept = {key.partition("/")[0]: blob.cache_control for key, blob in bucket_of(working_services).blobs.items()}
    working_services.uploads.accept(Upload("open", "a.jpg", a_jpeg(seed=3)))
    opened = {key.partition("/")[0]: blob.cache_control for key, blob in bucket_of(working_services).blobs.items()}

    assert (kept["guarded"], kept["originals"]) == ("private, no-store", "private, no-store")
    assert opened["renditions"] == "public, max-age=31536000, immutable"


def test_no_address_of_a_private_picture_leads_to_the_cdn(admin: Gateway, image: Json) -> None:
    addresses = [image["url"], *(one["url"] for small in image["thumbnails"] for one in small["sources"])]
    assert image["private"] is True
    assert not any(address.startswith(CDN) for address in addresses)
    assert {parse_qs(urlsplit(address).query)["lasts"][0] for address in addresses} == {"3600"}
    (collection,) = admin.get("/collections").json["collections"]
    assert collection == admin.get("/collections/secret").json
    assert (collection["private"], "manifest" in collection["links"]) == (True, False)


def test_a_signed_address_expires_and_is_good_for_no_other_picture(
    anyone: Gateway, admin: Gateway, working_services: Container, image: Json
) -> None:
    working_services.uploads.accept(Upload("secret", "other.jpg", a_jpeg(seed=1)))
    query = urlsplit(image["links"]["cdn"]).query
    assert anyone.get(f"/cdn/secret/other.jpg?{query}").status == 404
    working_services.clock.sleep(3_600)
    assert anyone.get(place(image["links"]["cdn"])).json["message"] == "The address has expired; ask for a new one."


def test_a_link_to_share_lasts_as_long_as_was_asked_for_and_survives_another_name(
    anyone: Gateway, admin: Gateway, working_services: Container, image: Json
) -> None:
    made = admin.ask("POST", f"/images/{image['image_id']}/link", b'{"hours": 48}').json
    admin.ask("PATCH", f"/images/{image['image_id']}", b'{"filename": "other.jpg"}')
    working_services.clock.sleep(48 * 3600 - 1)
    location = where(anyone, place(made["url"]))
    assert parse_qs(urlsplit(location).query)["lasts"] == ["1"]
    working_services.clock.sleep(1)
    assert anyone.get(place(made["url"])).status == 403


@pytest.mark.parametrize("change", ["revoke", "rescope", "expire"])
def test_a_link_ends_with_the_token_that_made_it(
    app: Chalice, admin: Gateway, working_services: Container, image: Json, change: str
) -> None:
    secret, token = working_services.tokens.issue("app", frozenset({Scope.READ}), lasts=timedelta(days=2))
    anyone, reader, image_id = Gateway(app), Gateway(app, authorization=secret), image["image_id"]
    shared = reader.post(f"/images/{image_id}/link", b'{"hours": 72}').json["url"]
    in_record = reader.get(f"/images/{image_id}").json["links"]["cdn"]
    others = admin.post(f"/images/{image_id}/link", b'{"hours": 72}').json["url"]
    assert {anyone.get(place(url)).status for url in (shared, in_record, others)} == {302}

    if change == "revoke":
        admin.ask("DELETE", f"/tokens/{token.digest}")
    elif change == "rescope":
        admin.ask("PATCH", f"/tokens/{token.digest}", b'{"scopes": ["upload"]}')
    else:
        working_services.clock.sleep(2 * 24 * 3600)

    refused = anyone.get(place(shared))
    assert (refused.status, refused.json["code"]) == (403, "bad_signature")
    assert (anyone.get(place(in_record)).status, anyone.get(place(others)).status) == (403, 302)


@pytest.mark.parametrize("body", [b'{"hours": 0}', b'{"hours": 169}', b'{"days": 1}'])
def test_a_link_lasts_an_hour_to_a_week(admin: Gateway, image: Json, body: bytes) -> None:
    assert admin.ask("POST", f"/images/{image['image_id']}/link", body).status == 400


def test_a_collection_with_images_is_opened_by_a_task(
    anyone: Gateway, admin: Gateway, working_services: Container, image: Json
) -> None:
    moved = admin.ask("PATCH", f"/images/{image['image_id']}", b'{"collection": "open"}')
    assert (moved.status, moved.json["code"]) == (409, "privacy_differs")
    assert anyone.get("/cdn/secret/private.jpg").status == 404
    started = admin.ask("PATCH", "/collections/secret", b'{"private": false, "title": "Shown"}')
    assert (started.status, started.json["type"], started.headers["Location"].rpartition("/")[2]) == (
        202,
        "change_privacy",
        started.json["task_id"],
    )
    shown = admin.get("/collections/secret").json
    assert (shown["title"], shown["private"], shown["transition"]) == ("Shown", True, "opening")
    assert admin.get(place(shown["links"]["task"])).json["task_id"] == started.json["task_id"]
    refused = admin.ask("PATCH", "/collections/secret", b'{"name": "other"}', headers={"Accept-Language": "tr"})
    assert (refused.status, refused.json["code"]) == (409, "privacy_is_changing")
    assert started.json["task_id"] in refused.json["message"]
    assert "Koleksiyon gizli ya da" in refused.json["message"]
    working_services.chunked_jobs.run(Work(started.json["task_id"]), working_services.job_worker)
    shown = admin.get("/collections/secret").json
    assert (shown["private"], shown["transition"], "task" in shown["links"]) == (False, None, False)
    assert admin.get(f"/images/{image['image_id']}").json["private"] is False
    written = {(entry["action"], entry["target"]) for entry in admin.get("/audit").json["entries"]}
    assert ("update_collection", "secret private=false title=Shown") in written


@pytest.mark.parametrize("domain", ["", "example.com"])
def test_access_to_a_private_collection_is_signed_for_the_edge(
    admin: Gateway, working_services: Container, image: Json, domain: str
) -> None:
    refused = admin.ask("POST", "/collections/secret/access", b"{}", headers={"Accept-Language": "tr"})
    assert (refused.status, refused.json["code"]) == (404, "no_edge_key")
    assert "anahtar yok" in refused.json["message"]
    object.__setattr__(working_services.settings, "cookie_domain", domain)
    key = EdgeKey("KTEST1", 2**2047 + 1, 65537)
    working_services.edge_access = EdgeAccess(lambda: {"KTEST1": key}, ("KTEST1",), CDN, working_services.clock)
    got = admin.post("/collections/secret/access", b'{"hours": 2}')
    assert (got.status, got.json["base"], got.headers["Cache-Control"]) == (200, f"{CDN}/private/", "no-store")
    assert got.json["query"] == "&".join(
        f"{name.removeprefix('CloudFront-')}={value}" for name, value in got.json["cookies"].items()
    )
    path = urlsplit(image["url"]).path.removeprefix("/guarded/")
    assert f"/{storage.shelf('secret')}/" in path
    if not domain:
        assert "Set-Cookie" not in got.headers
        return
    kept = "Domain=example.com; Path=/private/; Max-Age=7200; Secure; HttpOnly; SameSite=Lax"
    assert list(got.headers["Set-Cookie"]) == [f"{name}={value}; {kept}" for name, value in got.json["cookies"].items()]


def test_access_is_for_private_collections_and_for_tokens_that_may_read(
    app: Chalice, admin: Gateway, working_services: Container, image: Json
) -> None:
    working_services.uploads.accept(Upload("open", NAME, a_jpeg(seed=2)))
    assert [admin.post(f"/collections/{name}/access", b"{}").status for name in ("open", "nowhere")] == [404, 404]
    assert admin.post("/collections/secret/access", b'{"hours": 25}').status == 400
    uploader, _ = working_services.tokens.issue("app", frozenset({Scope.UPLOAD}))
    assert Gateway(app, authorization=uploader).post("/collections/secret/access", b"{}").status == 403
    assert image["private"]


def test_a_download_has_its_files_name_whatever_its_letters(
    anyone: Gateway, admin: Gateway, working_services: Container, image: Json
) -> None:
    working_services.uploads.accept(Upload("open", NAME, a_jpeg(seed=2)))
    signed = place(image["links"]["cdn"]) + "&"
    opened = place(admin.get("/collections/open/images").json["images"][0]["links"]["cdn"]) + "?"
    for address in (signed, opened):
        location = where(anyone, f"{address}download=true")
        (disposition,) = parse_qs(urlsplit(location).query)["disposition"]
        assert (
            disposition
            == "attachment; filename=\"Golge _s_k.jpg\"; filename*=UTF-8''G%C3%B6lge%20%C4%B1%C5%9F%C4%B1k.jpg"
        )
    assert anyone.get(f"{opened}download=false").headers["Location"].startswith(CDN)
