"""A proxy of the machine, as offices have one, does not stand between the parts of a local cloud."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread

import pytest

from cli.local import emulator
from cli.local.aws import client
from cli.local.machine import LOCALHOST, without_proxy_for_localhost
from cli.local.stack import Stack

BUCKETS = b"<ListAllMyBucketsResult><Buckets><Bucket><Name>w</Name></Bucket></Buckets></ListAllMyBucketsResult>"


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(BUCKETS)))
        self.end_headers()
        self.wfile.write(BUCKETS)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture
def standing(stack: Stack) -> Iterator[Stack]:
    """A stack whose emulator's port somebody answers."""
    with HTTPServer(("127.0.0.1", stack.emulator_port), Answers) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield stack
        server.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def behind_a_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("NO_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)


def test_our_own_clients_go_straight_to_the_emulator(standing: Stack) -> None:
    assert client(standing, "s3").list_buckets()["Buckets"] == [{"Name": "w"}]


def test_chalice_and_the_functions_are_told_to_go_straight(stack: Stack) -> None:
    told = emulator.client_environment(stack)

    assert (told["HTTP_PROXY"], told["NO_PROXY"], told["no_proxy"]) == ("http://127.0.0.1:9", LOCALHOST, LOCALHOST)


@pytest.mark.parametrize("name", ["NO_PROXY", "no_proxy"])
def test_what_went_straight_before_still_does(name: str) -> None:
    told = without_proxy_for_localhost({name: "intra.example"})

    assert told["NO_PROXY"] == told["no_proxy"] == f"intra.example,{LOCALHOST}"


def test_the_library_that_reads_it_understands(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in without_proxy_for_localhost({"no_proxy": "intra.example"}).items():
        monkeypatch.setenv(name, value)

    hosts = ("127.0.0.1:4566", "intra.example", "pypi.org")

    assert [bool(urllib.request.proxy_bypass(host)) for host in hosts] == [True, True, False]
