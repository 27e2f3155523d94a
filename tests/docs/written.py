"""What the documentation tells readers to type: fenced shell blocks, inline commands, and routes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from cli.local.stack import PROJECT

PAGES = (
    *(PROJECT / name for name in ("README.md", "CONTRIBUTING.md", "SECURITY.md", "UPGRADING.md")),
    *sorted((PROJECT / "docs").rglob("*.md")),
)
HISTORY = PROJECT / "docs" / "adr"
"""Decisions name commands and routes as they were at their time."""
_FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
_INLINE = re.compile(r"`([^`\n]+)`")
_PROGRAM = re.compile(r"(?:\./wallify|python3? -m|\.venv/bin/\w+|curl|aws|scripts/\w+\.py)\s")
_ROUTE = re.compile(r"\b(GET|HEAD|POST|PATCH|PUT|DELETE) (/[^\s`\"',;)]*)")


@dataclass(frozen=True)
class Written:
    """One command or route, and where it is written."""

    text: str
    page: str
    line: int

    def __str__(self) -> str:
        return f"{self.page}:{self.line} {self.text}"


def blocks() -> Iterator[Written]:
    """Each command of a fenced shell block on one line, comments and continuations taken out."""
    for page, text in _pages():
        for found in _FENCE.finditer(text):
            if found[1] in {"bash", "sh"}:
                yield from _commands(page, text, found)


def inline() -> Iterator[Written]:
    """Each command that stands in a sentence."""
    for page, text in _pages():
        prose = _FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)
        for found in _INLINE.finditer(prose):
            if _PROGRAM.match(f"{found[1]} "):
                yield Written(found[1], page, _line(prose, found.start()))


def routes() -> Iterator[tuple[Written, str, str]]:
    """Each `METHOD /path`, with method and path."""
    for page, text in _pages():
        for found in _ROUTE.finditer(text):
            yield Written(found[0], page, _line(text, found.start())), found[1], found[2]


def parameters() -> Iterator[tuple[Written, str, list[tuple[str, str]]]]:
    """Each `name=` or `name=value` in a sentence, with the name and the routes that its paragraph or row names."""
    for page, text in _pages():
        prose = _FENCE.sub(lambda found: "\n" * found[0].count("\n"), text)
        for paragraph in re.finditer(r"\|.*\n|(?:(?!\|).+\n)+", prose):
            near = [(found[1], found[2]) for found in _ROUTE.finditer(paragraph[0])]
            for found in re.finditer(r"`([a-z_]+)=[^`\n]*`", paragraph[0]):
                yield Written(found[0], page, _line(prose, paragraph.start() + found.start())), found[1], near


def _pages() -> Iterator[tuple[str, str]]:
    for path in PAGES:
        if HISTORY not in path.parents:
            yield path.relative_to(PROJECT).as_posix(), Path(path).read_text(encoding="utf-8")


def _commands(page: str, text: str, block: re.Match[str]) -> Iterator[Written]:
    first = _line(text, block.start(2))
    whole = ""
    for number, line in enumerate(block[2].splitlines()):
        whole += re.sub(r"(^|\s+)#\s.*$", "", line)
        if whole.endswith("\\"):
            whole = f"{whole[:-1].rstrip()} "
        elif whole:
            yield Written(re.sub(r"\s+", " ", whole), page, first + number)
            whole = ""


def _line(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1
