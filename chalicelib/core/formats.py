"""The picture formats Wallify reads and writes: how their files end and what HTTP calls them."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Format:
    """One picture format as file names and HTTP know it."""

    extension: str
    """Without the dot."""
    mime: str


FORMATS = {
    "jpeg": Format("jpg", "image/jpeg"),
    "png": Format("png", "image/png"),
    "gif": Format("gif", "image/gif"),
    "webp": Format("webp", "image/webp"),
    "avif": Format("avif", "image/avif"),
    "heic": Format("heic", "image/heic"),
    "bmp": Format("bmp", "image/bmp"),
    "tiff": Format("tiff", "image/tiff"),
}
"""Every format that `sniff` may answer and `Encoded.format` may carry."""
