"""What a rebuilder says about a file that it cannot account for byte by byte."""

from __future__ import annotations

MOST_PARTS = 100_000
"""Of segments, chunks or blocks in one file: more are encoded anew, as each takes time and memory."""


class CannotRebuild(Exception):
    """Some of the file's bytes mean nothing that is known, so its picture is encoded anew instead. Never an answer."""


class Unwritten(CannotRebuild):
    """Coded pixels end in zeros that the decoder did not need: a part of the file was never written, or is lost."""
