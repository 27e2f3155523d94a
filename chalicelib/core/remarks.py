"""What a picture's record may say about its file: faults that were mended, and pixels that are missing.

They are kept in English, without numbers, so that each has one Turkish form.
"""

from __future__ import annotations

JPEG_SHORT = "The JPEG's coded pixels end too early: a part of the picture is missing or broken."
JPEG_LEFT = "The JPEG's coded pixels do not fit its size: a part of the picture is missing or broken."
JPEG_RESTARTS = "The JPEG's restart markers are too few or out of order: a part of the picture is missing or broken."
JPEG_PLANE = "The JPEG has no pixels for one of its colours."
JPEG_COARSE = "The JPEG's last scans are missing, so its detail is coarser than its encoder meant it."
JPEG_STRAY = "The JPEG has a few bytes behind its coded pixels that belong to nothing; the public copy is without them."
JPEG_ENDLESS = "The JPEG has no end marker; the public copy has one."
