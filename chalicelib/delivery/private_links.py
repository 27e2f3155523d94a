"""Private collections: their pictures are seen by who shows a signed address that has not expired.

A collection is private or public from its first image on, because where a rendition lies decides who may read it.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from chalicelib import storage_keys
from chalicelib.budget import Budget
from chalicelib.errors import Conflict, Forbidden
from chalicelib.keyring import BOOTSTRAP, SIGNATURE, Seals, is_sealed
from chalicelib.names import new_collection_name
from chalicelib.objects import NewObject
from chalicelib.ports import Catalog, Clock, ObjectStore

_PAGE = 1_000
_TRASH = 100


class BadSignature(Forbidden):
    """The address is not signed, or its signature has expired."""

    code = "bad_signature"


class PrivacyIsSettled(Conflict):
    """The collection has images; only an empty one can become private or public."""

    code = "privacy_is_settled"


def never_private(_: str) -> bool:
    """For whoever has no private collections."""
    return False


@dataclass(frozen=True)
class Privacy:
    """Which collections are private.

    The catalogue has it settled beside the counters that every publication moves, so that both have one order. A note
    in the bucket says the same: versions before this one know nothing else, and lists of all read it.
    """

    catalog: Catalog
    objects: ObjectStore

    def is_private(self, collection: str) -> bool:
        """Whether this one is. Unavailable: what cannot be told is not taken for public."""
        settled = self.catalog.privacy(collection)
        return self.objects.exists(storage_keys.privacy(collection)) if settled is None else settled

    def all(self) -> frozenset[str]:
        """Names of all that are."""
        found: list[str] = []
        after: str | None = None
        while True:
            page = self.objects.list(storage_keys.PRIVACY, _PAGE, after)
            found += [one.key.removeprefix(storage_keys.PRIVACY) for one in page.items]
            after = page.next_cursor
            if after is None:
                return frozenset(found)

    def prepare(self, collection: str, *, private: bool) -> None:
        """Before a name is claimed: make it private if it is to be, and see that it can be public otherwise.

        A note that it is private is not removed here: it may be that of another request, which gets the name.
        BadRequest (name), PrivacyIsSettled.
        """
        if private:
            self.make(collection, private=True)
        else:
            self._can_become(new_collection_name(collection), private=False)

    def make(self, collection: str, *, private: bool) -> str:
        """Make it private or public before its first image; its name. BadRequest (name), PrivacyIsSettled.

        Of this and a publication at the same moment one is first: the other is refused, or follows it.
        """
        name = new_collection_name(collection)
        if self._can_become(name, private=private):
            self._settle(name, private=private)
        if self.catalog.privacy(name) is private:
            self._note(name, private=private)
        return name

    def _can_become(self, name: str, *, private: bool) -> bool:
        """Whether that would be a change. PrivacyIsSettled where it has images."""
        if private is self.is_private(name):
            return False
        self._must_be_empty(name, self.catalog.stats(name).images)
        return True

    def _settle(self, name: str, *, private: bool) -> None:
        while True:
            stats, version = self.catalog.stats_with_version(name)
            self._must_be_empty(name, stats.images)
            try:
                self.catalog.set_privacy(name, version, private=private)
            except Conflict:
                continue  # an image came or went, or another request was faster
            return

    def _note(self, name: str, *, private: bool) -> None:
        """Have the bucket say what is settled; done again by every request that asks for it."""
        if private:
            self.objects.put(NewObject(storage_keys.privacy(name), b"private", "text/plain"))
        else:
            self.objects.delete(storage_keys.privacy(name), budget=Budget(1))

    def _must_be_empty(self, name: str, images: int) -> None:
        if images or self._is_in_the_trash(name):
            raise PrivacyIsSettled(collection=name)

    def _is_in_the_trash(self, collection: str) -> bool:
        after: str | None = None
        while True:
            page = self.catalog.trashed(_TRASH, after)
            if any(image.collection == collection for image in page.items):
                return True
            after = page.next_cursor
            if after is None:
                return False


_LINK = "wallify delivery"
_SIGNATURE = re.compile(rf"(?P<by>[0-9a-f]{{64}})\.(?P<signature>{SIGNATURE})", re.ASCII)
_SIGNATURE_BEFORE_1_0 = re.compile(r"(?P<key>\d{1,6})\.(?P<by>[0-9a-f]{64})\.(?P<signature>[0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True)
class LinkSignatures:
    """Signs an image's addresses (HMAC-SHA256) until a moment; every size and name of the image is meant.

    A signature names the token that it was made with, and ends with that token. The oldest form names none.
    """

    seals: Seals
    clock: Clock
    may_read: Callable[[str], bool]
    """Whether the token with this digest is valid now, and may read."""

    def sign(self, image_id: str, lasts: timedelta, *, by: str) -> tuple[int, str]:
        """When it expires (seconds since 1970), and the signature, for the token with the digest `by`.

        Unavailable where there is no key.
        """
        expires = int((self.clock.now() + lasts).timestamp())
        return expires, f"{by}.{self.seals.sign(_LINK, _said(image_id, expires, by))}"

    def is_ours(self, image_id: str, expires: int | None, signature: str | None) -> bool:
        """Whether we have made this signature, be it good any more or not; without one, no key is needed to tell."""
        if expires is None or signature is None:
            return False
        if found := _SIGNATURE.fullmatch(signature):
            said = _said(image_id, expires, found["by"])
            return self.seals.key_of(_LINK, said, found["signature"]) is not None
        if found := _SIGNATURE_BEFORE_1_0.fullmatch(signature):
            said = _said(image_id, expires, found["by"])
            return is_sealed(self.seals.named(found["key"]), _LINK, said, found["signature"])
        return is_sealed(self.seals.named(BOOTSTRAP), _LINK, _said(image_id, expires), signature)

    def check(self, image_id: str, expires: int | None, signature: str | None) -> timedelta:
        """How long it is still good for; BadSignature."""
        if expires is None or signature is None or not self.is_ours(image_id, expires, signature):
            raise BadSignature
        left = expires - int(self.clock.now().timestamp())
        if left <= 0:
            raise BadSignature("link.expired", expires=expires)
        found = _SIGNATURE.fullmatch(signature) or _SIGNATURE_BEFORE_1_0.fullmatch(signature)
        if found and not self.may_read(found["by"]):
            raise BadSignature("link.token_ended")
        return timedelta(seconds=left)


def _said(image_id: str, expires: int, by: str = "") -> str:
    return "\n".join(filter(None, (image_id, str(expires), by)))
