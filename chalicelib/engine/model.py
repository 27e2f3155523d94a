"""Values of the engine: limits, recipe, pictures, renditions, and warnings about a file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits on pictures: a larger picture is refused before it is decoded.

    Of a larger animation, one frame is published.
    """

    pixels: int = 120_000_000
    """Width x height, and x frames of an animation that is published as such."""
    scaled_pixels: int = 220_000_000
    """The same for a JPEG with a single scan, which is decoded only as large as needed."""
    side: int = 30_000
    """Pixels of the longest side."""
    frames: int = 120
    """Frames of an animation that is published as an animation."""
    heic: bool = True
    """Whether HEIC is accepted."""
    memory: int = 512 << 20
    """Bytes of memory for processing one picture, including those of the idle process."""
    takes_damaged: bool = False
    """Whether a picture with missing pixels is accepted with a warning, if its decoder returns the others."""
    native_decoders: bool = True
    """Whether PNG and WebP may be decoded without Pillow, see `pixels`; otherwise Pillow decodes all of them."""


@dataclass(frozen=True, slots=True)
class Recipe:
    """How renditions are made. `version` is part of their keys, so a new recipe never overwrites an old result."""

    version: str = "r1"
    sizes: tuple[int, ...] = (600, 300, 150)
    """Longest sides in pixels, largest first."""
    formats: tuple[str, ...] = ("jpeg", "avif")
    """`jpeg` stands for the format every client reads: JPEG, or PNG where the picture has transparency.

    A picture with transparency is made as WebP too, whatever the formats are.
    """
    names_rights: bool = False
    """Whether full-size public forms contain author and copyright."""
    avif_from: int = 0
    """Smallest of `sizes` that is made as AVIF too, where `formats` has it."""

    def formats_of(self, size: int, *, has_alpha: bool = False) -> tuple[str, ...]:
        """Return the formats in which this size of a picture is made."""
        made = tuple(codec for codec in self.formats if codec != "avif" or size >= self.avif_from)
        return (*made, "webp") if has_alpha and "webp" not in made else made


@dataclass(frozen=True, slots=True)
class Rights:
    """Author, copyright and licence in a file; empty for missing ones."""

    author: str = ""
    """Names, "; " between several; 256 characters at most, as of `copyright`."""
    copyright: str = ""
    licence_url: str = ""
    """http or https, 512 characters at most."""


@dataclass(frozen=True, slots=True)
class Picture:
    """Facts about one original, found by decoding it."""

    format: str
    """One of jpeg, png, gif, webp, avif, heic, bmp, tiff, by the file's content."""
    width: int
    """Pixels, upright (after EXIF orientation)."""
    height: int
    bytes: int
    """Size of the stored original. Releases before the optimisation `o2` may have replaced it by a smaller file."""
    sha256: str
    """Hex digest of the uploaded bytes, by which a duplicate upload is recognised."""
    frames: int = 1
    has_alpha: bool = False
    """True if at least one pixel is transparent."""
    thumbhash: str = ""
    """ThumbHash placeholder, base64 (https://evanw.github.io/thumbhash/)."""
    colors: tuple[str, ...] = ()
    """Up to five dominant colours as #rrggbb, most common first."""
    exif: Mapping[str, str] = field(default_factory=dict)
    """Camera, lens, exposure and time of the shot; never a location."""
    warnings: tuple[str, ...] = ()
    """Warnings for the uploader, one sentence each."""
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


Point = tuple[float, float]
"""Place in a picture, from (0, 0) at the upper left corner to (1, 1)."""
CENTER: Point = (0.5, 0.5)


@dataclass(frozen=True, slots=True)
class Transform:
    """How one rendition is made."""

    width: int | None = None
    """Of the frame, in pixels; None if the height alone decides."""
    height: int | None = None
    cover: bool = False
    """Whether the frame is filled and the rest cut off; otherwise all of the picture fits into it. A frame with one
    side is then a square."""
    gravity: Point | None = CENTER
    """What is kept in the middle where something is cut off; None: what looks most important, see `salient_offset`."""
    quality: int | None = None
    """Of the encoder, 1 to 100; None for the one of the codec and size."""
    blur: int = 0
    """Standard deviation of a Gaussian blur, in pixels of the result."""
    background: str = ""
    """rrggbb that shows through transparent pixels; empty: they stay transparent, where the codec can."""


@dataclass(frozen=True, slots=True)
class Processed:
    """Result of processing an upload."""

    picture: Picture
    renditions: tuple[Encoded, ...]


JPEG_SHORT = "The JPEG's image data ends too early; a part of the picture is missing or broken."
JPEG_LEFT = "The JPEG's image data does not match its size; a part of the picture is missing or broken."
JPEG_RESTARTS = "The JPEG's restart markers are missing or out of order; a part of the picture is missing or broken."
JPEG_UNWRITTEN = "The JPEG's image data contains zeros that no encoder writes; a part of the picture is missing."
JPEG_PLANE = "The JPEG has no image data for one of its colour components."
JPEG_ROUGH = "The JPEG's last scans are missing; its colours and brightness are only approximate."
JPEG_COARSE = "The JPEG's last scans are missing; the picture has less detail than it was saved with."
JPEG_STRAY = "The JPEG has a few stray bytes after its image data; the public copy does not contain them."
JPEG_STARTS = "The JPEG has more than one start marker; some decoders refuse the original. The public copy has one."
JPEG_ENDLESS = "The JPEG has no end marker; the public copy has one."
PNG_ASIDE = "A PNG chunk outside the image data does not match its checksum; the public copy does not contain it."
PNG_PIXELS = (
    "A checksum of the PNG's image data is wrong, but the data is correct; the public copy has the correct checksum."
)
PNG_SUM = (
    "The checksum inside the PNG's compressed data is wrong or missing, but no pixel is missing; the"
    " public copy has the correct checksum."
)
PNG_ENDLESS = "The PNG has no end chunk; the public copy has one."
PNG_LONG = "A text or colour profile in the PNG is unusually long or broken; some decoders refuse the original."
GIF_ENDLESS = "The GIF has no trailer; the public copy has one."
GIF_JUNK = "The GIF has unreadable bytes after a frame; the public copy does not contain them or what follows them."
WEBP_SIZE = (
    "The WebP's size differs from the size in its header, or a chunk without image data is cut off; the"
    " public copy is correct."
)
AVIF_JUNK = "The AVIF has bytes after its image data that belong to no item; the public copy does not contain them."
AVIF_EXIF = "The AVIF's Exif cannot be read; the public copy is published without it."
STILL_LATER = "The animation begins with blank frames; its still image is the first frame that is not blank."
TIFF_PAGES = "The TIFF has more than one page; the first page is used."
TIFF_COPY = "The TIFF begins with a smaller copy of its picture; the full-size picture is used."
HEIC_MORE = "The HEIC has more than one picture; the primary one is used."
GAIN_MAP = "The picture's gain map (HDR) is not published; the public copy has standard dynamic range (SDR)."
VIDEO_DROPPED = (
    "The animation has more frames or pixels than the limits allow; it is published as a still image of"
    " its first frame."
)
WEBP_UNWRITTEN = "The WebP's image data ends in zeros; a part of the picture is missing."
AVIF_UNWRITTEN = "The AVIF's image data ends in zeros; a part of the picture is missing."

Box = tuple[float, float, float, float]
"""Left, top, right, bottom in pixels of the decoded picture, with fractions."""
