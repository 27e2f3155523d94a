"""`wallify deploy` and `wallify teardown`: a stage in an AWS account."""

from __future__ import annotations

import argparse
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console

from cli import environment
from cli.commands import connection
from cli.commands.parser import Commands, add_command
from cli.errors import CommandError
from cli.output import print_json, print_result, progress_line, stderr, stdout

if TYPE_CHECKING:
    from collections.abc import Callable

    from cli.deploy.cost import Stage
    from cli.deploy.deployment import Deployed, Plan
    from cli.deploy.target import StageTarget
    from infra.stages import Choices

STAGE = re.compile(r"[a-z][a-z0-9-]{0,15}")  # the pattern of foundation.yaml
MAIL = re.compile(r"[^@\s,;]+@[^@\s,;]+\.[^@\s,;]+")  # the pattern of observing.yaml
LONGEST_MAIL = 254
NO_MAIL = "none"
SIGNS = {"Add": "+", "Modify": "~", "Remove": "-"}


def register_deploy(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "deploy",
        "deploy a stage to AWS and run the smoke test",
        "deploy --stage dev",
        "deploy --stage prod --plan",
        "deploy --stage prod --alarm-mail you@example.org",
        "deploy --stage dev --json",
    )
    add_stage(parser)
    parser.add_argument("--plan", action="store_true", help="show the changes and the monthly cost; deploy nothing")
    parser.add_argument(
        "--infra-only", action="store_true", help="deploy the infrastructure alone; run `chalice deploy` yourself"
    )
    parser.add_argument(
        "--alarm-mail",
        type=_alarm_mail,
        metavar="ADDRESS",
        help=f"mail alarms to this address, kept for later deployments; `{NO_MAIL}` stops that",
    )
    parser.add_argument("--no-smoke", action="store_true", help="skip the smoke test")
    connection.add_json(parser)
    parser.set_defaults(run=run_deploy)


def add_stage(parser: argparse.ArgumentParser) -> None:
    """Declare `--stage`."""
    parser.add_argument(
        "--stage", required=True, type=_stage, metavar="S", help="name of the stage, such as dev or prod"
    )


def run_deploy(given: argparse.Namespace) -> int:
    """Run the command."""
    from cli.deploy.target import StageTarget, aws_errors_explained  # noqa: PLC0415  # boto3 is slow to import

    environment.check_no_settings()
    target = StageTarget(given.stage, alarm_mail=given.alarm_mail)
    with aws_errors_explained():
        if given.plan:
            return _plan(given, target)
        return _prepare(given, target) if given.infra_only else _deploy(given, target)


def priced(choices: Choices, region: str) -> Stage:
    """Return what the stage has chosen that changes its prices."""
    from cli.deploy.cost import SMALL_STAGE, Stage  # noqa: PLC0415  # as above
    from infra.stages import ARM  # noqa: PLC0415  # as above

    chosen = choices.parameters
    return Stage(
        region=region,
        price_class=chosen.get("PriceClass", SMALL_STAGE.price_class),
        arm=choices.architecture == ARM,
        noncurrent_days=int(chosen.get("NoncurrentDays", SMALL_STAGE.noncurrent_days)),
        log_days=int(chosen.get("LogRetentionDays", SMALL_STAGE.log_days)),
    )


def _plan(given: argparse.Namespace, target: StageTarget) -> int:
    from cli.deploy import cost, deployment  # noqa: PLC0415  # as above
    from infra import stages  # noqa: PLC0415  # as above

    with progress_line(f"Planning {target.name}", aside=given.json) as tell:
        tell("change sets")
        plan = deployment.plan(target)
    choices = stages.of(target.stage)
    price = cost.estimate(stage=priced(choices, target.region), sql=choices.uses_sql)
    if given.json:
        facts = {"stacks": plan.stacks, "functions": plan.functions, "alarms": plan.alarms, "notes": plan.notes}
        print_json({**_target_facts(target), **facts, "cost": price})
        return 0
    _print_plan(plan)
    stdout.print(price, markup=False, soft_wrap=True)
    return 0


def _print_plan(plan: Plan) -> None:
    for stack, changes in plan.stacks.items():
        stdout.print(f"[bold]{stack}[/]: {len(changes) or 'no'} changes")
        for change in changes:
            replaced = ", replaced (its data is lost)" if change.replaces else ""
            stdout.print(f"  {SIGNS.get(change.action, '?')} {change.resource} ({change.kind}){replaced}")
    stdout.print(f"[bold]functions and API[/]: {'would be deployed' if plan.functions else 'no changes'}")
    stdout.print(plan.alarms, markup=False, soft_wrap=True)
    for note in plan.notes:
        stdout.print(note, markup=False, soft_wrap=True)


def _prepare(given: argparse.Namespace, target: StageTarget) -> int:
    from cli.deploy import deployment  # noqa: PLC0415  # as above

    with progress_line(f"Preparing {target.name} in {target.account}, {target.region}", aside=given.json) as tell:
        changed = deployment.prepare(target, tell)
    if given.json:
        print_json({**_target_facts(target), "changed": changed})
        return 0
    _print_changed(changed)
    stdout.print(f"Now deploy the functions: chalice deploy --stage {target.stage}")
    return 0


def _print_changed(changed: Sequence[str]) -> None:
    stdout.print(f"Changed: {', '.join(changed)}." if changed else "No changes.")


def _deploy(given: argparse.Namespace, target: StageTarget) -> int:
    from cli.deploy import deployment  # noqa: PLC0415  # as above

    title = f"Deploying {target.name} to {target.account} in {target.region}"
    with progress_line(title, aside=given.json) as tell:
        deployed = deployment.deploy(target, tell)
    if not given.json:
        _print_addresses(deployed)
    if not given.no_smoke:
        _smoke_test(target, deployed, stderr if given.json else stdout)
    if given.json:
        urls = {"api_url": deployed.api_url, "monitor_url": f"{deployed.api_url}/monitor", "cdn_url": deployed.cdn_url}
        print_json({**_target_facts(target), "changed": deployed.changed, **urls, "tried_out": not given.no_smoke})
    return 0


def _print_addresses(deployed: Deployed) -> None:
    _print_changed(deployed.changed)
    for note in deployed.notes:
        stdout.print(note, markup=False, soft_wrap=True)
    stdout.print(f"[bold]API[/]      {deployed.api_url}", soft_wrap=True)
    stdout.print(f"[bold]Monitor[/]  {deployed.api_url}/monitor", soft_wrap=True)
    stdout.print(f"[bold]Images[/]   {deployed.cdn_url}", soft_wrap=True)


def _smoke_test(target: StageTarget, deployed: Deployed, to: Console) -> None:
    from infra import smoke  # noqa: PLC0415  # as above

    through = target.endpoint if target.is_ministack else ""
    test = smoke.against(deployed.api_url, deployed.token, cdn_through=through)
    if not smoke.run(test, lambda line: to.print(line, markup=False, soft_wrap=True)):
        raise CommandError(
            f"{target.name} is deployed, but the smoke test failed.", "Deploy the last working commit to roll back."
        )


def _target_facts(target: StageTarget) -> dict[str, str]:
    return {"stage": target.stage, "account": target.account, "region": target.region}


def _stage(text: str) -> str:
    if not STAGE.fullmatch(text) or text.partition("-")[0] == "local":
        raise argparse.ArgumentTypeError(
            "a stage has up to 16 lower-case letters, digits and hyphens, begins with a letter, and is not `local`"
        )
    return text


def _alarm_mail(text: str) -> str:
    if text == NO_MAIL:
        return ""
    if not MAIL.fullmatch(text) or len(text) > LONGEST_MAIL:
        raise argparse.ArgumentTypeError(f"expected an address such as you@example.org, or `{NO_MAIL}`")
    return text


LATE = 0.05
"""Share of the counted objects that may be added before the bucket is empty, such as uploads in progress."""
LATE_AT_LEAST = 1_000
"""Minimum number of objects that may be added."""


def register_teardown(commands: Commands) -> None:
    """Declare the command."""
    parser = add_command(
        commands,
        "teardown",
        "delete a stage from AWS, with all images and history",
        "teardown --stage dev",
        "teardown --stage dev --yes --json",
    )
    add_stage(parser)
    parser.add_argument("--yes", action="store_true", help="do not ask; required for a protected stage such as prod")
    connection.add_json(parser)
    parser.set_defaults(run=run_teardown)


def run_teardown(given: argparse.Namespace) -> int:
    """Run the command."""
    from cli.deploy.target import StageTarget, aws_errors_explained  # noqa: PLC0415  # boto3 is slow to import

    with aws_errors_explained():
        return _tear_down(given, StageTarget(given.stage))


def _tear_down(given: argparse.Namespace, target: StageTarget) -> int:
    from cli.deploy import teardown  # noqa: PLC0415  # as above

    if not given.yes:
        _check_may_ask(target, aloud=not given.json)
    seen = teardown.count_objects(target)
    if not given.yes:
        _confirm(target, seen)
    with progress_line(f"Deleting {target.name} from {target.account} in {target.region}", aside=given.json) as tell:
        _delete(target, seen, tell)
    gone = {
        "stage": target.stage,
        "account": target.account,
        "region": target.region,
        "deleted": True,
        "objects": seen,
    }
    print_result(given, "Everything is deleted.", gone)
    return 0


def _delete(target: StageTarget, seen: int, tell: Callable[[str], None]) -> None:
    """Delete the counted objects and some that were added since. Raises CommandError if there are more."""
    from chalicelib.storage import Budget, BudgetSpent  # noqa: PLC0415  # as above
    from cli.deploy import teardown  # noqa: PLC0415  # as above

    try:
        teardown.delete_stage(target, tell, Budget(seen + max(int(seen * LATE), LATE_AT_LEAST)))
    except BudgetSpent as spent:
        raise CommandError(
            f"{target.bucket} had {seen:,} objects at the start and has more than {spent.details['cap']:,} now.",
            "Stop the program that writes to it, then repeat the command. The remaining objects were not deleted.",
        ) from spent


def _check_may_ask(target: StageTarget, *, aloud: bool) -> None:
    """Raise CommandError if --yes is required, before the objects are counted, which is slow."""
    from infra import stages  # noqa: PLC0415  # as above

    if target.stage == "prod" or stages.of(target.stage).protected:
        raise CommandError(f"{target.name} is protected.", "Confirm with --yes. It cannot be undone.")
    if not aloud:
        raise CommandError(
            "With --json, the command cannot ask for confirmation.", "Confirm with --yes. It cannot be undone."
        )


def _confirm(target: StageTarget, seen: int) -> None:
    stdout.print(
        f"This deletes {target.name} in account {target.account}, {target.region}: "
        f"all images ({seen:,} objects), all history."
    )
    if input(f"Type {target.stage} to continue: ") != target.stage:
        raise CommandError("Nothing was deleted.", "The typed name is not the name of the stage.")
