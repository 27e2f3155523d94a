"""The API that a command calls, and the token: from options, environment, profiles or the local cloud."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from cli import errors
from cli.environment import ClientSettings
from cli.errors import CommandError
from cli.local.lifecycle import stack_at
from cli.local.stack import DEFAULT_HOME, Record

OWNER_ONLY = 0o600
_OTHERS = 0o077


@dataclass(frozen=True)
class Profile:
    """Address of an API and a token for it."""

    url: str
    token: str


@dataclass(frozen=True)
class Profiles:
    """Profiles by name, and the current one."""

    current: str | None = None
    known: Mapping[str, Profile] = field(default_factory=dict)

    @classmethod
    def of(cls, path: Path) -> Profiles:
        """Read the file; no file is no profiles. Raises CommandError if it cannot be read."""
        try:
            stored = json.loads(path.read_text(encoding="utf-8"))
            known = {name: Profile(**one) for name, one in stored["known"].items()}
            return cls(stored["current"], known)
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, TypeError, KeyError) as broken:
            raise CommandError(
                f"{path} cannot be read: {broken}.", "Correct it, or remove it and sign in again."
            ) from broken

    def save(self, path: Path) -> None:
        """Write the file atomically."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        draft = path.with_name(f"{path.name}.new")
        draft.unlink(missing_ok=True)  # a remaining file may have been readable by others
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, OWNER_ONLY), "w", encoding="utf-8") as out:
            json.dump(asdict(self), out, indent=2)
        draft.replace(path)

    def __getitem__(self, name: str) -> Profile:
        """Return the profile of that name. Raises CommandError if there is none."""
        if name not in self.known:
            there = ", ".join(self.known) or "none yet"
            raise CommandError(f"There is no profile {name}.", f"There are: {there}.", exit_code=errors.MISSING)
        return self.known[name]

    def with_(self, name: str, profile: Profile) -> Profiles:
        """Return a copy with this profile as the current one."""
        return Profiles(name, {**self.known, name: profile})

    def without(self, name: str) -> Profiles:
        """Return a copy without this profile. Raises CommandError if there is none."""
        left = {other: profile for other, profile in self.known.items() if profile is not self[name]}
        return Profiles(None if self.current == name else self.current, left)

    def using(self, name: str | None) -> Profiles:
        """Return a copy with this one as the current profile; None means the local cloud."""
        if name is not None:
            self[name]
        return replace(self, current=name)


def is_private(path: Path) -> bool:
    """Return True if only the owner may read the file, or there is none."""
    return not path.exists() or not path.stat().st_mode & _OTHERS


@dataclass(frozen=True)
class TargetOptions:
    """Options of a command."""

    url: str | None = None
    token: str | None = None
    profile: str | None = None
    home: Path | None = None
    """Folder of a local stack."""


@dataclass(frozen=True)
class Target:
    """Address and token of an API; `origin` says in words where they come from."""

    url: str
    token: str | None
    origin: str
    home: Path | None = None
    """The stack's folder, if it is a local one."""


def resolve_target(wish: TargetOptions, settings: ClientSettings, profiles: Profiles) -> Target:
    """Return the first target of: options, environment, current profile, local cloud. Raises CommandError without one.

    The token is the one of `--token`, else the one of the target. WALLIFY_TOKEN is used for WALLIFY_URL, or for any
    target while WALLIFY_URL is not set.
    """
    place = next(_typed(wish, settings, profiles), None)
    if place is not None:
        return replace(place, token=wish.token or place.token or _loose(settings))
    place = next(_assumed(settings, profiles), None)
    if place is None:
        raise CommandError(
            "No deployment is configured.",
            "Start the local cloud with `./wallify up`, or sign in with `./wallify login --url URL`.",
            exit_code=errors.UNREACHABLE,
        )
    return replace(place, token=wish.token or _loose(settings) or place.token)


def _typed(wish: TargetOptions, settings: ClientSettings, profiles: Profiles) -> Iterator[Target]:
    if wish.url:
        known = {place.url: place.token for place in _all(settings, profiles)}
        yield Target(_trimmed(wish.url), known.get(_trimmed(wish.url)), "--url")
    if wish.profile:
        yield _of_profile(profiles, wish.profile)
    if wish.home:
        yield _local(wish.home.resolve())


def _assumed(settings: ClientSettings, profiles: Profiles) -> Iterator[Target]:
    if settings.url:
        yield Target(_trimmed(settings.url), settings.token, "WALLIFY_URL")
    if settings.profile:
        yield _of_profile(profiles, settings.profile)
    if profiles.current:
        yield _of_profile(profiles, profiles.current)
    if Record.of(DEFAULT_HOME).token:
        yield _local(DEFAULT_HOME)


def _all(settings: ClientSettings, profiles: Profiles) -> Iterator[Target]:
    """Yield every target with a known token, the preferred one last."""
    yield _local(DEFAULT_HOME)
    yield from (_of_profile(profiles, name) for name in profiles.known)
    if settings.url:
        yield Target(_trimmed(settings.url), settings.token, "WALLIFY_URL")


def _of_profile(profiles: Profiles, name: str) -> Target:
    profile = profiles[name]
    return Target(_trimmed(profile.url), profile.token, f"profile {name}")


def _local(home: Path) -> Target:
    return Target(stack_at(home).api_url, Record.of(home).token or None, "the local cloud", home)


def _loose(settings: ClientSettings) -> str | None:
    return settings.token if not settings.url else None


def _trimmed(url: str) -> str:
    return url.strip().rstrip("/")
