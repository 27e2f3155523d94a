"""The Python that functions run on: as bare as AWS's, so that what is missing from the package is missed here too.

MiniStack would run them on the project's own environment, where every tool of ours could be imported.
"""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
import venv
from pathlib import Path

from cli.local import fingerprints, staging
from cli.local.stack import Stack
from cli.local.unpacking import Unpacked

# What AWS's Python runtimes bring along: boto3 and what it stands on.
BROUGHT_BY_AWS = ("boto3", "botocore", "dateutil", "jmespath", "s3transfer", "six", "urllib3")


def python(stack: Stack) -> Path:
    """The interpreter for functions, made if need be."""
    if staging.code_runs_in_place():
        return Path(sys.executable)  # the packages are not in the functions' zip either
    home = stack.home / "runtime"
    marker, wanted = home / "made-from", fingerprints.of_values(sys.version, [str(_origin(n)) for n in BROUGHT_BY_AWS])
    if not marker.exists() or marker.read_text(encoding="utf-8") != wanted:
        shutil.rmtree(home, ignore_errors=True)
        _make(home)
        marker.write_text(wanted, encoding="utf-8")
    interpreter = home / "bin" / "python"
    _compile(interpreter)
    return interpreter


def unpacked(stack: Stack) -> Unpacked:
    """Where the functions' code is unpacked, compiled for that interpreter."""
    home = stack.home / "runtime"
    return Unpacked(home / "unpacked", str(home / "bin" / "python"))


def _make(home: Path) -> None:
    venv.create(home, symlinks=True, with_pip=False)
    packages = next(home.glob("lib/python*/site-packages"))
    for name in BROUGHT_BY_AWS:
        origin = _origin(name)
        (packages / origin.name).symlink_to(origin)


def _compile(interpreter: Path) -> None:
    """Compile the packages that AWS brings, which pip has not done here; quick where it is done already.

    If the environment cannot be written to, each function compiles them for itself, as it did before.
    """
    places = [str(_origin(name)) for name in BROUGHT_BY_AWS]
    subprocess.run([interpreter, "-m", "compileall", "-qq", "-j", "0", *places], check=False, stdin=subprocess.DEVNULL)


def _origin(name: str) -> Path:
    """The folder or file of an installed package."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(name)
    origin = Path(found.origin)
    return origin.parent if origin.name == "__init__.py" else origin
