"""What the product's log says, for tests to read."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from chalicelib.telemetry import log

Line = dict[str, Any]


@contextmanager
def listening() -> Iterator[Callable[[], list[Line]]]:
    """Answers all lines since it began, as often as it is asked."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(log.registered_formatter)
    log.addHandler(handler)
    yield lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    logging.getLogger(log.name).removeHandler(handler)
