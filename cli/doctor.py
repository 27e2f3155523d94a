"""Checks of `wallify doctor`: this machine, the local cloud, the API, the AWS account. Each check yields findings."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from botocore.exceptions import BotoCoreError, ClientError

from cli import environment as shell
from cli.client.models import ApiError
from cli.local import aws, lifecycle
from cli.local.machine import write_error
from cli.local.processes import Daemon
from cli.local.stack import PROJECT
from cli.local.staging import tracked_config
from cli.target import is_private
from infra import checks
from infra.concurrency import capacity, most_workers

if TYPE_CHECKING:
    from cli.client.api import Client, Health

GOOD: Final = "good"
DOUBTFUL: Final = "doubtful"
BAD: Final = "bad"


@dataclass(frozen=True)
class Finding:
    """Result of one check; `advice` is the remedy if it is not good."""

    what: str
    state: Literal["good", "doubtful", "bad"]
    says: str
    advice: str = ""


LAMBDA_PYTHONS = ((3, 12), (3, 13))
"""Versions that AWS Lambda supports and that every pinned package has a wheel for."""
ENOUGH_DISK = 2_000_000_000
"""Bytes for an installation with its packages and a few pictures."""
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^;\s\\]+)\s*(;.*?)?\s*\\?$")
WRITABLE_FOLDERS = ("objects", "state", "tmp")
"""Folders that a running local cloud writes to."""
START_IT = "Start it with `./wallify up`."


def check_python() -> Iterator[Finding]:
    """Check the version of Python."""
    have = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] in LAMBDA_PYTHONS:
        yield Finding("python", GOOD, have)
    else:
        yield Finding("python", DOUBTFUL, f"{have}; Lambda runs 3.12 or 3.13", "Install 3.13, and remove .venv.")


def check_packages(project: Path = PROJECT) -> Iterator[Finding]:
    """Check that the installed packages are the pinned versions."""
    wrong = [f"{name} {have or 'is missing'} (pinned: {pinned})" for name, pinned, have in _differing(project)]
    if wrong:
        yield Finding(
            "packages", BAD, "; ".join(wrong), "Run `./wallify status`: the wrapper installs the pinned versions."
        )
    else:
        yield Finding("packages", GOOD, "all are the pinned versions")


def check_decoders() -> Iterator[Finding]:
    """Report what decodes PNG here. The local cloud packages the module only if it was built; `deploy` builds it."""
    from native import build  # noqa: PLC0415  it imports Pillow

    without = "Pillow decodes PNG; the native module (`.venv/bin/python -m native.build`) needs 1/2 to 1/7 of the time"
    yield Finding("decoders", GOOD, "the native module decodes PNG" if build.is_in_use() else without)


def check_disk(folder: Path = PROJECT) -> Iterator[Finding]:
    """Check the free space on the disk."""
    free = shutil.disk_usage(folder).free
    words = f"{free / 1e9:.1f} GB free"
    yield Finding("disk", GOOD, words) if free > ENOUGH_DISK else Finding("disk", DOUBTFUL, words, "Free some space.")


def check_environment(environ: Mapping[str, str] | None = None) -> Iterator[Finding]:
    """Check the variables of this shell."""
    if wrong := shell.setting_errors(environ):
        yield Finding("environment", BAD, wrong, "Correct or unset the variable in this shell.")
    elif found := shell.settings_in(environ):
        yield Finding(
            "environment",
            DOUBTFUL,
            f"{', '.join(found)}: set in this shell, which the functions do not see",
            shell.IN_CONFIG,
        )
    else:
        yield Finding("environment", GOOD, "no unknown or wrong variable")


def check_settings(project: Path = PROJECT) -> Iterator[Finding]:
    """Check the settings of every stage in the configuration."""
    config = tracked_config(project)
    for stage in config["stages"]:
        if wrong := checks.faults(config, stage):
            advice = f"Correct it in {checks.CONFIG} or infra/stages.toml."
            yield Finding(f"settings {stage}", BAD, " ".join(wrong), advice)
        else:
            yield Finding(f"settings {stage}", GOOD, "all valid")


def check_profiles(path: Path) -> Iterator[Finding]:
    """Check that only the owner can read the file with the tokens."""
    if is_private(path):
        yield Finding("profiles", GOOD, f"{path} is private" if path.exists() else "there are no profiles")
    else:
        yield Finding("profiles", BAD, f"other users can read the tokens in {path}", f"Run `chmod 600 {path}`.")


def check_processes(home: Path) -> Iterator[Finding]:
    """Check that the processes of the local cloud run."""
    where = lifecycle.stack_at(home)
    for name in lifecycle.PROCESSES:
        daemon = Daemon(where, name)
        if pid := daemon.pid():
            yield Finding(name, GOOD, f"process {pid}")
        elif daemon.was_stopped():
            yield Finding(name, BAD, "not running", START_IT)
        else:
            yield Finding(name, BAD, f"died; its log is {where.log(name)}", START_IT)


def check_storage(home: Path) -> Iterator[Finding]:
    """Check that the local cloud can write to its folders."""
    for name in WRITABLE_FOLDERS:
        if (home / name).exists() and (fault := write_error(home / name)):
            advice = "Uploads are refused with 503. Free some space there, or make it writable."
            yield Finding("storage", BAD, f"{home / name} cannot be written: {fault}", advice)
            return
    yield Finding("storage", GOOD, f"{home} can be written")


def _differing(project: Path) -> Iterator[tuple[str, str, str | None]]:
    for file in ("requirements.txt", "requirements-dev.txt"):
        for line in (project / file).read_text(encoding="utf-8").splitlines():
            # A pin with a condition may not apply to this machine.
            if (pin := _PIN.match(line)) and not pin[3] and (have := _installed(pin[1])) != pin[2]:
                yield pin[1], pin[2], have


def _installed(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None


SLOW_ANSWER = 2.0  # seconds
SKEW = 5.0  # seconds; the API's `Date` has no fractions
FATAL_SKEW = 300.0
"""AWS refuses requests whose time differs by more than five minutes."""
UNAUTHORIZED = 401
FORBIDDEN = 403
NOT_FOUND = 404
API_VERSION = "1"
"""Major version of the API; commands work only with the same one."""
ASK_AGAIN = "Repeat the check: the function may have been starting."
SET_CLOCK = "Set this machine's clock (`timedatectl set-ntp true`)."


def check_health(api: Client) -> Iterator[Finding]:
    """Check that the API responds, and that its clock and this machine's agree."""
    health = api.greet()
    words = f"stage {health.stage} responded in {health.took * 1000:.0f} ms"
    yield Finding("api", GOOD, words) if health.took < SLOW_ANSWER else Finding("api", DOUBTFUL, words, ASK_AGAIN)
    yield check_clock(health, datetime.now(UTC))


def check_clock(health: Health, now: datetime) -> Finding:
    """Compare this machine's clock with the API's."""
    if health.at is None:
        return Finding("clock", DOUBTFUL, "the API sent no time")
    skew = max(0.0, abs((now - health.at).total_seconds()) - 1)
    words = f"differs from the API's by {skew:.0f} s"
    if skew < SKEW:
        return Finding("clock", GOOD, words)
    return Finding("clock", DOUBTFUL if skew < FATAL_SKEW else BAD, words, SET_CLOCK)


def check_version(api: Client) -> Iterator[Finding]:
    """Check that the commands and the API have the same major version."""
    theirs = api.version()
    if theirs.partition(".")[0] == API_VERSION:
        yield Finding("version", GOOD, f"API {theirs}")
    else:
        says = f"API {theirs} is deployed; these commands work with version {API_VERSION}"
        yield Finding("version", DOUBTFUL, says, "Check out the commit that is deployed, or deploy this one.")


def check_token(api: Client) -> Iterator[Finding]:
    """Check the token and its scopes."""
    api.check_token()
    may = [scope for scope, probe in SCOPE_PROBES.items() if _is_allowed(lambda probe=probe: probe(api))]  # type: ignore[misc]
    yield Finding("token", GOOD, f"scopes: {', '.join(may)}" if may else "no scope; it can only follow tasks")


def check_queues(api: Client) -> Iterator[Finding]:
    """Check the queues for dead letters and pauses."""
    for queue in api.queues.all():
        words = f"{queue.waiting} waiting, {queue.in_flight} in flight, {queue.dead} dead"
        name = f"queue {queue.name}"
        if queue.dead:
            yield Finding(name, DOUBTFUL, words, f"See `./wallify queues dead {queue.name}`.")
        elif queue.paused:
            yield Finding(name, DOUBTFUL, f"paused; {words}", f"Resume it with `./wallify queues resume {queue.name}`.")
        else:
            yield Finding(name, GOOD, words)


def check_configuration(api: Client) -> Iterator[Finding]:
    """Check that AWS and the database accept the deployed functions; name the cause if not."""
    wrong = [fault for probe in CONFIGURATION_PROBES.values() if (fault := _setup_fault(probe, api))]
    for fault in wrong:
        yield Finding("configuration", BAD, f"{fault.message} {_cause(fault)}".strip(), SEE_RUNBOOK)
    if not wrong:
        yield Finding("configuration", GOOD, f"the API can use its {', '.join(CONFIGURATION_PROBES)}")


def _setup_fault(probe: Callable[[Client], object], api: Client) -> ApiError | None:
    try:
        probe(api)
    except ApiError as error:
        if error.code == MISCONFIGURED:
            return error
        if error.status not in {UNAUTHORIZED, FORBIDDEN, NOT_FOUND}:
            raise
    return None


def _cause(fault: ApiError) -> str:
    """Return the cause, which the API sends only to administrators."""
    causes = fault.details.get("cause") or {}
    return "; ".join(f"{name}: {text}" for name, text in causes.items())


MISCONFIGURED = "misconfigured"
SEE_RUNBOOK = "See docs/operations/runbook.md#misconfigured; with a token of scope admin, doctor shows the cause."
CONFIGURATION_PROBES: dict[str, Callable[[Client], object]] = {
    "state": lambda api: api.collections.all(),
    "queues": lambda api: api.queues.all(),
    "bucket": lambda api: next(iter(api.quarantine.all()), None),
}
"""Requests without side effects, by the resource that they need."""
SCOPE_PROBES: dict[str, Callable[[Client], object]] = {
    # Requests without side effects; the last one requests no form.
    "read": lambda api: api.collections.all(),
    "tasks": lambda api: next(api.tasks.active(), None),
    "admin": lambda api: api.tokens.all(),
    "upload": lambda api: api.uploads.ask_for_nothing(),
}


def _is_allowed(probe: Callable[[], object]) -> bool:
    try:
        probe()
    except ApiError as error:
        return error.status not in {FORBIDDEN, NOT_FOUND}
    return True


RAISE_QUOTA = "Request more in Service Quotas: Lambda, Concurrent executions. New accounts have 10 of the usual 1,000."
STACK_PREFIX, OBSERVING_SUFFIX = "wallify-", "-observing"
PENDING = "PendingConfirmation"
"""What SNS says in place of a subscription's ARN: https://docs.aws.amazon.com/sns/latest/api/API_Subscription.html"""
CONFIRM = "Open the link in the mail from AWS. Until then that address is told nothing."


def check_account(session: Any = None) -> Iterator[Finding]:  # noqa: ANN401 - boto3 has no types
    """Check credentials, quotas and stacks. A refusal of AWS is a finding too."""
    session = session or aws.session()
    try:
        who = session.client("sts", region_name=session.region_name or "us-east-1").get_caller_identity()
    except (BotoCoreError, ClientError) as refused:
        trouble = aws.explained(refused)
        yield Finding("aws", BAD, f"{trouble.what} {refused}", trouble.advice)
        return
    yield Finding("aws", GOOD, f"account {who['Account']} as {who['Arn']}")
    if not session.region_name:
        yield Finding("region", BAD, "not configured", "Set AWS_DEFAULT_REGION, such as eu-central-1.")
        return
    for check in (_concurrency, _stacks):
        try:
            yield from check(session)
        except (BotoCoreError, ClientError) as refused:
            yield Finding(check.__name__.strip("_"), DOUBTFUL, str(refused), "Ask the administrator of the account.")


def _concurrency(session: Any) -> Iterator[Finding]:  # noqa: ANN401 - as above
    limit = session.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    yield check_concurrency(limit, session.region_name, most_workers(tracked_config()))


def check_concurrency(limit: int, region: str, wanted: int) -> Finding:
    """Compare the quota of concurrent executions with the workers that the stages want for each queue."""
    room = capacity(limit)
    words = f"{limit} concurrent executions in {region}: room for {room.workers} workers of each queue"
    if not room.fits or wanted > room.workers:
        advice = f"Set WALLIFY_CONCURRENCY to {room.workers} (now {wanted}). {RAISE_QUOTA}"
        return Finding("quota", DOUBTFUL, words, advice)
    if not room.can_reserve(limit, wanted):
        return Finding("quota", DOUBTFUL, f"{words}; workers cannot reserve theirs", RAISE_QUOTA)
    return Finding("quota", GOOD, words)


def _stacks(session: Any) -> Iterator[Finding]:  # noqa: ANN401 - as above
    pages = session.client("cloudformation").get_paginator("describe_stacks").paginate()
    for stack in (one for page in pages for one in page["Stacks"] if one["StackName"].startswith(STACK_PREFIX)):
        status = stack["StackStatus"]
        well = status.endswith("_COMPLETE") and "ROLLBACK" not in status
        advice = "" if well else "See its events in the CloudFormation console, then deploy again."
        yield Finding(f"stack {stack['StackName']}", GOOD if well else BAD, status, advice)
        yield from _told(session, stack)


def _told(session: Any, stack: Mapping[str, Any]) -> Iterator[Finding]:  # noqa: ANN401 - as above
    """Check the subscriptions of the alarm topic; only an observing stack has one."""
    name = stack["StackName"].removeprefix(STACK_PREFIX)
    given = {found["OutputKey"]: found["OutputValue"] for found in stack.get("Outputs", [])}
    if name.endswith(OBSERVING_SUFFIX):
        topic, sns = given.get("AlarmTopic"), session.client("sns")
        pages = sns.get_paginator("list_subscriptions_by_topic").paginate(TopicArn=topic) if topic else ()
        found = [one for page in pages for one in page["Subscriptions"]]
        yield check_told(name.removesuffix(OBSERVING_SUFFIX), found)


def check_told(stage: str, subscriptions: Sequence[Mapping[str, str]]) -> Finding:
    """Check the subscriptions of the topic that is notified of the stage's alarms."""
    waiting = [one["Endpoint"] for one in subscriptions if one["SubscriptionArn"] == PENDING]
    names = [one["Endpoint"] for one in subscriptions if one["SubscriptionArn"] != PENDING]
    what = f"alarms of {stage}"
    if waiting:
        return Finding(what, DOUBTFUL, f"the confirmation of {', '.join(waiting)} is missing", CONFIRM)
    if not names:
        return Finding(
            what, DOUBTFUL, "nobody is told", f"Run `./wallify deploy --stage {stage} --alarm-mail ADDRESS`."
        )
    return Finding(what, GOOD, f"sent to {', '.join(names)}")
