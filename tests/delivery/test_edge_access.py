"""Signed access to a private collection: checked here as CloudFront documents it, with the public key."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache
from http.cookies import SimpleCookie
from urllib.parse import parse_qs, urlsplit

import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key

from chalicelib import storage
from chalicelib.delivery.edge_access import EdgeAccess, Grant, NoEdgeKey
from chalicelib.images.model import Image
from chalicelib.keyring import EdgeKey, KeySecret
from chalicelib.tasks.model import Task
from infra.edge import behaviour_of, is_granted
from tests.builders import NOON, FrozenClock
from tests.fake_edge import FakeEdge
from tests.http.gateway import Got
from tests.maintenance_world import MaintenanceWorld
from tests.pictures import a_jpeg

CDN, ROOT = "https://cdn.example", json.dumps({"root": "r"})
HOUR = timedelta(hours=1)


@cache
def pair(key_id: str) -> RSAPrivateKey:
    assert key_id
    return generate_private_key(public_exponent=65537, key_size=2048)


def jwk(key_id: str) -> dict[str, str]:
    numbers = pair(key_id).private_numbers()
    parts = {"n": numbers.public_numbers.n, "d": numbers.d}
    return {"kty": "RSA", "kid": key_id} | {name: _base64url(number) for name, number in parts.items()}


def _base64url(number: int) -> str:
    return urlsafe_b64encode(number.to_bytes(256)).decode().rstrip("=")


def keys(*key_ids: str) -> Mapping[str, EdgeKey]:
    text = ROOT
    for key_id in key_ids:
        text = KeySecret(text, NOON).with_edge_key(jwk(key_id))
    return KeySecret(text, NOON).edge_keys()


def access(*trusted: str, known: tuple[str, ...] = ("KNEW1", "KOLD1"), clock: FrozenClock | None = None) -> EdgeAccess:
    return EdgeAccess(keys=lambda: keys(*known), trusted=trusted, base=CDN, clock=clock or FrozenClock())


def is_let_in(address: str, grant: Mapping[str, str], trusted: tuple[str, ...], now: datetime) -> bool:
    """Whether the behaviour that the address leads to answers it, by cookies as by the query."""
    if not behaviour_of(urlsplit(address).path).wants_grant:
        return False
    known = {key_id: pair(key_id).public_key() for key_id in trusted}
    cookie = "; ".join(f"CloudFront-{name}={value}" for name, value in grant.items())
    query = "&".join(f"{name}={value}" for name, value in grant.items())
    answers = {
        is_granted(address, cookie, known, now),
        is_granted(f"{address}{'&' if '?' in address else '?'}{query}", "", known, now),
    }
    (answer,) = answers
    return answer


def shown(grant: Grant) -> Mapping[str, str]:
    return {name: value for name, (value,) in parse_qs(grant.query).items()}


@pytest.fixture
def world() -> MaintenanceWorld:
    world = MaintenanceWorld()
    for name in ("family", "friends"):
        world.services.privacy.make(name, private=True)
    return world


def addresses(image: Image, signer: EdgeAccess) -> list[str]:
    return [signer.address(one.key) for one in image.renditions]


def test_access_fits_every_form_of_the_collection_and_of_no_other(world: MaintenanceWorld) -> None:
    signer = access("KNEW1")
    mine, other = world.image(1, collection="family"), world.image(2, collection="friends")
    grant = shown(signer.grant("family", HOUR))
    assert all(is_let_in(address, grant, ("KNEW1",), NOON) for address in addresses(mine, signer))
    assert not any(is_let_in(address, grant, ("KNEW1",), NOON) for address in addresses(other, signer))


TRICKS = (
    "{other}?/{shelf}/a",
    "{other}?x=/{shelf}/",
    "{other}#/{shelf}/",
    "{base}/private/../guarded/{shelf}/{path}",
    "{base}/private/{shelf}/{path}",
    "{base}/trashed/{path}",
    "https://evil.example/private/{id}/{shelf}/r1/600.jpg",
    "http://cdn.example/private/{id}/{shelf}/r1/600.jpg",
)


@pytest.mark.parametrize("trick", TRICKS)
def test_no_address_of_another_picture_fits_the_pattern(world: MaintenanceWorld, trick: str) -> None:
    signer, image = access("KNEW1"), world.image(2, collection="friends")
    (address, *_) = addresses(image, signer)
    path = urlsplit(address).path.removeprefix("/private/")
    parts = {"other": address, "shelf": storage.shelf("family"), "base": CDN, "path": path, "id": image.image_id}
    assert not is_let_in(trick.format(**parts), shown(signer.grant("family", HOUR)), ("KNEW1",), NOON)


def test_the_pattern_fits_before_and_after_the_function_of_the_edge_and_has_its_asterisk_last() -> None:
    resource = access("KNEW1").resource("family")
    assert resource.count("*") == 1
    assert resource.endswith(f"/{storage.shelf('family')}/*")
    assert len(storage.EDGE) == len(storage.GUARDED)
    assert len(storage.shelf("x")) == storage.SHELF_LENGTH


def test_access_ends_in_time_and_with_its_key() -> None:
    signer = access("KNEW1")
    made = signer.grant("family", HOUR)
    address, grant = f"{CDN}/private/{'0' * 36}/{storage.shelf('family')}/r1/600.jpg", shown(made)
    assert made.expires == int((NOON + HOUR).timestamp())
    assert is_let_in(address, grant, ("KNEW1",), NOON + HOUR - timedelta(seconds=1))
    assert not is_let_in(address, grant, ("KNEW1",), NOON + HOUR)
    assert not is_let_in(address, grant, ("KOLD1",), NOON)
    for name in ("Policy", "Signature"):
        others = shown(signer.grant("friends", HOUR))
        assert not is_let_in(address, {**grant, name: others[name]}, ("KNEW1",), NOON)


def test_keys_rotate_by_the_order_in_which_they_are_trusted() -> None:
    assert access("KOLD1").grant("family", HOUR).key_id == "KOLD1"
    assert access("KNEW1", "KOLD1").grant("family", HOUR).key_id == "KNEW1"
    # The distribution trusts a key whose private half this process has not read yet.
    assert access("KNEW1", "KOLD1", known=("KOLD1",)).grant("family", HOUR).key_id == "KOLD1"
    for nothing in (access(), access("KNEW1", known=()), access("KNEW1", known=("KOLD1",))):
        with pytest.raises(NoEdgeKey):
            nothing.grant("family", HOUR)


def test_the_secret_keeps_the_last_keys_and_those_of_other_purposes() -> None:
    text = KeySecret(ROOT, NOON).text
    for number in range(5):
        text = KeySecret(text, NOON).with_edge_key({**jwk("KNEW1"), "kid": f"K{number}"})
    assert list(KeySecret(text, NOON).edge_keys()) == ["K2", "K3", "K4"]
    assert json.loads(text)["root"] == "r"
    assert "exponent" not in repr(KeySecret(text, NOON).edge_keys())


def test_a_picture_that_leaves_the_collection_leaves_its_access(world: MaintenanceWorld) -> None:
    signer = access("KNEW1")
    image = world.image(1, collection="family")
    bodies = {one.size + one.format: world.bucket.blobs[one.key].body for one in image.renditions}
    moved = world.services.image_moves.move(image.image_id, "friends")
    grant = shown(signer.grant("family", HOUR))
    assert not any(is_let_in(address, grant, ("KNEW1",), NOON) for address in addresses(moved, signer))
    assert {one.size + one.format: world.bucket.blobs[one.key].body for one in moved.renditions} == bodies
    assert is_let_in(addresses(moved, signer)[0], shown(signer.grant("friends", HOUR)), ("KNEW1",), NOON)


def test_a_renamed_collection_keeps_nothing_under_its_former_name(world: MaintenanceWorld) -> None:
    world.image(1, collection="family")
    gone = world.image(2, collection="family")
    world.services.trash.trash(gone.image_id)
    world.finish(world.services.collection_renames.rename("family", "kin"))
    world.services.trash.restore(gone.image_id)
    images = world.services.state.catalog.images("kin", 9).items
    assert {one.key.split("/")[2] for image in images for one in image.renditions} == {storage.shelf("kin")}
    assert (len(images), world.missing()) == (2, [])


def test_a_move_whose_request_dies_is_completed_by_a_worker(world: MaintenanceWorld) -> None:
    image, catalog = world.image(1, collection="family"), world.services.state.catalog
    world.services.visibility.announce(image.image_id)
    catalog.revise(image, replace(image, collection="friends"))
    world.run_until_idle()
    assert {one.key.split("/")[2] for one in catalog.image(image.image_id).renditions} == {storage.shelf("friends")}
    assert world.missing() == []


def test_a_form_of_the_release_before_is_served_as_before_and_moves_with_its_picture(world: MaintenanceWorld) -> None:
    image, catalog = world.image(1, collection="family"), world.services.state.catalog
    old = tuple(
        replace(one, key=f"guarded/{image.image_id}/r0/{one.key.rpartition('/')[2]}") for one in image.renditions
    )
    for before, after in zip(image.renditions, old, strict=True):
        world.bucket.copy(before.key, after.key)
        world.bucket.lose(before.key)
    catalog.revise(image, image, old)
    world.clock.move(timedelta(days=2))
    world.run("cleanup")
    assert world.missing() == []
    moved = world.services.image_moves.move(image.image_id, "friends")
    assert {one.key.split("/")[2] for one in moved.renditions} == {storage.shelf("friends")}
    assert world.missing() == []


def test_cookies_are_named_as_cloudfront_reads_them() -> None:
    grant = access("KNEW1").grant("family", HOUR)
    names = ["CloudFront-Policy", "CloudFront-Signature", "CloudFront-Key-Pair-Id"]
    assert list(grant.cookies) == names
    jar = SimpleCookie("; ".join(f"{name}={value}" for name, value in grant.cookies.items()))
    assert {name: jar[name].value for name in names} == dict(grant.cookies)
    assert {name.removeprefix("CloudFront-"): value for name, value in grant.cookies.items()} == shown(grant)


def _finished(world: MaintenanceWorld, task_id: str) -> Task:
    world.run_until_idle()
    return world.services.tasks.get(task_id)


STATES = ("public", "closing", "closed", "opening", "opened")


@pytest.mark.parametrize("state", STATES)
def test_who_reads_which_form_before_during_and_after_opening_and_closing(world: MaintenanceWorld, state: str) -> None:
    """Thumbnails, full form, one on demand, manifest and original; by the address alone, and with signed access."""
    name = "family" if state in {"opening", "opened"} else "open"
    signer = access("KNEW1", clock=world.clock)
    image = world.image(1, collection=name, body=a_jpeg((700, 500)))
    wish = world.services.on_demand.presets["phone-1080x2400-cover"]
    world.services.on_demand = replace(world.services.on_demand, wait=lambda one, _: _finished(world, one))
    assert world.services.on_demand.rendition(image, wish, "image/jpeg") is not None
    world.run_until_idle()
    world.services.manifests.refresh(name)
    if state != "public":
        task = world.services.privacy_changes.change(name, private=state in {"closing", "closed"})
        assert task is not None
        if state in {"closed", "opened"}:
            world.finish(task)
    edge = FakeEdge(world.clock, world.bucket, lambda _: Got(500, {}, ""), keys={"KNEW1": pair("KNEW1").public_key()})
    forms = world.services.state.catalog.image(image.image_id).renditions
    plain = {f"/{form.key}" for form in forms}
    cookie = {"Cookie": "; ".join(f"{one}={text}" for one, text in signer.grant(name, HOUR).cookies.items())}
    bare = {edge.get(address).status for address in plain}
    world.clock.move(timedelta(seconds=2))  # an edge keeps what was missing for a second
    granted = {edge.get(urlsplit(signer.address(form.key)).path, cookie).status for form in forms}
    without = {edge.get(urlsplit(signer.address(form.key)).path).status for form in forms}
    manifest = edge.get(f"/{storage.manifest(name)}").status
    original = edge.get(f"/{image.original_key}", cookie).status
    assert any(form.is_on_demand for form in forms)
    is_public = state in {"public", "closing", "opened"}
    assert (bare, granted, without) == (({200}, {404}, {404}) if is_public else ({404}, {200}, {404}))
    # A closing collection's manifest stays until the task has ended, an opening one's comes with it.
    assert (manifest, original) == (200 if is_public else 404, 404)
