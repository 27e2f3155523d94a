"""Which Wallify is meant, and the file that remembers them."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from cli import environment
from cli.environment import ClientSettings
from cli.errors import CommandError
from cli.local.stack import Record
from cli.target import Profile, Profiles, TargetOptions, resolve_target
from tests.cli.conftest import Terminal
from tests.cli.served_api import TOKEN, ServedApi

PROD = Profile("https://prod.example/api", "prod-token")
KNOWN = Profiles(None, {"prod": PROD, "test": Profile("https://test.example", "test-token")})


def a_setting(**given: str) -> ClientSettings:
    return environment.client_settings(given)


@pytest.mark.parametrize(
    ("wish", "environ", "current", "url", "token"),
    [
        (TargetOptions(url="https://a/"), {}, None, "https://a", None),
        (TargetOptions(url="https://a", token="t"), {"WALLIFY_TOKEN": "e"}, None, "https://a", "t"),
        (TargetOptions(url="https://a"), {"WALLIFY_TOKEN": "e"}, None, "https://a", "e"),
        (TargetOptions(url="https://a"), {"WALLIFY_TOKEN": "e", "WALLIFY_URL": "https://b"}, None, "https://a", None),
        (TargetOptions(url="https://b"), {"WALLIFY_TOKEN": "e", "WALLIFY_URL": "https://b"}, None, "https://b", "e"),
        (TargetOptions(url=PROD.url), {}, None, PROD.url, "prod-token"),
        (
            TargetOptions(profile="prod"),
            {"WALLIFY_URL": "https://b", "WALLIFY_TOKEN": "e"},
            None,
            PROD.url,
            "prod-token",
        ),
        (TargetOptions(profile="prod", token="t"), {}, None, PROD.url, "t"),
        (TargetOptions(), {"WALLIFY_URL": "https://b", "WALLIFY_TOKEN": "e"}, "prod", "https://b", "e"),
        (TargetOptions(), {"WALLIFY_PROFILE": "test"}, "prod", "https://test.example", "test-token"),
        (TargetOptions(), {}, "prod", PROD.url, "prod-token"),
        (TargetOptions(), {"WALLIFY_TOKEN": "e"}, "prod", PROD.url, "e"),
        (TargetOptions(token="t"), {}, "prod", PROD.url, "t"),
    ],
)
def test_the_first_place_that_is_named_is_meant_and_tokens_go_only_where_they_belong(  # a table
    wish: TargetOptions, environ: dict[str, str], current: str | None, url: str, token: str | None
) -> None:
    found = resolve_target(wish, a_setting(**environ), Profiles(current, KNOWN.known))

    assert (found.url, found.token) == (url, token)


def test_the_local_cloud_is_meant_where_nothing_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Record(port=9100, token="local-token").save(home)
    monkeypatch.setattr("cli.target.DEFAULT_HOME", home)

    found = resolve_target(TargetOptions(), a_setting(), Profiles())

    assert (found.url, found.token, found.origin) == ("http://127.0.0.1:9100", "local-token", "the local cloud")


def test_another_local_cloud_is_named_by_its_folder(tmp_path: Path) -> None:
    Record(port=9200, token="other").save(tmp_path)

    assert resolve_target(TargetOptions(home=tmp_path), a_setting(), KNOWN).url == "http://127.0.0.1:9200"


def test_without_any_wallify_it_says_how_to_get_one(wallify: Terminal) -> None:
    typed = wallify("tasks")

    assert typed.code == 3
    assert "Start the local cloud with `./wallify up`, or sign in" in typed.err


def test_without_a_token_it_says_how_to_give_one(wallify: Terminal, desk: ServedApi) -> None:
    typed = wallify("tasks", "--url", desk.url)

    assert (typed.code, desk.asked) == (4, [])
    assert "Give one with --token or WALLIFY_TOKEN" in typed.err


def test_signing_in_is_remembered_for_its_owner_alone(wallify: Terminal, desk: ServedApi, home: Path) -> None:
    typed = wallify("login", "--url", f"{desk.url}/", "--token", TOKEN, "--profile", "here")

    assert (typed.code, typed.out.strip()) == (0, f"Signed in to {desk.url} as here.")
    assert wallify("collections").code == 0
    path = home / "config" / "wallify" / "profiles.json"
    assert path.stat().st_mode & 0o777 == 0o600


def test_a_token_comes_through_a_pipe(wallify: Terminal, desk: ServedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{TOKEN}\n"))

    assert wallify("login", "--url", desk.url, "--json").json == {"profile": "default", "url": desk.url}


def test_no_token_at_all_is_not_understood(wallify: Terminal, desk: ServedApi, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(""))

    assert wallify("login", "--url", desk.url).code == 2


def test_a_bad_token_is_not_kept(wallify: Terminal, desk: ServedApi) -> None:
    typed = wallify("login", "--url", desk.url, "--token", "bad")

    assert typed.code == 4
    assert wallify("profiles", "--json").lines == []


def test_profiles_are_listed_without_their_tokens_and_chosen(wallify: Terminal, desk: ServedApi) -> None:
    for name in ("one", "two"):
        wallify("login", "--url", desk.url, "--token", TOKEN, "--profile", name)

    chosen = wallify("profiles", "use", "one")
    listed = wallify("profiles", "--json")

    assert chosen.out.strip() == "The current profile is one."
    assert {one["name"]: one["current"] for one in listed.lines} == {"one": True, "two": False}
    assert TOKEN not in listed.out


def test_the_local_cloud_can_be_chosen_again(wallify: Terminal, desk: ServedApi) -> None:
    wallify("login", "--url", desk.url, "--token", TOKEN)

    assert wallify("profiles", "use", "local", "--json").json == {"current": "local"}
    assert wallify("tasks").code == 3


def test_signing_out_forgets_the_token(wallify: Terminal, desk: ServedApi, home: Path) -> None:
    wallify("login", "--url", desk.url, "--token", TOKEN)

    typed = wallify("logout")

    assert "its token stays valid" in typed.out
    assert TOKEN not in (home / "config" / "wallify" / "profiles.json").read_text("utf-8")
    assert wallify("logout").code == 5


@pytest.mark.parametrize("words", [("profiles", "use", "nowhere"), ("tasks", "--profile", "nowhere")])
def test_a_profile_that_nobody_knows_is_said(wallify: Terminal, words: tuple[str, ...]) -> None:
    typed = wallify(*words)

    assert typed.code == 5
    assert "There is no profile nowhere. There are: none yet." in typed.err


@pytest.mark.parametrize("text", ["", "[]", '{"known": {"a": {}}}', "nonsense"])
def test_a_file_that_cannot_be_read_is_said_and_kept(tmp_path: Path, text: str) -> None:
    path = tmp_path / "profiles.json"
    path.write_text(text, encoding="utf-8")

    with pytest.raises(CommandError, match="cannot be read"):
        Profiles.of(path)

    assert path.read_text("utf-8") == text


def test_a_file_that_others_could_read_is_written_anew(tmp_path: Path) -> None:
    path = tmp_path / "profiles.json"
    for left in (path, path.with_name("profiles.json.new")):
        left.write_text("{}", encoding="utf-8")
        left.chmod(0o644)

    KNOWN.save(path)

    assert path.stat().st_mode & 0o777 == 0o600
    assert Profiles.of(path) == KNOWN
