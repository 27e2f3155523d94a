"""The benchmark and the functions run with the same allocator, and glibc does what its settings ask for."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from bench.machine import allocator, without_allocator

SIZE = 40 << 20
"""More than 32 MiB, the largest threshold that glibc before 2.35 (Lambda has 2.34) lets a program set."""
KEEPING = f"""
import ctypes, json
class Info(ctypes.Structure):
    _fields_ = [(name, ctypes.c_size_t) for name in
                "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost".split()]
libc = ctypes.CDLL(None)
libc.mallinfo2.restype, libc.malloc.restype = Info, ctypes.c_void_p
libc.malloc.argtypes, libc.free.argtypes = [ctypes.c_size_t], [ctypes.c_void_p]
block = libc.malloc({SIZE})
mapped = libc.mallinfo2().hblkhd
libc.free(block)
print(json.dumps([mapped, libc.mallinfo2().fordblks]))
"""


def kept(environment: dict[str, str]) -> tuple[int, int]:
    """Bytes in mappings of their own while a large block is used, and free bytes in the heap after it was freed."""
    clean = without_allocator(os.environ) | environment
    told = subprocess.run([sys.executable, "-c", KEEPING], env=clean, capture_output=True, text=True, check=True)
    mapped, free = json.loads(told.stdout)
    return mapped, free


@pytest.mark.skipif(sys.platform != "linux", reason="the settings are glibc's")
def test_large_blocks_stay_in_the_functions_heap_for_the_next_picture() -> None:
    mapped, free = kept(allocator())

    assert mapped == 0
    assert free >= SIZE
    assert kept({})[0] >= SIZE > kept({})[1]


def test_no_setting_is_one_that_lambdas_glibc_refuses() -> None:
    assert allocator().keys() == {"MALLOC_MMAP_MAX_", "MALLOC_TRIM_THRESHOLD_"}


def test_a_benchmark_starts_again_with_the_functions_settings_once() -> None:
    code = (
        "import json, os; from bench.machine import as_deployed; print('started', flush=True); as_deployed(); "
        "print(json.dumps({name: value for name, value in os.environ.items() if name.startswith('MALLOC_')}))"
    )
    strange = without_allocator(os.environ) | {"MALLOC_TOP_PAD_": "7"}

    told = subprocess.run([sys.executable, "-c", code], env=strange, capture_output=True, text=True, check=True)

    *starts, found = told.stdout.splitlines()
    assert starts == ["started", "started"]
    assert json.loads(found) == allocator()
