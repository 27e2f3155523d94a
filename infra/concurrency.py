"""How many workers fit an account's quota of concurrent executions in a region: pure functions, no AWS calls."""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass

from chalicelib.settings import Settings
from infra.stage import FITTED, VISIBILITY_OF, Config, unresolved

WORKERS = tuple(VISIBILITY_OF.values())
"""Functions that take work from queues."""
QUEUES = len(WORKERS)
UNRESERVED = 100
"""Executions that Lambda keeps for functions without a reservation; it refuses to reserve them."""
LEAST_WORKERS = 2
"""AWS's minimum for `MaximumConcurrency` of an event source."""
SHARE_OF_API = 5
"""The API and the schedules keep at least a fifth of the account."""
CONCURRENCY = "WALLIFY_CONCURRENCY"
WAITS = ("WALLIFY_SYNC_WAIT_SECONDS", "WALLIFY_ON_DEMAND_WAIT_SECONDS")
"""Seconds that requests wait for a worker; with 0 none waits."""


@dataclass(frozen=True)
class Capacity:
    """What a quota allows."""

    workers: int
    """Largest WALLIFY_CONCURRENCY: workers of each queue; never below AWS's minimum."""
    fits: bool
    """Whether that many leave room for the API."""

    def can_reserve(self, quota: int, wanted: int) -> bool:
        """Return whether every worker function can reserve `wanted` executions, so that the API cannot use them."""
        return wanted <= self.workers and quota - QUEUES * wanted >= UNRESERVED


def capacity(quota: int) -> Capacity:
    """Return what an account with this quota has room for."""
    workers = (quota - quota // SHARE_OF_API) // QUEUES
    return Capacity(max(workers, LEAST_WORKERS), fits=workers >= LEAST_WORKERS)


@dataclass(frozen=True)
class Caps:
    """What a deployment sets so that the workers of a stage have room; empty where the stage has its own choice."""

    variables: dict[str, str]
    """Variables of the functions."""
    reserved: int
    """Reserved concurrency of each worker function; 0 for none."""
    words: str
    """One sentence about it."""

    @property
    def record(self) -> Config:
        """What the configuration keeps, so that the next deployment can tell it from the stage's own choices."""
        reserved = {"reserved_concurrency": self.reserved} if self.reserved else {}
        variables = {"environment_variables": self.variables} if self.variables else {}
        return variables | reserved


def fit(config: Config, stage: str, room: int) -> Caps:
    """Return the caps of a stage in an account that leaves it `room` executions, those of its own workers included.

    What the stage or the configuration chose itself stays. Where workers cannot reserve their room, no request may
    wait: each that waits holds an execution that a worker needs.
    """
    own = unresolved(config, stage)
    variables = own.get("environment_variables", {}) | own["stages"][stage].get("environment_variables", {})
    space = capacity(room)
    wanted = int(variables.get(CONCURRENCY, Settings().concurrency))
    workers = wanted if CONCURRENCY in variables else min(wanted, space.workers)
    chosen, can_reserve = _reserved(own, stage), space.can_reserve(room, workers)
    computed = {} if workers == wanted else {CONCURRENCY: str(workers)}
    if not can_reserve and not chosen:
        computed |= {name: "0" for name in WAITS if name not in variables}
    reserved = workers if can_reserve and not chosen else 0
    return Caps(computed, reserved, _words(room, workers, space, own=bool(chosen), reserved=reserved))


def _reserved(config: Config, stage: str) -> set[str]:
    """Return the worker functions whose configuration sets their reserved concurrency."""
    places = (config["lambda_functions"], config["stages"][stage].get("lambda_functions", {}))
    return {one for one in WORKERS for place in places if "reserved_concurrency" in place.get(one, {})}


def _words(room: int, workers: int, space: Capacity, *, own: bool, reserved: int) -> str:
    words = f"Lambda lets this stage run {room} functions at once: {workers} workers of each queue"
    if workers > space.workers or not space.fits:
        words += f", though only {space.workers if space.fits else 0} of each leave room for the API"
    if own:
        return f"{words}, with the reserved concurrency that the configuration chose."
    if reserved:
        return f"{words}, each with its execution reserved."
    return (
        f"{words}, none reserved, as Lambda keeps {UNRESERVED} unreserved; so no request waits for a worker, "
        f"unless the configuration sets {' or '.join(WAITS)}."
    )


def capped(config: Config, stage: str, caps: Caps) -> Config:
    """Return the resolved configuration with these caps in it."""
    answer = deepcopy(config)
    ours = answer["stages"][stage]
    if caps.record:
        ours[FITTED] = caps.record
    if caps.variables:
        ours["environment_variables"] = ours.get("environment_variables", {}) | caps.variables
    for function in WORKERS if caps.reserved else ():
        functions = ours.setdefault("lambda_functions", {})
        functions.setdefault(function, {})["reserved_concurrency"] = caps.reserved
    return answer


def most_workers(config: Config) -> int:
    """Return the largest WALLIFY_CONCURRENCY of any stage; values that are not numbers are left out."""
    everywhere = config.get("environment_variables", {})
    chosen = [everywhere | stage.get("environment_variables", {}) for stage in config["stages"].values()]
    wanted = [str(one.get(CONCURRENCY, Settings().concurrency)) for one in chosen]
    return max((int(one) for one in wanted if one.isdecimal()), default=Settings().concurrency)
