# ruff: noqa: RUF001  # the dotless i is a letter of Turkish, not a mistyped one
"""Whatever is told in English is told in Turkish with the same facts: each sentence of the code is looked up here."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import import_module

import msgspec
import pytest

from chalicelib.engine import model
from chalicelib.engine.limits import Bound
from chalicelib.errors import BadRequest, WallifyError, filled
from chalicelib.http import validation
from chalicelib.http.errors import localized
from chalicelib.http.request import Language
from chalicelib.http.routes import ENDPOINTS
from chalicelib.http.turkish import TURKISH
from chalicelib.http.validation import EMPTY, HINTS, LISTED, NO_BODY, REPEATED, SENTENCES, UNKNOWN, allowing, forms
from chalicelib.messages import UnknownMessage
from chalicelib.settings import BadSetting
from chalicelib.tasks.model import Failure, TaskType
from tests.api.gateway import Gateway
from tests.architecture.modules import Module, modules

UNSEEN: tuple[type, ...] = (BadSetting, UnknownMessage)
"""Errors that no client meets: they stop a function at its start, or end among the dead letters."""


@dataclass(frozen=True)
class Said:
    """One sentence in the code, and where it stands."""

    place: str
    sentence: str | None
    """None where it is put together on the spot, so that no table can hold it."""


def said() -> Iterator[Said]:
    for module in modules().values():
        if module.name == validation.__name__:
            continue  # put together from two lists; see `checks`
        for node in ast.walk(module.tree):
            if isinstance(node, ast.Call) and (sentence := _sentence_of(node, module)) is not None:
                yield from _told(sentence, module)


def _sentence_of(call: ast.Call, module: Module) -> ast.expr | None:
    kind = _kind(call.func, module)
    if kind is Failure and len(call.args) > 1:
        return call.args[1]
    if kind is Bound:
        return call.args[2]
    if not (isinstance(kind, type) and issubclass(kind, WallifyError)) or issubclass(kind, UNSEEN):
        return None
    return call.args[0] if call.args and "__init__" not in vars(kind) else None


def _kind(name: ast.expr, module: Module) -> object:
    return getattr(import_module(module.name), name.id, None) if isinstance(name, ast.Name) else None


def _told(sentence: ast.expr, module: Module) -> Iterator[Said]:
    place = f"{module.name}:{sentence.lineno}"
    if isinstance(sentence, ast.Constant):
        yield Said(place, str(sentence.value))
    elif isinstance(sentence, ast.Name) and isinstance(constant := _kind(sentence, module), str):
        yield Said(place, constant)
    elif isinstance(sentence, ast.JoinedStr):
        yield Said(place, None)


def kinds(root: type[WallifyError]) -> Iterator[type[WallifyError]]:
    yield root
    for kind in root.__subclasses__():
        yield from kinds(kind)


def facts(sentence: str) -> list[str]:
    return sorted(re.findall(r"\{(\w+)\}", sentence))


@pytest.mark.parametrize("one", list(said()), ids=lambda one: one.place)
def test_each_sentence_of_the_code_has_its_turkish_form(one: Said) -> None:
    assert one.sentence is not None, f"{one.place}: name the facts as {{name}} instead of formatting the sentence"
    assert one.sentence in TURKISH, f"{one.place}: {one.sentence!r} is missing in turkish.py"


def test_the_sentences_were_found() -> None:
    found = {one.sentence for one in said()}

    assert len(found) > 60
    assert {
        "A batch has 1 to {limit} files.",
        "The JPEG has no pixels.",
        "Not all of its files have arrived.",
    } <= found


@pytest.mark.parametrize("remark", [value for name, value in vars(model).items() if name.isupper()])
def test_each_remark_about_a_file_has_its_turkish_form(remark: str) -> None:
    assert remark in TURKISH


@pytest.mark.parametrize("english", [sentence for sentence in TURKISH if " " in sentence])
def test_a_turkish_sentence_names_the_same_facts(english: str) -> None:
    assert facts(TURKISH[english]) == facts(english)


def test_every_kind_of_error_that_a_client_meets_has_a_turkish_sentence() -> None:
    for kind in kinds(WallifyError):
        assert kind.code in TURKISH or not _is_shown(kind), kind


def _is_shown(kind: type[WallifyError]) -> bool:
    return any(issubclass(kind, shown) for endpoint in ENDPOINTS for shown in endpoint.errors)


def checks() -> set[str]:
    """All that the validation of a request can say of a value."""
    structs = (part for endpoint in ENDPOINTS for part in endpoint.parts.values() if issubclass(part, msgspec.Struct))
    told = {allowing(form) for struct in structs for form in forms_in(struct)}
    return told | {ours for _, ours in SENTENCES}


def forms_in(struct: type[msgspec.Struct]) -> Iterator[str | tuple[str, ...]]:
    for field in msgspec.structs.fields(struct):
        yield from forms(field.type)


@pytest.mark.parametrize("what", sorted(checks()))
@pytest.mark.parametrize("subject", ["{parameter}", "The body"])
def test_each_thing_that_can_be_wrong_with_a_value_has_its_turkish_form(subject: str, what: str) -> None:
    assert f"{subject} {what}." in TURKISH


@pytest.mark.parametrize(
    ("query", "message", "facts"),
    [
        ("limit=9999", "limit en çok 200 olabilir.", {"limit": 200}),
        ("limit=many", "limit tam sayı olmalı.", {}),
        ("type=nap", "type şunlardan biri olmalı: {allowed}.", {"allowed": [str(one) for one in TaskType]}),
    ],
)
def test_a_turkish_client_hears_what_is_wrong(
    admin: Gateway, query: str, message: str, facts: dict[str, object]
) -> None:
    got = admin.get(f"/tasks?{query}", Accept_Language="tr")

    assert (got.status, got.json["message"]) == (400, filled(message, facts))
    assert facts.items() <= got.json["details"].items()


def test_a_body_that_is_not_json_is_told_so_in_turkish(admin: Gateway) -> None:
    got = admin.post("/tokens", b"{", Accept_Language="tr", Content_Type="application/json")

    assert (got.status, got.json["message"]) == (400, "Gövde JSON değil.")


def test_a_fact_in_braces_is_told_as_it_is() -> None:
    error = BadRequest("{parameter} is not understood: {reason}.", parameter="The {reason}", reason="{limit}", limit=7)

    assert error.message == "The {reason} is not understood: {limit}."
    assert localized(error, Language.TURKISH) == "The {reason} anlaşılamadı: {limit}."


def test_each_refusal_of_what_would_be_ignored_has_its_turkish_form() -> None:
    unknown = {one + listed + hint for one in UNKNOWN.values() for listed in LISTED.values() for hint in HINTS.values()}

    assert unknown | {*REPEATED.values(), *NO_BODY.values(), EMPTY} <= set(TURKISH)


def test_a_name_without_a_fact_stays_as_it_is() -> None:
    assert filled("{a} of {b}", {"a": 1}) == "1 of {b}"


def test_an_old_row_that_knows_no_sentence_is_told_in_turkish_too() -> None:
    old = Failure("image_damaged", "The JPEG has no end marker.")

    assert localized(old, Language.TURKISH) == "JPEG'in bitiş işareti yok."
