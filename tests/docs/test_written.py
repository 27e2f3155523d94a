"""Every command that the documentation shows is one that Wallify understands, with the parameters that it takes.

`tests/e2e/test_written_commands.py` runs them.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from functools import cache
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest

from chalicelib.http.routing import Endpoint
from cli.__main__ import parser
from cli.commands.completion import words_of
from tests.docs.written import Written, blocks, inline, parameters, routes
from tests.endpoints import ENDPOINTS, MONITOR

URL = re.compile(r"(?:https?://[\w.:]+|\$API|\$WALLIFY_URL)(/[^\s\"']*)")
PLAIN = {"GET /monitor"}
"""A page, not a route of the API."""
PARSER = parser()
COMMANDS = set(words_of(PARSER))
ELSEWHERE = {"parameters", "boundary", "q", "batch_size"}
"""Names in files and headers that the documentation speaks of, not parameters of routes."""


def all_routes() -> Iterator[tuple[Written, str, str]]:
    yield from routes()
    for one in blocks():
        if one.text.startswith("curl") and (found := URL.search(one.text)):
            method = re.search(r"-X (\w+)", one.text)
            yield one, method[1] if method else "GET", found[1]


def wallify_commands() -> Iterator[Written]:
    for one in (*blocks(), *inline()):
        for part in re.split(r"\s(?:&&|\|)\s", one.text):
            if found := re.match(r"(xargs )?\./wallify\s+(.*)", part):
                yield Written(f"{found[2]}{' ID' if found[1] else ''}", one.page, one.line)


@cache
def pattern_of(path: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\{\w+\\}", r"[^/]+", re.escape(path)))


def endpoint_of(method: str, path: str) -> Endpoint | None:
    found = [one for one in (*ENDPOINTS, *MONITOR) if pattern_of(one.path).fullmatch(path)]
    return next((one for one in found if one.method == method or (method == "HEAD" and one.method == "GET")), None)


def query_names(one: Endpoint) -> set[str]:
    return (
        {field.encode_name for field in msgspec.structs.fields(one.parts["query"])} if "query" in one.parts else set()
    )


def mistake_in(method: str, address: str) -> str:
    """What is wrong with a route; empty if nothing is."""
    url = urlsplit(address.rstrip("."))
    if f"{method} {url.path}" in PLAIN:
        return ""
    one = endpoint_of(method, url.path.rstrip("/") or "/")
    if one is None:
        return "there is no such route"
    asked = set(parse_qs(url.query, keep_blank_values=True))
    return "" if asked <= query_names(one) else f"it takes {sorted(query_names(one))}"


def test_a_route_in_the_documentation_exists_and_takes_the_parameters_shown() -> None:
    every = [(written, mistake_in(method, address)) for written, method, address in all_routes()]
    assert [f"{written}: {mistake}" for written, mistake in every if mistake] == []


def variants(typed: str) -> Iterator[list[str]]:
    """The command without what is optional, and with it."""
    bare = re.sub(r"\[[^\]]*\]", "", typed)
    full = re.sub(r"[\[\]]", "", typed)
    for one in {bare, full}:
        yield [words(word) for word in shlex.split(re.sub(r"\s>.*| …", "", one))]


def words(word: str) -> str:
    """An example in place of what stands for a value."""
    return {"N": "1", "S": "dev", "URL": "http://127.0.0.1:7545", "arguments": "tests"}.get(word, word)


def test_a_command_in_the_documentation_is_one_that_the_terminal_understands() -> None:
    every = [(written, typed) for written in wallify_commands() for typed in variants(written.text)]
    assert [str(written) for written, typed in every if not (is_a_name(typed) or is_understood(typed))] == []


def is_understood(typed: list[str]) -> bool:
    try:
        return PARSER.parse_args(typed).run is not None
    except SystemExit as end:  # --version prints and ends
        return end.code == 0


def is_a_name(typed: list[str]) -> bool:
    """True for `./wallify deploy`, which speaks of the command, and for the program itself."""
    return " ".join(typed) in COMMANDS


@pytest.mark.parametrize(("written", "name", "near"), [*parameters()], ids=str)
def test_a_parameter_in_a_sentence_is_one_of_the_routes_that_it_speaks_of(
    written: Written, name: str, near: list[tuple[str, str]]
) -> None:
    found = [endpoint_of(method, urlsplit(path).path) for method, path in near]
    known = {field for one in (found if any(found) else [*ENDPOINTS]) if one for field in field_names(one)}
    assert name in known | ELSEWHERE, f"{written}: among {sorted(known)} there is no {name}"


def field_names(one: Endpoint) -> set[str]:
    """Names in the query, the JSON body and the form."""
    kinds = [one.parts[part] for part in ("query", "body", "form") if part in one.parts]
    return {field.encode_name for kind in kinds for field in msgspec.structs.fields(kind)}


def test_the_documentation_has_commands_and_routes_to_look_at() -> None:
    counted = (len(list(wallify_commands())), len(list(all_routes())), len(list(blocks())))
    assert all(count >= 40 for count in counted), counted
