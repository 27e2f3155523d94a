"""The native module is built of pinned sources only, and gives the same bytes on every machine."""

from __future__ import annotations

import io
import tarfile
import tempfile
from pathlib import Path

import pytest

from chalicelib.engine.native_module import FOLDER, file_name, is_available
from native import build
from native.build import BuildError


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder for what a build keeps, and no index of packages but the folder `links` beside it."""
    (tmp_path / "links").mkdir()
    monkeypatch.setattr(build, "STORE", tmp_path / "store")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "links"))
    return tmp_path / "store"


def archive(**files: str) -> bytes:
    """A package with these files of zlib-ng."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as tar:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text)
            tar.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def test_other_sources_than_the_pinned_ones_are_refused_and_not_kept(store: Path) -> None:
    store.mkdir()
    build.zlib_ng_archive().write_bytes(b"other sources")
    (store.with_name("links") / "zlib_ng-1.1.0.tar.gz").write_bytes(archive(**{"zlib_ng-1.1.0/setup.py": ""}))

    with pytest.raises(BuildError, match="DO NOT MATCH THE HASHES"):
        build._zlib_ng()  # noqa: SLF001  what a build begins with

    assert not build.zlib_ng_archive().exists()


@pytest.mark.usefixtures("store")
def test_without_network_the_build_says_what_is_missing() -> None:
    with pytest.raises(BuildError, match="The sources of zlib-ng cannot be downloaded"):
        build._zlib_ng()  # noqa: SLF001  as above


def test_only_sources_are_unpacked_and_none_outside_of_the_folder(tmp_path: Path) -> None:
    within = "zlib_ng-1.1.0/src/zlib_ng/zlib-ng/"
    names = ("inflate.c", "arch/x86/x.h", "../../outside.c", "../outside.h", "README.md")
    templates = dict.fromkeys(
        (f"{within}{name}" for name in ("zlib-ng.h.in", "zconf-ng.h.in", "zlib_name_mangling.h.empty")),
        "@ZLIB_SYMBOL_PREFIX@inflate",
    )
    body = archive(**{f"{within}{name}": "text" for name in names}, **templates, **{"/etc/other.c": "text"})

    build.unpack_zlib_ng(body, tmp_path / "a" / "b")

    found = {path.relative_to(tmp_path / "a" / "b").as_posix() for path in tmp_path.rglob("*") if path.is_file()}
    made = {"zlib-ng.h", "zconf-ng.h", "zlib_name_mangling-ng.h"}
    assert found == {"inflate.c", "arch/x86/x.h", "zlib-ng.h.in", "zconf-ng.h.in", "zlib_name_mangling.h.empty"} | made
    assert (tmp_path / "a" / "b" / "zlib-ng.h").read_text(encoding="utf-8") == "inflate"


def test_a_module_is_built_again_when_it_or_its_sources_changed(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    built = []

    def compiled(_: Path, __: bytes, processor: str, path: Path) -> None:
        built.append(processor)
        path.write_bytes(b"module")
        build._write_stamp(processor, path)  # noqa: SLF001  the part of the real one that counts here

    store.mkdir()
    monkeypatch.setattr(build, "_compiler", lambda: Path("zig"))
    monkeypatch.setattr(build, "_zlib_ng", lambda: b"")
    monkeypatch.setattr(build, "_compile", compiled)

    folder = store / "made"
    build.build(["x86_64"], folder)
    build.build(["x86_64"], folder)
    assert built == ["x86_64"]

    (folder / file_name("x86_64")).write_bytes(b"another")
    build.build(["x86_64"], folder)
    assert built == ["x86_64"] * 2

    monkeypatch.setattr(build, "ZLIB_NG_SHA256", "of a newer one")
    build.build(["x86_64"], folder)
    assert built == ["x86_64"] * 3


def test_lambdas_processor_is_always_built() -> None:
    assert build.LAMBDA in build.default_processors()


@pytest.mark.slow
@pytest.mark.skipif(not is_available(), reason="the native module is not here; `python -m native.build` builds it")
def test_the_same_sources_give_the_same_bytes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ZIG_GLOBAL_CACHE_DIR", str(tmp_path / "cache"))  # nothing of the first build is used
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr(tempfile, "tempdir", None)
    monkeypatch.setattr(build, "_stamp", lambda processor: tmp_path / f"{processor}.built")

    build.build(list(build.PROCESSORS), tmp_path / "made")

    for processor in build.default_processors():
        name = file_name(processor)
        assert (tmp_path / "made" / name).read_bytes() == (FOLDER / name).read_bytes()
    assert {path.name for path in (tmp_path / "made").iterdir()} == {file_name(name) for name in build.PROCESSORS}
