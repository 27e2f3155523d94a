"""Processor time and memory by kind of process."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.usage import Meter, since

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
BUSY = "import time\nwhile time.process_time() < {}: pass\n"
WAIT = "print(flush=True); input()"


@contextmanager
def process(code: str, **variables: str) -> Iterator[subprocess.Popen[bytes]]:
    started = subprocess.Popen(
        [sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env={**variables}
    )
    assert started.stdout
    started.stdout.readline()
    try:
        yield started
    finally:
        started.communicate(b"\n")


def test_a_process_and_its_children_count_for_the_kind_of_the_oldest() -> None:
    child = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY.format(0.3)!r}]); "
    with process(BUSY.format(0.3) + WAIT) as one, process(child + WAIT) as other:
        meter = Meter({"one": one.pid, "other": other.pid})

        assert meter.seconds()["one"] >= 0.2
        assert meter.megabytes().keys() == {"one", "other"}
        assert all(size > 1 for size in meter.megabytes().values())


def test_a_function_of_the_local_cloud_is_a_kind_of_its_own() -> None:
    inner = BUSY.format(0.3) + WAIT
    code = (
        "import os, subprocess, sys\n"
        f"inner = subprocess.Popen([sys.executable, '-c', {inner!r}], env={{'AWS_LAMBDA_FUNCTION_NAME': 'sweep'}},\n"
        "    stdin=subprocess.PIPE, stdout=subprocess.PIPE)\n"
        f"inner.stdout.readline(); {WAIT}; inner.communicate(b'\\n')"
    )
    with process(code) as emulator:
        used = Meter({"emulator": emulator.pid}).seconds()

    assert used["function sweep"] >= 0.2
    assert "emulator" in used


def test_what_a_process_used_before_it_ended_is_kept() -> None:
    with process(BUSY.format(0.3) + WAIT) as one:
        meter = Meter({"one": one.pid})
        before = meter.seconds()["one"]

    assert meter.seconds()["one"] == before >= 0.2
    assert meter.megabytes() == {}


def test_usage_between_two_readings_is_their_difference() -> None:
    assert since({"a": 1.0}, {"a": 1.5, "b": 0.25}) == {"a": 0.5, "b": 0.25}
