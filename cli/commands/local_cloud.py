"""`wallify up`, `down`, `status` and `open`: the local cloud and the monitor."""

from __future__ import annotations

import argparse
import json
import time
import webbrowser

from cli import environment, errors
from cli.commands import connection
from cli.commands.parser import Commands, add_command, add_folder, add_host, add_port, stack_from
from cli.errors import CommandError
from cli.local import lifecycle, processes, staging
from cli.local.processes import Daemon
from cli.local.stack import EMULATOR_KEYS, PROJECT, Record, Stack
from cli.output import print_error, print_json, print_result, progress_line, stdout

LOOK = 0.5  # seconds between checks of the sources
WATCHED = (*staging.CODE_FILES, "infra", ".chalice/config.json", "requirements.txt")


def register_up(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "up",
        "start the local cloud and deploy to it",
        "up",
        "up --port 9000 --dir .local/second",
        "up --state postgres",
        "up --json",
    )
    add_folder(parser)
    add_port(parser)
    add_host(parser)
    parser.add_argument(
        "--state",
        choices=("dynamodb", "postgres"),
        help="database of tasks and images (default: the previous one, or dynamodb)",
    )
    parser.add_argument(
        "--plain-emulator",
        action="store_true",
        help="run MiniStack unpatched (limits: localstack/README.md)",
    )
    parser.add_argument("--watch", action="store_true", help="keep running, and deploy each change of a source file")
    connection.add_json(parser)
    parser.set_defaults(run=run_up)


def run_up(given: argparse.Namespace) -> int:
    """Run the command."""
    environment.check_no_settings()
    stack = stack_from(given)
    with progress_line("Starting the local cloud", aside=given.json) as tell:
        record = lifecycle.up(stack, tell, state=given.state, plain=given.plain_emulator)
        tell("first answers")
        with processes.stop_if_idle(stack):
            processes.warm_up(stack)
    if given.json:
        print_json(stack_facts(stack))
    else:
        _print_addresses(stack, record)
    if given.watch:
        _watch(stack, plain=given.plain_emulator)
    return 0


def _print_addresses(stack: Stack, record: Record) -> None:
    curl = (
        f'curl -X POST {stack.api_url}/file_upload -H "Authorization: {record.token}" '
        f'-F "file=@docs/sample.jpg" -F "collection=wallpapers" -F "async=true"'
    )
    stdout.print(f"[bold]API[/]      {stack.api_url}")
    stdout.print(f"[bold]Monitor[/]  {stack.monitor_url}")
    stdout.print(f"[bold]Gallery[/]  {stack.gallery_url}")
    stdout.print(f"[bold]Token[/]    {record.token}", soft_wrap=True)
    stdout.print("[bold]Upload[/]", curl, soft_wrap=True, highlight=False)
    for line in aws_command(stack).values():
        stdout.print("[bold]S3[/]      ", line, soft_wrap=True, highlight=False)


def _watch(stack: Stack, *, plain: bool) -> None:
    stdout.print("Watching the source files. Ctrl-C stops watching; the local cloud keeps running.")
    seen = _sources(stack)
    while True:
        time.sleep(LOOK)
        now = _sources(stack)
        if now != seen:
            seen = now
            _deploy_change(stack, plain=plain)


def _deploy_change(stack: Stack, *, plain: bool) -> None:
    try:
        with progress_line("Deploying the change") as tell:
            lifecycle.up(stack, tell, plain=plain)
    except CommandError as trouble:  # often a file that is half edited; the next save may correct it
        print_error(trouble)


def _sources(stack: Stack) -> str:
    own = staging.fingerprint_files(stack.settings.parent, (stack.settings.name,))
    return staging.fingerprint_files(PROJECT, WATCHED) + own


KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")


def register_status(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "status",
        "show the addresses and processes of the local cloud (exit code 3: not running)",
        "status",
        "status --json",
    )
    add_folder(parser)
    parser.add_argument("--json", action="store_true", help="print JSON")
    parser.set_defaults(run=run_status)


def run_status(given: argparse.Namespace) -> int:
    """Run the command."""
    stack = stack_from(given)
    facts = stack_facts(stack)
    if given.json:
        print(json.dumps(facts, indent=2))
    else:
        _print_status(
            facts | aws_command(stack) | {name: _process_state(Daemon(stack, name)) for name in lifecycle.PROCESSES}
        )
    return 0 if lifecycle.is_up(stack) else errors.UNREACHABLE


def _print_status(facts: dict[str, object]) -> None:
    for name, value in facts.items():
        words = ", ".join(value) if isinstance(value, list) else str(value)
        stdout.print(f"[bold]{name:13}[/]", words, soft_wrap=True)


def _process_state(daemon: Daemon) -> str:
    if pid := daemon.pid():
        return f"process {pid}"
    if daemon.was_stopped():
        return "not running; start it with `./wallify up`"
    return f"died; its log is {daemon.stack.log(daemon.name)}; start it again with `./wallify up`"


def stack_facts(stack: Stack) -> dict[str, object]:
    """Return the facts that a script needs to use the stack."""
    record = Record.of(stack.home)
    bucket = record.outputs.get("BucketName")
    return {
        "api_url": stack.api_url,
        "monitor_url": stack.monitor_url,
        "gallery_url": stack.gallery_url,
        "token": record.token,
        "emulator_url": stack.emulator_url,
        "settings_file": str(stack.settings),
        "functions": list(record.functions),
        **({"bucket": bucket} if bucket else {}),
    }


def aws_command(stack: Stack) -> dict[str, str]:
    """Return an S3 command that uploads without the API; empty before the first deployment."""
    bucket = Record.of(stack.home).outputs.get("BucketName")
    if not bucket:
        return {}
    keys = " ".join(f"{name}={EMULATOR_KEYS[name]}" for name in KEYS)
    command = f"aws --endpoint-url {stack.emulator_url} s3 cp docs/sample.jpg s3://{bucket}/incoming/wallpapers/"
    return {"aws": f"{keys} {command}"}


def register_down(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(commands, "down", "stop the local cloud and keep its data", "down", "down --wipe")
    add_folder(parser)
    parser.add_argument("--wipe", action="store_true", help="delete all its data")
    connection.add_json(parser)
    parser.set_defaults(run=run_down)


def run_down(given: argparse.Namespace) -> int:
    """Run the command."""
    stopped = lifecycle.down(stack_from(given), wipe=given.wipe)
    words = "Stopped." if stopped else "It was not running."
    data = "Its data is deleted." if given.wipe else "Its data is kept."
    print_result(given, f"{words} {data}", {"stopped": stopped, "wiped": given.wipe})
    return 0


PAGES = ("overview", "tasks", "queues", "functions", "schedules", "library", "tokens", "audit")


def register_open(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(commands, "open", "open the monitor in the browser", "open", "open tasks", "open --json")
    parser.add_argument("page", nargs="?", choices=PAGES, help="page to open")
    connection.add_options(parser)
    parser.set_defaults(run=run_open)


def run_open(given: argparse.Namespace) -> int:
    """Run the command; print the address for a machine without a browser."""
    place = connection.target_from(given)
    address = f"{place.url}/monitor{f'#/{given.page}' if given.page else ''}"
    opened = not given.json and webbrowser.open(address)
    print_result(given, address if opened else f"No browser was opened; the monitor is at {address}", {"url": address})
    return 0
