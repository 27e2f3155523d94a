"""Engines that live in another process: Node's sharp, and thumbor, whose import would loosen Pillow's checks here.

The worker times itself, so neither its start nor the pipe counts. A message either way is a JSON line and then the
bodies that the line announces; the worker answers each request before it reads the next.
"""

from __future__ import annotations

import json
import os
import subprocess
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, Any

from bench.engines import Answer, Refused
from bench.machine import without_allocator

KEEP = "keep"
PATIENCE = 120.0
"""Seconds for one answer; a worker that takes longer is ended."""


class WorkerGone(Exception):
    """The worker ended or said something else than an answer."""


@dataclass
class Process:
    """A worker that starts at its first request and stays."""

    command: Sequence[str]
    folder: str | None = None
    env: dict[str, str] = field(default_factory=dict)
    running: subprocess.Popen[bytes] | None = None

    def ask(self, variant: str, job: str, data: bytes) -> Answer:
        """One request, one answer; raises Refused where the engine said no, WorkerGone where there is no worker."""
        with self._bounded() as (to, back):
            to.write(json.dumps({"variant": variant, "job": job, "bytes": len(data)}).encode() + b"\n" + data)
            to.flush()
            said = _line(back)
            if "error" in said:
                raise Refused(said["error"])
            return Answer(said["wall_ms"], said["cpu_ms"], {name: back.read(size) for name, size in said["files"]})

    @property
    def pid(self) -> int:
        """Of the worker, started if need be."""
        return self._started().pid

    def close(self) -> None:
        """End the worker, if it runs; a later request starts another."""
        if self.running:
            self.running.kill()
            self.running.communicate()
            self.running = None

    @contextmanager
    def _bounded(self) -> Iterator[tuple[IO[bytes], IO[bytes]]]:
        process = self._started()
        alarm = threading.Timer(PATIENCE, process.kill)
        alarm.start()
        try:
            yield _pipes(process)
        except OSError as e:
            raise WorkerGone(str(e)) from e
        finally:
            alarm.cancel()

    def _started(self) -> subprocess.Popen[bytes]:
        if self.running is None or self.running.poll() is not None:
            self.running = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env=without_allocator(os.environ) | self.env,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.DEVNULL,
            )
        return self.running


@dataclass(frozen=True)
class Remote:
    """One engine, or one way to use it, in a worker."""

    name: str
    process: Process = field(repr=False)
    variant: str
    jobs: frozenset[str]

    def knows(self, job: str) -> bool:
        """See Engine."""
        return job in self.jobs

    def do(self, job: str, data: bytes) -> Answer:
        """See Engine."""
        return self.process.ask(self.variant, job, data)

    def keep(self, data: bytes) -> None:
        """Hand the worker a picture that later requests without bytes mean; so that its memory counts as input."""
        self.process.ask(self.variant, KEEP, data)


def _pipes(process: subprocess.Popen[bytes]) -> tuple[IO[bytes], IO[bytes]]:
    if process.stdin is None or process.stdout is None:
        raise WorkerGone("the worker has no pipes")
    return process.stdin, process.stdout


def _line(back: IO[bytes]) -> dict[str, Any]:
    line = back.readline()
    if not line:
        raise WorkerGone("the worker ended without an answer")
    said: dict[str, Any] = json.loads(line)
    return said
