"""Everything that is installed is pinned, down to its bytes, and is what somebody asked for."""

from __future__ import annotations

import pytest

from tests.infra.pins import PROJECT, asked, pinned

FILES = ("requirements", "requirements-dev")


@pytest.mark.parametrize("name", FILES)
def test_every_package_is_pinned_to_a_version_with_hashes(name: str) -> None:
    packages = pinned(f"{name}.txt")

    assert packages
    assert not [package for package, versions in packages.items() if any(hashes == 0 for _, hashes in versions)]


@pytest.mark.parametrize("name", FILES)
def test_what_is_asked_for_is_what_is_pinned(name: str) -> None:
    packages = pinned(f"{name}.txt")

    wrong = {
        package: version
        for package, version in asked(f"{name}.in").items()
        if [known for known, _ in packages.get(package, [])] != [version]
    }
    assert wrong == {}, "run scripts/pin.py"


def test_the_tools_stand_on_what_the_functions_get() -> None:
    tools = pinned("requirements-dev.txt")

    assert {name: tools.get(name) for name in pinned("requirements.txt")} == pinned("requirements.txt")


@pytest.mark.parametrize("name", FILES)
def test_no_index_and_no_machine_is_named(name: str) -> None:
    text = (PROJECT / f"{name}.txt").read_text(encoding="utf-8")

    assert not [word for word in ("://", "--index", "--find-links", "file:") if word in text]
