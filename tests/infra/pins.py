"""Reads requirements files: what is asked for, and what is pinned with which hashes."""

from __future__ import annotations

import re
from pathlib import Path

PROJECT = Path(__file__).parents[2]


def asked(name: str) -> dict[str, str]:
    """Package -> version, as a person wrote it; without the files it includes."""
    lines = (PROJECT / name).read_text(encoding="utf-8").splitlines()
    found = [line.split("#")[0].split(";")[0].strip() for line in lines if line and line[0] not in "#-"]
    return {plain(package.split("[")[0]): version for package, version in (line.split("==") for line in found)}


def pinned(name: str) -> dict[str, list[tuple[str, int]]]:
    """Package -> its versions (more than one where they differ by platform), each with the number of its hashes."""
    text = (PROJECT / name).read_text(encoding="utf-8").replace("\\\n", " ")
    answer: dict[str, list[tuple[str, int]]] = {}
    for line in text.splitlines():
        if line and line[0] not in "# ":
            package, version = re.split(r"==|\s", line)[:2]
            answer.setdefault(plain(package), []).append((version, line.count("--hash=sha256:")))
    return answer


def plain(package: str) -> str:
    """A package's name as indexes compare it."""
    return re.sub(r"[-_.]+", "-", package).lower()
