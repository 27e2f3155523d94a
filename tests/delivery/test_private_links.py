from __future__ import annotations

import hmac
from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest

from chalicelib import storage
from chalicelib.admin.tokens import digest_of
from chalicelib.delivery.private_links import BadSignature, LinkSignatures, PrivacyIsSettled
from chalicelib.errors import BadRequest, PrivacyDiffers, Unavailable
from chalicelib.images.model import Image
from chalicelib.images.process_image import ProcessImage
from chalicelib.keyring import Purpose, Seals
from chalicelib.storage import Budget, NewObject
from chalicelib.tasks.model import Status
from tests.builders import FrozenClock
from tests.maintenance_world import DAY, HOUR, MaintenanceWorld
from tests.pictures import a_jpeg


@pytest.fixture
def world() -> MaintenanceWorld:
    """A world in which `secret` is private."""
    world = MaintenanceWorld()
    world.services.privacy.make("secret", private=True)
    return world


def secret(world: MaintenanceWorld, number: int = 1) -> Image:
    return world.image(number, collection="secret", body=a_jpeg((60, 40)) + bytes([number]))


def public(world: MaintenanceWorld) -> list[str]:
    """Whatever the CDN may read."""
    return [*world.bucket.under("renditions/"), *world.bucket.under("manifests/")]


def test_what_is_made_of_a_private_picture_is_never_where_a_cache_may_read_it(world: MaintenanceWorld) -> None:
    image = secret(world)
    assert world.optimize()["images_optimized"] == 1
    world.finish(world.services.thumbnail_requests.make(everything=True))
    world.services.manifests.refresh("secret")
    forms = world.services.state.catalog.renditions(image.image_id)
    assert len({form.size for form in forms}) == 4
    assert all(storage.is_guarded(form.key) and form.key in world.bucket.blobs for form in forms)
    assert public(world) == []


def test_clean_up_knows_what_is_private_from_what_is_nobodys(world: MaintenanceWorld) -> None:
    image = secret(world)
    world.bucket.drop("guarded/nobody/r1/600.jpg", b"x")
    world.bucket.drop(f"guarded/{image.image_id}/r0/600.jpg", b"x")
    world.clock.move(25 * HOUR)
    report = world.run("cleanup")
    assert (report.status, report.result and report.result["quarantined"]) == (Status.SUCCESS, 2)
    assert world.missing() == []


def test_true_delete_takes_private_pictures_too(world: MaintenanceWorld) -> None:
    image = secret(world)
    world.finish(world.services.trash.delete([image.image_id]))
    assert world.bucket.under(*storage.all_of(image.image_id)) == []


def test_a_cancelled_upload_leaves_nothing_private_behind(world: MaintenanceWorld) -> None:
    task = world.upload(a_jpeg((60, 40)), collection="secret")
    world.when("after_put", lambda: world.services.tasks.cancel(task.task_id))
    world.run_until_idle()
    assert world.task(task).status is Status.REVOKED
    assert world.bucket.under("guarded/") == []


def test_a_collection_made_private_while_a_picture_is_published_has_it_private(world: MaintenanceWorld) -> None:
    task = world.upload(a_jpeg((60, 40)), collection="nature")
    world.when("after_put", lambda: world.services.privacy.make("nature", private=True))
    world.run_until_idle()
    assert world.task(task).status is Status.SUCCESS
    assert public(world) == []
    (image,) = world.services.state.catalog.images("nature", 9).items
    assert all(storage.is_guarded(one.key) for one in world.services.state.catalog.renditions(image.image_id))
    assert world.missing() == []


def test_a_picture_that_was_published_first_keeps_its_collection_public(world: MaintenanceWorld) -> None:
    world.upload(a_jpeg((60, 40)), collection="nature")
    refused: list[type[Exception]] = []

    def make() -> None:
        with pytest.raises(PrivacyIsSettled) as wrong:
            world.services.privacy.make("nature", private=True)
        refused.append(wrong.type)

    world.when("after_publish", make)
    world.run_until_idle()
    assert refused == [PrivacyIsSettled]
    assert not world.services.privacy.is_private("nature")
    assert world.services.privacy.all() == {"secret"}


def test_a_public_picture_does_not_come_back_from_the_trash_into_what_became_private(world: MaintenanceWorld) -> None:
    image = world.image(1, collection="nature")
    world.services.trash.trash(image.image_id)
    _, mark = world.services.state.catalog.stats_with_version("nature")
    world.services.state.catalog.set_privacy("nature", mark, private=True)  # the list of the trash was behind
    restored = world.services.trash.restore(image.image_id)
    assert public(world) == []
    assert all(storage.is_guarded(one.key) for one in restored.renditions)


def test_a_collection_of_the_version_before_is_private_by_its_note(world: MaintenanceWorld) -> None:
    world.bucket.put(NewObject(storage.privacy("old"), b"private", "text/plain"))
    image = world.image(1, collection="old")
    assert world.services.privacy.is_private("old")
    assert world.services.state.catalog.privacy("old") is None
    assert all(storage.is_guarded(one.key) for one in world.services.state.catalog.renditions(image.image_id))
    world.finish(world.services.trash.delete([image.image_id]))
    world.services.privacy.make("old", private=False)
    assert (world.services.privacy.is_private("old"), "old" in world.services.privacy.all()) == (False, False)


def test_a_note_that_a_dead_request_left_behind_is_put_right_by_the_next(world: MaintenanceWorld) -> None:
    world.services.objects.delete(storage.privacy("secret"), budget=Budget(1))
    assert world.services.privacy.is_private("secret")
    world.services.privacy.make("secret", private=True)
    assert world.services.privacy.all() == {"secret"}


@pytest.mark.parametrize(("source", "target"), [("secret", "nature"), ("nature", "secret")])
def test_pictures_do_not_move_between_private_and_public(world: MaintenanceWorld, source: str, target: str) -> None:
    image = world.image(1, collection=source)
    with pytest.raises(PrivacyDiffers):
        world.services.image_moves.move(image.image_id, target)
    world.services.privacy.make("other", private=source == "secret")
    assert world.services.image_moves.move(image.image_id, "other").collection == "other"


@pytest.mark.parametrize("private", [True, False])
def test_privacy_is_settled_by_the_first_image_and_by_what_lies_in_the_trash(
    world: MaintenanceWorld, *, private: bool
) -> None:
    name = "secret" if private else "nature"
    image = world.image(1, collection=name)
    with pytest.raises(PrivacyIsSettled):
        world.services.privacy.make(name, private=not private)
    world.services.trash.trash(image.image_id)
    with pytest.raises(PrivacyIsSettled):
        world.services.privacy.make(name, private=not private)
    world.finish(world.services.trash.delete([image.image_id]))
    world.services.privacy.make(name, private=not private)
    assert world.services.privacy.is_private(name) is not private


@pytest.mark.parametrize("private", [True, False])
def test_a_worker_follows_a_collection_that_was_emptied_and_changed(world: MaintenanceWorld, *, private: bool) -> None:
    name = "nature" if private else "secret"
    image = world.image(1, collection=name)
    world.finish(world.services.trash.delete([image.image_id]))
    world.services.privacy.make(name, private=private)
    after = world.image(2, collection=name)
    forms = world.services.state.catalog.renditions(after.image_id)
    assert {storage.is_guarded(one.key) for one in forms} == {private}
    assert set(world.bucket.under("renditions/")) == {one.key for one in forms if not private}


def test_a_worker_reads_the_privacy_of_a_collection_once(world: MaintenanceWorld) -> None:
    asked: list[str] = []

    def is_private(collection: str) -> bool:
        asked.append(collection)
        return world.services.privacy.is_private(collection)

    job = replace(cast("ProcessImage", world.services.process_image), is_private=is_private)
    world.services.process_image = job
    for number, name in enumerate(["nature", "secret", "nature", "secret"]):
        world.image(number, collection=name)
    assert asked == ["nature", "secret"]
    assert job.known_privacy == {"nature": False, "secret": True}


def test_private_collections_are_known_by_their_names(world: MaintenanceWorld) -> None:
    world.services.privacy.make(" Göl ", private=True)
    assert world.services.privacy.all() == {"secret", "Göl"}
    world.services.privacy.make("Göl", private=False)
    assert world.services.privacy.all() == {"secret"}
    with pytest.raises(BadRequest):
        world.services.privacy.make("../x", private=True)


BY = digest_of("wlf_reader")


def seals(secret: str, clock: FrozenClock) -> Seals:
    return Seals(Purpose.LINKS, lambda _: None, lambda: secret, clock.now)


@pytest.fixture
def ended() -> set[str]:
    """Tokens that may not read any more."""
    return set()


@pytest.fixture
def signatures(ended: set[str]) -> LinkSignatures:
    clock = FrozenClock()
    return LinkSignatures(seals("wlf_root", clock), clock, lambda digest: digest not in ended)


def test_a_signature_is_good_for_its_image_until_it_expires(signatures: LinkSignatures) -> None:
    expires, signature = signatures.sign("i1", HOUR, by=BY)
    assert signatures.check("i1", expires, signature) == HOUR
    signatures.clock.sleep(3_599)
    assert signatures.check("i1", expires, signature) == timedelta(seconds=1)
    for seconds in (1, 1, 86_400):
        signatures.clock.sleep(seconds)
        with pytest.raises(BadSignature):
            signatures.check("i1", expires, signature)


def test_every_letter_of_a_seal_counts(signatures: LinkSignatures) -> None:
    expires, signature = signatures.sign("i1", HOUR, by=BY)
    for place in range(signature.index(".") + 1, len(signature)):
        for letter in "0148AQghwx_-":
            changed = signature[:place] + letter + signature[place + 1 :]
            assert signatures.is_ours("i1", expires, changed) is (letter == signature[place])


def test_a_signature_ends_with_the_token_that_made_it(signatures: LinkSignatures, ended: set[str]) -> None:
    expires, signature = signatures.sign("i1", HOUR, by=BY)
    _, other = signatures.sign("i1", HOUR, by=digest_of("wlf_other"))
    ended.add(BY)
    with pytest.raises(BadSignature):
        signatures.check("i1", expires, signature)
    assert signatures.is_ours("i1", expires, signature)
    assert signatures.check("i1", expires, other) == HOUR


def test_nothing_of_a_signature_can_be_changed(signatures: LinkSignatures) -> None:
    expires, signature = signatures.sign("i1", HOUR, by=BY)
    other = LinkSignatures(seals("wlf_other", FrozenClock()), signatures.clock, lambda _: True)
    by, sealed = signature.split(".")
    tampered = [
        ("i2", expires, signature),
        ("i1", expires + 1, signature),
        ("i1", expires, signature[:-1] + "x"),
        ("i1", expires, f"{digest_of('wlf_admin')}.{sealed}"),
        ("i1", expires, f"0.{by}.{sealed}"),
        ("i1", expires, sealed),
        ("i1", expires, "ı"),  # noqa: RUF001  # a letter that is no ASCII
        ("i1", None, signature),
        ("i1", expires, None),
        ("i1", *other.sign("i1", DAY, by=BY)),
    ]
    for image_id, until, shown in tampered:
        assert not signatures.is_ours(image_id, until, shown)
        with pytest.raises(BadSignature):
            signatures.check(image_id, until, shown)


def test_a_signature_of_versions_before_1_0_lasts_until_it_expires_and_ends_with_its_token(
    signatures: LinkSignatures, ended: set[str]
) -> None:
    expires = int((signatures.clock.now() + HOUR).timestamp())
    key = hmac.digest(b"wlf_root", b"wallify delivery", "sha256")
    signed = hmac.new(key, f"i1\n{expires}\n{BY}".encode(), "sha256").hexdigest()
    assert signatures.check("i1", expires, f"0.{BY}.{signed}") == HOUR
    assert not signatures.is_ours("i2", expires, f"0.{BY}.{signed}")
    assert not signatures.is_ours("i1", expires, f"1.{BY}.{signed}")
    ended.add(BY)
    with pytest.raises(BadSignature):
        signatures.check("i1", expires, f"0.{BY}.{signed}")


def test_a_signature_of_the_first_form_lasts_until_it_expires(signatures: LinkSignatures) -> None:
    expires = int((signatures.clock.now() + HOUR).timestamp())
    key = hmac.digest(b"wlf_root", b"wallify delivery", "sha256")
    signature = hmac.new(key, f"i1\n{expires}".encode(), "sha256").hexdigest()
    assert signatures.check("i1", expires, signature) == HOUR
    assert not signatures.is_ours("i2", expires, signature)


def test_without_a_secret_nothing_is_signed() -> None:
    clock = FrozenClock()
    with pytest.raises(Unavailable):
        LinkSignatures(seals("", clock), clock, lambda _: True).sign("i1", HOUR, by=BY)
