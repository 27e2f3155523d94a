"""Private collections and signed links: private pictures are served only to a signed address that has not expired.

The key of a rendition decides who may read it, so a collection with images is made private or public by a task that
moves them (`images.privacy_change`).
"""

from __future__ import annotations

import re
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import timedelta

from chalicelib import storage
from chalicelib.errors import Conflict, Forbidden, Unavailable
from chalicelib.keyring import BOOTSTRAP, SIGNATURE, Seals, is_sealed
from chalicelib.names import new_collection_name
from chalicelib.ports import Catalog, Clock, ObjectStore
from chalicelib.storage import Budget, NewObject

_PAGE = 1_000
_TRASH_PAGE = 100
_TURNS = 100
"""Attempts to change the privacy of a collection to which images are added at the same time."""


class BadSignature(Forbidden):
    """The address is not signed, or its signature has expired."""

    code = "bad_signature"


class PrivacyIsSettled(Conflict):
    """There are images of this name already; a new collection cannot be private or public otherwise than they are."""

    code = "privacy_is_settled"


def never_private(_: str) -> bool:
    """Return False; for services without private collections."""
    return False


@dataclass(frozen=True)
class Privacy:
    """Which collections are private.

    The catalogue stores it beside the counters that every publication changes, so both are changed in one order. A
    marker object in the bucket repeats it: older versions read nothing else, and the list of all private collections is
    made from the markers.
    """

    catalog: Catalog
    objects: ObjectStore

    def is_private(self, collection: str) -> bool:
        """Return True if the collection is private. Raises Unavailable: an unknown answer is never taken for public."""
        settled = self.catalog.privacy(collection)
        return self.objects.exists(storage.privacy(collection)) if settled is None else settled

    def all(self) -> frozenset[str]:
        """Return the names of all private collections."""
        names: list[str] = []
        after: str | None = None
        while True:
            page = self.objects.list(storage.PRIVACY, _PAGE, after)
            names += [one.key.removeprefix(storage.PRIVACY) for one in page.items]
            after = page.next_cursor
            if after is None:
                return frozenset(names)

    def prepare(self, collection: str, *, private: bool) -> None:
        """Make a name private before it is claimed, or check that it can be public.

        A marker that says private is not removed here: it may belong to another request that gets the name.

        Raises:
            BadRequest: the name is not allowed.
            PrivacyIsSettled: the collection has images.
        """
        if private:
            self.make(collection, private=True)
        else:
            self._can_become(new_collection_name(collection), private=False)

    def make(self, collection: str, *, private: bool) -> str:
        """Make the collection private or public before its first image; return its name.

        Of this call and a concurrent publication one is first: the other is refused or follows it.

        Raises:
            BadRequest: the name is not allowed.
            PrivacyIsSettled: the collection has images.
        """
        name = new_collection_name(collection)
        if self._can_become(name, private=private):
            self._store(name, private=private)
        if self.catalog.privacy(name) is private:
            self._mark(name, private=private)
        return name

    def turn(self, name: str, *, private: bool) -> None:
        """Make a collection with images private or public: what is added from now on, and what is moved to its side.

        Images that it has stay where they are (see `images.privacy_change`). Turning twice changes nothing.

        Raises: Unavailable, also if images are added so fast that no moment is found for it.
        """
        for _ in range(_TURNS):
            if self.catalog.privacy(name) is private:
                self._mark(name, private=private)
                return
            _, version = self.catalog.stats_with_version(name)
            with suppress(Conflict):  # an image came or went
                self.catalog.set_privacy(name, version, private=private)
        raise Unavailable("collection.privacy_changing")

    def _can_become(self, name: str, *, private: bool) -> bool:
        """Return True if that would be a change. Raises PrivacyIsSettled if the collection has images."""
        if private is self.is_private(name):
            return False
        self._must_be_empty(name, self.catalog.stats(name).images)
        return True

    def _store(self, name: str, *, private: bool) -> None:
        while True:
            stats, version = self.catalog.stats_with_version(name)
            self._must_be_empty(name, stats.images)
            try:
                self.catalog.set_privacy(name, version, private=private)
            except Conflict:
                continue  # an image came or went, or another request was faster
            return

    def _mark(self, name: str, *, private: bool) -> None:
        """Write or delete the marker object; repeated by every request for the same privacy."""
        if private:
            self.objects.put(NewObject(storage.privacy(name), b"private", "text/plain"))
        else:
            self.objects.delete(storage.privacy(name), budget=Budget(1))

    def _must_be_empty(self, name: str, images: int) -> None:
        if images or self._is_in_the_trash(name):
            raise PrivacyIsSettled(collection=name)

    def _is_in_the_trash(self, collection: str) -> bool:
        after: str | None = None
        while True:
            page = self.catalog.trashed(_TRASH_PAGE, after)
            if any(image.collection == collection for image in page.items):
                return True
            after = page.next_cursor
            if after is None:
                return False


_LINK = "wallify delivery"
_OPTIONS = "wallify rendition"
_SIGNATURE = re.compile(rf"(?P<by>[0-9a-f]{{64}})\.(?P<signature>{SIGNATURE})", re.ASCII)
_SIGNATURE_BEFORE_1_0 = re.compile(r"(?P<key>\d{1,6})\.(?P<by>[0-9a-f]{64})\.(?P<signature>[0-9a-f]{64})", re.ASCII)


@dataclass(frozen=True)
class LinkSignatures:
    """Signatures (HMAC-SHA256) of an image's addresses.

    A signature is valid for every size and name of the image until it expires. It names the token that it was made
    with, and becomes invalid with that token; the oldest form names none.
    """

    seals: Seals
    clock: Clock
    may_read: Callable[[str], bool]
    """Return True if the token with this digest is valid now and may read."""

    def sign(self, image_id: str, lasts: timedelta, *, by: str) -> tuple[int, str]:
        """Return the expiry (seconds since 1970) and the signature, for the token with the digest `by`.

        Raises Unavailable if there is no key.
        """
        expires = int((self.clock.now() + lasts).timestamp())
        return expires, f"{by}.{self.seals.sign(_LINK, _signed_text(image_id, expires, by))}"

    def sign_options(self, image_id: str, options: str, lasts: timedelta | None, *, by: str) -> tuple[int | None, str]:
        """Return the expiry (None if `lasts` is None) and the signature of a rendition's options, for a token.

        Raises Unavailable if there is no key.
        """
        expires = None if lasts is None else int((self.clock.now() + lasts).timestamp())
        return expires, f"{by}.{self.seals.sign(_OPTIONS, _options_text(image_id, options, expires, by))}"

    def check_options(self, image_id: str, options: str, expires: int | None, signature: str | None) -> None:
        """Check that a token that may read has signed these options. Raises BadSignature."""
        match = _SIGNATURE.fullmatch(signature or "")
        if match is None:
            raise BadSignature("transform.unsigned")
        signed_text = _options_text(image_id, options, expires, match["by"])
        if self.seals.key_of(_OPTIONS, signed_text, match["signature"]) is None:
            raise BadSignature("transform.unsigned")
        if expires is not None and expires <= int(self.clock.now().timestamp()):
            raise BadSignature("link.expired", expires=expires)
        if not self.may_read(match["by"]):
            raise BadSignature("link.token_ended")

    def is_ours(self, image_id: str, expires: int | None, signature: str | None) -> bool:
        """Return True if we made this signature, even if it has expired. Without a signature no key is read."""
        if expires is None or signature is None:
            return False
        if match := _SIGNATURE.fullmatch(signature):
            signed_text = _signed_text(image_id, expires, match["by"])
            return self.seals.key_of(_LINK, signed_text, match["signature"]) is not None
        if match := _SIGNATURE_BEFORE_1_0.fullmatch(signature):
            signed_text = _signed_text(image_id, expires, match["by"])
            return is_sealed(self.seals.accepted_key(match["key"]), _LINK, signed_text, match["signature"])
        return is_sealed(self.seals.accepted_key(BOOTSTRAP), _LINK, _signed_text(image_id, expires), signature)

    def check(self, image_id: str, expires: int | None, signature: str | None) -> timedelta:
        """Return how long the signature remains valid. Raises BadSignature."""
        if expires is None or signature is None or not self.is_ours(image_id, expires, signature):
            raise BadSignature
        remaining = expires - int(self.clock.now().timestamp())
        if remaining <= 0:
            raise BadSignature("link.expired", expires=expires)
        match = _SIGNATURE.fullmatch(signature) or _SIGNATURE_BEFORE_1_0.fullmatch(signature)
        if match and not self.may_read(match["by"]):
            raise BadSignature("link.token_ended")
        return timedelta(seconds=remaining)


def _signed_text(image_id: str, expires: int, by: str = "") -> str:
    return "\n".join(filter(None, (image_id, str(expires), by)))


def _options_text(image_id: str, options: str, expires: int | None, by: str) -> str:
    return "\n".join((image_id, options, "" if expires is None else str(expires), by))
