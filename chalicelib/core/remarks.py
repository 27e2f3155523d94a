"""What a picture's record may say about its file: faults that were mended, and pixels that are missing.

They are kept in English, without numbers, so that each has one Turkish form.
"""

from __future__ import annotations

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
FILM = "The animation has more frames or pixels than are published, so it is shown as a still of its first frame."
WEBP_UNWRITTEN = "The WebP's coded pixels end in zeros: a part of the picture is missing."
AVIF_UNWRITTEN = "The AVIF's coded pixels end in zeros: a part of the picture is missing."
