# ruff: noqa: RUF001  # the dotless i is a letter of Turkish, not a mistyped one
"""Every English message has a Turkish one with the same facts; messages need no source text at run time."""

from __future__ import annotations

import ast
import compileall
import json
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path

import pytest

from chalicelib.engine import model as remarks
from chalicelib.engine.limits import Bound
from chalicelib.errors import BadRequest, WallifyError
from chalicelib.http.request import Language, Request
from chalicelib.http.routing import localized
from chalicelib.i18n import ENGLISH, TURKISH, filled, messages, template, translated
from chalicelib.json_formats import UnknownMessage
from chalicelib.names import MISNAMED
from chalicelib.settings import BadSetting
from chalicelib.tasks.model import Failure, TaskType
from tests.architecture.modules import ROOT, Module, modules
from tests.endpoints import ENDPOINTS
from tests.http.gateway import Gateway

UNSEEN: tuple[type, ...] = (BadSetting, UnknownMessage)
"""Errors that no client meets: they stop a function at its start, or end among the dead letters."""
DERIVED = ("field.", "unknown.", "warning.", "failure.")
"""Ids that are put together, or whose English text rows hold."""


@dataclass(frozen=True)
class Said:
    """One message in the code, and where it stands."""

    place: str
    text_id: str | None
    """None where it is put together on the spot."""


@cache
def said() -> tuple[Said, ...]:
    calls = (
        (node, module) for module in modules().values() for node in ast.walk(module.tree) if isinstance(node, ast.Call)
    )
    texts = ((_text_of(node, module), module) for node, module in calls)
    return tuple(one for text, module in texts if text is not None for one in _told(text, module))


def _text_of(call: ast.Call, module: Module) -> ast.expr | None:
    kind = _kind(call.func, module)
    if kind is Bound:
        return call.args[2]
    if not (isinstance(kind, type) and issubclass(kind, WallifyError)) or issubclass(kind, UNSEEN):
        return None
    return call.args[0] if call.args and "__init__" not in vars(kind) else None


def _kind(name: ast.expr, module: Module) -> object:
    return getattr(import_module(module.name), name.id, None) if isinstance(name, ast.Name) else None


def _told(text: ast.expr, module: Module) -> Iterator[Said]:
    place = f"{module.name}:{text.lineno}"
    if isinstance(text, ast.Constant):
        yield Said(place, str(text.value))
    elif isinstance(text, ast.Name) and isinstance(constant := _kind(text, module), str):
        yield Said(place, constant)
    elif isinstance(text, ast.JoinedStr):
        yield Said(place, None)


def failures() -> Iterator[str]:
    """The English messages that tasks keep without an error behind them."""
    for module in modules().values():
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and _kind(node.func, module) is Failure and len(node.args) > 1:
                yield from (str(one.value) for one in node.args[1:2] if isinstance(one, ast.Constant))


def _is_remark(name: str, value: object) -> bool:
    return name.isupper() and isinstance(value, str) and value.endswith(".")


def facts(text: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", text))


def test_no_message_of_the_code_is_put_together_on_the_spot() -> None:
    # Facts are named as {name} in messages.json.
    assert [one.place for one in said() if one.text_id is None] == []


def test_each_message_of_the_code_is_in_the_catalogue() -> None:
    # What was a warning in one place may be the damage in another; its text is kept in English.
    assert [
        one for one in said() if one.text_id and not (template(one.text_id) or translated(one.text_id, TURKISH))
    ] == []


def test_the_messages_were_found() -> None:
    found = {one.text_id for one in said()}

    assert len(found) > 60
    assert {"presigned.count", "jpeg.no_pixels", "collection.exists"} <= found


def test_what_tasks_keep_in_english_is_known() -> None:
    assert [message for message in failures() if not translated(message, TURKISH)] == []


def test_no_message_is_left_over() -> None:
    code = "".join(module.path.read_text(encoding="utf-8") for module in modules().values())
    ids = [one for one in messages() if "." in one and not one.startswith(DERIVED)]

    assert [one for one in ids if f'"{one}"' not in code] == []


def test_each_remark_about_a_file_has_its_turkish_form() -> None:
    found = [value for name, value in vars(remarks).items() if _is_remark(name, value)]
    assert found
    assert [remark for remark in found if not translated(remark, TURKISH)] == []


def test_a_message_says_the_same_facts_in_both_languages() -> None:
    assert {one: texts for one, texts in messages().items() if not _is_told_in_both(texts)} == {}


def _is_told_in_both(texts: Mapping[str, str]) -> bool:
    return (
        texts.keys() == {ENGLISH, TURKISH}
        and all(texts.values())
        and facts(texts[TURKISH]) == facts(texts[ENGLISH])
        and texts[TURKISH] != texts[ENGLISH]
    )


def test_every_kind_of_error_that_a_client_meets_has_a_message() -> None:
    assert {error.code for endpoint in ENDPOINTS for error in endpoint.errors} <= messages().keys()


@pytest.mark.parametrize(
    ("query", "message", "known"),
    [
        ("limit=9999", "limit en çok 200 olabilir.", {"limit": 200}),
        ("limit=many", "limit tam sayı olmalı.", {}),
        ("type=nap", "type şunlardan biri olmalı: {allowed}.", {"allowed": [str(one) for one in TaskType]}),
    ],
)
def test_a_turkish_client_hears_what_is_wrong(
    admin: Gateway, query: str, message: str, known: dict[str, object]
) -> None:
    got = admin.get(f"/tasks?{query}", Accept_Language="tr")

    assert (got.status, got.json["message"]) == (400, filled(message, known))
    assert known.items() <= got.json["details"].items()


def test_a_body_that_is_not_json_is_told_so_in_turkish(admin: Gateway) -> None:
    got = admin.post("/tokens", b"{", Accept_Language="tr", Content_Type="application/json")

    assert (got.status, got.json["message"]) == (400, "Gövde geçerli bir JSON değil.")


def test_a_fact_in_braces_is_told_as_it_is() -> None:
    error = BadRequest("form.field_missing", field="The {fields}", fields="{limit}", limit=7)

    assert error.message == "The form has no field The {fields}; it has {limit}."
    assert localized(error, Language.TURKISH) == "Formda The {fields} alanı yok; olanlar: {limit}."


def test_messages_are_put_one_after_the_other() -> None:
    error = BadRequest("unknown.field+unknown.none_allowed", parameter="a")

    assert error.message == "Unknown field `a`. None is allowed here."
    assert localized(error, Language.TURKISH) == "Bilinmeyen alan: `a`. Burada hiçbiri kabul edilmez."


def test_a_name_without_a_fact_stays_as_it_is() -> None:
    assert filled("{a} of {b}", {"a": 1}) == "1 of {b}"


@pytest.mark.parametrize("sentence", ["", "The JPEG has no end marker."])
def test_the_message_of_a_row_without_an_id_is_translated(sentence: str) -> None:
    old = Failure("image_damaged", "The JPEG has no end marker.", sentence=sentence)

    assert localized(old, Language.TURKISH) == "JPEG'in bitiş işareti yok."


FORMER_MISNAMED = "The bytes are not what the name says; the image is catalogued as .{extension}."


@pytest.mark.parametrize("english", [MISNAMED, FORMER_MISNAMED])
def test_a_warning_with_facts_is_found_by_its_text(english: str) -> None:
    request = Request("GET", "/", "/", {"accept-language": "tr"}, {}, {}, "r1", "", lambda: b"")

    (message,) = request.localized([english.format(extension="png")])

    assert message.endswith("resim .png olarak kataloglandı.")


def test_former_english_texts_are_translated_as_the_present_ones() -> None:
    former = json.loads((ROOT / "chalicelib" / "former_messages.json").read_text(encoding="utf-8"))
    present = {texts[ENGLISH] for texts in messages().values()}

    assert {one for texts in former.values() for one in texts if one in present} == set()
    for message_id, texts in former.items():
        assert [translated(one, TURKISH) for one in texts] == [messages()[message_id][TURKISH]] * len(texts)


def test_no_source_and_no_docstring_is_read_while_serving(tmp_path: Path) -> None:
    """`python -OO` drops docstrings; what is left here are compiled files and data."""
    shutil.copytree(ROOT / "chalicelib", tmp_path / "chalicelib", ignore=shutil.ignore_patterns("__pycache__"))
    compileall.compile_dir(tmp_path, quiet=2, legacy=True, optimize=2)
    for source in tmp_path.rglob("*.py"):
        source.unlink()

    ran = subprocess.run([sys.executable, "-OO", "-c", SERVE], cwd=tmp_path, capture_output=True, text=True, check=True)

    document, errors = json.loads(ran.stdout)
    written = json.loads((ROOT / "docs" / "reference" / "openapi.json").read_text(encoding="utf-8"))
    assert document == written
    assert errors == messages()


SERVE = """
import json, pathlib
import chalicelib, chalicelib.errors
from chalicelib.errors import BadRequest, WallifyError
from chalicelib.http.routing import localized
from chalicelib.http.openapi import description
from chalicelib.http.request import Language, Request
from chalicelib.http.routes import ROUTES
from chalicelib.i18n import messages

assert chalicelib.__file__.endswith(".pyc") and chalicelib.errors.WallifyError.__doc__ is None
document = description(tuple(one.endpoint() for one in ROUTES))
document["paths"] = {path: dict(sorted(of.items())) for path, of in sorted(document["paths"].items())}
errors = {one: {str(to): localized(BadRequest(one), to) for to in Language} for one in messages()}
print(json.dumps([document, errors]))
"""
