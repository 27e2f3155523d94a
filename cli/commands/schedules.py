"""`wallify schedules`: what runs by the clock."""

from __future__ import annotations

import argparse

from cli.client.records import Schedule
from cli.commands import connection
from cli.commands.grammar import Commands, declare, verbs_of
from cli.showing import Column, say, show_all

COLUMNS: tuple[Column[Schedule], ...] = (
    ("name", lambda one: one.name),
    ("on", lambda one: one.enabled),
    ("every", lambda one: f"{one.every_minutes} min"),
    ("last run", lambda one: one.last_started_at),
    ("it was", lambda one: one.last_task.status if one.last_task else ""),
    ("next run", lambda one: one.next_run),
)


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands, "schedules", "what runs by the clock", "schedules", "schedules disable optimize", "run cleanup"
    )
    connection.add_to(parser)
    verbs = verbs_of(parser, run)
    for verb in ("enable", "disable"):
        switch = declare(verbs, verb, f"{verb} a schedule", f"schedules {verb} cleanup")
        switch.add_argument("name", help="cleanup, stats, optimize, or a full name")
        connection.add_to(switch, below=True)
        switch.set_defaults(run=run_switch, on=verb == "enable")


def run(given: argparse.Namespace) -> int:
    """List them."""
    with connection.connected(given) as api:
        return show_all(given, api.schedules.all(), COLUMNS, none="No schedules.")


def run_switch(given: argparse.Namespace) -> int:
    """Switch one on or off."""
    with connection.connected(given) as api:
        schedule = api.schedules.switch(given.name, on=given.on)
        say(given, f"{schedule.name} is {'on' if schedule.enabled else 'off'}.", schedule)
    return 0
