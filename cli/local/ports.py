"""Ports on this machine: which are free, and who has one that is not."""

from __future__ import annotations

import random
import shutil
import socket
import subprocess
import time

from cli.errors import CommandError

HOST = "127.0.0.1"
# Linux gives outgoing connections ports from 32768 on, others from 49152: a port of those may be gone after a restart.
OURS = range(20_000, 32_000)
LAST = 65_534
POLL = 0.05
PATIENCE = 3.0  # seconds: whoever had the port may just be ending


def free_port() -> int:
    """A port nobody listens on at this moment, and none that outgoing connections are given."""
    return next(port for port in iter(lambda: random.choice(OURS), None) if is_free(port))  # noqa: S311 - no secret


def far_from(port: int) -> int:
    """A port that whoever has this one is unlikely to have too."""
    return port + 1000 if port + 1000 <= LAST else port - 1000


def is_free(port: int) -> bool:
    """Whether we could listen on `port`."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
    return True


def accepts(port: int) -> bool:
    """Whether somebody answers on `port`."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0


def claim(port: int, otherwise: str) -> None:
    """Trouble, naming the holder if it can be known, if `port` is taken; `otherwise` is what else one can type."""
    deadline = time.monotonic() + PATIENCE
    while not is_free(port):
        if time.monotonic() > deadline:
            advice = f"Stop that program, or {otherwise}."
            raise CommandError(f"Port {port} is taken{_by_whom(port)}.", advice)
        time.sleep(POLL)


def _by_whom(port: int) -> str:
    lsof = shutil.which("lsof")
    if lsof is None:
        return ""
    command = [lsof, "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]
    fields = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    known = {field[:1]: field[1:] for field in fields}
    return f" by {known['c']} (process {known['p']})" if {"c", "p"} <= known.keys() else ""
