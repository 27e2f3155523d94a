"""`python -m native.build`: compile the native module, with the same bytes as result on every machine.

It decodes PNGs, averages the planes of WebPs, searches files for marks of other kinds, and makes pictures smaller.
Everything that goes into it is pinned by hash: the compiler (Zig's, from PyPI, kept in `.local/native`), and the
sources of zlib-ng, which this compiles together with `native/pixels`. The result goes to `chalicelib/engine/native`,
from where it is deployed; it is not in Git. If everything is as it was at the last build, nothing is done.
"""

from __future__ import annotations

import argparse
import hashlib
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from io import BytesIO
from pathlib import Path
from typing import NamedTuple

from chalicelib.engine.native_module import FOLDER, file_name, is_available

HERE = Path(__file__).resolve().parent
STORE = HERE.parent / ".local" / "native"
SOURCES = HERE / "pixels"
COMPILER = HERE / "requirements.txt"
LAMBDA = "x86_64"
"""Kind of processor that the functions are deployed for."""
_MINUTES = 10 * 60

ZLIB_NG = "1.1.0"
"""Version of python-zlib-ng, whose source package has all of zlib-ng 2.3.3."""
ZLIB_NG_SHA256 = "08a3a8468d4f130e3dc80d28ec42fcc7a878a57dfed616233e791066327d78a3"
_WITHIN = f"zlib_ng-{ZLIB_NG}/src/zlib_ng/zlib-ng/"
_SOURCES = frozenset({".c", ".h", ".in", ".empty"})

_HEADERS = {
    "zlib-ng.h": "zlib-ng.h.in",
    "zconf-ng.h": "zconf-ng.h.in",
    "zlib_name_mangling-ng.h": "zlib_name_mangling.h.empty",
}
"""Header that zlib-ng's own build would make -> file that it makes it from."""
_FILES = (
    *("inflate.c", "inftrees.c", "zutil.c", "adler32.c", "crc32.c", "crc32_braid_comb.c"),
    *("arch/generic/adler32_c.c", "arch/generic/adler32_fold_c.c", "arch/generic/chunkset_c.c"),
    *("arch/generic/crc32_fold_c.c", "arch/generic/crc32_braid_c.c"),
)
OURS = ("pixels/pixels.c", "pixels/marks.c", "pixels/planes.c", "pixels/lanczos.c")
"""Our own sources, below the folder of zlib-ng's."""
_FLAGS = (
    *("-std=c11", "-O3", "-fPIC", "-shared", "-fvisibility=hidden", "-ffunction-sections", "-fdata-sections"),
    # Without fused operations, so that both processors round alike; without paths, so that all machines build alike.
    *("-ffp-contract=off", "-fno-sanitize=all", "-ffile-prefix-map=.=", "-Wall", "-Wextra", "-Wno-unused-parameter"),
    *("-Wl,--gc-sections", "-Wl,-s", "-Wl,-z,defs", "-Wl,--build-id=none"),
    *("-DDISABLE_RUNTIME_CPU_DETECTION", "-DHAVE_VISIBILITY_HIDDEN", "-DHAVE_ATTRIBUTE_ALIGNED", "-DWITH_OPTIM"),
    *("-DHAVE_BUILTIN_ASSUME_ALIGNED", "-DHAVE_BUILTIN_CTZ", "-DHAVE_BUILTIN_CTZLL", "-DHAVE_POSIX_MEMALIGN"),
    *("-DWITHOUT_CHORBA", "-DWITHOUT_CHORBA_SSE"),
)


class Processor(NamedTuple):
    """How to compile for a kind of processor."""

    target: tuple[str, ...]
    defined: tuple[str, ...]
    files: tuple[str, ...]


PROCESSORS = {
    "x86_64": Processor(
        # What every processor of Lambda has; `pixels` tests for it. glibc 2.17 is older than that of any runtime.
        ("-target", "x86_64-linux-gnu.2.17", "-mcpu=x86_64_v3"),
        ("X86_FEATURES", "X86_SSE2", "X86_SSSE3", "X86_SSE41", "X86_SSE42", "X86_AVX2"),
        (
            *("arch/x86/adler32_avx2.c", "arch/x86/adler32_ssse3.c", "arch/x86/adler32_sse42.c"),
            *("arch/x86/chunkset_avx2.c", "arch/x86/chunkset_ssse3.c", "arch/x86/chunkset_sse2.c"),
        ),
    ),
    "aarch64": Processor(
        ("-target", "aarch64-linux-gnu.2.17"),
        ("ARM_FEATURES", "ARM_NEON", "ARM_NEON_HASLD4"),
        ("arch/arm/adler32_neon.c", "arch/arm/chunkset_neon.c"),
    ),
}


class BuildError(Exception):
    """The module cannot be built here; the message says why, and what to do."""


def main() -> int:
    """Build for Lambda and for this machine, or for the processors named."""
    parser = argparse.ArgumentParser(prog="python -m native.build", description=__doc__)
    parser.add_argument("processors", nargs="*", metavar="processor", help=f"{' or '.join(PROCESSORS)}")
    parser.add_argument("--to", type=Path, default=FOLDER, help="folder for the result, default: where it is deployed")
    given = parser.parse_args()
    if unknown := set(given.processors) - set(PROCESSORS):
        parser.error(f"unknown processor {', '.join(sorted(unknown))}; known are {', '.join(PROCESSORS)}")
    try:
        for path in build(given.processors or default_processors(), given.to):
            sys.stdout.write(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path}\n")
    except BuildError as error:
        sys.stderr.write(f"{error}\n")
        return 1
    return 0


def default_processors() -> list[str]:
    """Return Lambda's kind of processor, and this machine's if it is another that the module runs on."""
    machine = platform.machine() if sys.platform == "linux" else LAMBDA
    return sorted({LAMBDA, machine} & set(PROCESSORS))


def build(processors: list[str], folder: Path = FOLDER) -> list[Path]:
    """Build the module for each of these processors, unless it is there and up to date; return the files.

    Raises:
        BuildError: the compiler or a source cannot be had, or does not compile.
    """
    wanted = [folder / file_name(name) for name in processors]
    late = [name for name, path in zip(processors, wanted, strict=True) if not _is_current(name, path)]
    if late:
        zig = _compiler()
        archive = _zlib_ng()
        folder.mkdir(parents=True, exist_ok=True)
        for name in late:
            _compile(zig, archive, name, folder / file_name(name))
    return wanted


def is_in_use() -> bool:
    """Return whether the module was built for this machine, and works on it."""
    return is_available()


def inputs(processor: str) -> str:
    """Return a digest of everything that goes into the module for a processor."""
    files = (COMPILER, Path(__file__), *sorted(SOURCES.glob("*.[ch]")))
    digest = hashlib.sha256(f"{processor} {ZLIB_NG_SHA256}".encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()


def _stamp(processor: str) -> Path:
    return STORE / f"{processor}.built"


def _is_current(processor: str, path: Path) -> bool:
    """Return whether the file is what the last build made, of the same inputs."""
    stamp = _stamp(processor)
    if not (path.is_file() and stamp.is_file()):
        return False
    return stamp.read_text(encoding="utf-8") == f"{inputs(processor)} {hashlib.sha256(path.read_bytes()).hexdigest()}"


def _write_stamp(processor: str, path: Path) -> None:
    made = hashlib.sha256(path.read_bytes()).hexdigest()
    _stamp(processor).write_text(f"{inputs(processor)} {made}", encoding="utf-8")


def _compiler() -> Path:
    """Return Zig, installed once into a folder of its own, as it has 400 MB."""
    site, stamp = STORE / "site", STORE / "site.installed"
    zig = site / "ziglang" / "zig"
    wanted = COMPILER.read_text(encoding="utf-8")
    if zig.is_file() and stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return zig
    shutil.rmtree(site, ignore_errors=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--require-hashes", "--target", str(site)]
    _run([*pip, "-r", str(COMPILER)], HERE, "The compiler cannot be installed. Check the network, then repeat.")
    stamp.write_text(wanted, encoding="utf-8")
    return zig


def zlib_ng_archive() -> Path:
    """Return where the source package of zlib-ng is kept after a build."""
    return STORE / f"zlib_ng-{ZLIB_NG}.tar.gz"


def _zlib_ng() -> bytes:
    """Return the source package, which pip downloads once from the index that it is configured for."""
    kept = zlib_ng_archive()
    if not kept.is_file() or hashlib.sha256(kept.read_bytes()).hexdigest() != ZLIB_NG_SHA256:
        kept.unlink(missing_ok=True)
        _download_zlib_ng()
    return kept.read_bytes()


def _download_zlib_ng() -> None:
    with tempfile.TemporaryDirectory() as temporary:
        wanted = Path(temporary, "requirements.txt")
        wanted.write_text(f"zlib-ng=={ZLIB_NG} --hash=sha256:{ZLIB_NG_SHA256}\n", encoding="utf-8")
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--no-binary", "zlib-ng"]
        options = ["--require-hashes", "-r", str(wanted), "-d", str(STORE)]
        _run([*pip, *options], HERE, "The sources of zlib-ng cannot be downloaded. Check the network, then repeat.")


def unpack_zlib_ng(archive: bytes, folder: Path) -> None:
    """Write zlib-ng's sources into a folder, with the headers that its own build would make."""
    with tarfile.open(fileobj=BytesIO(archive)) as tar:
        for member in tar.getmembers():
            file = tar.extractfile(member) if member.isfile() and member.name.startswith(_WITHIN) else None
            path = folder / member.name.removeprefix(_WITHIN)
            if file is not None and path.suffix in _SOURCES and path.resolve().is_relative_to(folder.resolve()):
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(file.read())
    for header, source in _HEADERS.items():
        text = (folder / source).read_text(encoding="utf-8").replace("@ZLIB_SYMBOL_PREFIX@", "")
        (folder / header).write_text(text, encoding="utf-8")


def arguments(processor: str) -> list[str]:
    """Return the compiler's arguments, for a folder with the sources of zlib-ng and a copy of ours in `pixels`."""
    kind = PROCESSORS[processor]
    defined = [f"-D{name}" for name in kind.defined]
    return [*kind.target, *_FLAGS, *defined, "-I.", "-Ipixels", *_FILES, *kind.files, *OURS, "-lm"]


def _compile(zig: Path, archive: bytes, processor: str, path: Path) -> None:
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        unpack_zlib_ng(archive, folder)
        shutil.copytree(SOURCES, folder / "pixels")
        _run([str(zig), "cc", *arguments(processor), "-o", "made.so"], folder, "The module does not compile.")
        draft = path.with_suffix(".new")
        shutil.copyfile(folder / "made.so", draft)
        draft.replace(path)
    _write_stamp(processor, path)


def _run(command: list[str], folder: Path, problem: str) -> None:
    try:
        done = subprocess.run(  # noqa: S603  pinned programs with constant arguments
            command, cwd=folder, timeout=_MINUTES, check=False, capture_output=True, text=True
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildError(f"{problem} {error}") from error
    if done.returncode:
        raise BuildError(f"{problem}\n{done.stderr.strip()}")


if __name__ == "__main__":
    sys.exit(main())
