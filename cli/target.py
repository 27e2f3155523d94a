"""Which Wallify a command speaks to, and as whom."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cli import exits
from cli.local.lifecycle import stack_at
from cli.local.stack import DEFAULT_HOME, Record
from cli.profiles import Profiles
from cli.settings import Settings
from cli.trouble import Trouble


@dataclass(frozen=True)
class Wish:
    """What was typed."""

    url: str | None = None
    token: str | None = None
    profile: str | None = None
    home: Path | None = None
    """Folder of a local stack."""


@dataclass(frozen=True)
class Target:
    """Where the API is, with which token, and how we know (`origin`, in words)."""

    url: str
    token: str | None
    origin: str
    home: Path | None = None
    """The stack's folder, if it is a local one."""


def target(wish: Wish, settings: Settings, profiles: Profiles) -> Target:
    """The first place that is named: typed, in the environment, the current profile, the local cloud. Trouble if none.

    A token goes only where it belongs: the one typed comes first, then that of the place, and WALLIFY_TOKEN goes to
    WALLIFY_URL, or anywhere while no WALLIFY_URL is set.
    """
    place = next(_typed(wish, settings, profiles), None)
    if place is not None:
        return replace(place, token=wish.token or place.token or _loose(settings))
    place = next(_assumed(settings, profiles), None)
    if place is None:
        raise Trouble(
            "No Wallify is known here.",
            "Start the local cloud with `./wallify up`, or sign in to another with `./wallify login --url URL`.",
            exit_code=exits.UNREACHABLE,
        )
    return replace(place, token=wish.token or _loose(settings) or place.token)


def _typed(wish: Wish, settings: Settings, profiles: Profiles) -> Iterator[Target]:
    if wish.url:
        known = {place.url: place.token for place in _all(settings, profiles)}
        yield Target(_trimmed(wish.url), known.get(_trimmed(wish.url)), "--url")
    if wish.profile:
        yield _of_profile(profiles, wish.profile)
    if wish.home:
        yield _local(wish.home.resolve())


def _assumed(settings: Settings, profiles: Profiles) -> Iterator[Target]:
    if settings.url:
        yield Target(_trimmed(settings.url), settings.token, "WALLIFY_URL")
    if settings.profile:
        yield _of_profile(profiles, settings.profile)
    if profiles.current:
        yield _of_profile(profiles, profiles.current)
    if Record.of(DEFAULT_HOME).token:
        yield _local(DEFAULT_HOME)


def _all(settings: Settings, profiles: Profiles) -> Iterator[Target]:
    """Every place that we know a token of, the surest last."""
    yield _local(DEFAULT_HOME)
    yield from (_of_profile(profiles, name) for name in profiles.known)
    if settings.url:
        yield Target(_trimmed(settings.url), settings.token, "WALLIFY_URL")


def _of_profile(profiles: Profiles, name: str) -> Target:
    profile = profiles[name]
    return Target(_trimmed(profile.url), profile.token, f"profile {name}")


def _local(home: Path) -> Target:
    return Target(stack_at(home).api_url, Record.of(home).token or None, "the local cloud", home)


def _loose(settings: Settings) -> str | None:
    return settings.token if not settings.url else None


def _trimmed(url: str) -> str:
    return url.strip().rstrip("/")
