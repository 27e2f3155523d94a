"""Ports on this machine: which are free, and who has one that is not."""

from __future__ import annotations

import shutil
import socket
import subprocess

from cli.trouble import Trouble

HOST = "127.0.0.1"


def free_port() -> int:
    """A port nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


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


def claim(port: int) -> None:
    """Trouble, naming the holder if it can be known, if `port` is taken."""
    if not is_free(port):
        raise Trouble(
            f"Port {port} is taken{_by_whom(port)}.",
            f"Stop that program, or run `./wallify up --port {port + 1000} --dir .local/other`.",
        )


def _by_whom(port: int) -> str:
    lsof = shutil.which("lsof")
    if lsof is None:
        return ""
    command = [lsof, "-nP", f"-iTCP:{port}", "-sTCP:LISTEN", "-Fpc"]
    fields = subprocess.run(command, capture_output=True, text=True, check=False).stdout.splitlines()
    known = {field[:1]: field[1:] for field in fields}
    return f" by {known['c']} (process {known['p']})" if {"c", "p"} <= known.keys() else ""
