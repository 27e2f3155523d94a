"""The API: whether it answers, which version it is, what the token may do, whether work piles up."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from cli.checkup.findings import BAD, DOUBTFUL, GOOD, Finding
from cli.client.errors import ApiError

if TYPE_CHECKING:
    from cli.client.api import Client, Greeting

SLOW = 2.0  # seconds
SKEW = 5.0  # seconds; the API's `Date` has no fractions
FATAL_SKEW = 300.0
"""AWS refuses requests that were signed more than five minutes away."""
UNAUTHORIZED = 401
FORBIDDEN = 403
NOT_FOUND = 404
SPEAKS = "1"
"""The API's first number; another one promises other words."""
WARM_UP = "Ask again: it may have been cold."
SET_CLOCK = "Set this machine's clock (`timedatectl set-ntp true`)."


def greeting(api: Client) -> Iterator[Finding]:
    """Whether it answers, and whether our clocks agree."""
    told = api.greet()
    words = f"stage {told.stage} answers in {told.took * 1000:.0f} ms"
    yield Finding("api", GOOD, words) if told.took < SLOW else Finding("api", DOUBTFUL, words, WARM_UP)
    yield clock(told, datetime.now(UTC))


def clock(told: Greeting, now: datetime) -> Finding:
    """How far our clock is from the API's."""
    if told.at is None:
        return Finding("clock", DOUBTFUL, "the API tells no time")
    skew = max(0.0, abs((now - told.at).total_seconds()) - 1)
    words = f"within {skew:.0f} s of the API's"
    if skew < SKEW:
        return Finding("clock", GOOD, words)
    return Finding("clock", DOUBTFUL if skew < FATAL_SKEW else BAD, words, SET_CLOCK)


def version(api: Client) -> Iterator[Finding]:
    """Whether these commands and the API speak the same language."""
    theirs = api.version()
    if theirs.partition(".")[0] == SPEAKS:
        yield Finding("version", GOOD, f"API {theirs}")
    else:
        says = f"API {theirs} is deployed; these commands speak {SPEAKS}"
        yield Finding("version", DOUBTFUL, says, "Check out the commit that is deployed, or deploy this one.")


def token(api: Client) -> Iterator[Finding]:
    """Whether the token is good, and for what."""
    api.check_token()
    may = [scope for scope, probe in PROBES.items() if _is_allowed(lambda probe=probe: probe(api))]  # type: ignore[misc]
    yield Finding("token", GOOD, f"may {', '.join(may)}" if may else "may only follow tasks")


def queues(api: Client) -> Iterator[Finding]:
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


def configuration(api: Client) -> Iterator[Finding]:
    """Whether AWS and the database let the deployed functions do their work; the cause where they do not."""
    wrong = [fault for probe in PARTS.values() if (fault := _setup_fault(probe, api))]
    for fault in wrong:
        yield Finding("configuration", BAD, f"{fault.message} {_cause(fault)}".strip(), MEND)
    if not wrong:
        yield Finding("configuration", GOOD, f"the API may use its {', '.join(PARTS)}")


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
MEND = "See docs/operations/runbook.md#misconfigured; a token with the scope admin is told the cause."
PARTS: dict[str, Callable[[Client], object]] = {
    "state": lambda api: api.collections.all(),
    "queues": lambda api: api.queues.all(),
    "bucket": lambda api: next(iter(api.quarantine.all()), None),
}
"""Requests that change nothing, by what they need."""
PROBES: dict[str, Callable[[Client], object]] = {
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
