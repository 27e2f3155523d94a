"""The engines under test behind one shape: a name, the jobs it knows, and `do(job, data)`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

Files = dict[str, bytes]
"""Finished files by size and format, as in "600.jpeg"."""

Work = Callable[[bytes], Files]

SIZES = (600, 300, 150)
JPEG_QUALITY = 82
AVIF_QUALITY = {600: 69, 300: 58, 150: 58}
AVIF_FROM = 300
"""Smallest size that is made as AVIF too, as by the functions' settings (`avif_from`)."""
AVIF_SPEED = 9
WEBP_QUALITY = {600: 86, 300: 74, 150: 73}
WEBP_METHOD = 2

THUMBS = "thumbs"
"""Three JPEG (PNG where the source has transparency): longest sides 600, 300, 150, upright, stripped."""
STILL = "still"
"""The 600 pixel picture as it goes to the encoder, as lossless PNG."""
INGEST = "ingest"
"""SHA-256, validation, three JPEG, AVIF of those from `AVIF_FROM` pixels on, placeholder."""
INGEST_WEBP = "ingest-webp"
"""The same with three WebP in AVIF's place."""
CHECK = "check"
"""Accept or refuse: whatever the engine does with an upload, the files do not matter."""


def is_made(size: int, format: str) -> bool:  # noqa: A002  Pillow's own word
    """Return whether an ingest makes this size in the format."""
    return format != "avif" or size >= AVIF_FROM


class Refused(Exception):
    """The engine does not take this picture."""


@dataclass(frozen=True)
class Answer:
    """One finished job: its files, and what the engine itself took for them."""

    wall_ms: float
    cpu_ms: float
    """Processor time of all threads: other people's work on the machine does not count."""
    files: Files = field(repr=False)


class Engine(Protocol):
    """Anything that can be timed."""

    @property
    def name(self) -> str:
        """As it stands in the tables."""

    def knows(self, job: str) -> bool:
        """Whether `do` may be asked for this job."""

    def do(self, job: str, data: bytes) -> Answer:
        """Do it once; raises Refused where the engine does not take the picture."""


@dataclass(frozen=True)
class Local:
    """An engine in this process, timed around one call."""

    name: str
    jobs: Mapping[str, Work]
    refusals: tuple[type[Exception], ...] = (Exception,)

    def knows(self, job: str) -> bool:
        """See Engine."""
        return job in self.jobs

    def do(self, job: str, data: bytes) -> Answer:
        """See Engine."""
        work = self.jobs[job]
        wall, cpu = time.perf_counter_ns(), time.process_time_ns()
        try:
            files = work(data)
        except self.refusals as e:
            raise Refused(str(e)) from e
        return Answer((time.perf_counter_ns() - wall) / 1e6, (time.process_time_ns() - cpu) / 1e6, files)
