"""What is wrong with a stage's settings, said before anything is deployed: configuration, timeouts, stages.toml."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgspec

from chalicelib.settings import CARRIED, PAGE, TERMINAL, BadSetting, BaseUrl, Settings, load
from infra import stage as stage_parts
from infra import stages
from infra.template import DATABASE, FOUNDATION, OBSERVING, read

Config = dict[str, Any]

CONFIG = ".chalice/config.json"
COMPUTED = {"Stage", "DatabaseClients", "MetricMath", "ApiDomain", "ApiStage", "AlarmMail", *stage_parts.VISIBILITY_OF}
"""Parameters that a deployment computes or asks for, so that a stage cannot choose them."""
LEASE_OF = {
    "process_image": "lease_seconds",
    "make_thumbnails": "job_lease_seconds",
    "maintenance": "job_lease_seconds",
}
"""Function -> the setting that says how long one run of it may hold a task."""
MOST_OF_GATEWAY = 29  # seconds
LOCAL = "local"
"""The stage of the local cloud."""
_MOST = 10**9


def faults(config: Config, stage: str, path: Path = stages.STAGES) -> list[str]:
    """A sentence for each thing that is wrong, with the name at fault; empty if all is right."""
    found = [*_of_environment(config, stage), *of_choices(stage, path)]
    return list(dict.fromkeys(found))


def environment(config: Config, stage: str, function: str) -> dict[str, Any]:
    """The variables that a function gets, merged as Chalice merges them."""
    ours = config.get("stages", {}).get(stage, {})
    parts = (config, ours, ours.get("lambda_functions", {}).get(function, {}))
    return {name: value for part in parts for name, value in part.get("environment_variables", {}).items()}


def _of_environment(config: Config, stage: str) -> Iterator[str]:
    # What the deployment fills in is computed, and may not be there yet.
    plain = stage_parts.unresolved(config, stage)
    for function, given in config["lambda_functions"].items():
        if "environment_variables" in given:
            yield f"{CONFIG}: Chalice reads environment_variables of lambda_functions.{function} in a stage only."
        variables = environment(plain, stage, function)
        yield from _of_variables(variables)
        texts = {name: value for name, value in variables.items() if isinstance(value, str)}
        try:
            settings = load(texts | {"WALLIFY_STAGE": stage})
        except BadSetting as wrong:
            yield wrong.message
        else:
            yield from _of_times(config, stage, function, settings)


def _of_variables(variables: Mapping[str, Any]) -> Iterator[str]:
    for name, value in variables.items():
        if not isinstance(value, str):
            yield f"{name} in {CONFIG} must be text in quotes."
        if name in TERMINAL or name in CARRIED:
            yield f"{name} in {CONFIG} is for the terminal, and functions do not read it. {PAGE} lists all."


def _of_times(config: Config, stage: str, function: str, settings: Settings) -> Iterator[str]:
    timeout = _timeout(config, stage, function)
    if function in LEASE_OF:
        field = LEASE_OF[function]
        lease, hidden = getattr(settings, field), stage_parts.VISIBILITY_PER_TIMEOUT * timeout
        if not timeout < lease <= hidden:
            yield (
                f"WALLIFY_{field.upper()} must be more than {timeout}, the seconds that {function} may run, "
                f"and at most {hidden}, not {lease}."
            )
    if function == "api_handler":
        if not 1 <= timeout <= MOST_OF_GATEWAY:
            yield f"lambda_timeout of api_handler must be from 1 to {MOST_OF_GATEWAY}, not {timeout}."
        if settings.sync_wait_seconds >= timeout:
            yield (
                f"WALLIFY_SYNC_WAIT_SECONDS must be less than {timeout}, the seconds that api_handler may run, "
                f"not {settings.sync_wait_seconds}."
            )


def _timeout(config: Config, stage: str, function: str) -> int:
    own = config.get("stages", {}).get(stage, {}).get("lambda_functions", {}).get(function, {})
    timeout: int = own.get("lambda_timeout", config["lambda_functions"][function]["lambda_timeout"])
    return timeout


def of_choices(stage: str, path: Path = stages.STAGES) -> Iterator[str]:
    """What is wrong with the stage's entry in stages.toml."""
    entry = stages.entry(stage, path)
    if wrong := sorted(entry.keys() - stages.KEYS):
        yield f"{', '.join(wrong)} in {path.name} is not known. Allowed: {', '.join(sorted(stages.KEYS))}."
    for name in ("requests_per_second", "burst"):
        value = entry.get(name)
        if isinstance(value, bool) or not isinstance(value, int | float) or not 1 <= value <= stages.MOST_REQUESTS:
            yield f"{name} in {path.name} must be a number from 1 to {stages.MOST_REQUESTS}, not {value!r}."
    if (architecture := entry.get("architecture", stages.X86)) not in stages.ARCHITECTURES:
        yield f"architecture in {path.name} must be {' or '.join(stages.ARCHITECTURES)}, not {architecture!r}."
    elif architecture != stages.X86 and stage == LOCAL and stages.is_named(stage, path):
        yield f"architecture in {path.name} is for AWS: the stage local runs on this machine's processor."
    try:
        msgspec.convert(entry.get("cdn_url", ""), BaseUrl)
    except msgspec.ValidationError:
        yield f"cdn_url in {path.name} must be an address such as https://cdn.example, without a slash at its end."
    known = _parameters()
    for name, value in entry.get("parameters", {}).items():
        if name not in known or name in COMPUTED:
            allowed = ", ".join(sorted(known.keys() - COMPUTED))
            yield f"The parameter {name} in {path.name} is not known. Allowed: {allowed}."
        elif fault := out_of_bounds(str(value), known[name]):
            yield f"The parameter {name} in {path.name} must be {fault}, not {value!r}."


def _parameters() -> dict[str, dict[str, Any]]:
    return {
        name: found for path in (FOUNDATION, DATABASE, OBSERVING) for name, found in read(path)["Parameters"].items()
    }


def out_of_bounds(value: str, parameter: Mapping[str, Any]) -> str:
    """What a template's parameter must be, in words, if the value is something else; else empty."""
    allowed = [str(one) for one in parameter.get("AllowedValues", ())]
    if allowed and value not in allowed:
        return f"one of {', '.join(allowed)}"
    if parameter["Type"] == "Number":
        least, most = int(parameter.get("MinValue", 0)), int(parameter.get("MaxValue", _MOST))
        if not re.fullmatch(r"0|[1-9][0-9]{0,9}", value) or not least <= int(value) <= most:
            return f"a whole number from {least} to {most}"
    pattern = parameter.get("AllowedPattern", "")
    return f"text that matches {pattern}" if pattern and not re.fullmatch(pattern, value) else ""
