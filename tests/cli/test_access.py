"""Hosts and web pages that the local cloud answers to."""

from __future__ import annotations

import pytest

from cli.local.access import AllowedCallers, origin_of

OWN = AllowedCallers(7545)
KNOWN = [
    "127.0.0.1",
    "127.0.0.1:7545",
    "LOCALHOST:1",
    "localhost.",
    "[::1]:7545",
    "media.localhost:7546",
    "box.example",
]
FOREIGN = [
    *("evil.example", "evil.example:7545", "127.0.0.1.evil.example", "localhost.evil.example", "evillocalhost"),
    *("127.0.0.2", "0.0.0.1", "2130706433", "127.1", "[::ffff:127.0.0.1]", "d1.cloudfront.net", "not.box.example"),
    *("", "user@localhost", "localhost/", "localhost,evil.example", "localhost:80:80", "localhost:port"),
]


@pytest.mark.parametrize("host", KNOWN)
def test_names_of_this_machine_are_known_with_any_port(host: str) -> None:
    assert AllowedCallers(7545, ("box.example",)).knows_host(host)


@pytest.mark.parametrize("host", FOREIGN)
def test_other_names_are_not(host: str) -> None:
    assert not AllowedCallers(7545, ("box.example",)).knows_host(host)


@pytest.mark.parametrize(
    ("callers", "origin", "allowed"),
    [
        (OWN, "http://127.0.0.1:7545", True),
        (OWN, "http://localhost:7545", True),
        (OWN, "http://localhost:3000", False),
        (OWN, "http://127.0.0.1", False),
        (OWN, "http://evil.example:7545", False),
        (OWN, "http://a.localhost:7545", False),
        (OWN, "file://localhost:7545", False),
        (OWN, "null", False),
        (OWN, "", False),
        (AllowedCallers(7545, ("box.example",)), "https://box.example", True),
        (AllowedCallers(7545, origin="http://localhost:3000"), "http://localhost:3000", True),
        (AllowedCallers(7545, origin="http://localhost:3000"), "http://localhost:3001", False),
        (AllowedCallers(7545, origin="*"), "https://any.example", True),
        (AllowedCallers(7545, origin="*"), "null", False),
        (AllowedCallers(7545, origin="*"), "", False),
    ],
)
def test_pages_of_the_monitor_and_of_the_stages_origin_may_call(
    callers: AllowedCallers, origin: str, *, allowed: bool
) -> None:
    assert callers.allows_origin(origin) == allowed


@pytest.mark.parametrize(
    ("headers", "page"),
    [
        ({}, None),
        ({"sec-fetch-site": "none"}, None),
        ({"sec-fetch-site": "cross-site"}, ""),
        ({"sec-fetch-site": "same-site"}, ""),
        ({"sec-fetch-site": "same-origin"}, ""),
        ({"origin": "null", "sec-fetch-site": "none"}, "null"),
        ({"origin": "http://a", "referer": "http://b/c"}, "http://a"),
        ({"referer": "http://b:1/c?d"}, "http://b:1"),
    ],
)
def test_a_page_is_what_a_browser_says_it_is(headers: dict[str, str], page: str | None) -> None:
    assert origin_of(headers) == page


@pytest.mark.parametrize(
    ("origin", "left"),
    [("", {}), ("*", {"Access-Control-Allow-Origin": "*"}), ("http://a", {"Access-Control-Allow-Origin": "http://a"})],
)
def test_cors_headers_are_for_the_stages_origin(origin: str, left: dict[str, str]) -> None:
    headers = {"Access-Control-Allow-Origin": "*", "ETag": "e"}
    AllowedCallers(7545, origin=origin).limit_reading(headers)
    assert headers == {"ETag": "e", **left}


def test_a_command_line_carries_it() -> None:
    callers = AllowedCallers(7545, ("box.example",), "*")
    assert AllowedCallers.of_json(callers.as_json()) == callers
