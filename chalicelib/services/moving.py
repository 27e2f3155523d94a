"""Another name or another collection for an image.

Keys are made of ids, so no address of a file changes; the address by name goes on leading to the image (`Forwarding`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from chalicelib.core import names
from chalicelib.core.catalog import Image
from chalicelib.core.formats import FORMATS
from chalicelib.errors import Conflict, NameTaken, PrivacyDiffers
from chalicelib.ports import Catalog
from chalicelib.services.forwarding import Forwarding
from chalicelib.services.privacy import nobodys_secret


@dataclass(frozen=True)
class Moving:
    """Moves and renames, each by one conditional write that takes name, digest and counters along."""

    catalog: Catalog
    forwarding: Forwarding
    is_private: Callable[[str], bool] = nobodys_secret
    """Whether a collection is."""

    def rename(self, image_id: str, filename: str) -> Image:
        """Another name in the same collection, made fit for URLs, with the extension that the bytes deserve.

        BadRequest (name), ImageNotFound, NameTaken.
        """
        image = self.catalog.image(image_id)
        shown = names.display_name(filename)
        name = names.url_name(shown, FORMATS[image.picture.format].extension)
        if (name, shown) == (image.name, image.filename):
            return image
        self.forwarding.remember(image)
        try:
            return self.catalog.revise(image, replace(image, name=name, filename=shown))
        except NameTaken:
            raise
        except Conflict:
            return self.rename(image_id, filename)

    def move(self, image_id: str, collection: str) -> Image:
        """Into another collection, which comes into being if need be, by another name where its own is in use.

        BadRequest (collection), ImageNotFound, PrivacyDiffers. Moving twice changes nothing.
        """
        image, target = self.catalog.image(image_id), names.new_collection_name(collection)
        if image.collection == target:
            return image
        if self.is_private(image.collection) is not self.is_private(target):
            raise PrivacyDiffers(collection=target)
        self.forwarding.remember(image)
        for name in names.candidates(image.name, image.image_id):
            try:
                return self.catalog.revise(image, replace(image, collection=target, name=name))
            except NameTaken:
                continue
            except Conflict:
                return self.move(image_id, collection)
        raise NameTaken(name=image.name)
