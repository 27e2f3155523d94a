"""`wallify status`: what runs, and where."""

from __future__ import annotations

import argparse
import json

from cli import exits
from cli.commands import stack_options
from cli.commands.grammar import Commands, declare
from cli.local import emulator, lifecycle
from cli.local.daemons import Daemon
from cli.local.stack import Record, Stack
from cli.terminal import screen

KEYS = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_DEFAULT_REGION")


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands, "status", "say what runs, and where (exit code 3: it does not)", "status", "status --json"
    )
    stack_options.add_to(parser)
    parser.add_argument("--json", action="store_true", help="for scripts")
    parser.set_defaults(run=run)


def run(given: argparse.Namespace) -> int:
    """Do it."""
    stack = stack_options.stack_from(given)
    facts = facts_of(stack)
    if given.json:
        print(json.dumps(facts, indent=2))
    else:
        _show(facts | aws_line(stack) | {name: _state(Daemon(stack, name)) for name in lifecycle.PROCESSES})
    return 0 if lifecycle.is_up(stack) else exits.UNREACHABLE


def _show(facts: dict[str, object]) -> None:
    for name, value in facts.items():
        words = ", ".join(value) if isinstance(value, list) else str(value)
        screen.print(f"[bold]{name:13}[/]", words, soft_wrap=True)


def _state(daemon: Daemon) -> str:
    if pid := daemon.pid():
        return f"process {pid}"
    if daemon.was_stopped():
        return "not running; start it with `./wallify up`"
    return f"died; its log is {daemon.stack.log(daemon.name)}; start it again with `./wallify up`"


def facts_of(stack: Stack) -> dict[str, object]:
    """What a script needs to use the stack."""
    record = Record.of(stack.home)
    bucket = record.outputs.get("BucketName")
    return {
        "api_url": stack.api_url,
        "monitor_url": stack.monitor_url,
        "token": record.token,
        "emulator_url": stack.emulator_url,
        "functions": list(record.functions),
        **({"bucket": bucket} if bucket else {}),
    }


def aws_line(stack: Stack) -> dict[str, str]:
    """A command that uploads past the API, as any tool for S3 can; none before the first deployment."""
    bucket = Record.of(stack.home).outputs.get("BucketName")
    if not bucket:
        return {}
    keys = " ".join(f"{name}={emulator.ROOT[name]}" for name in KEYS)
    command = f"aws --endpoint-url {stack.emulator_url} s3 cp docs/sample.jpg s3://{bucket}/incoming/wallpapers/"
    return {"aws": f"{keys} {command}"}
