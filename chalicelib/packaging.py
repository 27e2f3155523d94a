"""What Chalice's packages contain: bytecode and AWS's descriptions, for fast starts; packages for SQL only where used.

Lambda's code folders are read-only, so bytecode that is not in the package is made again at every cold start. This
module works inside `chalice deploy` and `chalice package`, which import app.py; functions never import it. It does not
write into the project, so edited source is never hidden by old bytecode.
"""

from __future__ import annotations

import compileall
import importlib.util
import py_compile
import re
import sys
import tempfile
from collections.abc import Callable, Collection, Iterable, Iterator
from functools import cache
from pathlib import Path
from typing import Any, Concatenate, Protocol
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

# AWS changes the dates of files, and nobody edits them there: the source is not even looked at.
_MODE = py_compile.PycInvalidationMode.UNCHECKED_HASH
_FUNCTION, _LAYER = "/var/task", "/opt"
"""Where AWS unpacks a function's zip and a layer. Bytecode that names another folder is corrected at each import."""


_AWS_DATA = "chalicelib/aws_data_files"
"""Where functions look for descriptions of AWS's services."""
_SQL = ("alembic", "psycopg2-binary", "sqlalchemy")
"""Packages of requirements.in that only stages with state in SQL need."""
_ASKED_FOR = "-r requirements.in"
"""Mark of a package that requirements.in names; others name the packages that need them."""


class Version(Protocol):
    """The part of `sys.version_info` that bytecode depends on."""

    @property
    def major(self) -> int: ...  # noqa: D102
    @property
    def minor(self) -> int: ...  # noqa: D102
    @property
    def releaselevel(self) -> str: ...  # noqa: D102


def refusal(runtime: str, version: Version = sys.version_info, kind: str = sys.implementation.name) -> str:
    """Return why this Python cannot compile for a runtime such as `python3.13`; empty if it can."""
    here = f"python{version.major}.{version.minor}"
    if (here, kind, version.releaselevel) == (runtime, "cpython", "final"):
        return ""
    return f"The package has no bytecode: that needs {runtime} (CPython, a final release), and this is {kind} {here}."


def include_bytecode(packager: Any, runtime: str) -> None:  # noqa: ANN401  # a module
    """Let Chalice, in this process, add the bytecode of each module to the zip and to the layer; may be repeated.

    Another Python than the functions' prints one line to stderr, and the packages have no bytecode.

    Args:
        packager: The module `chalice.deploy.packager`.
        runtime: That of the functions, such as `python3.13`.

    """
    if why := refusal(runtime):
        sys.stderr.write(f"{why}\n")
        return
    base = packager.BaseLambdaDeploymentPackager
    _wrap(base, "_iter_app_filenames", _without_caches)
    _wrap(base, "_add_app_files", _with_bytecode)
    _wrap(base, "_add_py_deps", _compiled)
    for kind in (
        packager.AppOnlyDeploymentPackager,
        packager.LambdaDeploymentPackager,
        packager.LayerDeploymentPackager,
    ):
        _wrap(kind, "deployment_package_filename", _named)


def include_aws_data(packager: Any, files: Callable[[], Iterable[tuple[str, bytes]]]) -> None:  # noqa: ANN401  # as above
    """Let Chalice, in this process, add the descriptions of AWS's services that functions use; may be repeated.

    `files` returns their paths and contents (`chalicelib.container.adapters.aws_data_files`).
    Functions without them read those of AWS's runtime, which takes longer (`chalicelib.adapters.aws_data`).
    """
    base = packager.BaseLambdaDeploymentPackager
    _wrap(base, "_add_app_files", _with_aws_data(files))


def leave_out_sql(packager: Any) -> None:  # noqa: ANN401  # as above
    """Let Chalice, in this process, make a layer without the packages for SQL; may be repeated.

    The file of requirements that remain lies beside Chalice's packages. Layers have names by its content.
    """
    _wrap(packager.BaseLambdaDeploymentPackager, "_get_requirements_filename", _without_sql)


def requirements_without(text: str, packages: Collection[str]) -> str:
    """Return pinned requirements without these packages of requirements.in and without what only they need.

    Who needs a package is read from the comments that `scripts/pin.py` leaves in the file.
    """
    header, *blocks = re.split(r"^(?=[A-Za-z])", text, flags=re.MULTILINE)
    named = {block: re.split(r"[^\w.-]", block, maxsplit=1)[0].lower() for block in blocks}
    needed_by = {block: set(re.findall(r"^ +# +(?:via +)?(\S.*)$", block, re.MULTILINE)) - {"via"} for block in blocks}
    kept = {_ASKED_FOR}
    while more := {
        named[block]
        for block in blocks
        if named[block] not in (*packages, *kept) and (not needed_by[block] or needed_by[block] & kept)
    }:
        kept |= more
    return header + "".join(block for block in blocks if named[block] in kept)


def _without_sql(inner: Callable[..., str], *given: Any) -> str:  # noqa: ANN401  # as Chalice passes them
    everything = Path(inner(*given))
    if not everything.exists():
        return str(everything)
    part = everything.parent / ".chalice" / "deployments" / "requirements.txt"
    part.parent.mkdir(parents=True, exist_ok=True)
    part.write_text(requirements_without(everything.read_text("utf-8"), _SQL), "utf-8")
    return str(part)


def _wrap(kind: Any, name: str, around: Callable[Concatenate[Callable[..., Any], ...], Any]) -> None:  # noqa: ANN401
    inner = getattr(kind, name)
    wrapped: frozenset[object] = getattr(inner, "wrapped_by", frozenset())
    if around not in wrapped:

        def method(*given: Any, **named: Any) -> Any:  # noqa: ANN401  # as Chalice passes them
            return around(inner, *given, **named)

        method.wrapped_by = wrapped | {around}  # type: ignore[attr-defined]
        setattr(kind, name, method)


def _named(inner: Callable[..., str], *given: Any, **named: Any) -> str:  # noqa: ANN401
    """The package's own name: Chalice keeps packages by name, and some may be from before there was bytecode."""
    plain = Path(inner(*given, **named))
    return str(plain.with_name(f"{plain.stem}-{sys.implementation.cache_tag}{plain.suffix}"))


def _without_caches(inner: Callable[..., Iterator[tuple[str, str]]], *given: Any) -> Iterator[tuple[str, str]]:  # noqa: ANN401
    """The files of the code, without what this machine has compiled for itself."""
    return (found for found in inner(*given) if "__pycache__" not in Path(found[1]).parts)


def _with_bytecode(inner: Callable[..., None], packager: Any, zipped: ZipFile, project: str) -> None:  # noqa: ANN401
    inner(packager, zipped, project)
    with tempfile.TemporaryDirectory() as folder:
        made = Path(folder) / "module.pyc"
        for path, name in packager._iter_app_filenames(project):  # noqa: SLF001  # the list that `inner` has used
            if name.endswith(".py"):
                place = f"{_FUNCTION}/{name}"
                py_compile.compile(path, str(made), place, doraise=True, optimize=0, invalidation_mode=_MODE)
                zipped.write(made, importlib.util.cache_from_source(name, optimization=""))


@cache  # so that a second call wraps nothing again
def _with_aws_data(files: Callable[[], Iterable[tuple[str, bytes]]]) -> Callable[..., None]:
    def with_them(inner: Callable[..., None], packager: Any, zipped: ZipFile, project: str) -> None:  # noqa: ANN401
        inner(packager, zipped, project)
        for path, content in files():
            # A fixed date, so that equal files make equal archives.
            zipped.writestr(ZipInfo(f"{_AWS_DATA}/{path}", (1980, 1, 1, 0, 0, 0)), content, ZIP_DEFLATED)

    return with_them


def _compiled(inner: Callable[..., None], packager: Any, zipped: ZipFile, deps_dir: str, prefix: str = "") -> None:  # noqa: ANN401
    """Compile Chalice's temporary folder of packages before it is zipped; what is no Python 3 stays as it is."""
    place = f"{_LAYER}/{prefix}" if prefix else _FUNCTION
    compileall.compile_dir(
        deps_dir, maxlevels=20, quiet=2, stripdir=deps_dir, prependdir=place, optimize=0, invalidation_mode=_MODE
    )
    inner(packager, zipped, deps_dir, prefix)
