"""Which way is up, in Exif's numbers from 1 to 8."""

from __future__ import annotations

UPRIGHT = 1
