"""The options that say which tasks are meant."""

from __future__ import annotations

import argparse
import re
from datetime import UTC, datetime, timedelta

from cli.client.filters import TaskFilter
from cli.moments import written

STATES = ("PENDING", "STARTED", "RETRY", "SUCCESS", "PARTIAL", "FAILURE", "REVOKED")
_AGO = re.compile(r"(\d{1,6})([smhd])")
_UNITS = {"s": "seconds", "m": "minutes", "h": "hours", "d": "days"}


def add_to(parser: argparse.ArgumentParser) -> None:
    """Declare the filters of `GET /tasks`."""
    which = parser.add_argument_group("which tasks")
    which.add_argument("--state", type=str.upper, choices=STATES, metavar="S", help=", ".join(STATES))
    which.add_argument("--type", metavar="T", help="process_image, cleanup_orphaned_files, …")
    which.add_argument("--collection", metavar="C", help="those of one collection")
    which.add_argument("--parent", metavar="ID", help="the children of this one")
    which.add_argument("--since", type=moment, metavar="WHEN", help="made since: 30m, 2h, 7d ago, or 2026-03-04T12:00Z")
    which.add_argument("--until", type=moment, metavar="WHEN", help="made before, in the same words")
    which.add_argument("--text", metavar="WORDS", help="part of the file name, the collection, an id or the error")


def filter_of(given: argparse.Namespace) -> TaskFilter:
    """What was asked for."""
    return TaskFilter(given.state, given.type, given.collection, given.parent, given.since, given.until, given.text)


def moment(text: str) -> str:
    """A moment as the API reads it; a time without a zone is one of this machine's clock."""
    if ago := _AGO.fullmatch(text):
        return written(datetime.now(UTC) - timedelta(**{_UNITS[ago[2]]: int(ago[1])}))
    try:
        return written(datetime.fromisoformat(text))
    except ValueError as bad:
        raise argparse.ArgumentTypeError(f"{text} is no time; say 30m, 2h, 7d, or 2026-03-04T12:00Z") from bad
