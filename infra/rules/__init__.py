"""Rules that every deployment keeps, whatever is added to it: a name, a reason, a check that says where it is broken.

Emulators let most breaches pass, and AWS lets many; so templates and package are looked at before anything is deployed.
"""

from __future__ import annotations

from infra.rules import alarms, delivery, functions, permissions, queues, storage
from infra.rules.deployment import Deployment
from infra.rules.rule import Rule

__all__ = ["RULES", "Deployment", "Rule", "breaches"]

RULES: tuple[Rule, ...] = (
    *storage.RULES,
    *queues.RULES,
    *permissions.RULES,
    *functions.RULES,
    *delivery.RULES,
    *alarms.RULES,
)


def breaches(deployment: Deployment) -> dict[str, list[str]]:
    """The names of the rules that are broken, each with where; empty if all is well."""
    found = {rule.name: list(rule.check(deployment)) for rule in RULES}
    return {name: places for name, places in found.items() if places}
