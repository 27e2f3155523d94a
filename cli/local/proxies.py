"""The machine's proxies: they are for other hosts, and cannot reach this one's own addresses."""

from __future__ import annotations

from collections.abc import Mapping

OURSELVES = "127.0.0.1,localhost"
NAMES = ("NO_PROXY", "no_proxy")
"""Programs differ in which they read; those that read both prefer the second."""


def past_proxies(environment: Mapping[str, str]) -> dict[str, str]:
    """The environment, in which no proxy is asked for this machine itself; for the rest as before."""
    told = next((environment[name] for name in reversed(NAMES) if environment.get(name)), "")
    return {**environment, **dict.fromkeys(NAMES, ",".join(filter(None, (told, OURSELVES))))}
