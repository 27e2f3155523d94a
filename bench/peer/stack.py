"""The peer's environment and its processes: Redis, Flask behind gunicorn, and Celery with four workers."""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

import httpx

from bench import places
from bench.install import unpack_packages
from bench.machine import without_allocator
from cli.local.machine import free_port

FOLDER = places.STORE / "peer"
ENVIRONMENT = FOLDER / "venv"
REDIS = FOLDER / "redis"
REDIS_PACKAGES = ("redis-server", "redis-tools", "liblzf1", "libjemalloc2")
WORKERS = 4
MINUTES = 10 * 60
START = 60.0
"""Seconds until all three must answer."""
END = 20.0
LOCALHOST = "127.0.0.1"


@dataclass(frozen=True)
class Peer:
    """A running peer."""

    url: str
    token: str
    roots: Mapping[str, int]
    """Process ids of its three parts."""


@contextmanager
def running_peer(home: Path) -> Iterator[Peer]:
    """Install what is missing, start the peer with its files in `home`, and stop it at the end.

    Raises SystemExit with a sentence if it cannot be had here.
    """
    server, libraries = _redis()
    _install()
    port, redis_port, token = free_port(), free_port(), secrets.token_urlsafe()
    (home / "files").mkdir(parents=True)
    environment = without_allocator(os.environ) | {
        "PEER_HOME": str(home),
        "PEER_REDIS": f"redis://{LOCALHOST}:{redis_port}/0",
        "PEER_TOKEN": token,
    }
    binaries = ENVIRONMENT / "bin"
    redis = (server, "--port", str(redis_port), "--bind", LOCALHOST, "--dir", str(home), "--save", "")
    flask = (str(binaries / "gunicorn"), "--bind", f"{LOCALHOST}:{port}", "--workers", "2", "--threads", "8")
    celery = (str(binaries / "celery"), "--app", "bench.peer.jobs", "worker", "--concurrency", str(WORKERS))
    quiet = ("--without-gossip", "--without-mingle", "--optimization", "fair", "--loglevel", "WARNING")
    commands = {
        "Redis": (*redis, "--maxmemory", "256mb", "--maxmemory-policy", "allkeys-lru"),
        "Flask": (*flask, "--log-level", "warning", "bench.peer.site:create()"),
        "Celery": (*celery, *quiet),
    }
    subprocess.run([binaries / "python", "-m", "bench.peer.site"], cwd=places.ROOT, env=environment, check=True)
    more = {"Redis": {"LD_LIBRARY_PATH": libraries}}
    with ExitStack() as started:
        roots = {
            name: started.enter_context(_process(command, environment | more.get(name, {}), home / f"{name}.log"))
            for name, command in commands.items()
        }
        url = f"http://{LOCALHOST}:{port}"
        _wait_for(url, home)
        yield Peer(url, token, roots)


def _install() -> None:
    wanted = places.HERE / "peer" / "requirements.txt"
    stamp = ENVIRONMENT / ".installed"
    if stamp.is_file() and stamp.read_text() == wanted.read_text():
        return
    pip = [str(ENVIRONMENT / "bin" / "python"), "-m", "pip", "install", "--quiet", "-r", str(wanted)]
    try:
        for command in ([sys.executable, "-m", "venv", "--clear", str(ENVIRONMENT)], pip):
            subprocess.run(command, check=True, timeout=MINUTES, capture_output=True)
    except (OSError, subprocess.SubprocessError) as e:
        raise SystemExit(f"The peer cannot be installed by pip: {e}") from None
    stamp.write_text(wanted.read_text())


def _redis() -> tuple[str, str]:
    """Return the program and the folder of its libraries: this machine's, or Debian's package, not installed."""
    if here := shutil.which("redis-server"):
        return here, ""
    unpack_packages(REDIS_PACKAGES, REDIS, FOLDER / "packages")
    for server in REDIS.glob("usr/bin/redis-server"):
        return str(server), ":".join(str(place) for place in REDIS.glob("usr/lib/*"))
    raise SystemExit("The peer needs redis-server: install it, or apt.")


@contextmanager
def _process(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Iterator[int]:
    with log.open("wb") as out:
        process = subprocess.Popen(command, cwd=places.ROOT, env=dict(environment), stdout=out, stderr=out)
        try:
            yield process.pid
        finally:
            process.terminate()
            try:
                process.wait(END)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _wait_for(url: str, home: Path) -> None:
    until = time.monotonic() + START
    while time.monotonic() < until:
        try:
            httpx.get(url, trust_env=False)
        except httpx.HTTPError:
            time.sleep(0.2)
        else:
            return
    logs = "\n".join(log.read_text(errors="replace")[-2000:] for log in sorted(home.glob("*.log")))
    raise SystemExit(f"The peer did not start:\n{logs}")
