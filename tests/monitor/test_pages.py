from __future__ import annotations

import gzip
import re
from collections.abc import Iterator

import pytest
from chalice.app import Chalice

from chalicelib import container
from chalicelib.http.routes import MONITOR_ROUTES, register
from chalicelib.monitor import routes
from tests.http.gateway import Gateway
from tests.http.memory_service import CDN, memory_service

SCRIPTS = sorted(routes.FOLDER.glob("*.js"))
TEXT = r'"((?:[^"\\]|\\.)*)"'


@pytest.fixture
def anyone() -> Iterator[Gateway]:
    container.use(memory_service())
    app = Chalice("wallify", configure_logs=False)
    register(app, MONITOR_ROUTES)
    yield Gateway(app)
    container.use(None)


def test_the_page_may_run_our_scripts_only(anyone: Gateway) -> None:
    policy = anyone.get("/monitor").headers["Content-Security-Policy"]

    assert "default-src 'none'; script-src 'self'; style-src 'self';" in policy
    assert f"img-src 'self' blob: {CDN} https://media.example;" in policy
    assert "require-trusted-types-for 'script'; trusted-types 'none'" in policy
    assert "unsafe" not in policy


def test_the_page_is_asked_for_anew_and_answered_in_no_bytes(anyone: Gateway) -> None:
    first = anyone.get("/monitor")

    again = anyone.get("/monitor", If_None_Match=first.headers["ETag"])

    assert first.headers["Cache-Control"] == "no-cache"
    assert (again.status, again.text) == (304, "")


def test_every_file_that_the_page_names_is_there_and_kept_for_ever(anyone: Gateway) -> None:
    named = re.findall(r'(?:src|href)="(monitor/[^"]+)"', anyone.get("/monitor").text)

    answers = [anyone.get(f"/{name}") for name in named]

    assert len(named) > 5
    assert {(got.status, got.headers["Cache-Control"]) for got in answers} == {
        (200, "public, max-age=31536000, immutable")
    }


@pytest.mark.parametrize(
    ("name", "kind"), [("app.js", "text/javascript"), ("base.css", "text/css"), ("icon.svg", "image/svg+xml")]
)
def test_files_have_their_type(anyone: Gateway, name: str, kind: str) -> None:
    got = anyone.get(f"/monitor/{routes.version()}/{name}")

    assert got.headers["Content-Type"].startswith(kind)
    assert got.headers["X-Content-Type-Options"] == "nosniff"


def test_a_page_from_before_a_deployment_gets_what_there_is_now_but_may_not_keep_it(anyone: Gateway) -> None:
    got = anyone.get("/monitor/0123456789ab/app.js")

    assert (got.status, got.headers["Cache-Control"]) == (200, "no-cache")


@pytest.mark.parametrize("name", ["index.html", "nothing.js", "..", "%2e%2e%2fassets.py", "assets.py", ""])
def test_nothing_else_is_served(anyone: Gateway, name: str) -> None:
    assert anyone.get(f"/monitor/{routes.version()}/{name}").status == 404


def test_all_files_together_are_light_over_the_wire() -> None:
    weights = {name: len(gzip.compress(text.encode())) for name, text in routes.files().items()}
    assert weights.pop("rapidoc-min.js") < 230_000
    assert sum(weights.values()) < 100_000


def test_no_script_turns_text_into_html() -> None:
    ways = re.compile(r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|DOMParser")
    assert SCRIPTS
    assert [script.name for script in SCRIPTS if ways.search(script.read_text())] == []


def test_everything_that_is_said_is_said_in_turkish_too() -> None:
    known = set(re.findall(rf"^  {TEXT}: ", (routes.FOLDER / "messages.tr.js").read_text(), re.MULTILINE))

    said = {text for script in SCRIPTS for text in _said(script.read_text())}

    assert len(said) > 200
    assert said - known == set()


def _said(script: str) -> Iterator[str]:
    yield from re.findall(rf"\bt\(\s*{TEXT}", script)
    for pair in re.findall(rf"\btn\(\s*{TEXT},\s*{TEXT}", script):
        yield from pair
