"""`wallify deploy`: a stage in an AWS account, from nothing or from what is there."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from cli.commands import connection
from cli.commands.grammar import Commands, declare
from cli.local import environment
from cli.showing import emit
from cli.terminal import complaints, screen, steps
from cli.trouble import Trouble

if TYPE_CHECKING:
    from cli.deploy.deploying import Deployed, Plan
    from cli.deploy.target import Target

STAGE = re.compile(r"[a-z][a-z0-9-]{0,15}")  # as foundation.yaml wants it
SIGNS = {"Add": "+", "Modify": "~", "Remove": "-"}


def add_to(commands: Commands) -> None:
    """Declare the command."""
    parser = declare(
        commands,
        "deploy",
        "deploy a stage to AWS, and see that it works",
        "deploy --stage dev",
        "deploy --stage prod --plan",
        "deploy --stage dev --json",
    )
    add_stage_to(parser)
    parser.add_argument("--plan", action="store_true", help="only show what would change, and what a month costs")
    parser.add_argument(
        "--infra-only", action="store_true", help="stop before the functions: `chalice deploy` is yours"
    )
    parser.add_argument("--no-smoke", action="store_true", help="do not try the stage out afterwards")
    connection.add_json_to(parser)
    parser.set_defaults(run=run)


def add_stage_to(parser: argparse.ArgumentParser) -> None:
    """Declare `--stage`."""
    parser.add_argument("--stage", required=True, type=_stage, metavar="S", help="dev, prod, or a name of your own")


def run(given: argparse.Namespace) -> int:
    """Do it."""
    from cli.deploy.target import Target  # noqa: PLC0415  # boto3 takes its time, and other commands need none

    environment.must_have_no_settings()
    target = Target(given.stage)
    if given.plan:
        return _plan(given, target)
    return _prepare(given, target) if given.infra_only else _deploy(given, target)


def _plan(given: argparse.Namespace, target: Target) -> int:
    from cli.deploy import cost, deploying  # noqa: PLC0415  # as above
    from infra import stages  # noqa: PLC0415  # as above

    with steps(f"Looking at {target.name}", aside=given.json) as tell:
        tell("change sets")
        plan = deploying.plan(target)
    price = cost.told(sql=stages.of(target.stage).uses_sql)
    if given.json:
        emit({**_place(target), "stacks": plan.stacks, "functions": plan.functions, "cost": price})
        return 0
    _show(plan)
    screen.print(price, markup=False, soft_wrap=True)
    return 0


def _show(plan: Plan) -> None:
    for stack, changes in plan.stacks.items():
        screen.print(f"[bold]{stack}[/]: {len(changes) or 'no'} changes")
        for change in changes:
            replaced = ", and is made anew (its data is lost)" if change.replaces else ""
            screen.print(f"  {SIGNS.get(change.action, '?')} {change.resource} ({change.kind}){replaced}")
    screen.print(f"[bold]functions and API[/]: {'would be deployed' if plan.functions else 'no changes'}")


def _prepare(given: argparse.Namespace, target: Target) -> int:
    from cli.deploy import deploying  # noqa: PLC0415  # as above

    with steps(f"Preparing {target.name} in {target.account}, {target.region}", aside=given.json) as tell:
        changed = deploying.prepare(target, tell)
    if given.json:
        emit({**_place(target), "changed": changed})
        return 0
    _say_changed(changed)
    screen.print(f"Now `chalice deploy --stage {target.stage}` puts the functions on top.")
    return 0


def _say_changed(changed: Sequence[str]) -> None:
    screen.print(f"Changed: {', '.join(changed)}." if changed else "No changes.")


def _deploy(given: argparse.Namespace, target: Target) -> int:
    from cli.deploy import deploying  # noqa: PLC0415  # as above

    title = f"Deploying {target.name} to {target.account} in {target.region}"
    with steps(title, aside=given.json) as tell:
        deployed = deploying.deploy(target, tell)
    if not given.json:
        _say_where(deployed)
    if not given.no_smoke:
        _try_out(target, deployed, complaints if given.json else screen)
    if given.json:
        urls = {"api_url": deployed.api_url, "monitor_url": f"{deployed.api_url}/monitor", "cdn_url": deployed.cdn_url}
        emit({**_place(target), "changed": deployed.changed, **urls, "tried_out": not given.no_smoke})
    return 0


def _say_where(deployed: Deployed) -> None:
    _say_changed(deployed.changed)
    screen.print(f"[bold]API[/]      {deployed.api_url}", soft_wrap=True)
    screen.print(f"[bold]Monitor[/]  {deployed.api_url}/monitor", soft_wrap=True)
    screen.print(f"[bold]Pictures[/] {deployed.cdn_url}", soft_wrap=True)


def _try_out(target: Target, deployed: Deployed, to: Console) -> None:
    from infra import smoke  # noqa: PLC0415  # as above

    through = target.endpoint if target.is_ministack else ""
    visit = smoke.visit(deployed.api_url, deployed.token, cdn_through=through)
    if not smoke.run(visit, lambda line: to.print(line, markup=False, soft_wrap=True)):
        raise Trouble(f"{target.name} is deployed and does not work.", "Roll back by deploying the last good commit.")


def _place(target: Target) -> dict[str, str]:
    return {"stage": target.stage, "account": target.account, "region": target.region}


def _stage(text: str) -> str:
    if not STAGE.fullmatch(text) or text.partition("-")[0] == "local":
        raise argparse.ArgumentTypeError("a stage is up to 16 small letters, digits and dashes, and not `local`")
    return text
