"""What is known about a picture, before and after the work: plain values, no pixels."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """How large a picture may be: a larger one is refused before it is decoded, a larger animation made a still."""

    pixels: int = 120_000_000
    """Width x height, and x frames of an animation that is published as such."""
    scaled_pixels: int = 220_000_000
    """The same of a JPEG that is coded in one scan, which is decoded no larger than needed."""
    side: int = 30_000
    """Pixels of the longest side."""
    frames: int = 120
    """Of an animation that is published as such."""
    heic: bool = True
    """Whether HEIC is taken."""
    memory: int = 512 << 20
    """Bytes that one picture may take while it is processed, the idle process included."""
    takes_damaged: bool = False
    """Whether a picture that lacks some of its pixels is taken with a warning, where its decoder gives the others."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How renditions are made. `version` is part of their keys, so a new recipe never overwrites an old result."""

    version: str = "r1"
    sizes: tuple[int, ...] = (600, 300, 150)
    """Longest sides in pixels, largest first."""
    formats: tuple[str, ...] = ("jpeg", "avif")
    """`jpeg` stands for the format every client reads: JPEG, or PNG where the picture has transparency."""
    names_rights: bool = False
    """Whether public forms in full size say who made the picture and whose it is."""


@dataclass(frozen=True, slots=True)
class Rights:
    """Whose picture it is, as its file says; each is empty where it says nothing."""

    author: str = ""
    """Names, "; " between several; 256 characters at most, as of `copyright`."""
    copyright: str = ""
    licence_url: str = ""
    """http or https, 512 characters at most."""


@dataclass(frozen=True, slots=True)
class Picture:
    """The facts of one original, as found by decoding it."""

    format: str
    """One of jpeg, png, gif, webp, avif, heic, bmp, tiff: what the bytes are, whatever the name says."""
    width: int
    """Pixels, upright (after EXIF orientation)."""
    height: int
    bytes: int
    """Of the original as it is stored. Releases before the treatment `o2` may have replaced it by a smaller file."""
    sha256: str
    """Hex digest of the bytes as they were uploaded, which is how a second upload of them is known."""
    frames: int = 1
    has_alpha: bool = False
    """True when the picture really can be seen through somewhere."""
    thumbhash: str = ""
    """ThumbHash placeholder, base64 (https://evanw.github.io/thumbhash/)."""
    colors: tuple[str, ...] = ()
    """Up to five dominant colours as #rrggbb, most common first."""
    exif: Mapping[str, str] = field(default_factory=dict)
    """What an owner may want to know (camera, lens, exposure, taken at); never a place."""
    warnings: tuple[str, ...] = ()
    """What was done otherwise than its uploader may expect, a sentence each."""
    rights: Rights = Rights()


@dataclass(frozen=True, slots=True)
class Encoded:
    """One finished rendition with its bytes, not yet stored anywhere."""

    size: str
    """The preset: "600", "300", "150" (longest side), or "full" (the original's pixels, cleaned)."""
    format: str
    width: int
    height: int
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Processed:
    """All that one pass over an upload yields."""

    picture: Picture
    renditions: tuple[Encoded, ...]
