"""The checks of `wallify doctor`: this machine, the local cloud, the API, the AWS account. Each yields findings."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator, Mapping
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

if TYPE_CHECKING:
    from cli.client.api import Client, Health

GOOD: Final = "good"
DOUBTFUL: Final = "doubtful"
BAD: Final = "bad"


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at; `advice` says what to do where it is not good."""

    what: str
    state: Literal["good", "doubtful", "bad"]
    says: str
    advice: str = ""


LAMBDA_PYTHONS = ((3, 12), (3, 13))
"""What AWS Lambda has and every package of ours has a wheel for."""
ENOUGH_DISK = 2_000_000_000
"""Bytes that an installation with its packages and a small library takes."""
_PIN = re.compile(r"^([A-Za-z0-9_.-]+)(?:\[[^]]*\])?==([^;\s\\]+)\s*(;.*?)?\s*\\?$")
WRITABLE_FOLDERS = ("objects", "state", "tmp")
"""Parts of a local cloud that it writes to while it runs."""
START_IT = "Start it with `./wallify up`."


def check_python() -> Iterator[Finding]:
    """The Python that runs this."""
    have = ".".join(map(str, sys.version_info[:3]))
    if sys.version_info[:2] in LAMBDA_PYTHONS:
        yield Finding("python", GOOD, have)
    else:
        yield Finding("python", DOUBTFUL, f"{have}; Lambda runs 3.12 or 3.13", "Install 3.13, and remove .venv.")


def check_packages(project: Path = PROJECT) -> Iterator[Finding]:
    """Whether the packages are those that are pinned."""
    wrong = [f"{name} {have or 'is missing'} (pinned: {pinned})" for name, pinned, have in _differing(project)]
    if wrong:
        yield Finding("packages", BAD, "; ".join(wrong), "Run `./wallify status`: the wrapper installs what is pinned.")
    else:
        yield Finding("packages", GOOD, "all as pinned")


def check_disk(folder: Path = PROJECT) -> Iterator[Finding]:
    """Room for pictures."""
    free = shutil.disk_usage(folder).free
    words = f"{free / 1e9:.1f} GB free"
    yield Finding("disk", GOOD, words) if free > ENOUGH_DISK else Finding("disk", DOUBTFUL, words, "Make room.")


def check_environment(environ: Mapping[str, str] | None = None) -> Iterator[Finding]:
    """The variables of this shell."""
    if wrong := shell.setting_errors(environ):
        yield Finding("environment", BAD, wrong, "Correct or unset it in this shell.")
    elif found := shell.settings_in(environ):
        yield Finding("environment", DOUBTFUL, f"{', '.join(found)}: functions do not see this shell", shell.IN_CONFIG)
    else:
        yield Finding("environment", GOOD, "no variable is misspelt")


def check_settings(project: Path = PROJECT) -> Iterator[Finding]:
    """The settings of every stage in the configuration."""
    config = tracked_config(project)
    for stage in config["stages"]:
        if wrong := checks.faults(config, stage):
            advice = f"Correct it in {checks.CONFIG} or infra/stages.toml."
            yield Finding(f"settings {stage}", BAD, " ".join(wrong), advice)
        else:
            yield Finding(f"settings {stage}", GOOD, "all within their bounds")


def check_profiles(path: Path) -> Iterator[Finding]:
    """Whether the tokens are for their owner alone."""
    if is_private(path):
        yield Finding("profiles", GOOD, f"{path} is private" if path.exists() else "none yet")
    else:
        yield Finding("profiles", BAD, f"others may read the tokens in {path}", f"Run `chmod 600 {path}`.")


def check_processes(home: Path) -> Iterator[Finding]:
    """Whether the local cloud's processes live."""
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
    """Whether the local cloud can write what it is given."""
    for name in WRITABLE_FOLDERS:
        if (home / name).exists() and (fault := write_error(home / name)):
            advice = "Uploads are refused with 503. Make room there, or make it writable."
            yield Finding("storage", BAD, f"{home / name} cannot be written: {fault}", advice)
            return
    yield Finding("storage", GOOD, f"{home} can be written")


def _differing(project: Path) -> Iterator[tuple[str, str, str | None]]:
    for file in ("requirements.txt", "requirements-dev.txt"):
        for line in (project / file).read_text(encoding="utf-8").splitlines():
            # One with a condition may not be for this machine.
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
"""AWS refuses requests that were signed more than five minutes away."""
UNAUTHORIZED = 401
FORBIDDEN = 403
NOT_FOUND = 404
API_VERSION = "1"
"""The API's first number; another one promises other words."""
ASK_AGAIN = "Ask again: it may have been cold."
SET_CLOCK = "Set this machine's clock (`timedatectl set-ntp true`)."


def check_health(api: Client) -> Iterator[Finding]:
    """Whether it answers, and whether our clocks agree."""
    told = api.greet()
    words = f"stage {told.stage} answers in {told.took * 1000:.0f} ms"
    yield Finding("api", GOOD, words) if told.took < SLOW_ANSWER else Finding("api", DOUBTFUL, words, ASK_AGAIN)
    yield check_clock(told, datetime.now(UTC))


def check_clock(told: Health, now: datetime) -> Finding:
    """How far our clock is from the API's."""
    if told.at is None:
        return Finding("clock", DOUBTFUL, "the API tells no time")
    skew = max(0.0, abs((now - told.at).total_seconds()) - 1)
    words = f"within {skew:.0f} s of the API's"
    if skew < SKEW:
        return Finding("clock", GOOD, words)
    return Finding("clock", DOUBTFUL if skew < FATAL_SKEW else BAD, words, SET_CLOCK)


def check_version(api: Client) -> Iterator[Finding]:
    """Whether these commands and the API speak the same language."""
    theirs = api.version()
    if theirs.partition(".")[0] == API_VERSION:
        yield Finding("version", GOOD, f"API {theirs}")
    else:
        says = f"API {theirs} is deployed; these commands speak {API_VERSION}"
        yield Finding("version", DOUBTFUL, says, "Check out the commit that is deployed, or deploy this one.")


def check_token(api: Client) -> Iterator[Finding]:
    """Whether the token is good, and for what."""
    api.check_token()
    may = [scope for scope, probe in SCOPE_PROBES.items() if _is_allowed(lambda probe=probe: probe(api))]  # type: ignore[misc]
    yield Finding("token", GOOD, f"may {', '.join(may)}" if may else "may only follow tasks")


def check_queues(api: Client) -> Iterator[Finding]:
    """Whether work piles up."""
    for queue in api.queues.all():
        words = f"{queue.waiting} waiting, {queue.in_flight} in flight, {queue.dead} dead"
        name = f"queue {queue.name}"
        if queue.dead:
            yield Finding(name, DOUBTFUL, words, f"See `./wallify queues dead {queue.name}`.")
        elif queue.paused:
            yield Finding(name, DOUBTFUL, f"paused; {words}", f"Go on with `./wallify queues resume {queue.name}`.")
        else:
            yield Finding(name, GOOD, words)


def check_configuration(api: Client) -> Iterator[Finding]:
    """Whether AWS and the database let the deployed functions do their work; the cause where they do not."""
    wrong = [fault for probe in CONFIGURATION_PROBES.values() if (fault := _setup_fault(probe, api))]
    for fault in wrong:
        yield Finding("configuration", BAD, f"{fault.message} {_cause(fault)}".strip(), SEE_RUNBOOK)
    if not wrong:
        yield Finding("configuration", GOOD, f"the API may use its {', '.join(CONFIGURATION_PROBES)}")


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
    """The cause, which the API tells to administrators alone."""
    told = fault.details.get("cause") or {}
    return "; ".join(f"{name}: {text}" for name, text in told.items())


MISCONFIGURED = "misconfigured"
SEE_RUNBOOK = "See docs/operations/runbook.md#misconfigured; a token with the scope admin is told the cause."
CONFIGURATION_PROBES: dict[str, Callable[[Client], object]] = {
    "state": lambda api: api.collections.all(),
    "queues": lambda api: api.queues.all(),
    "bucket": lambda api: next(iter(api.quarantine.all()), None),
}
"""Requests that change nothing, by what they need."""
SCOPE_PROBES: dict[str, Callable[[Client], object]] = {
    # Requests that change nothing: the last asks for a form for no file.
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


SIGN_IN = "Sign in (`aws sso login`, or AWS_PROFILE, or the AWS_ACCESS_KEY_ID pair); only deploying needs it."
ENOUGH_CONCURRENCY = 100
"""Functions at once: new accounts have 10, and AWS asks for a request to get the usual 1,000."""
RAISE_QUOTA = "Ask for more in Service Quotas: Lambda, Concurrent executions."
STACK_PREFIX = "wallify-"


def check_account(session: Any = None) -> Iterator[Finding]:  # noqa: ANN401 - boto3 has no types
    """Credentials, quotas and stacks. Whatever AWS does not let us see is a finding too."""
    session = session or aws.session()
    try:
        who = session.client("sts", region_name=session.region_name or "us-east-1").get_caller_identity()
    except (BotoCoreError, ClientError) as refused:
        yield Finding("aws", BAD, f"no credentials: {refused}", SIGN_IN)
        return
    yield Finding("aws", GOOD, f"account {who['Account']} as {who['Arn']}")
    if not session.region_name:
        yield Finding("region", BAD, "none is chosen", "Set AWS_DEFAULT_REGION, such as eu-central-1.")
        return
    for check in (_concurrency, _stacks):
        try:
            yield from check(session)
        except (BotoCoreError, ClientError) as refused:
            yield Finding(check.__name__.strip("_"), DOUBTFUL, str(refused), "Ask who runs the account.")


def _concurrency(session: Any) -> Iterator[Finding]:  # noqa: ANN401 - as above
    limit = session.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"]
    words = f"{limit} functions at once in {session.region_name}"
    yield (
        Finding("quota", GOOD, words) if limit >= ENOUGH_CONCURRENCY else Finding("quota", DOUBTFUL, words, RAISE_QUOTA)
    )


def _stacks(session: Any) -> Iterator[Finding]:  # noqa: ANN401 - as above
    pages = session.client("cloudformation").get_paginator("describe_stacks").paginate()
    for stack in (one for page in pages for one in page["Stacks"] if one["StackName"].startswith(STACK_PREFIX)):
        status = stack["StackStatus"]
        well = status.endswith("_COMPLETE") and "ROLLBACK" not in status
        advice = "" if well else "See its events in the CloudFormation console, then deploy again."
        yield Finding(f"stack {stack['StackName']}", GOOD if well else BAD, status, advice)
