from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.local import ports
from cli.local.daemons import Daemon
from cli.local.stack import Stack


@pytest.fixture
def stack(tmp_path: Path) -> Iterator[Stack]:
    """A stack that has not been started, on ports that nobody uses; what a test starts in it is stopped."""
    made = Stack(tmp_path / "stack", ports.free_port(), ports.free_port())
    yield made
    for pid_file in (made.home / "run").glob("*.pid"):
        Daemon(made, pid_file.stem).stop(patience=1)
