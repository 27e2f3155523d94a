"""Seconds of the worker's run at each size of a function's memory, and the memory that it takes.

python -m bench.memory_sizes FILE

Lambda gives a function as much processor time as its memory asks for: one virtual CPU at 1,769 MB. Here a process gets
that share of one core, in slices of Lambda's 20 ms, by being stopped for the rest of each. The run is the worker's own
over stores in memory, so the calls of AWS are not in it; more than one core is never used.
"""

from __future__ import annotations

import os
import resource
import signal
import statistics
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from chalicelib import container
from chalicelib.uploads.service import Upload
from cli.deploy.cost import FULL_CPU_MB, MEMORY_SIZES
from tests.http.memory_service import memory_service

SLICE = 0.020
"""Seconds. Lambda's functions get their processor time in such slices, by measurements that others have published."""
ROUNDS = 15
_CHILD = "--child"


def main(arguments: Sequence[str]) -> int:
    """Print a line for each size of memory."""
    if arguments[0] == _CHILD:
        return _work(Path(arguments[1]))
    print(f"{'memory, MB':>10} {'share':>6} {'worker, ms':>11} {'peak, MB':>9}")
    for megabytes in MEMORY_SIZES:
        share = min(1.0, megabytes / FULL_CPU_MB)
        milliseconds, peak = _measured(Path(arguments[0]), share)
        print(f"{megabytes:>10,} {share:>6.2f} {milliseconds:>11.0f} {peak:>9.0f}")
    return 0


def _measured(file: Path, share: float) -> tuple[float, float]:
    """Return the median milliseconds of a run with this share of a core, and the process's peak memory in MB."""
    command = [sys.executable, "-m", "bench.memory_sizes", _CHILD, str(file)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as child:
        while child.poll() is None:
            time.sleep(SLICE * share)
            if share < 1 and child.poll() is None:
                os.kill(child.pid, signal.SIGSTOP)
                time.sleep(SLICE * (1 - share))
                os.kill(child.pid, signal.SIGCONT)
        out = child.stdout.read() if child.stdout else ""
    milliseconds, peak = out.strip().splitlines()[-1].split()
    return float(milliseconds), float(peak)


def _work(file: Path) -> int:
    """Run the worker on variants of the file; print the median milliseconds and the peak memory in MB."""
    services, data, times = memory_service(), file.read_bytes(), list[float]()
    container.use(services)
    for number in range(ROUNDS):
        task = services.uploads.accept(Upload("lakes", f"{number}.jpg", data + bytes([number]))).task
        if task is None:  # the bytes differ, so each is new
            raise RuntimeError
        began = time.perf_counter()
        services.worker.run(task.task_id, services.process_image)
        times.append(time.perf_counter() - began)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(1_000 * statistics.median(times[2:]), peak)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
