"""The bill of materials is valid CycloneDX, the same every time, and names all that is deployed."""

from __future__ import annotations

import json
import re
from functools import cache
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
from cyclonedx.validation.json import JsonStrictValidator

from native import build
from scripts import sbom

LINES = Path(sbom.PROJECT, "requirements.txt").read_text(encoding="utf-8").splitlines()
PACKAGES = [line.split()[0] for line in LINES if line[:1].isalnum()]


@cache
def _text() -> str:
    return sbom.bill()


@cache
def _components() -> dict[str, dict[str, Any]]:
    return {component["bom-ref"]: component for component in json.loads(_text())["components"]}


def test_it_is_valid() -> None:
    assert JsonStrictValidator(sbom.VERSION).validate_str(_text()) is None


def test_the_validator_refuses_what_is_not_valid() -> None:
    assert JsonStrictValidator(sbom.VERSION).validate_str(_text().replace('"library"', '"book"')) is not None


def test_the_same_files_give_the_same_bytes_without_a_time() -> None:
    assert sbom.bill() == _text()
    assert "timestamp" not in json.loads(_text())["metadata"]


@pytest.mark.parametrize("package", PACKAGES)
def test_each_package_of_the_layer_is_in_it(package: str) -> None:
    component = _components()["pkg:pypi/" + package.replace("==", "@")]
    wanted = {digest for pin in sbom.pinned(sbom.PROJECT / "requirements.txt") if pin.name == component["name"]
              for digest in pin.hashes}  # fmt: skip
    listed = {one["content"] for one in component["externalReferences"][0]["hashes"]}
    assert listed == wanted != set()
    assert component["licenses"]


def test_all_hashes_of_the_requirements_are_in_it() -> None:
    hashes = set(re.findall("sha256:([0-9a-f]{64})", "\n".join(LINES)))
    assert hashes <= set(re.findall('"([0-9a-f]{64})"', _text()))


@pytest.mark.parametrize("name", sorted(sbom.LICENCES))
def test_a_licence_is_that_which_the_package_names(name: str) -> None:
    try:
        named = metadata.metadata(name).get_all("License-Expression") or []
    except metadata.PackageNotFoundError:
        pytest.skip("not on this processor")
    assert set(named) <= {sbom.LICENCES[name]}


def test_each_vendored_licence_is_in_it_whole() -> None:
    texts = [
        licence["license"]["text"]["content"]
        for component in _components().values()
        for licence in component.get("licenses", [])
        if "text" in licence.get("license", {})
    ]
    assert sorted(texts) == sorted(path.read_text(encoding="utf-8") for path in sbom.vendored())
    assert len(texts) >= 2


def test_the_native_module_and_chalice_are_in_it() -> None:
    zlib_ng = _components()[f"pkg:github/zlib-ng/zlib-ng@{sbom.ZLIB_NG_INSIDE}"]
    assert zlib_ng["externalReferences"][0]["hashes"] == [{"alg": "SHA-256", "content": build.ZLIB_NG_SHA256}]
    assert f"zlib-ng {sbom.ZLIB_NG_INSIDE}." in Path(str(build.__file__)).read_text(encoding="utf-8")
    assert {f"native/{name}" for name in build.OURS} <= _components().keys()
    depends = {one["ref"]: one.get("dependsOn", []) for one in json.loads(_text())["dependencies"]}
    assert f"pkg:pypi/chalice@{metadata.version('chalice')}" in depends["functions.zip"]
    assert len(depends["layer.zip"]) == len(PACKAGES)
