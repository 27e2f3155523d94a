"""Facts about this machine: capacity for functions, free ports, proxies, and writable folders."""

from __future__ import annotations

import math
import os
import random
import resource
import shutil
import socket
import ssl
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path

from cli.errors import CommandError

PER_CORE = 4
"""Requests of one kind per core; they mostly wait for the emulator or for a worker."""
FEWEST = 8
"""Concurrent requests on the smallest machine."""
FUNCTION_BYTES = 100_000_000
"""Memory of one function's process; measured: 65 to 100 MB."""
MEMORY_SHARE = 8
"""Requests of one kind may use an eighth of the memory."""
REQUEST_KINDS = 2
"""Kinds of requests: those that may wait for a worker, and all others."""
FEWEST_WORKERS, MOST_WORKERS = 2, 4
"""Workers of each queue: the minimum of AWS, and the default of WALLIFY_CONCURRENCY."""
QUEUES = 4
OTHERS = 5
"""The scheduled functions and `migrate`."""


@dataclass(frozen=True)
class Capacity:
    """Limits of concurrent functions."""

    requests: int
    """API requests of each kind."""
    workers: int
    """Workers of each queue; requests cannot use their capacity."""

    @classmethod
    def of_machine(cls) -> Capacity:
        """Return the capacity of this machine."""
        return cls.of(_cores(), _memory())

    @classmethod
    def of(cls, cores: int, memory: int) -> Capacity:
        """Return the capacity of a machine with so many cores and bytes of memory."""
        requests = min(PER_CORE * cores, memory // MEMORY_SHARE // FUNCTION_BYTES)
        return cls(max(FEWEST, requests), min(MOST_WORKERS, max(FEWEST_WORKERS, cores)))

    @property
    def api(self) -> int:
        """Number of processes of the API's function."""
        return REQUEST_KINDS * self.requests

    def account(self, variables: Mapping[str, str]) -> int:
        """Return the number of all functions together; `variables` of the stage may set WALLIFY_CONCURRENCY."""
        workers = variables.get("WALLIFY_CONCURRENCY", "")
        return self.api + QUEUES * (int(workers) if workers.isdecimal() else self.workers) + OTHERS

    def for_functions(self, variables: Mapping[str, str]) -> dict[str, str]:
        """Return the stage's variables, with the number of workers added unless they set it."""
        return {"WALLIFY_CONCURRENCY": str(self.workers), **variables}


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _memory() -> int:
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


HOST = "127.0.0.1"
# Linux uses ports from 32768 on for outgoing connections, other systems from 49152; such a port may be taken later.
PORT_RANGE = range(20_000, 32_000)
LAST_PORT = 65_534
PORT_POLL = 0.05
PORT_WAIT = 3.0  # seconds: the program that had the port may just be ending


def free_port() -> int:
    """Return a port that is free at this moment and outside of the range of outgoing connections."""
    return next(port for port in iter(lambda: random.choice(PORT_RANGE), None) if is_port_free(port))  # noqa: S311 - no secret


def distant_port(port: int) -> int:
    """Return a port that is unlikely to be used by the program that has this one."""
    return port + 1000 if port + 1000 <= LAST_PORT else port - 1000


def is_port_free(port: int) -> bool:
    """Return True if this program can listen on `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def is_listening(port: int) -> bool:
    """Return True if a program answers on `port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def claim_port(port: int, otherwise: str) -> None:
    """Raise CommandError if `port` is taken, with its holder if known; `otherwise` is an alternative command."""
    deadline = time.monotonic() + PORT_WAIT
    while not is_port_free(port):
        if time.monotonic() > deadline:
            advice = f"Stop that program, or {otherwise}."
            raise CommandError(f"Port {port} is taken{_port_holder(port)}.", advice)
        time.sleep(PORT_POLL)


def _port_holder(port: int) -> str:
    lsof = shutil.which("lsof")
    if lsof is None:
        return ""
    command = [lsof, "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]
    fields = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    known = {field[:1]: field[1:] for field in fields}
    return f" by {known['c']} (process {known['p']})" if {"c", "p"} <= known.keys() else ""


PLAIN_HTTP = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""For httpx where an address is this machine's own, of plain HTTP: trusts no server over TLS.

Without it, each call of httpx reads the certificates of all authorities: more processor time than a request takes.
"""

LOCALHOST = "127.0.0.1,localhost"
NO_PROXY_NAMES = ("NO_PROXY", "no_proxy")
"""Programs read one of these two; those that read both prefer the second."""


def without_proxy_for_localhost(environment: Mapping[str, str]) -> dict[str, str]:
    """Return the environment, changed so that no proxy is used for this machine itself."""
    hosts = next((environment[name] for name in reversed(NO_PROXY_NAMES) if environment.get(name)), "")
    return {**environment, **dict.fromkeys(NO_PROXY_NAMES, ",".join(filter(None, (hosts, LOCALHOST))))}


SLACK = 1024 * 1024
"""Bytes in addition to an object: its metadata, lines of journals, folders."""

_numbers = count()


AMPLE = 1024 * 1024 * 1024
"""Free bytes of a disk that does not fill up between two tries."""
TRY_INTERVAL = 1.0
"""Seconds for which a successful try holds on such a disk: a try takes longer than many a request."""


@dataclass(frozen=True)
class WritableFolders:
    """Folders that a request may write to."""

    folders: Sequence[Path]
    _tried: dict[Path, float] = field(default_factory=dict, init=False, compare=False)
    """When a file was last created in each folder, by the monotonic clock."""

    def fault(self, size: int = 0) -> str:
        """Return the operating system's error for writing `size` bytes and some more; empty if it is possible.

        A file is created at least once in TRY_INTERVAL, and each time where the file system reports less than AMPLE
        bytes, or that it cannot be written.
        """
        return next(filter(None, (self._fault(folder, size + SLACK) for folder in self.folders)), "")

    def _fault(self, folder: Path, size: int) -> str:
        now = time.monotonic()
        if now - self._tried.get(folder, -math.inf) < TRY_INTERVAL and _has_room(folder, size):
            return ""
        fault = write_error(folder, size)
        self._tried[folder] = -math.inf if fault else now
        return fault


def _has_room(folder: Path, size: int) -> bool:
    """Return True if nothing that is quickly looked up speaks against a file of `size` bytes in the folder."""
    try:
        disk = os.statvfs(folder)
    except OSError:
        return False
    largest, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return (
        disk.f_bavail * disk.f_frsize > AMPLE + size
        and not disk.f_flag & os.ST_RDONLY
        and largest == resource.RLIM_INFINITY
        and os.access(folder, os.W_OK)
    )


def write_error(folder: Path, size: int = SLACK) -> str:
    """Return the error for creating a file of `size` bytes in the folder; empty if possible. The file is removed."""
    path = folder / f".writable.{os.getpid()}.{next(_numbers)}"
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
    except OSError as fault:
        return _words(fault)
    try:
        _allocate(descriptor, size)
    except OSError as fault:
        return _words(fault)
    finally:
        os.close(descriptor)
        with suppress(OSError):
            path.unlink()
    return ""


def _allocate(descriptor: int, size: int) -> None:
    if hasattr(os, "posix_fallocate"):  # not on macOS
        os.posix_fallocate(descriptor, 0, size)
    else:
        os.ftruncate(descriptor, size)
        os.pwrite(descriptor, b"\0", size - 1)


def _words(fault: OSError) -> str:
    return fault.strerror or type(fault).__name__
