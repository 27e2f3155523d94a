"""`python -m scripts.sbom [FILE]`: the bill of materials of a deployment, as CycloneDX JSON.

It lists what the functions' zip and the layer hold: packages as `requirements.txt` pins them, files of others that the
monitor serves, and what the native module is compiled of. All of it comes from files of the repository, without time
or chance, so the same state gives the same bytes. `tests/architecture/test_sbom.py` holds it to the schema.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from uuid import NAMESPACE_URL, uuid5

from cyclonedx.model import AttachedText, ExternalReference, ExternalReferenceType, HashAlgorithm, HashType, XsUri
from cyclonedx.model.bom import Bom, BomMetaData
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.model.license import DisjunctiveLicense, LicenseExpression
from cyclonedx.output import make_outputter
from cyclonedx.schema import OutputFormat, SchemaVersion
from packageurl import PackageURL

from native.build import OURS, SOURCES, ZLIB_NG, ZLIB_NG_SHA256

PROJECT = Path(__file__).resolve().parents[1]
VERSION = SchemaVersion.V1_7
ZLIB_NG_INSIDE = "2.3.3"
"""Version of zlib-ng in the source package that `native.build` pins."""

LICENCES = {
    "alembic": "MIT",
    "aws-lambda-powertools": "MIT AND MIT-0",
    "cffi": "MIT-0",
    "chalice": "Apache-2.0",
    "cykooz-resizer": "MIT OR Apache-2.0",
    "itsdangerous": "BSD-3-Clause",
    "jmespath": "MIT",
    "mako": "MIT",
    "markupsafe": "BSD-3-Clause",
    "mozjpeg-lossless-optimization": "BSD-3-Clause",
    "msgspec": "BSD-3-Clause",
    "multipart": "MIT",
    "pi-heif-decoder": "BSD-3-Clause AND LGPL-3.0-only",
    "pillow": "MIT-CMU",
    "psycopg2-binary": "LGPL-3.0-or-later",
    "pycparser": "BSD-3-Clause",
    "pyoxipng": "MIT",
    "sqlalchemy": "MIT",
    "typing-extensions": "PSF-2.0",
}
"""Package -> licence as SPDX names it; not every package says it in this form. A package that is not here ends it."""

_PINNED = re.compile(r"^(?P<name>[\w.-]+)==(?P<version>\S+)(?P<rest>(?:.*\\\n)*.*)", re.MULTILINE)
_HASH = re.compile(r"--hash=sha256:([0-9a-f]{64})")
_RELEASED = re.compile(r"npm package (?P<name>\S+) (?P<version>[\d.]+\d)")


class Pinned(NamedTuple):
    """A package of a requirements file, with the hashes of its files."""

    name: str
    version: str
    hashes: tuple[str, ...]


def pinned(path: Path) -> Iterator[Pinned]:
    """Yield what a requirements file pins."""
    for match in _PINNED.finditer(path.read_text(encoding="utf-8")):
        yield Pinned(match["name"], match["version"], tuple(_HASH.findall(match["rest"])))


def vendored() -> list[Path]:
    """Return the licences that lie beside files of others in what is deployed."""
    return sorted((PROJECT / "chalicelib").rglob("*.LICENSE"))


def bill() -> str:
    """Return the bill of materials as JSON."""
    layer = [_package(package) for package in pinned(PROJECT / "requirements.txt")]
    others = [*(_vendored(path) for path in vendored()), _package(_chalice()), _zlib_ng()]
    functions = [*others, *(_source(name) for name in _sources())]
    version = _version()
    root = _part("wallify", version, ComponentType.APPLICATION)
    root.licenses.add(DisjunctiveLicense(id="MIT"))
    zip_, layer_ = _part("functions.zip", version), _part("layer.zip", version)
    bom = Bom(components=[zip_, layer_, *functions, *layer], metadata=BomMetaData(component=root))
    bom.register_dependency(root, [zip_, layer_])
    bom.register_dependency(zip_, functions)
    bom.register_dependency(layer_, layer)
    return _without_chance(make_outputter(bom, OutputFormat.JSON, VERSION).output_as_string())


def _without_chance(text: str) -> str:
    made = json.loads(text)
    del made["metadata"]["timestamp"], made["serialNumber"]
    made["serialNumber"] = uuid5(NAMESPACE_URL, json.dumps(made, sort_keys=True)).urn
    return json.dumps(made, indent=2, sort_keys=True) + "\n"


def _chalice() -> Pinned:
    """Return the package that puts its own runtime into the functions' zip."""
    return next(package for package in pinned(PROJECT / "requirements-dev.txt") if package.name == "chalice")


def _version() -> str:
    return str(tomllib.loads((PROJECT / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"])


def _sources() -> list[str]:
    headers = [f"{SOURCES.name}/{path.name}" for path in SOURCES.glob("*.h")]
    return sorted([*OURS, *headers])


def _part(name: str, version: str, kind: ComponentType = ComponentType.FILE) -> Component:
    return Component(name=name, version=version, type=kind, bom_ref=name)


def _package(package: Pinned) -> Component:
    if package.name not in LICENCES:
        sys.exit(f"The licence of {package.name} is not known. Add it to LICENCES in scripts/sbom.py.")
    purl = PackageURL("pypi", None, package.name, package.version)
    made = _library(package.name, package.version, purl)
    made.licenses.add(LicenseExpression(LICENCES[package.name]))
    made.external_references.add(_release(package.name, package.version, package.hashes))
    return made


def _library(name: str, version: str, purl: PackageURL) -> Component:
    return Component(name=name, version=version, type=ComponentType.LIBRARY, purl=purl, bom_ref=purl.to_string())


def _release(name: str, version: str, hashes: tuple[str, ...]) -> ExternalReference:
    """Return where the files of a release are, with the hash of each."""
    url = XsUri(f"https://pypi.org/project/{name}/{version}/")
    return ExternalReference(type=ExternalReferenceType.DISTRIBUTION, url=url, hashes=[_sha256(one) for one in hashes])


def _sha256(digest: str) -> HashType:
    return HashType(alg=HashAlgorithm.SHA_256, content=digest)


def _vendored(licence: Path) -> Component:
    text = licence.read_text(encoding="utf-8")
    released = _RELEASED.search(text)
    if released is None or "MIT License" not in text:
        sys.exit(f"{licence.relative_to(PROJECT)} does not name the npm package and its version, or is not MIT.")
    made = _library(
        released["name"], released["version"], PackageURL("npm", None, released["name"], released["version"])
    )
    made.licenses.add(DisjunctiveLicense(id="MIT", text=AttachedText(content=text)))
    made.hashes.add(_sha256(_digest(licence.with_suffix(".js"))))
    return made


def _zlib_ng() -> Component:
    purl = PackageURL("github", "zlib-ng", "zlib-ng", ZLIB_NG_INSIDE)
    made = _library("zlib-ng", ZLIB_NG_INSIDE, purl)
    made.licenses.add(DisjunctiveLicense(id="Zlib"))
    made.external_references.add(_release("zlib-ng", ZLIB_NG, (ZLIB_NG_SHA256,)))
    return made


def _source(name: str) -> Component:
    made = _part(f"native/{name}", _version())
    made.licenses.add(DisjunctiveLicense(id="MIT"))
    made.hashes.add(_sha256(_digest(PROJECT / "native" / name)))
    return made


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def main() -> None:
    """Write the bill to the file, or print it."""
    parser = argparse.ArgumentParser(description="Write the bill of materials of a deployment (CycloneDX JSON).")
    parser.add_argument("file", nargs="?", type=Path, help="where to write it; printed without")
    file = parser.parse_args().file
    if file is None:
        sys.stdout.write(bill())
    else:
        file.write_text(bill(), encoding="utf-8")


if __name__ == "__main__":
    main()
