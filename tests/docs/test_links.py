"""Every link of every page leads somewhere, and every page is reached from docs/index.md."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from cli.local.stack import PROJECT

_FENCE = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_MENTION = re.compile(r"docs/[\w/-]+\.md(?:#[\w-]+)?")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
INDEX = PROJECT / "docs" / "index.md"
HISTORY = {"CHANGELOG.md"}
"""Pages that name files as they were at the time."""


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *patterns],  # noqa: S607
        cwd=PROJECT,
        capture_output=True,
        text=True,
        check=True,
    )
    found = [PROJECT / name for name in sorted(listed.stdout.splitlines())]
    return [path for path in found if path.is_file() and path.name not in HISTORY]


def links(page: Path) -> Iterator[str]:
    yield from _LINK.findall(_FENCE.sub("", page.read_text(encoding="utf-8")))


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    return frozenset(re.sub(r"[^\w\- ]", "", found.lower()).replace(" ", "-") for found in _HEADING.findall(text))


def target_of(page: Path, link: str) -> tuple[Path, str]:
    path, _, anchor = link.partition("#")
    return ((page.parent / path).resolve() if path else page), anchor


def pages_and_links() -> Iterator[tuple[str, str]]:
    for page in tracked("*.md"):
        for link in links(page):
            if "://" not in link:
                yield page.relative_to(PROJECT).as_posix(), link


def leads_somewhere(page: str, link: str) -> bool:
    target, anchor = target_of(PROJECT / page, link)
    return target.exists() and (not anchor or target.suffix != ".md" or anchor in anchors(target))


def test_a_link_leads_to_a_file_and_to_a_heading_that_exist() -> None:
    every = list(pages_and_links())
    assert len(every) >= 100
    assert [one for one in every if not leads_somewhere(*one)] == []


def test_every_page_that_code_and_templates_mention_exists() -> None:
    sources = tracked("*.py", "*.md", "*.yaml", "*.yml", "*.toml", "*.js", ".ci/*", "wallify")
    missing = {
        f"{path.relative_to(PROJECT)}: {mention}"
        for path in sources
        for mention in _MENTION.findall(path.read_text(encoding="utf-8"))
        if not resolves(mention)
    }
    assert not missing


_PATH = re.compile(r"`((?:chalicelib|cli|infra|tests|docs|scripts|bench|localstack)(?:/[\w.-]+)+)/?`")


def test_every_path_that_a_page_names_exists() -> None:
    named = {
        f"{page.relative_to(PROJECT)}: {path}"
        for page in tracked("*.md")
        for path in _PATH.findall(page.read_text(encoding="utf-8"))
        if not (PROJECT / path).exists()
    }
    assert named == set()


def resolves(mention: str) -> bool:
    name, _, anchor = mention.partition("#")
    page = PROJECT / name
    return page.is_file() and (not anchor or anchor in anchors(page))


def test_every_page_of_the_documentation_is_reached_from_its_index() -> None:
    reached, waiting = {INDEX}, [INDEX]
    while waiting:
        page = waiting.pop()
        for link in links(page):
            target, _ = target_of(page, link)
            if target.suffix == ".md" and target not in reached and target.is_file():
                reached.add(target)
                waiting.append(target)
    assert not set(tracked("docs/*.md")) - reached
