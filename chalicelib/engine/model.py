"""Values of the engine: limits, recipe, pictures, renditions, and warnings about a file."""

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


JPEG_SHORT = "The JPEG's coded pixels end too early: a part of the picture is missing or broken."
JPEG_LEFT = "The JPEG's coded pixels do not fit its size: a part of the picture is missing or broken."
JPEG_RESTARTS = "The JPEG's restart markers are too few or out of order: a part of the picture is missing or broken."
JPEG_UNWRITTEN = "The JPEG's coded pixels have zeros inside that no picture yields: a part of the picture is missing."
JPEG_PLANE = "The JPEG has no pixels for one of its colours."
JPEG_ROUGH = "The JPEG's last scans are missing, without which its colours and brightness are only roughly known."
JPEG_COARSE = "The JPEG's last scans are missing, so its detail is coarser than its encoder meant it."
JPEG_STRAY = "The JPEG has a few bytes behind its coded pixels that belong to nothing; the public copy is without them."
JPEG_STARTS = "The JPEG has more than one start marker; decoders may refuse the original. The public copy has one."
JPEG_ENDLESS = "The JPEG has no end marker; the public copy has one."
PNG_ASIDE = "Something that the PNG says beside its pixels does not match its checksum, and is left out."
PNG_PIXELS = (
    "A checksum of the PNG's pixels is wrong, although the pixels are right; the public copy has the right one."
)
PNG_SUM = "The checksum in the PNG's packed pixels is wrong or missing, although all are there; the public copy has it."
PNG_ENDLESS = "The PNG has no end chunk; the public copy has one."
PNG_LONG = "Text or a colour profile of the PNG is longer than is usual, or broken; decoders may refuse the original."
GIF_ENDLESS = "The GIF has no trailer; the public copy has one."
GIF_JUNK = "Bytes behind a frame of the GIF cannot be read; the public copy is without them and what follows them."
WEBP_SIZE = "The WebP's size is not what its header says, or a part without pixels is cut; the public copy is right."
AVIF_JUNK = "The AVIF has bytes behind its picture that belong to nothing; the public copy is without them."
AVIF_EXIF = "The AVIF's Exif cannot be read, and is left out."
STILL_LATER = "The animation begins with blank frames; its still is the first one that shows something."
TIFF_PAGES = "The TIFF has more pages than one; the picture is the first of them."
TIFF_COPY = "The TIFF begins with a smaller copy of its picture; the picture itself is taken."
HEIC_MORE = "The HEIC has more pictures than one; the picture is the primary one."
GAIN_MAP = "The picture's gain map is left out; the public copy has the standard range of brightness."
VIDEO_DROPPED = (
    "The animation has more frames or pixels than are published, so it is shown as a still of its first frame."
)
WEBP_UNWRITTEN = "The WebP's coded pixels end in zeros: a part of the picture is missing."
AVIF_UNWRITTEN = "The AVIF's coded pixels end in zeros: a part of the picture is missing."
