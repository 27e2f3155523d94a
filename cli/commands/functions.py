"""`wallify functions`: who works, and how their last hour was."""

from __future__ import annotations

import argparse

from cli.client.queues import Function
from cli.commands import connection
from cli.commands.grammar import Commands, declare
from cli.showing import Column, show_all

COLUMNS: tuple[Column[Function], ...] = (
    ("name", lambda one: one.name),
    ("running", lambda one: one.running),
    ("of", lambda one: one.concurrency),
    ("calls", lambda one: one.invocations),
    ("errors", lambda one: one.errors),
    ("median ms", lambda one: one.duration_p50_ms),
    ("95 % ms", lambda one: one.duration_p95_ms),
    ("cold", lambda one: one.cold_starts),
    ("MB", lambda one: one.memory_mb),
)


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(commands, "functions", "what the functions do, and their last hour", "functions --json")
    connection.add_to(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Do it."""
    with connection.connected(given) as api:
        return show_all(given, api.queues.functions(), COLUMNS, none="No functions.")
