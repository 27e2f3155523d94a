"""Processor time until a function is ready, in the layout that Chalice packages, beside the goal."""

from __future__ import annotations

import resource
import shutil
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from bench.report import Column, Table
from bench.sums import middle
from cli.local import emulator, functions, staging
from cli.local.stack import STAGE, Record, Stack
from infra.template import read

ROUNDS = 9
_BARE = "pass"
_WORKER = (
    "import app; from chalicelib import events; services = app.container(); services.process_image; services.worker; "
    "[services.aws(name) for name in ('s3', 'sqs', 'dynamodb')]"
)
STARTS: Mapping[str, tuple[str, int | None]] = {
    "interpreter alone": (_BARE, None),
    "import app": ("import app", 80),
    "image worker with clients": (_WORKER, 380),
}
"""What is run in a fresh process, and the goal in ms of processor time, of which the interpreter is a part."""


@dataclass(frozen=True)
class Package:
    """A project as `chalice package` makes it, unpacked as AWS unpacks it."""

    stack: Stack
    out: Path
    """Folder with Chalice's template and zips."""
    folder: Path
    """Where the zips are unpacked."""

    @property
    def zips(self) -> list[Path]:
        """The functions' zip and the layer."""
        return sorted(self.out.glob("*.zip"))

    def path(self) -> list[str]:
        """What Lambda puts on the module path: the function's folder and the layer's."""
        return [str(self.folder), *map(str, self.folder.glob("python/lib/python*/site-packages"))]

    def command(self, code: str) -> list[str]:
        """Run code with nothing but the package, the standard library and AWS's own packages."""
        start = f"import sys; sys.path[:0] = {self.path()!r}; {code}"
        # Lambda's folders are read-only: what is not compiled stays so.
        return [str(emulator.function_python(self.stack)), "-I", "-B", "-c", start]


def packaged(home: Path, database_url: str = "") -> Package:
    """Package the project with Chalice's own command; a layer made of the same requirements is used again.

    With the address of a database, state is in SQL.
    """
    stack = Stack(home, 1, 2)
    outputs = {name: f"the-{name}" for name in read()["Outputs"]}
    staging.stage_project(stack, Record(outputs=outputs, database_url=database_url))
    functions.restore_layers(stack)
    package = Package(stack, home / "out", home / "out" / "unpacked")
    chalice = str(Path(sys.executable).with_name("chalice"))
    command = [chalice, "--project-dir", str(stack.build), "package", "--stage", STAGE, str(package.out)]
    environment = functions.deploy_environment(stack)
    made = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if made.returncode:
        raise SystemExit(f"Chalice cannot package the project:\n{made.stderr}")
    functions.save_layers(stack)
    for path in package.zips:
        with zipfile.ZipFile(path) as archive:
            archive.extractall(package.folder)
    return package


def run(rounds: int = ROUNDS, tell: Callable[[str], None] = lambda _: None) -> list[Table]:
    """Start each kind of function in fresh processes, with the packaged bytecode and without."""
    if staging.code_runs_in_place():
        raise SystemExit("Packaging for AWS needs Python 3.12 or newer.")
    with _two_packages(tell) as (package, bare):
        variables = functions.deploy_environment(package.stack)
        found: dict[tuple[str, bool], list[float]] = {}
        for number in range(rounds + 1):
            tell(f"start: round {number} of {rounds}")
            for name, (code, _) in STARTS.items():
                for one in (package, bare):
                    took = processor_ms(one.command(code), variables)
                    found.setdefault((name, one is package), []).append(took)
        sizes = {path.stem: path.stat().st_size for path in package.zips}
    rows = tuple(
        (name, middle(found[name, True][1:]), min(found[name, True][1:]), goal, middle(found[name, False][1:]))
        for name, (_, goal) in STARTS.items()
    )
    columns = (Column("start"), Column("ms"), Column("least"), Column("goal"), Column("source only"))
    notes = (
        f"ms of processor time of a fresh process, median of {rounds}; the interpreter is a part of each number",
        "least: the nearest to a quiet machine, as other work on it makes processor time longer too",
        "import app: in every function; clients: S3, SQS and DynamoDB, made and not yet connected",
        "; ".join(f"{name} {size / 1e6:.1f} MB" for name, size in sizes.items()),
    )
    return [Table("Starts in the packaged layout", columns, rows, notes)]


def processor_ms(command: list[str], environment: Mapping[str, str]) -> float:
    """Processor time of a process and its children, user and system, in ms."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=dict(environment), check=True, stdout=subprocess.DEVNULL)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1000 * (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


@contextmanager
def _two_packages(tell: Callable[[str], None]) -> Iterator[tuple[Package, Package]]:
    """The package, and the same one without bytecode."""
    with tempfile.TemporaryDirectory(prefix="wallify-bench-") as home:
        tell("start: chalice package")
        package = packaged(Path(home))
        bare = Package(package.stack, package.out, Path(home) / "bare")
        shutil.copytree(package.folder, bare.folder, ignore=shutil.ignore_patterns("__pycache__"))
        yield package, bare
