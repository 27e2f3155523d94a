"""`wallify up`: the local cloud, from nothing to a URL."""

from __future__ import annotations

import argparse
import time

from cli.commands import connection, stack_options
from cli.commands.grammar import Commands, declare
from cli.commands.status import aws_line, facts_of
from cli.local import environment, fingerprints, lifecycle, progress, warming
from cli.local.stack import PROJECT, Record, Stack
from cli.showing import emit
from cli.terminal import complain, screen, steps
from cli.trouble import Trouble

LOOK = 0.5  # seconds between looks at the sources
WATCHED = (*fingerprints.CODE, "infra", ".chalice/config.json", "requirements.txt")


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "up",
        "start the local cloud and deploy to it",
        "up",
        "up --port 9000 --dir .local/second",
        "up --state postgres",
        "up --json",
    )
    stack_options.add_to(parser)
    stack_options.add_port_to(parser)
    stack_options.add_host_to(parser)
    parser.add_argument("--state", choices=("dynamodb", "postgres"), help="where tasks and images are kept")
    parser.add_argument("--watch", action="store_true", help="stay, and deploy whenever a source changes")
    connection.add_json_to(parser)
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Do it."""
    environment.must_have_no_settings()
    stack = stack_options.stack_from(given)
    with steps("Starting the local cloud", aside=given.json) as tell:
        record = lifecycle.up(stack, tell, state=given.state)
        tell("first answers")
        with progress.watched(stack):
            warming.first_answers(stack)
    if given.json:
        emit(facts_of(stack))
    else:
        _greet(stack, record)
    if given.watch:
        _watch(stack)
    return 0


def _greet(stack: Stack, record: Record) -> None:
    curl = (
        f'curl -X POST {stack.api_url}/file_upload -H "Authorization: {record.token}" '
        f'-F "file=@docs/sample.jpg" -F "collection=wallpapers" -F "async=true"'
    )
    screen.print(f"[bold]API[/]      {stack.api_url}")
    screen.print(f"[bold]Monitor[/]  {stack.monitor_url}")
    screen.print(f"[bold]Token[/]    {record.token}", soft_wrap=True)
    screen.print("[bold]Upload[/]", curl, soft_wrap=True, highlight=False)
    for line in aws_line(stack).values():
        screen.print("[bold]S3[/]      ", line, soft_wrap=True, highlight=False)


def _watch(stack: Stack) -> None:
    screen.print("Watching the sources; Ctrl-C ends the watching, not the stack.")
    seen = _sources()
    while True:
        time.sleep(LOOK)
        now = _sources()
        if now != seen:
            seen = now
            _deploy_change(stack)


def _deploy_change(stack: Stack) -> None:
    try:
        with steps("Deploying the change") as tell:
            lifecycle.up(stack, tell)
    except Trouble as trouble:  # a file that is half edited, most often: the next save may mend it
        complain(trouble)


def _sources() -> str:
    return fingerprints.of_files(PROJECT, WATCHED)
